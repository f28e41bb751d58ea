"""The artifacts of the W&B server on this machine: what wandb asks to keep them, answered as the real one does."""

from __future__ import annotations

import json
import urllib.parse
from dataclasses import dataclass, field
from typing import Any


@dataclass
class KeptArtifact:
    """One version, as the server has it."""

    id: str
    name: str
    type: str
    digest: str
    metadata: dict[str, Any]
    description: str | None
    aliases: set[str]
    state: str = "PENDING"
    manifest: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    used_by: set[str] = field(default_factory=set)


class Artifacts:
    """All artifacts of the server.

    Args:
        address (str): Where files are uploaded to.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self.kept: dict[str, KeptArtifact] = {}
        # What an interrupted upload leaves.
        self._manifests: dict[str, str] = {}

    @property
    def committed(self) -> list[KeptArtifact]:
        """Those that are whole, in the order of their versions."""
        return [each for each in self.kept.values() if each.state == "COMMITTED"]

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any] | None:
        """Return the data that a question about artifacts is answered with; None if it is about something else."""
        asked = next((name for name in _ANSWERS if f" {name}" in query.split("(")[0].split("{")[0]), None)
        return None if asked is None else _ANSWERS[asked](self, variables)

    def put(self, path: str, body: bytes) -> None:
        """Take a file that is uploaded."""
        _, _, artifact, name = path.split("/", 3)
        name = urllib.parse.unquote(name)
        if name == "wandb_manifest.json":
            self.kept[artifact].manifest = json.loads(body)
        else:
            self.kept[artifact].files[name] = body

    def _create(self, variables: dict[str, Any]) -> dict[str, Any]:
        given = variables["input"]
        aliases = {each["alias"] for each in given["aliases"]}
        name, digest = given["artifactCollectionName"], given["digest"]
        found = next((each for each in self.kept.values() if (each.name, each.digest) == (name, digest)), None)
        if found is None:
            number = f"artifact-{len(self.kept)}"
            metadata = json.loads(given["metadata"] or "{}")
            found = KeptArtifact(number, name, given["artifactTypeName"], digest, metadata, given["description"], set())
            self.kept[number] = found
        for each in self.kept.values():
            if each.name == name:
                each.aliases -= aliases
        found.aliases |= aliases
        latest = {"latestArtifact": {"id": found.id}}
        return {"createArtifact": {"artifact": {"id": found.id, "state": found.state, "artifactSequence": latest}}}

    def _create_manifest(self, variables: dict[str, Any]) -> dict[str, Any]:
        file: dict[str, Any] = {"id": "file"}
        if variables["includeUpload"]:
            address = f"{self._address}/artifact/{variables['artifactID']}/{variables['name']}"
            file |= {"uploadUrl": address, "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": "manifest", "file": file}}}

    def _create_files(self, variables: dict[str, Any]) -> dict[str, Any]:
        edges = []
        for each in variables["input"]["artifactFiles"]:
            address = f"{self._address}/artifact/{each['artifactID']}/{urllib.parse.quote(each['name'])}"
            node = {
                "storagePath": f"path/{each['name']}", "uploadUrl": address, "uploadHeaders": [],
                "uploadMultipartUrls": None, "artifact": {"id": each["artifactID"]},
            }  # fmt: skip
            edges.append({"node": node})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _commit(self, variables: dict[str, Any]) -> dict[str, Any]:
        found = self.kept[variables["artifactID"]]
        found.state = "COMMITTED"
        return {"commitArtifact": {"artifact": {"id": found.id, "digest": found.digest}}}

    def _use(self, variables: dict[str, Any]) -> dict[str, Any]:
        given = variables.get("input", variables)
        self.kept[given["artifactID"]].used_by.add(given["runName"])
        return {"useArtifact": {"artifact": {"id": given["artifactID"]}}}

    def _by_id(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {"artifact": self._described(self.kept[variables["id"]])}

    def _of_project(self, variables: dict[str, Any]) -> dict[str, Any]:
        found = [each for each in self.committed if each.name == variables["collection"]]
        edges = [{"version": f"v{number}", "node": self._described(each)} for number, each in enumerate(found)]
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        artifacts = {"totalCount": len(edges), "pageInfo": page, "edges": edges}
        collection = {"__typename": "ArtifactSequence", "artifacts": artifacts}
        return {"project": {"artifactType": {"artifactCollection": collection}}}

    def _described(self, found: KeptArtifact) -> dict[str, Any]:
        project = {"id": "project", "internalId": "1", "name": "project", "entity": {"name": "entity"}}
        sequence = {"__typename": "ArtifactSequence", "name": found.name, "project": project}
        return {
            "__typename": "Artifact", "id": found.id, "artifactSequence": sequence, "versionIndex": 0,
            "artifactType": {"name": found.type}, "description": found.description,
            "metadata": json.dumps(found.metadata), "ttlDurationSeconds": -2, "ttlIsInherited": True, "tags": [],
            "historyStep": None, "state": found.state, "size": 0, "digest": found.digest,
            "digestAlgorithm": "MANIFEST_MD5", "commitHash": "", "fileCount": len(found.files),
            "createdAt": "2026-01-01T00:00:00", "updatedAt": None, "aliases": [],
        }  # fmt: skip

    def _type(self, variables: dict[str, Any]) -> dict[str, Any]:
        name = variables["name"].partition(":")[0]
        found = next((each.type for each in self.committed if each.name == name), None)
        return {"project": {"artifact": found and {"artifactType": {"name": found}}}}


_ANSWERS = {
    "CreateArtifactManifest": Artifacts._create_manifest,
    "CreateArtifactFiles": Artifacts._create_files,
    "CreateArtifact": Artifacts._create,
    "CommitArtifact": Artifacts._commit,
    "UseArtifact": Artifacts._use,
    "ArtifactByID": Artifacts._by_id,
    "ArtifactType": Artifacts._type,
    "ProjectArtifacts": Artifacts._of_project,
    "ServerFeaturesQuery": lambda artifacts, variables: {"serverInfo": {"features": []}},
}
