"""ArtifactStore: keeps files and folders by their content, as versions with aliases."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seo_engine.tracking.artifacts import catalog, lineage, removal, verification
from seo_engine.tracking.artifacts.catalog import Versions
from seo_engine.tracking.artifacts.checkouts import Progress, check_out
from seo_engine.tracking.artifacts.committing import commit, waiting_in_order
from seo_engine.tracking.artifacts.contents import ArtifactReference, StoredFile
from seo_engine.tracking.artifacts.incoming.staging import stage
from seo_engine.tracking.artifacts.lineage import Lineage
from seo_engine.tracking.artifacts.manifests import ArtifactVersion
from seo_engine.tracking.artifacts.names import LATEST, check_alias, check_artifact_name
from seo_engine.tracking.artifacts.places import Places
from seo_engine.tracking.artifacts.removal import Removed
from seo_engine.tracking.artifacts.verification import Verification


class ArtifactStore:
    """A folder that keeps files and folders by their content.

    An artifact has a name and versions, which never change: `v0`, `v1`, …. Content that several versions have in common
    is kept once. A kill at any moment leaves a version whole or absent. Any number of processes may use it at once.

    Args:
        folder (str | Path): The folder; it is made when something is kept.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "weights.txt").write_text("0.5")
        >>> store = ArtifactStore(folder / "artifacts")
        >>> staging = store.stage(folder / "weights.txt", "model", "model", aliases=["best"], metadata={"loss": 0.1})
        >>> store.commit(staging).label
        'model:v0'
        >>> (store.get("model:best") / "weights.txt").read_text()
        '0.5'
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        path = Path(folder)
        # Absolute: the training may change its working folder. Where that was deleted, nothing can be kept in it.
        with contextlib.suppress(FileNotFoundError):
            path = path.absolute()
        self._places = Places(path)

    @property
    def folder(self) -> Path:
        """Path: Where the store is."""
        return self._places.folder

    @property
    def is_there(self) -> bool:
        """bool: Whether the folder is a store: something was kept in it."""
        return self._places.incoming.is_dir() or self._places.names.is_dir()

    def stage(
        self,
        path: str | os.PathLike[str] | None,
        name: str,
        type: str,
        *,
        aliases: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        description: str = "",
        references: Sequence[ArtifactReference] = (),
        run: str = "",
        is_final: bool = False,
    ) -> str:
        """Put content aside that is to become a version; `commit` does the rest, later and in any process.

        Where the file system can share content, nothing is read: files are reflinks, or hard links with `is_final`.
        Otherwise they are copied. From then on the original may change.

        Args:
            path (str | PathLike | None): A file, or a folder with all that is in it; links in it are followed where
                they stay in it. None if there are only references.
            name (str): The artifact.
            type (str): What sort of thing it is, such as `model`, `dataset`, `result`.
            aliases (Sequence[str]): Names of this version, which no other version of the artifact has from then on.
            metadata (Mapping[str, Any] | None): Plain data, without secrets; NaN and infinities become null.
            description (str): For people, without secrets.
            references (Sequence[ArtifactReference]): What belongs to it and is elsewhere.
            run (str): The run that made it.
            is_final (bool): Whether nobody will ever write to the files again, so that hard links will do.

        Returns:
            str: An id for `commit`.

        Raises:
            ValueError: If a name is not allowed, or something in the folder cannot be kept.
            OSError: If something cannot be read or written, or changes meanwhile. Nothing is then left of it.
        """
        return stage(
            self._places, path, name, type, aliases=aliases, metadata=metadata, description=description,
            references=references, run=run, is_final=is_final,
        )  # fmt: skip

    def commit(self, staging: str) -> ArtifactVersion:
        """Make a version of what was staged: once, however often and by however many processes this is called.

        It reads the content, which may take long, and copies nothing. If a version of this artifact has the same files
        and references, that is the version, and gets the aliases.

        Args:
            staging (str): What `stage` returned.

        Returns:
            ArtifactVersion: The version.

        Raises:
            ValueError: If nothing was staged under this id, or the version was deleted.
            OSError: If something cannot be read or written; call it again when it can be.
        """
        return commit(self._places, staging)

    def commit_waiting(self, name: str) -> None:
        """Make versions of what was staged of an artifact and not committed yet, whoever staged it.

        Args:
            name (str): The artifact.

        Raises:
            ValueError: If it is not a name of an artifact.
            OSError: If something cannot be read or written.
        """
        check_artifact_name(name)
        for staging in waiting_in_order(self._places, name):
            # Another process may commit it at this moment; or the version was deleted.
            with contextlib.suppress(ValueError, FileNotFoundError):
                commit(self._places, staging)

    def content_of(self, file: StoredFile) -> Path:
        """Return where the content of a file is, to read.

        Args:
            file (StoredFile): A file of a version.
        """
        return self._places.object(file.sha256)

    def names(self) -> list[str]:
        """Return the names of all artifacts."""
        return catalog.artifact_names(self._places)

    def versions(self, name: str) -> Versions:
        """Return the versions of an artifact, and what is wrong with those that cannot be read.

        Args:
            name (str): The artifact.

        Raises:
            ValueError: If there is none.
        """
        catalog.check_is_there(self._places, name)
        return catalog.read_versions(self._places, name)

    def aliases(self, name: str) -> dict[str, int]:
        """Return the aliases of an artifact, and which numbers they name; `latest` is the newest version.

        Args:
            name (str): The artifact.

        Raises:
            ValueError: If there is none.
        """
        present = self.versions(name).present
        latest = {LATEST: present[-1].number} if present else {}
        return catalog.aliases_of(self._places, name) | latest

    def resolve(self, address: str) -> ArtifactVersion:
        """Return the version that somebody names.

        Args:
            address (str): `name` for the latest one, `name:alias`, `name:v3`, or `name@` and the beginning of a digest.

        Raises:
            ValueError: If there is none; the message says what there is.
            OSError: If it cannot be read.
        """
        return catalog.resolve(self._places, address)

    def set_alias(self, address: str, alias: str) -> ArtifactVersion:
        """Have an alias name this version and no other, from one moment to the next.

        Args:
            address (str): The version, as for `resolve`.
            alias (str): The alias.

        Returns:
            ArtifactVersion: The version.

        Raises:
            ValueError: If there is no such version, or the alias is not allowed.
            OSError: If it cannot be written.
        """
        check_alias(alias)
        with catalog.changing(self._places):
            version = self.resolve(address)
            catalog.move_alias(self._places, version.name, alias, version.number)
        return version

    def get(self, address: str, target: str | os.PathLike[str] | None = None, progress: Progress | None = None) -> Path:
        """Put the files of a version into a folder, whole or not at all.

        Args:
            address (str): The version, as for `resolve`.
            target (str | PathLike | None): A new or an empty folder, for copies. None: a folder in the store, to read
                and never to write to: its files are the content of the store itself.
            progress (Callable[[int, int], None] | None): Gets how many of how many files are there.

        Returns:
            Path: The folder. What is elsewhere is not in it.

        Raises:
            ValueError: If there is no such version, or something is at the target.
            OSError: If something cannot be read or written.
        """
        target = None if target is None else Path(target)
        return check_out(self._places, self.resolve(address), target, progress)

    def delete(self, address: str, *, force: bool = False) -> Removed:
        """Delete a version, and the content that no other version has; its number is never used again.

        Args:
            address (str): The version, as for `resolve`.
            force (bool): Whether it goes although it has aliases, or although its manifest cannot be read.

        Returns:
            Removed: What content went.

        Raises:
            ValueError: If there is no such version, or it has aliases.
            OSError: If the store cannot be written.
        """
        name, number = catalog.find_number(self._places, address)
        return removal.delete_version(self._places, name, number, force=force)

    def note_use(self, address: str, run: str) -> ArtifactVersion:
        """Remember that a run used a version.

        Args:
            address (str): The version, as for `resolve`.
            run (str): The run.

        Returns:
            ArtifactVersion: The version.

        Raises:
            ValueError: If there is no such version, or the run has no name.
            OSError: If it cannot be written.
        """
        version = self.resolve(address)
        lineage.note_use(self._places, version, run)
        return version

    def lineage(self, address: str) -> Lineage:
        """Return which run made a version, which runs used it, and what else these made and used.

        Args:
            address (str): The version, as for `resolve`.

        Raises:
            ValueError: If there is no such version.
            OSError: If it cannot be read.
        """
        return lineage.lineage(self._places, self.resolve(address))

    def verify(self, *, mend: bool = False, progress: Progress | None = None) -> Verification:
        """Read all content again, and compare it with the manifests.

        Args:
            mend (bool): Whether to remove garbage and what no version needs, to commit what is staged, and to set
                damaged content aside, so that the same content heals its versions when it is kept again.
            progress (Callable[[int, int], None] | None): Gets how many of how many contents were read.

        Returns:
            Verification: What was found. Nothing is changed without `mend`.

        Raises:
            OSError: If the store cannot be read, or not be changed.
        """
        return verification.verify(self._places, mend=mend, progress=progress)


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
