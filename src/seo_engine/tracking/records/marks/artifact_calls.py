"""The calls that keep artifacts, and use them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from seo_engine.tracking.artifacts.contents import ArtifactReference
from seo_engine.tracking.artifacts.names import parse_address
from seo_engine.tracking.artifacts.store import ArtifactStore, UsedArtifact
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.records.record_taker import RecordTaker, given


class ArtifactCalls(RecordTaker):
    """Keeps files and folders as versions that outlive the run, and finds them again."""

    @property
    def artifact_store(self) -> ArtifactStore:
        """ArtifactStore: Where artifacts are kept; without settings, where they are by default."""
        return ArtifactStore(TrackingConfig.artifact_dir)

    @property
    def _run_name(self) -> str:
        """str: What makes and uses them; empty if there is no run."""
        return ""

    def log_artifact(
        self,
        name: str,
        path: str | os.PathLike[str] | None,
        type: str,
        aliases: str | Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        epoch: float | None = None,
        step: int | None = None,
        *,
        description: str | None = None,
        references: Sequence[ArtifactReference] | None = None,
        is_final: bool = False,
    ) -> None:
        """Keep a file or a folder as the next version of an artifact, beside the runs.

        The call puts the content aside, so that the files may change or go after it: shared where the file system can
        (reflinks), else copied. It is read, and becomes a version, in the background. What a version holds already is
        not kept again.

        Args:
            name (str): The artifact, such as `model`: letters, digits, `.`, `_`, `-`.
            path (str | PathLike | None): The file or the folder. None if there are only references.
            type (str): What sort of thing it is, such as `model`, `dataset`, `result`.
            aliases (str | Sequence[str]): Names of this version, such as `best`, which the version that has them loses.
            metadata (Mapping[str, Any] | None): Plain data.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            description (str | None): For people.
            references (Sequence[ArtifactReference] | None): What belongs to it and is elsewhere.
            is_final (bool): Whether nobody will ever write to these files again: hard links do then, at no cost.

        Example:
            >>> import tempfile
            >>> from pathlib import Path
            >>> from seo_engine import ExperimentTracker, TrackingConfig
            >>> folder = Path(tempfile.mkdtemp())
            >>> _ = (folder / "weights.txt").write_text("0.5")
            >>> config = TrackingConfig(
            ...     tensorboard_log_dir=f"{folder}/runs", artifact_dir=f"{folder}/artifacts", wandb_logging=False
            ... )
            >>> with ExperimentTracker(config) as tracker:
            ...     tracker.log_artifact("model", folder / "weights.txt", type="model", aliases="best")
            ...     (tracker.use_artifact("model:best").path / "weights.txt").read_text()
            '0.5'
        """
        further = given({"metadata": metadata, "description": description, "references": references})
        self._take_at(
            epoch, step, "artifact", store=self.artifact_store, run=self._run_name, name=name, path=path, type=type,
            aliases=aliases, is_final=is_final, **further,
        )  # fmt: skip

    def use_artifact(self, address: str) -> UsedArtifact:
        """Return a version of an artifact, and note that this run uses it.

        Args:
            address (str): `model` for the latest version, `model:best`, `model:v3`, or `model@` and the beginning of
                its digest.

        Returns:
            UsedArtifact: The version; its files are in `path`.

        Raises:
            ValueError: If there is none; the message says what there is.
            OSError: If it cannot be read.
        """
        store = self.artifact_store
        # What this run has logged may not be a version yet.
        store.commit_waiting(parse_address(address).name)
        version = store.note_use(address, self._run_name) if self._run_name else store.resolve(address)
        self._take_at(
            None, None, "artifact_use", name=version.name, number=version.number, digest=version.digest,
            store=str(store.folder),
        )  # fmt: skip
        return UsedArtifact(version, store)
