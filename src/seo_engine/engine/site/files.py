"""Which files of a folder are documents, and which are passed over."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from seo_engine.engine.site.hosting.folders import folders_of, is_passed_over

logger = logging.getLogger(__name__)

_SUFFIXES = (".html", ".htm", ".xhtml", ".xht")
# Of these, some are programs that make a page, and some are the page that a program made, as `wget -r` keeps it.
_MAY_BE_PAGES = (".php", ".shtml", ".shtm", ".asp", ".aspx", ".jsp", ".cgi", "")

_COMPRESSED = ".gz"

# Files with which a site's owner proves to a search engine that the site is theirs.
_VERIFICATION = re.compile(
    r"(google[0-9a-f]{16}|yandex_[0-9a-f]{16}|baidu_verify_[\w-]+|naver[0-9a-f]{32}|pinterest-[0-9a-f]{5})\.html",
    re.IGNORECASE,
)

# How an HTML document begins (https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type), but
# for the tags that other files begin with, too.
_BEGINS_AS_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*|<!--(?s:.{0,1000}?)-->\s*){0,3}"
    rb"<(?:!doctype\s+html|html|head|title|body|meta)[\s>]",
    re.IGNORECASE,
)
_PROGRAM = re.compile(rb"<\?php|<\?=|<%|<!--#(?:include|exec)")
_LOOKED_AT = 4_096


class SiteFiles:
    """The documents of a folder; looking through it counts what is passed over.

    Args:
        folder (Path): The site.

    Attributes:
        passed_over (Counter[str]): How many files, folders and links are not looked at, by the reason.
        notes (list[str]): What else is odd about the folder, a line each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.passed_over: Counter[str] = Counter()
        self.notes: list[str] = []
        self._root = folder.resolve()
        self._twins: list[str] = []
        self._odd_names: list[str] = []

    def look_through(self) -> int:
        """Return how many documents there are, and note what is passed over and what is odd."""
        self.passed_over.clear()
        self._twins.clear()
        self._odd_names.clear()
        count = sum(1 for _ in self._documents(is_counting=True))
        self.notes = [
            *_note(self._twins, "{} differ only in upper and lower case, which not every host tells apart"),
            *_note(self._odd_names, "{} with a name that is not UTF-8"),
        ]
        return count

    def __iter__(self) -> Iterator[Path]:
        """Yield the documents in the order of their paths."""
        return self._documents(is_counting=False)

    def _documents(self, *, is_counting: bool) -> Iterator[Path]:
        for directory, directories, names in folders_of(self.folder, _say_unreadable if is_counting else None):
            documents = [name for name in names if looks_like_page(name)]
            if is_counting:
                kept = [name for name in directories if not is_passed_over(name)]
                self._count_folders(Path(directory), directories, kept)
                self._note_names(Path(directory), [*kept, *documents])
            present = set(names)
            for name in documents:
                path = Path(directory, name)
                reason = self._reason_against(path, present)
                if not reason:
                    yield path
                elif is_counting:
                    self.passed_over[reason] += 1

    def _count_folders(self, directory: Path, directories: Sequence[str], kept: Sequence[str]) -> None:
        for name in set(directories) - set(kept):
            self.passed_over[f"folder {name}"] += 1
        if links := sum(_is_link(directory / name) for name in kept):
            self.passed_over["link to a folder"] += links

    def _note_names(self, directory: Path, names: Sequence[str]) -> None:
        alike: dict[str, list[str]] = defaultdict(list)
        for name in names:
            alike[name.casefold()].append(name)
            if not name.isprintable() and os.fsencode(name).decode("utf-8", "replace") != name:
                self._odd_names.append(shown(Path(directory, name).relative_to(self.folder)))
        twins = [name for group in alike.values() if len(group) > 1 for name in group]
        self._twins += [shown(Path(directory, name).relative_to(self.folder)) for name in twins]

    def _reason_against(self, path: Path, present: set[str]) -> str:
        """Return why a file that may be a document is passed over; empty if it is not."""
        # Folders that are links are not looked into, so no other file is elsewhere.
        if _is_link(path) and not Path(os.path.realpath(path)).is_relative_to(self._root):
            return "link out of the folder"
        if path.name.endswith(_COMPRESSED) and path.name.removesuffix(_COMPRESSED) in present:
            return "compressed copy"
        if _VERIFICATION.fullmatch(path.name):
            return "verification file"
        return "" if is_html(path.name) else _reason_in_contents(path)


def is_html(name: str) -> bool:
    """Return whether a file is a document by its name alone.

    Example:
        >>> is_html("pots.HTML"), is_html("pots.html.gz"), is_html("pots.php"), is_html("pots.html?page=2")
        (True, True, False, True)
    """
    return _suffix(name) in _SUFFIXES


def looks_like_page(name: str) -> bool:
    """Return whether a file may be a document; what it holds decides, if it is not one by its name."""
    suffix = _suffix(name)
    return suffix in _SUFFIXES or (suffix in _MAY_BE_PAGES and not name.startswith((".", "_")))


def shown(path: Path) -> str:
    """Return a path within the site as text; bytes that are not UTF-8 are shown as numbers."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _is_link(path: Path) -> bool:
    return os.path.islink(path)  # noqa: PTH114 (Path.is_symlink raises if it cannot look)


def _suffix(name: str) -> str:
    # `wget -r` keeps the question mark of an address in the name of the file.
    stem, _, suffix = name.lower().removesuffix(_COMPRESSED).partition("?")[0].rpartition(".")
    return f".{suffix}" if stem and suffix else ""


def _reason_in_contents(path: Path) -> str:
    try:
        # Without waiting for whoever writes, if it is a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            beginning = file.read(_LOOKED_AT) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except OSError:
        beginning = b""
    has_suffix = bool(_suffix(path.name))
    if _PROGRAM.search(beginning) and has_suffix:
        return "program, not the page that it makes"
    if _BEGINS_AS_HTML.match(beginning):
        return ""
    # Most files without a suffix are no pages, and nobody expects them to be.
    return "no HTML in it" if has_suffix else "other file"


def _note(paths: Sequence[str], what: str) -> list[str]:
    if not paths:
        return []
    files = "1 file or folder" if len(paths) == 1 else f"{len(paths)} files or folders"
    return [f"{what.format(files)}: {', '.join(paths[:3])}{', …' if len(paths) > 3 else ''}"]


def _say_unreadable(error: OSError) -> None:
    logger.warning("⚠️ A folder of the site cannot be looked into: %s", error)
