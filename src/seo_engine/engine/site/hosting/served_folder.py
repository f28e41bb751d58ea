"""A folder as its host serves it: address -> answer, file -> address."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qs, quote, unquote_to_bytes, urlsplit, urlunsplit

from seo_engine.engine.site.hosting.configuration import read_configuration
from seo_engine.engine.site.hosting.hosts import Host
from seo_engine.engine.site.hosting.rules import HeaderRule, Request, Rule, expanded, found
from seo_engine.engine.site.response import Response

_REDIRECTS = range(300, 400)

# As browsers do; whoever redirects further redirects in a circle.
MOST_REDIRECTS = 20
_MOST_REWRITES = 10

_PAGE = ".html"

Said = TypeVar("Said")


class Answer(NamedTuple):
    """What a host answers. `file` is the path of the file that it sends, within the folder; empty if it sends none."""

    status: int
    file: str = ""
    location: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class ServedFolder:
    """A folder behind a host.

    Args:
        folder (Path): The site.
        host (Host): Who serves it; its configuration is read from the folder.
        base_url (str): Where it is served, as `https://example.org/shop/`; empty if nobody knows.

    Example:
        >>> import tempfile
        >>> from seo_engine.engine.site.hosting.hosts import host_named
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "pots.html").write_text("<title>Pots")
        >>> served = ServedFolder(folder, host_named("cloudflare"), "https://a.example/")
        >>> served.answer("https://a.example/pots.html").location, served.address_of("pots.html")
        ('/pots', 'https://a.example/pots')
    """

    def __init__(self, folder: Path, host: Host, base_url: str = "") -> None:
        self.folder = folder
        self.configuration = read_configuration(folder, host)
        self.host = host._replace(**self.configuration.changes)
        self._base = urlsplit(base_url)
        self._prefix = self._base.path.rstrip("/")
        self._root = os.path.realpath(folder)

    def address_of(self, file: str) -> str:
        """Return the address at which a file is served; without a base, its path.

        Args:
            file (str): Its path within the folder, as the file system has it.

        Returns:
            str: Empty if no address leads to it, as where another file or a redirect stands in its place.
        """
        pure = PurePosixPath(file)
        index_files = self._index_files("/" + ("" if pure.parent == PurePosixPath() else f"{pure.parent}/"))
        parent = "" if str(pure.parent) == "." else f"{pure.parent}/"
        first = f"/{parent}" if pure.name in index_files else f"/{file}"
        # Another index file may come before it.
        for start in dict.fromkeys((first, f"/{file}")):
            address = self._prefix + _quoted(start)
            for _ in range(MOST_REDIRECTS):
                answer = self.answer(address)
                if answer.status in _REDIRECTS and answer.location.startswith("/"):
                    address = answer.location
                    continue
                break
            if answer.status == 200 and answer.file == file:
                return self._absolute(address)
        return ""

    def served(self, file: str) -> tuple[str, Response]:
        """Return the address of a file, and how the host answers there.

        Args:
            file (str): Its path within the folder, as the file system has it.

        Returns:
            tuple[str, Response]: If no address leads to the file, the one that it would have, and what is answered
            instead. The page for what is missing is answered with 404.
        """
        address = self.address_of(file)
        is_served = bool(address)
        address = address or self._absolute(self._prefix + _quoted(f"/{file}"))
        answer = self.answer(address if "://" in address else f"/{address}")
        headers = (*answer.headers, ("location", answer.location)) if answer.location else answer.headers
        is_for_missing = file == self.host.not_found or file in self.configuration.not_found.values()
        status = 404 if is_for_missing else answer.status
        if not is_served and answer.status == 200:
            # Another file is at this address.
            status = 404
        return address, Response(status, headers)

    def answer(self, address: str) -> Answer:
        """Return what the host answers.

        Args:
            address (str): An address, or its path and query.
        """
        written, query = _path_and_query(address)
        if not written.startswith(self._prefix + "/") and written != self._prefix:
            return Answer(404)
        path = _decoded(written[len(self._prefix) :]) or "/"
        if self.host.merges_slashes:
            while "//" in path:
                path = path.replace("//", "/")
        answer = self._answer(self._request(path, query))
        return answer._replace(headers=self._headers(path, answer))

    def _answer(self, request: Request) -> Answer:
        for _ in range(_MOST_REWRITES if self.configuration.repeats_rewrites else 1):
            before = request.path
            for rule in self.configuration.rules:
                taken = self._taken(rule, request)
                if taken is None:
                    continue
                target, given_way = taken
                if given_way:
                    return self._file_or_missing(request.path, request.query)
                if rule.status != 200:
                    return self._said(rule.status, target, request)
                if "://" in target:
                    # Another server answers, and what it says is not known.
                    return Answer(200)
                if target:
                    path, query = _path_and_query(target)
                    request = self._request(_decoded(path), query or request.query)
                if rule.hides_files:
                    request = request._replace(is_file=_is_none, is_folder=_is_none)
                if rule.is_last:
                    break
            if request.path == before:
                break
            request = self._request(request.path, request.query)
        return self._file_or_missing(request.path, request.query)

    def _taken(self, rule: Rule, request: Request) -> tuple[str, bool] | None:
        """Return where a rule leads, and whether it gives way to a file; None if it does not apply."""
        if not request.path.startswith(rule.beneath):
            return None
        match = found(rule.pattern, request.path[len(rule.beneath) :])
        if (match is None) != rule.is_negated or not _hold(rule, request):
            return None
        further = _parts_of_query(rule, request.query)
        if further is None:
            return None
        if not rule.is_forced and self._file(request.path).status != 404:
            return "", True
        target = expanded(rule.target, match, further)
        if rule.keeps_query and request.query and not rule.query and "?" not in target and target:
            target = f"{target}?{request.query}"
        return target, False

    def _said(self, status: int, target: str, request: Request) -> Answer:
        if status in _REDIRECTS:
            return Answer(status, location=_quoted(target, keeps_escapes=True))
        shown = self._file(_decoded(_path_and_query(target)[0])).file if target.startswith("/") else ""
        return Answer(status, shown or (self._missing(request.path).file if status == 404 else ""))

    def _file_or_missing(self, path: str, query: str) -> Answer:
        answer = self._file(path)
        if answer.status == 404:
            return self._missing(path)
        if answer.location:
            location = self._prefix + _quoted(answer.location) + (f"?{query}" if query else "")
            return answer._replace(location=location)
        return answer

    def _file(self, path: str) -> Answer:
        """Return how a path is answered without any rule; its location, if it has one, is within the folder."""
        host = self.host
        name = path.strip("/")
        if any(name == each or name.startswith(f"{each}/") for each in host.never_served):
            return Answer(404)
        if host.refused and name.rpartition("/")[2].startswith(host.refused):
            return Answer(403)
        if path.endswith("/"):
            return self._folder(path)
        if self._is_file(name):
            return self._named_file(path, name)
        if host.index_redirects and path.endswith("/index"):
            return Answer(host.redirect_status, location=path.removesuffix("index"))
        gives_way = host.folder_comes_first and self._is_folder(name)
        if host.suffix_may_be_absent and not gives_way and self._is_file(name + _PAGE):
            return Answer(200, name + _PAGE)
        if not self._is_folder(name):
            return Answer(404)
        inner = self._folder(f"{path}/")
        if inner.status == 404 or host.folder_without_slash == "serve":
            return inner
        if host.folder_without_slash == "refuse":
            return Answer(403)
        return Answer(host.redirect_status, location=f"{path}/")

    def _named_file(self, path: str, name: str) -> Answer:
        host = self.host
        if host.index_redirects and PurePosixPath(name).name == f"index{_PAGE}":
            return Answer(host.redirect_status, location=path.removesuffix(f"index{_PAGE}"))
        without = name.removesuffix(_PAGE)
        if host.suffix_redirects and name.endswith(_PAGE) and not self._is_file(without) and without:
            return Answer(host.redirect_status, location=path.removesuffix(_PAGE))
        return Answer(200, name)

    def _folder(self, path: str) -> Answer:
        host, name = self.host, path.strip("/")
        inner = f"{name}/" if name else ""
        for index in self._index_files(path):
            file = index.lstrip("/") if index.startswith("/") else inner + index
            if self._is_file(file):
                return Answer(200, file)
        if name and host.slash_after_page != "missing" and self._is_file(name + _PAGE):
            if host.slash_after_page == "serve":
                return Answer(200, name + _PAGE)
            return Answer(host.redirect_status, location=path.rstrip("/"))
        return Answer(host.folder_without_index if self._is_folder(name) else 404)

    def _missing(self, path: str) -> Answer:
        host = self.host
        page = _of_innermost(self.configuration.not_found, path, host.not_found)
        folders = [PurePosixPath(path.strip("/") if path.endswith("/") else str(PurePosixPath(path).parent).strip("/"))]
        folders = [folders[0], *folders[0].parents] if host.nearest_not_found else [PurePosixPath()]
        for folder in folders:
            file = (folder / page).as_posix() if page else ""
            if file and self._is_file(file):
                return Answer(404, file)
        if host.everything_else and self._is_file(host.everything_else):
            return Answer(200, host.everything_else)
        return Answer(404)

    def _headers(self, path: str, answer: Answer) -> tuple[tuple[str, str], ...]:
        headers: dict[tuple[str, str], str] = {}
        if self.host.charset and answer.file:
            headers["", "content-type"] = f"text/html; charset={self.host.charset}"
        set_by_rule: set[tuple[str, str]] = set()
        for rule in self.configuration.headers:
            if not self._is_for(rule, path, answer):
                continue
            for name in rule.detached:
                headers.pop((rule.table, name), None)
                set_by_rule.discard((rule.table, name))
            for name, value in rule.values:
                key = (rule.table, name)
                headers[key] = f"{headers[key]}, {value}" if rule.joins and key in set_by_rule else value
                set_by_rule.add(key)
        return tuple((name, value) for (_, name), value in headers.items())

    def _is_for(self, rule: HeaderRule, path: str, answer: Answer) -> bool:
        if rule.is_of_file:
            return bool(answer.file) and found(rule.pattern, PurePosixPath(answer.file).name) is not None
        return found(rule.pattern, path) is not None

    def _index_files(self, path: str) -> tuple[str, ...]:
        return _of_innermost(self.configuration.index_files, path, self.host.index_files)

    def _request(self, path: str, query: str) -> Request:
        return Request(
            path,
            query,
            self._base.netloc,
            self._base.scheme != "http",
            lambda name: self._is_file(name.strip("/")),
            lambda name: self._is_folder(name.strip("/")),
        )

    def _is_file(self, name: str) -> bool:
        path = os.path.join(self._root, name)  # noqa: PTH118 (Path would read what is in the name)
        return self._is_within(name) and os.path.isfile(path)  # noqa: PTH113

    def _is_folder(self, name: str) -> bool:
        path = os.path.join(self._root, name)  # noqa: PTH118
        return self._is_within(name) and os.path.isdir(path)  # noqa: PTH112

    def _is_within(self, name: str) -> bool:
        """Return whether a name stays in the folder, also through links."""
        if "\0" in name or name.startswith("/") or ".." in name.split("/"):
            return False
        real = os.path.realpath(os.path.join(self._root, name))  # noqa: PTH118
        return real == self._root or real.startswith(self._root.rstrip("/") + "/")

    def _absolute(self, address: str) -> str:
        if not self._base.netloc:
            return address.removeprefix("/")
        path, _, query = address.partition("?")
        return urlunsplit((self._base.scheme, self._base.netloc, path, query, ""))


def _is_none(name: str) -> bool:
    return False


def _of_innermost(said: Mapping[str, Said], path: str, otherwise: Said) -> Said:
    """Return what is said for the innermost folder around a path."""
    folders = [folder for folder in said if path.startswith(folder)]
    return said[max(folders, key=len)] if folders else otherwise


def _hold(rule: Rule, request: Request) -> bool:
    """Return whether all conditions hold; of those joined by `or`, one of them."""
    holds_so_far = False
    for condition in rule.conditions:
        holds = condition.test(condition.subject(request), request) != condition.is_negated
        holds_so_far = holds_so_far or holds
        if condition.or_next:
            continue
        if not holds_so_far:
            return False
        holds_so_far = False
    return True


def _parts_of_query(rule: Rule, query: str) -> dict[str, str] | None:
    """Return the parts that a rule takes from the query; None if a parameter that it asks for is not there."""
    if not rule.query:
        return {}
    given = parse_qs(query, keep_blank_values=True)
    parts: dict[str, str] = {}
    for name, wanted in rule.query:
        if name not in given or (not wanted.startswith(":") and given[name][0] != wanted):
            return None
        if wanted.startswith(":"):
            parts[wanted[1:]] = given[name][0]
    return parts


def _path_and_query(address: str) -> tuple[str, str]:
    """Return the two parts of an address that say what is asked for; it may be a path, even one with two slashes."""
    if "://" in address.partition("?")[0]:
        parts = urlsplit(address)
        return parts.path or "/", parts.query
    path, _, query = address.partition("#")[0].partition("?")
    return path, query


def _decoded(path: str) -> str:
    """Return a path as the file system has it: bytes that are not UTF-8 stay what they are."""
    return os.fsdecode(unquote_to_bytes(path))


def _quoted(path: str, *, keeps_escapes: bool = False) -> str:
    """Return a path as it stands in an address."""
    return quote(os.fsencode(path), safe="/:@!$&'()*+,;=~-._" + ("%?#[]" if keeps_escapes else ""))
