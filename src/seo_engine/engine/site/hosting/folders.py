"""The folders of a site, one after the other, however deep."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

# Folders that belong to those who make a site, not to the site. `.well-known` is served (RFC 8615).
_NOT_OF_THE_SITE = ("node_modules", "bower_components", "__MACOSX")
_SERVED_HIDDEN = (".well-known",)


def folders_of(
    folder: Path, on_error: Callable[[OSError], None] | None = None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each folder of a site with the names of its folders and of its files, in the order of their paths.

    Folders that are not of the site are named, but not looked into; links are not followed.

    Args:
        folder (Path): The site.
        on_error (Callable[[OSError], None] | None): Called for a folder that cannot be looked into.
    """
    # Not os.walk: it calls itself for each folder within another.
    waiting = [os.fspath(folder)]
    while waiting:
        directory = waiting.pop()
        folders: list[str] = []
        files: list[str] = []
        links: set[str] = set()
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    is_folder = _is_folder(entry)
                    (folders if is_folder else files).append(entry.name)
                    if is_folder and entry.is_symlink():
                        links.add(entry.name)
        except OSError as error:
            if on_error is not None:
                on_error(error)
            continue
        folders.sort()
        files.sort()
        yield directory, folders, files
        kept = [name for name in folders if name not in links and not is_passed_over(name)]
        waiting += [os.path.join(directory, name) for name in reversed(kept)]  # noqa: PTH118


def is_passed_over(name: str) -> bool:
    """Return whether a folder of this name is not of the site.

    Example:
        >>> is_passed_over(".git"), is_passed_over(".well-known"), is_passed_over("shop")
        (True, False, False)
    """
    return name in _NOT_OF_THE_SITE or (name.startswith(".") and name not in _SERVED_HIDDEN)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
