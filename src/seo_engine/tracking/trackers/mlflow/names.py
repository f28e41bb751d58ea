"""Names as MLflow takes them."""

from __future__ import annotations

import logging
import re

logger = logging.getLogger(__name__)

# Of metrics, parameters and tags.
LONGEST_NAME = 250

# Of a part of the path of a file: most file systems take 255 bytes.
_LONGEST_PART = 60

_NOT_IN_NAMES = re.compile(r"[^/\w.\- :]")
_NOT_IN_PATHS = re.compile(r"[^A-Za-z0-9_.\- ]")


class Names:
    """Gives each name the nearest one that MLflow takes; no two get the same.

    Example:
        >>> names = Names()
        >>> names.given("training/loss"), names.given("accuracy@5"), names.given("accuracy#5")
        ('training/loss', 'accuracy_5', 'accuracy_5_2')
    """

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def given(self, name: str) -> str:
        """Return the name in MLflow, which is always the same one.

        Args:
            name (str): As it was logged.
        """
        if name not in self._given:
            self._given[name] = self._free(_allowed(name))
            self._taken.add(self._given[name])
            if self._given[name] != name:
                logger.warning("⚠️ MLflow does not take the name %s: there it is %s", name, self._given[name])
        return self._given[name]

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            ending = f"_{number}"
            name = wanted[: LONGEST_NAME - len(ending)] + ending
        return name


def _allowed(name: str) -> str:
    # Each name must also be the normal form of a path.
    parts = [part if part not in ("", ".", "..") else "_" for part in _NOT_IN_NAMES.sub("_", name).split("/")]
    return "/".join(parts)[:LONGEST_NAME].rstrip("/")


def path_of(name: str) -> str:
    """Return where files of a hierarchical name are among the files of a run.

    Args:
        name (str): The name; whatever it is, the path stays below the folder that it is joined to.

    Example:
        >>> path_of("audio/tone"), path_of("../../etc/passwd"), path_of("a: b")
        ('audio/tone', '_/_/etc/passwd', 'a_ b')
    """
    return "/".join(
        _NOT_IN_PATHS.sub("_", part).strip(" ")[:_LONGEST_PART].strip(".") or "_" for part in name.split("/")
    )


def image_key(name: str) -> str:
    """Return a name as MLflow has it in the names of the files of pictures.

    Example:
        >>> image_key("image/a cat")
        'image~a cat'
    """
    return path_of(name).replace("/", "~")[: _LONGEST_PART * 2]
