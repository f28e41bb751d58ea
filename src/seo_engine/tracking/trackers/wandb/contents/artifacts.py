"""RunArtifacts: artifacts of the store as artifacts of W&B."""

from __future__ import annotations

import importlib
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seo_engine.foundation.texts import one_line
from seo_engine.tracking.records.forms import Artifact

if TYPE_CHECKING:
    import wandb

logger = logging.getLogger(__name__)

# Of older ones nobody asks whether the server holds them.
_MOST_AWAITED = 1_000

# How far back the server is searched for a version that a run uses.
_MOST_SEARCHED = 1_000


@dataclass
class _Sent:
    """What was given to wandb: the artifact to wait for, or why the server did not take it."""

    number: int
    name: str
    send: Callable[[], Any]
    artifact: Any = None
    error: Exception | None = None


class RunArtifacts:
    """Gives a run its artifacts. The server makes no second version of the same content, so they may be sent again.

    Args:
        run (wandb.Run): The run.
        is_online (bool): Whether it is sent to a server.
    """

    def __init__(self, run: wandb.Run, *, is_online: bool) -> None:
        self._run: Any = run
        self._wandb: Any = importlib.import_module("wandb")
        self._is_online = is_online
        self._sent: deque[_Sent] = deque(maxlen=_MOST_AWAITED)

    def add(self, artifact: Artifact, number: int) -> None:
        """Log a version, or note that the run uses it. A server that does not take it is asked again at the end.

        Args:
            artifact (Artifact): The version.
            number (int): Number of the record.

        Raises:
            ValueError: If the version is not there any more, or W&B has an artifact of this name and another type.
            OSError: If it cannot be read.
        """
        if artifact.is_used:
            # Only a server knows what is used.
            if self._is_online:
                self._note_use(self._made(artifact))
            return
        made = self._made(artifact)
        sent = _Sent(number, made.name, lambda: self._run.log_artifact(made, aliases=list(artifact.aliases)))
        self._try_to_send(sent)
        if isinstance(sent.error, ValueError):
            raise sent.error
        self._sent.append(sent)

    def send_again(self) -> None:
        """Log those that the server did not take when they were logged."""
        for sent in self._sent:
            if sent.artifact is None:
                self._try_to_send(sent)

    def first_missing(self, longest_seconds: float) -> tuple[int, str] | None:
        """Return the number of the first record whose artifact the server does not hold, and why.

        Args:
            longest_seconds (float): The longest time to ask it, for all together.
        """
        deadline = time.monotonic() + longest_seconds
        for sent in self._sent if self._is_online else ():
            error = sent.error
            if sent.artifact is not None:
                try:
                    # A whole number of seconds.
                    sent.artifact.wait(timeout=max(1, int(deadline - time.monotonic())))
                except Exception as raised:  # wandb has an error of its own for each way it may fail
                    error = raised
            if error is not None:
                return sent.number, f"the server lacks the artifact {sent.name}: {one_line(error)}"
        return None

    def _try_to_send(self, sent: _Sent) -> None:
        try:
            sent.artifact, sent.error = sent.send(), None
        except Exception as error:  # wandb asks the server first, and has an error of its own for each way it may fail
            logger.debug("The artifact %s is not sent yet: %s", sent.name, one_line(error))
            sent.error = error

    def _made(self, artifact: Artifact) -> Any:
        """Return a version as wandb's object. Its files stay where they are: the store never changes them."""
        version = artifact.version()
        description = version.description or None
        made = self._wandb.Artifact(version.name, version.type, description, metadata=dict(version.metadata))
        for file in version.files:
            content = str(artifact.store.content_of(file))
            made.add_file(content, name=file.path, policy="immutable", skip_cache=True)
        entry_of: Any = importlib.import_module("wandb.sdk.artifacts.artifact_manifest_entry").ArtifactManifestEntry
        for reference in version.references:
            # Not `add_reference`, which wants the library of each cloud, to ask it.
            uri, path = reference.uri, reference.uri.partition("://")[2]
            made.manifest.add_entry(entry_of(path=path, ref=uri, digest=reference.checksum or uri, size=reference.size))
        return made

    def _note_use(self, made: Any) -> None:
        """Note the use of a version that the server has. To send it for that would also move its alias `latest`."""
        project = f"{self._run.entity}/{self._run.project}"
        found = self._wandb.Api().artifacts(made.type, f"{project}/{made.name.partition(':')[0]}")
        used = next((each for each in itertools.islice(found, _MOST_SEARCHED) if each.digest == made.digest), None)
        if used is not None:
            self._run.use_artifact(used)
