"""RunArtifacts: artifacts of the store as artifacts of W&B."""

from __future__ import annotations

import importlib
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from seo_engine.foundation.texts import one_line
from seo_engine.tracking.artifacts.manifests import ArtifactVersion
from seo_engine.tracking.records.forms import Artifact

if TYPE_CHECKING:
    import wandb

# Of older ones nobody asks whether the server holds them.
_MOST_AWAITED = 1_000


class _Sent(NamedTuple):
    number: int
    label: str
    artifact: Any


class RunArtifacts:
    """Gives a run its artifacts. The server makes no second version of the same content, so they may be sent again.

    Args:
        run (wandb.Run): The run.
        is_online (bool): Whether it is sent to a server.
    """

    def __init__(self, run: wandb.Run, *, is_online: bool) -> None:
        self._run: Any = run
        self._is_online = is_online
        self._sent: deque[_Sent] = deque(maxlen=_MOST_AWAITED)

    def add(self, artifact: Artifact, number: int) -> None:
        """Log a version, or note that the run uses it.

        Args:
            artifact (Artifact): The version.
            number (int): Number of the record.

        Raises:
            ValueError: If the version is not there any more.
            OSError: If it cannot be read.
        """
        if artifact.is_used and not self._is_online:
            # Only a server knows what is used.
            return
        version = artifact.version()
        made = _made(artifact, version)
        if artifact.is_used:
            self._run.use_artifact(made)
        else:
            self._run.log_artifact(made, aliases=list(artifact.aliases))
        self._sent.append(_Sent(number, version.label, made))

    def first_missing(self, timeout_seconds: float) -> tuple[int, str] | None:
        """Wait for the server to hold them, and return the number of the first record of which it does not, and why.

        Args:
            timeout_seconds (float): The longest time to wait for each.
        """
        while self._is_online and self._sent:
            sent = self._sent[0]
            try:
                # A whole number of seconds.
                sent.artifact.wait(timeout=max(1, int(timeout_seconds)))
            except Exception as error:
                return sent.number, f"the server lacks the artifact {sent.label}: {one_line(error)}"
            self._sent.popleft()
        return None


def _made(artifact: Artifact, version: ArtifactVersion) -> Any:
    """Return a version as wandb's object. Its files stay where they are: the store never changes them."""
    wandb: Any = importlib.import_module("wandb")
    made = wandb.Artifact(
        version.name, version.type, description=version.description or None, metadata=dict(version.metadata)
    )
    for file in version.files:
        content = str(artifact.store.content_of(file))
        made.add_file(content, name=file.path, policy="immutable", skip_cache=True)
    for reference in version.references:
        made.add_reference(reference.uri, checksum=False)
    return made
