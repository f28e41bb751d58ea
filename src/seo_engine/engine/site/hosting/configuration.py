"""What the configuration files of a folder say, read for the host that they are for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seo_engine.engine.site.hosting.folders import folders_of
from seo_engine.engine.site.hosting.hosts import MOST_BYTES, Host, configuration_file
from seo_engine.engine.site.hosting.htaccess import htaccess
from seo_engine.engine.site.hosting.netlify_toml import netlify_toml
from seo_engine.engine.site.hosting.rules import HostConfiguration
from seo_engine.engine.site.hosting.text_rules import (
    cloudflare_headers,
    cloudflare_redirects,
    netlify_headers,
    netlify_redirects,
)
from seo_engine.engine.site.hosting.vercel_json import vercel_json

# More are not read: each page asks all of the rules that are matched.
_MOST_FILES = 1_000
_MOST_LITERAL_RULES = 100_000
_MOST_MATCHED_RULES = 2_000

# The files of each host, in the order of their precedence. Apache's are in every folder.
_READERS: dict[tuple[str, str], Callable[[str], HostConfiguration]] = {
    ("netlify", "_redirects"): netlify_redirects,
    ("netlify", "_headers"): netlify_headers,
    ("netlify", "netlify.toml"): netlify_toml,
    ("cloudflare", "_redirects"): cloudflare_redirects,
    ("cloudflare", "_headers"): cloudflare_headers,
    ("vercel", "vercel.json"): vercel_json,
}


def read_configuration(folder: Path, host: Host, prefix: str = "") -> HostConfiguration:
    """Read the files that tell a host how to serve a folder.

    Args:
        folder (Path): The site. Some hosts' files stand beside it.
        host (Host): The host.
        prefix (str): The path at which the folder is served, as `/docs`.

    Returns:
        HostConfiguration: Nothing, if there is no such file.
    """
    unread: list[str] = []
    if host.name == "apache":
        files = [(inner, text) for inner, path in _htaccess_files(folder) if (text := _text(path, unread)) is not None]
        return _bounded(htaccess(files, prefix), unread)
    read = []
    for (of_host, name), read_text in _READERS.items():
        if of_host != host.name:
            continue
        path = configuration_file(folder, name)
        text = None if path is None else _text(path, unread)
        if text is None:
            continue
        try:
            read.append(read_text(text))
        except (ValueError, TypeError, RecursionError, OverflowError):
            unread.append(f"{name}: not understood")
    changes: dict[str, Any] = {}
    for each in read:
        changes.update(each.changes)
    together = HostConfiguration(
        tuple(rule for each in read for rule in each.rules),
        tuple(rule for each in read for rule in each.headers),
        changes,
        left_out=tuple(line for each in read for line in each.left_out),
    )
    return _bounded(together, unread)


def _bounded(configuration: HostConfiguration, unread: list[str]) -> HostConfiguration:
    """Return a configuration whose rules are not more than can be asked for each page."""
    literal = [rule for rule in configuration.rules if rule.literals][:_MOST_LITERAL_RULES]
    matched = [rule for rule in configuration.rules if not rule.literals][:_MOST_MATCHED_RULES]
    kept = {id(rule) for rule in (*literal, *matched)}
    rules = tuple(rule for rule in configuration.rules if id(rule) in kept)
    headers = configuration.headers[:_MOST_MATCHED_RULES]
    more = len(configuration.rules) - len(rules) + len(configuration.headers) - len(headers)
    too_many = [f"{more} rules too many"] if more else []
    left_out = (*configuration.left_out, *unread, *too_many)
    return configuration._replace(rules=rules, headers=headers, left_out=left_out)


def _htaccess_files(folder: Path) -> Iterator[tuple[str, Path]]:
    count = 0
    for directory, _, names in folders_of(folder):
        path = Path(directory, ".htaccess")
        if ".htaccess" in names and not path.is_symlink() and count < _MOST_FILES:
            count += 1
            inner = path.parent.relative_to(folder).as_posix()
            yield "/" if inner == "." else f"/{inner}/", path


def _text(path: Path, unread: list[str]) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8-sig", "replace")
    except OSError as error:
        unread.append(f"{path.name}: cannot be read: {error.strerror}")
        return None
