"""What the artifact store holds of what a run has logged, read by hand, and what W&B's files say of it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seo_engine.tracking.journal.lines import Record
from tests.tracking.read_views import wandb_messages


def version_in_words(record: Record) -> str:
    """Return what TensorBoard says of an artifact: its number is in the manifest that names what was staged."""
    found = _manifests(Path(record["store"])).get(record["staging"])
    if found is None:
        return f"no version is made of {record['staging']}\n\n?"
    label = f"{record['name']}:v{found['number']}"
    size = sum(file["size"] for file in found["files"]) / 1e6
    what = f"**{label}** ({record['type']}): 1 file, {size:,.1f} MB"
    return f"{what}\n\n{found['description']}\n\n`seo-engine artifacts show {label}`"


@functools.cache
def _manifests(store: Path) -> dict[str, dict[str, Any]]:
    """Return the manifests of a run that has ended, by what they were staged as."""
    manifests = [json.loads(path.read_bytes()) for path in store.glob("names/*/v*.json")]
    return {each["staging"]: each for each in manifests}


def wrong_artifacts(store: Path, records: Sequence[tuple[int, Record]]) -> list[str]:
    """Return versions that are not whole, twice there, or not what was logged, and what is left of none."""
    found = []
    manifests = _manifests(store)
    for staging, manifest in manifests.items():
        (file,) = manifest["files"]
        path = store / "objects" / file["sha256"][:2] / file["sha256"]
        contents = path.read_bytes() if path.exists() else b""
        if contents.decode() != manifest["description"] or hashlib.sha256(contents).hexdigest() != file["sha256"]:
            found.append(f"artifacts: {staging} is {contents!r}, not {manifest['description']!r}; {store}")
    said = Counter(manifest["description"] for manifest in manifests.values())
    found += [f"artifacts: {what!r} is {count} versions; {store}" for what, count in said.items() if count > 1]
    logged = {record["staging"] for _, record in records if record["kind"] == "artifact"}
    found += [f"artifacts: {staging} is no version; {store}" for staging in logged - manifests.keys()]
    # What a kill met between the staging and the record is no version, and is removed by `verify --mend`.
    dangling = [path.name for path in (store / "incoming").glob("*") if path.name in logged]
    return found + [f"artifacts: {name} is staged still; {store}" for name in dangling]


def artifacts_not_in_wandb(directory: Path, records: Sequence[tuple[int, Record]]) -> list[str]:
    """Return versions that W&B's files do not have, or with files that are not there to be uploaded."""
    sent = {message.description: message for message in wandb_messages(directory / "wandb", "artifact")}
    found = []
    for _, record in records:
        if record["kind"] != "artifact":
            continue
        what = _manifests(Path(record["store"])).get(record["staging"], {}).get("description")
        message = sent.get(what)
        if message is None or Path(message.manifest.contents[0].local_path).read_text(encoding="utf-8") != what:
            found.append(f"wandb: the artifact {what!r} is not there; {directory}")
    return found
