"""A folder as its host turns paths into files, without any rule of its configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar

from seo_engine.engine.site.hosting.hosts import Host
from seo_engine.engine.site.hosting.rules import HostConfiguration

_PAGE = ".html"
_WELL_KNOWN = ".well-known"

_Said = TypeVar("_Said")


class Answer(NamedTuple):
    """What a host answers. `file` is the path of the file that it sends, within the folder; empty if it sends none.

    The status is 0 where another server answers, or the address is not in the folder.
    """

    status: int
    file: str = ""
    location: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class HostedFiles:
    """The files of a folder, as a host finds them.

    Args:
        folder (Path): The site.
        host (Host): The host.
        configuration (HostConfiguration): What the folder's configuration says of index files and missing pages.
    """

    def __init__(self, folder: Path, host: Host, configuration: HostConfiguration) -> None:
        self._root = os.path.realpath(folder)
        self._host = host
        self._configuration = configuration

    def answer(self, path: str) -> Answer:
        """Return how a path within the folder is answered; a location is a path within the folder, too."""
        host = self._host
        if "\0" in path or (not host.merges_slashes and "//" in path):
            return Answer(404)
        name = path.strip("/")
        if host.refused and name.rpartition("/")[2].startswith(host.refused):
            return Answer(403)
        if path.endswith("/"):
            return self._folder(path)
        if self.is_file(name):
            return self._named_file(path, name)
        if host.index_redirects and path.endswith("/index"):
            return Answer(host.redirect_status, location=path.removesuffix("index"))
        gives_way = host.folder_comes_first and self.is_folder(name)
        for suffix in () if gives_way else host.absent_suffixes:
            if self.is_file(name + suffix):
                return Answer(200, name + suffix)
        if not self.is_folder(name):
            return Answer(404)
        inner = self._folder(f"{path}/")
        if inner.status == 404 or host.folder_without_slash == "serve":
            return inner
        if host.folder_without_slash == "refuse":
            return Answer(403)
        return Answer(host.redirect_status, location=f"{path}/")

    def _named_file(self, path: str, name: str) -> Answer:
        host = self._host
        if host.index_redirects and PurePosixPath(name).name == f"index{_PAGE}":
            return Answer(host.redirect_status, location=path.removesuffix(f"index{_PAGE}"))
        without = name.removesuffix(_PAGE)
        if host.suffix_redirects and name.endswith(_PAGE) and not self.is_file(without) and without:
            return Answer(host.redirect_status, location=path.removesuffix(_PAGE))
        return Answer(200, name)

    def _folder(self, path: str) -> Answer:
        host, name = self._host, path.strip("/")
        inner = f"{name}/" if name else ""
        for index in self.index_files(path):
            file = index.lstrip("/") if index.startswith("/") else inner + index
            if self.is_file(file) and (not name or self.is_folder(name)):
                return Answer(200, file)
        if name and host.slash_after_page != "missing" and self.is_file(name + _PAGE):
            if host.slash_after_page == "serve":
                return Answer(200, name + _PAGE)
            return Answer(host.redirect_status, location=path.rstrip("/"))
        return Answer(host.folder_without_index if self.is_folder(name) else 404)

    def missing(self, path: str) -> Answer:
        """Return the answer for a path that leads to nothing."""
        host = self._host
        page = _of_innermost(self._configuration.not_found, path, host.not_found)
        if "://" in page:
            return Answer(302, location=page)
        if host.nearest_not_found:
            own = PurePosixPath(path.strip("/") if path.endswith("/") else str(PurePosixPath(path).parent).strip("/"))
            folders = [own, *own.parents]
        else:
            folders = [PurePosixPath()]
        for folder in folders:
            file = (folder / page).as_posix() if page else ""
            if file and self.is_file(file):
                return Answer(404, file)
        if host.everything_else and self.is_file(host.everything_else):
            return Answer(200, host.everything_else)
        return Answer(404)

    def index_files(self, path: str) -> tuple[str, ...]:
        """Return what a folder is answered with, in the order in which it is looked for."""
        return _of_innermost(self._configuration.index_files, path, self._host.index_files)

    def is_file(self, name: str) -> bool:
        """Return whether there is a file of this path within the folder, and the host takes it."""
        path = os.path.join(self._root, name)  # noqa: PTH118 (Path would read what is in the name)
        return self._is_within(name) and self._is_taken(name) and os.path.isfile(path)  # noqa: PTH113

    def is_folder(self, name: str) -> bool:
        """Return whether there is a folder of this path within the folder, and the host takes it."""
        path = os.path.join(self._root, name)  # noqa: PTH118
        return self._is_within(name) and self._is_taken(name) and os.path.isdir(path)  # noqa: PTH112

    def _is_taken(self, name: str) -> bool:
        names = name.split("/")
        if names[0] in self._host.never_served:
            return False
        return not self._host.hides_dotfiles or not any(each.startswith(".") and each != _WELL_KNOWN for each in names)

    def _is_within(self, name: str) -> bool:
        """Return whether a name stays in the folder, also through links."""
        if "\0" in name or name.startswith("/") or ".." in name.split("/"):
            return False
        real = os.path.realpath(os.path.join(self._root, name))  # noqa: PTH118
        return real == self._root or real.startswith(self._root.rstrip("/") + "/")


def _of_innermost(said: Mapping[str, _Said], path: str, otherwise: _Said) -> _Said:
    """Return what is said for the innermost folder around a path."""
    folders = [folder for folder in said if path.startswith(folder)]
    return said[max(folders, key=len)] if folders else otherwise
