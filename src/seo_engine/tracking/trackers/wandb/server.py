"""The W&B server: its credentials, the newest row and the files that it holds, and its requests to stop a run."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib
import json
import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.foundation.texts import one_line

logger = logging.getLogger(__name__)

_PROBE_SECONDS = 2.0

_NEWEST_ROW = """
query RunResumeStatus($project: String, $entity: String, $name: String!) {
    model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) { historyTail } }
}
"""

# As `wandb.Api` asks it.
_FILES = """
query RunFiles($project: String!, $entity: String!, $name: String!, $fileCursor: String, $fileLimit: Int) {
    project(name: $project, entityName: $entity) {
        run(name: $name) {
            files(after: $fileCursor, first: $fileLimit) {
                edges { node { name sizeBytes md5 } }
                pageInfo { endCursor hasNextPage }
            }
        }
    }
}
"""
_FILES_PER_PAGE = 500

# A run with more is not asked for its files.
_MOST_FILES = 100_000


def credentials() -> tuple[str, Any]:
    """Return the server's address and the credentials that are configured for it, or None; never prompt."""
    wandb: Any = importlib.import_module("wandb")
    from wandb.sdk.lib import wbauth

    host = str(wandb.setup().settings.base_url)
    return host, wbauth.authenticate_session(host=host, source="seo_engine", prompt=False, update_session=False)


class FileContents(NamedTuple):
    """What a file of a run holds, as the server says it: how many bytes, and their MD5; empty if it does not say."""

    size: int
    md5: str = ""

    def is_of(self, path: Path) -> bool:
        """Return whether a file on this machine holds the same.

        Raises:
            OSError: If it cannot be read.
        """
        if path.stat().st_size != self.size or not self.md5:
            return path.stat().st_size == self.size
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, functools.partial(hashlib.md5, usedforsecurity=False)).digest()
        return self.md5 in (base64.b64encode(digest).decode(), digest.hex())


# The number of the row that a file belongs to, its name, and the file itself; None if its name says what it holds.
SentFile = tuple[int, str, Path | None]


def missing_files(sent: Iterable[SentFile], on_server: Mapping[str, FileContents] | None) -> list[tuple[int, str]]:
    """Return which of the files that were sent a server lacks, in the order of their rows.

    Args:
        sent (Iterable[SentFile]): What was sent; a later file of the same name takes the place of the earlier one.
        on_server (Mapping[str, FileContents] | None): What it says it has; None if it cannot be asked.

    Returns:
        list[tuple[int, str]]: Numbers of their rows, and names.
    """
    if on_server is None:
        return []
    newest = {name: (number, file) for number, name, file in sent}
    return sorted(
        (number, name)
        for name, (number, file) in newest.items()
        if name not in on_server or (file is not None and not on_server[name].is_of(file))
    )


class Silence(NamedTuple):
    """Why the server does not answer.

    Args:
        reason (str): The reason in words.
        may_end (bool): Whether the server is there, and may only be slow.
    """

    reason: str
    may_end: bool


class ReachabilityProbe:
    """Finds out why the server does not answer, in a thread of its own: to resolve a name may take half a minute."""

    def __init__(self) -> None:
        self.found: Silence | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="probe-thread", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            self.found = why_silent()
        except Exception as error:  # the address may be anything
            self.found = Silence(one_line(error), may_end=False)


def why_silent() -> Silence:
    """Return why the server does not answer."""
    # Here, because only a run that cannot be opened asks.
    import socket
    import urllib.parse
    import urllib.request

    wandb: Any = importlib.import_module("wandb")
    address = urllib.parse.urlsplit(str(wandb.setup().settings.base_url))
    host = address.hostname or ""
    # Through a proxy, wandb takes another way than a plain connection.
    if urllib.request.getproxies().get(address.scheme) and not urllib.request.proxy_bypass(host):
        return Silence(f"{host}: no answer through the proxy", may_end=True)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), _PROBE_SECONDS):
            return Silence(f"{host}: it takes connections, but gives no answer", may_end=True)
    except OSError as error:
        return Silence(f"{host}: {error.strerror or error}", may_end=False)


class RunOnServer(NamedTuple):
    """A run as the server knows it.

    Args:
        entity (str): User or team.
        project (str): Project.
        run_id (str): Id of the run.
    """

    entity: str
    project: str
    run_id: str

    def newest_row(self, timeout_seconds: float) -> int | None:
        """Ask the server for the newest row of the run, as wandb-core does when it resumes one.

        Single rows are not acknowledged, and wandb-core only warns when the server refuses rows for good.

        Args:
            timeout_seconds (float): The longest time to wait for the answer.

        Returns:
            int | None: Step of the newest row, 0 if there is none; None if the server cannot be asked this way.

        Raises:
            OSError: If the server does not answer.
        """
        answer = self._ask(_NEWEST_ROW, {}, timeout_seconds)
        return None if answer is None else _newest_step(answer)

    def files(self, timeout_seconds: float) -> dict[str, FileContents] | None:
        """Ask the server for the files of the run that it holds.

        Args:
            timeout_seconds (float): The longest time to wait for each answer.

        Returns:
            dict[str, FileContents] | None: What each holds, by name; None if the server cannot be asked this way, or
            there are very many.

        Raises:
            OSError: If the server does not answer.
        """
        found: dict[str, FileContents] = {}
        cursor: str | None = None
        while len(found) < _MOST_FILES:
            page = {"fileCursor": cursor, "fileLimit": _FILES_PER_PAGE}
            answer = self._ask(_FILES, page, timeout_seconds)
            try:
                files = (answer or {})["data"]["project"]["run"]["files"]
                for node in (each["node"] for each in files["edges"]):
                    if int(node["sizeBytes"]) > 0:
                        found[node["name"]] = FileContents(int(node["sizeBytes"]), str(node.get("md5") or ""))
                cursor = files["pageInfo"]["endCursor"] if files["pageInfo"]["hasNextPage"] else None
            except (KeyError, TypeError, ValueError):
                return None
            if cursor is None:
                return found
        return None

    def _ask(self, query: str, variables: Mapping[str, Any], timeout_seconds: float) -> dict[str, Any] | None:
        # Here, because it imports ssl, and only the end of an online run asks.
        import urllib.request

        class NoRedirect(urllib.request.HTTPRedirectHandler):
            """Follows no redirect: its target would be given the key."""

            def redirect_request(self, *arguments: Any, **others: Any) -> None:
                return None

        host, found = credentials()
        key = getattr(found, "api_key", None)
        if not isinstance(key, str):
            return None
        identity = {"project": self.project, "entity": self.entity, "name": self.run_id}
        request = urllib.request.Request(
            f"{host.rstrip('/')}/graphql",
            data=json.dumps({"query": query, "variables": {**identity, **variables}}).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": "Basic " + base64.b64encode(f"api:{key}".encode()).decode(),
            },
        )
        opener = urllib.request.build_opener(NoRedirect)
        with opener.open(request, timeout=timeout_seconds) as response:
            answer: dict[str, Any] = json.load(response)
            return answer


def _newest_step(answer: Mapping[str, Any]) -> int | None:
    try:
        bucket = answer["data"]["model"]["bucket"]
        tail = json.loads(bucket["historyTail"] or "[]") if bucket else []
        return int(json.loads(tail[-1])["_step"]) if tail else 0
    except (KeyError, TypeError, ValueError):
        return None


class StopRequest:
    """Called when the W&B server asks to stop the run: logs that, and remembers it.

    A separate object that is never copied, because wandb deep-copies its settings.
    """

    def __init__(self) -> None:
        self.received = False

    def __call__(self) -> None:
        self.received = True
        logger.warning(
            "⚠️ The W&B server asks to stop this run; the training continues, and may check tracker.stop_requested"
        )

    def __deepcopy__(self, memory: dict[int, Any]) -> StopRequest:
        return self
