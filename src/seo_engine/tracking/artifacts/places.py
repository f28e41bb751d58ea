"""The folders and files of a store: what is where."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from seo_engine.foundation.whole_files import PRIVATE_FOLDER
from seo_engine.tracking.artifacts.contents import StoredFile
from seo_engine.tracking.artifacts.names import number_of, version_name

MANIFEST_SUFFIX = ".json"

# Of content that is not what its name says, and was set aside.
DAMAGED_SUFFIX = ".damaged"


@dataclass(frozen=True)
class Places:
    """The folders and files of a store.

    Args:
        folder (Path): The store.

    Example:
        >>> places = Places(Path("artifacts"))
        >>> places.object("ab" * 32).as_posix()[:23], places.manifest("model", 3).as_posix()
        ('artifacts/objects/ab/ab', 'artifacts/names/model/v3.json')
    """

    folder: Path

    @property
    def objects(self) -> Path:
        """Path: Content, each file named after its SHA-256."""
        return self.folder / "objects"

    @property
    def names(self) -> Path:
        """Path: A folder for each artifact."""
        return self.folder / "names"

    @property
    def incoming(self) -> Path:
        """Path: What is being made: stagings, and checkouts that are not whole yet."""
        return self.folder / "incoming"

    @property
    def checkouts(self) -> Path:
        """Path: Folders with the files of versions, to read."""
        return self.folder / "checkouts"

    @property
    def lock(self) -> Path:
        """Path: Held while versions, aliases or content come or go; for moments, not while content is read."""
        return self.folder / "lock"

    def object(self, sha256: str) -> Path:
        """Return where content is."""
        return self.objects / sha256[:2] / sha256

    def artifact(self, name: str) -> Path:
        """Return the folder of an artifact."""
        return self.names / name

    def manifest(self, name: str, number: int) -> Path:
        """Return the file that says what a version is."""
        return self.artifact(name) / f"{version_name(number)}{MANIFEST_SUFFIX}"

    def aliases(self, name: str) -> Path:
        """Return the folder of an artifact's aliases, a file for each."""
        return self.artifact(name) / "aliases"

    def uses(self, name: str) -> Path:
        """Return the lines that say which runs used versions of an artifact."""
        return self.artifact(name) / "uses.jsonl"

    def equals(self, name: str) -> Path:
        """Return the lines that say which stagings were what a version already held."""
        return self.artifact(name) / "equals.jsonl"

    def staging(self, staging: str) -> Path:
        """Return the folder of what was staged."""
        return self.incoming / staging

    def checkout(self, digest: str) -> Path:
        """Return the folder with the files of versions with this digest."""
        return self.checkouts / digest

    def numbers(self, name: str) -> list[int]:
        """Return the numbers that versions of an artifact have or had, in order.

        Args:
            name (str): The artifact.
        """
        files = self.artifact(name).glob(f"v*{MANIFEST_SUFFIX}")
        return sorted(number for file in files if (number := number_of(file.stem)) is not None)

    def keeps(self, file: StoredFile) -> bool:
        """Return whether the store has what a file of a version holds, going by its size.

        Args:
            file (StoredFile): With its hash.
        """
        try:
            status = self.object(file.sha256).lstat()
        except FileNotFoundError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size == file.size

    def ensure(self, folder: Path) -> Path:
        """Create a folder of the store, and the store, which is for its owner alone; two processes may do so at once.

        Args:
            folder (Path): A folder in the store.

        Returns:
            Path: The same.

        Raises:
            OSError: If it cannot be created.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
        folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        return folder
