"""A folder as its host serves it: address -> answer, file -> address."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, quote, unquote_to_bytes, urlsplit, urlunsplit

from seo_engine.engine.site.hosting.conditions import KNOWN, value
from seo_engine.engine.site.hosting.configuration import read_configuration
from seo_engine.engine.site.hosting.hosted_files import Answer, HostedFiles
from seo_engine.engine.site.hosting.hosts import Host
from seo_engine.engine.site.hosting.rules import APPEND, DROP, HeaderRule, Matching, Request, Rule, expanded
from seo_engine.engine.site.response import Response

_REDIRECTS = range(300, 400)

# As browsers do; whoever redirects further redirects in a circle.
_MOST_REDIRECTS = 20
_MOST_REWRITES = 10
# Apache takes no longer one, either.
_LONGEST_PATH = 8_000

# A sign for a hundredth, which does not begin the number of a byte.
_NO_ESCAPE = re.compile(rb"%(?![0-9a-fA-F]{2})")

_OF_HTML = (".html", ".htm", ".xhtml", ".xht", ".shtml")


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
        self._base = urlsplit(base_url)
        self._prefix = self._base.path.rstrip("/")
        # Apache's rules are about the whole path; those of the others are about the folder.
        self._of_rules = self._prefix if host.name == "apache" else ""
        self.configuration = read_configuration(folder, host, self._of_rules)
        self.host = host._replace(**self.configuration.changes)
        self._files = HostedFiles(folder, self.host, self.configuration)
        self._matching = Matching()
        self._literal: dict[str, list[int]] = {}
        self._matched: list[int] = []
        self._of_index_files = [rule for rule in self.configuration.rules if rule.sees_index_file]
        for number, rule in enumerate(self.configuration.rules):
            for path in rule.literals:
                self._literal.setdefault(path, []).append(number)
            if not rule.literals:
                self._matched.append(number)

    @property
    def asks_for_host(self) -> bool:
        """bool: Whether some rules have no effect, because nobody knows where the folder is served."""
        conditions = (condition for rule in self.configuration.rules for condition in rule.conditions)
        return not self._base.netloc and any(condition.asks_for_host for condition in conditions)

    def address_of(self, file: str) -> str | None:
        """Return the address at which a file is served; only its path, if nobody knows where the folder is.

        Args:
            file (str): Its path within the folder, as the file system has it.

        Returns:
            str | None: None if no address leads to it, as where another file or a redirect stands in its place.
        """
        found = self._found(file)
        return None if found is None else found[0]

    def _found(self, file: str) -> tuple[str, Answer] | None:
        """Return the address at which a file is served, and the answer there."""
        pure = PurePosixPath(file)
        parent = "" if str(pure.parent) == "." else f"{pure.parent}/"
        first = f"/{parent}" if pure.name in self._files.index_files(f"/{parent}") else f"/{file}"
        # Another index file may come before it.
        for start in dict.fromkeys((first, f"/{file}")):
            address = self._prefix + _quoted(start)
            for _ in range(_MOST_REDIRECTS):
                answer = self.answer(address)
                if answer.status not in _REDIRECTS or not answer.location.startswith("/"):
                    break
                address = answer.location
            if answer.status == 200 and answer.file == file:
                return self._absolute(address), answer
        return None

    def served(self, file: str) -> tuple[str, Response]:
        """Return the address of a file, and how the host answers there.

        Args:
            file (str): Its path within the folder, as the file system has it.

        Returns:
            tuple[str, Response]: If no address leads to the file, the one that it would have, and what is answered
            instead. The page for what is missing is answered with 404.
        """
        found = self._found(file)
        asked, answer = found or self._instead_of(file)
        # With 200, another file is at this address.
        is_other = found is None and answer.status == 200
        headers = (*answer.headers, ("location", answer.location)) if answer.location else answer.headers
        is_for_missing = file == self.host.not_found or file in self.configuration.not_found.values()
        return asked, Response(404 if is_for_missing or is_other else answer.status, headers)

    def _instead_of(self, file: str) -> tuple[str, Answer]:
        """Return the address that a file would have, and what is answered there."""
        address = self._absolute(self._prefix + _quoted(f"/{file}"))
        return address, self.answer(address)

    def answer(self, address: str) -> Answer:
        """Return what the host answers.

        Args:
            address (str): An address, or its path and query.

        Returns:
            Answer: Its status is 0 for an address that is not in the folder.
        """
        try:
            host, written, query = _parts(address)
        except ValueError:
            return Answer(400)
        if host and host != self._base.netloc.lower():
            return Answer(0)
        written = _without_dots(written)
        if not written.startswith(f"{self._prefix}/") and written != self._prefix:
            return Answer(0)
        if "%00" in written or (not self.host.encoded_slash and "%2f" in written.lower()):
            return Answer(404)
        path = _decoded(written[len(self._prefix) :]) or "/"
        while self.host.merges_slashes and "//" in path:
            path = path.replace("//", "/")
        if self.host.refused and path.rpartition("/")[2].startswith(self.host.refused):
            return Answer(403)
        answer = self._answer(self._request(self._of_rules + path, query))
        return answer._replace(headers=self._headers(self._of_rules + path, answer))

    def _answer(self, request: Request) -> Answer:
        for _ in range(_MOST_REWRITES if self.configuration.repeats_rewrites else 1):
            before = request
            for rule in self._rules_for(request.path):
                taken = self._taken(rule, request)
                if taken is None:
                    continue
                target, gives_way = taken
                if gives_way:
                    return self._file_or_missing(request)
                if rule.status != 200:
                    return self._said(rule.status, target, request)
                if "://" in target:
                    # Another server answers, and what it says is not known.
                    return Answer(0)
                if target:
                    path, _, query = target.partition("?")
                    request = self._request(_decoded(path), query)
                if len(request.path) > _LONGEST_PATH:
                    return Answer(500)
                if rule.hides_files:
                    request = request._replace(is_file=_is_none, is_folder=_is_none)
                if rule.is_last:
                    break
            if request.path == before.path:
                break
            slash = self._slash_before_rewriting(before)
            if slash is not None:
                return slash
            request = self._request(request.path, request.query)
        return self._file_or_missing(request)

    def _rules_for(self, path: str) -> Iterator[Rule]:
        """Yield the rules that may be for a path, in their order, without asking thousands of others."""
        literal = self._literal.get(path)
        numbers = sorted([*literal, *self._matched]) if literal else self._matched
        return (self.configuration.rules[number] for number in numbers)

    def _slash_before_rewriting(self, request: Request) -> Answer | None:
        """Return the redirect that Apache makes for a folder without its slash, although a rule has rewritten it."""
        if not self.configuration.repeats_rewrites or self.host.folder_without_slash != "redirect":
            return None
        if request.path.endswith("/") or not request.is_folder(request.path):
            return None
        query = f"?{request.query}" if request.query else ""
        return Answer(self.host.redirect_status, location=_quoted(f"{request.path}/") + query)

    def _taken(self, rule: Rule, request: Request) -> tuple[str, bool] | None:
        """Return where a rule leads, and whether it gives way to a file; None if it does not apply."""
        if not request.path.startswith(rule.beneath):
            return None
        match = None
        if not rule.literals:
            match = self._matching.find(rule.pattern, request.path[len(rule.beneath) :])
            if (match is None) != rule.is_negated:
                return None
        further = _parts_of_query(rule, request.query)
        if further is None or not _hold(rule, request):
            return None
        if not rule.is_forced and self._file(request.path).status not in (403, 404):
            return "", True
        further |= {name: value(name, request) for name in KNOWN if f"\\g<{name}>" in rule.target}
        is_redirect = rule.status in _REDIRECTS
        target = expanded(rule.target, match, further, _quoted if is_redirect else str)
        if not is_redirect and "://" not in target:
            # As an address has it, like all that is written in a configuration.
            target = _quoted(target, keeps_escapes=True) if rule.status == 200 else target
        return _with_query(target, rule, request.query), False

    def _said(self, status: int, target: str, request: Request) -> Answer:
        if status in _REDIRECTS:
            return Answer(status, location=_quoted(target, keeps_escapes=True))
        shown = self._file(_decoded(target.partition("?")[0])).file if target.startswith("/") else ""
        return Answer(status, shown or (self._missing(request.path).file if status == 404 else ""))

    def _file_or_missing(self, request: Request) -> Answer:
        answer = self._file(request.path)
        if request.path.endswith("/") and answer.file:
            index = request._replace(path=request.path + PurePosixPath(answer.file).name)
            for rule in self._of_index_files:
                taken = self._taken(rule, index)
                if taken is not None:
                    return self._said(rule.status, taken[0], index)
        if answer.status == 404:
            return self._missing(request.path)
        if answer.location:
            query = f"?{request.query}" if request.query else ""
            return answer._replace(location=self._prefix + _quoted(answer.location) + query)
        return answer

    def _file(self, path: str) -> Answer:
        return self._files.answer(self._inside(path)) if self._is_inside(path) else Answer(404)

    def _missing(self, path: str) -> Answer:
        return self._files.missing(self._inside(path))

    def _is_inside(self, path: str) -> bool:
        return not self._of_rules or path.startswith(f"{self._of_rules}/")

    def _inside(self, path: str) -> str:
        return path.removeprefix(self._of_rules)

    def _headers(self, path: str, answer: Answer) -> tuple[tuple[str, str], ...]:
        headers: dict[tuple[str, str], str] = {}
        if self.host.charset and answer.file.lower().endswith(_OF_HTML):
            headers["", "content-type"] = f"text/html; charset={self.host.charset}"
        set_by_rule: set[tuple[str, str]] = set()
        for rule in self.configuration.headers:
            if not self._is_for(rule, path, answer):
                continue
            for name in rule.detached:
                headers.pop((rule.table, name), None)
                set_by_rule.discard((rule.table, name))
            for name, said in rule.values:
                key = (rule.table, name)
                headers[key] = f"{headers[key]}, {said}" if rule.joins and key in set_by_rule else said
                set_by_rule.add(key)
        return tuple((name, said) for (_, name), said in headers.items())

    def _is_for(self, rule: HeaderRule, path: str, answer: Answer) -> bool:
        if not path.startswith(rule.beneath):
            return False
        asked = PurePosixPath(answer.file).name if rule.is_of_file else path
        return bool(asked) and self._matching.find(rule.pattern, asked) is not None

    def _request(self, path: str, query: str) -> Request:
        return Request(
            path,
            query,
            self._base.netloc.lower(),
            self._base.scheme != "http",
            lambda name: self._is_inside(name) and self._files.is_file(self._inside(name).strip("/")),
            lambda name: self._is_inside(name) and self._files.is_folder(self._inside(name).strip("/")),
            self._matching.find,
        )

    def _absolute(self, address: str) -> str:
        if not self._base.netloc:
            return address
        path, _, query = address.partition("?")
        return urlunsplit((self._base.scheme, self._base.netloc, path, query, ""))


def _is_none(name: str) -> bool:
    return False


def _hold(rule: Rule, request: Request) -> bool:
    """Return whether all conditions hold; of those joined by `or`, one of them."""
    holds_so_far = False
    for condition in rule.conditions:
        if condition.asks_for_host and not request.host:
            return False
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


def _with_query(target: str, rule: Rule, query: str) -> str:
    """Return a target with what becomes of the request's own query."""
    if not target or not query or rule.query or rule.own_query == DROP:
        return target
    written, fragment_sign, fragment = target.partition("#")
    if "?" not in written:
        written = f"{written}?{query}"
    elif rule.own_query == APPEND:
        written = f"{written}&{query}"
    return written + fragment_sign + fragment


def _parts(address: str) -> tuple[str, str, str]:
    """Return host, path and query of an address; it may be a path, even one with two slashes."""
    if "://" in address.partition("?")[0]:
        parts = urlsplit(address)
        return parts.netloc.lower(), parts.path or "/", parts.query
    path, _, query = address.partition("#")[0].partition("?")
    return "", path if path.startswith("/") else f"/{path}", query


def _without_dots(path: str) -> str:
    """Return a path as browsers and servers take it: `.` is nothing, and `..` takes the name before it away."""
    if "." not in path and "%2e" not in path.lower():
        return path
    names: list[str] = []
    written = path.split("/")
    for name in written[1:]:
        plain = name.lower().replace("%2e", ".")
        if plain == "..":
            names = names[:-1]
        elif plain != ".":
            names.append(name)
    if written[-1].lower().replace("%2e", ".") in (".", ".."):
        names.append("")
    return "/" + "/".join(names)


def _decoded(path: str) -> str:
    """Return a path as the file system has it: bytes that are not UTF-8 stay what they are."""
    return os.fsdecode(unquote_to_bytes(path))


def _quoted(path: str, *, keeps_escapes: bool = False) -> str:
    """Return a path as it stands in an address."""
    try:
        data = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = path.encode("utf-8", "replace")
    if keeps_escapes:
        data = _NO_ESCAPE.sub(b"%25", data)
    return quote(data, safe="/:@!$&'()*+,;=~-._" + ("%?#[]" if keeps_escapes else ""))
