"""UsedArtifact: a version that a program reads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seo_engine.tracking.artifacts.manifests import ArtifactVersion
from seo_engine.tracking.artifacts.store import ArtifactStore


@dataclass(frozen=True)
class UsedArtifact:
    """A version of an artifact, and its files.

    Args:
        version (ArtifactVersion): What the store says of it.
        store (ArtifactStore): Where it is kept.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "labels.txt").write_text("cat dog")
        >>> store = ArtifactStore(folder / "artifacts")
        >>> used = UsedArtifact(store.commit(store.stage(folder / "labels.txt", "labels", "dataset")), store)
        >>> used.label, (used.path / "labels.txt").read_text()
        ('labels:v0', 'cat dog')
    """

    version: ArtifactVersion
    store: ArtifactStore

    @property
    def label(self) -> str:
        """str: How it is named, such as `model:v3`."""
        return self.version.label

    @property
    def metadata(self) -> dict[str, Any]:
        """dict[str, Any]: What was said of it when it was logged."""
        return self.version.metadata

    @property
    def path(self) -> Path:
        """Path: A folder with its files, to read and never to write to: they are the content of the store itself."""
        return self.store.get(self.label)

    def copy_to(self, target: str | os.PathLike[str]) -> Path:
        """Copy its files into a new folder, whole or not at all.

        Args:
            target (str | PathLike): The folder.

        Returns:
            Path: The folder.

        Raises:
            ValueError: If something is there.
            OSError: If something cannot be read or written.
        """
        return self.store.get(self.label, target)
