"""What the configuration files of a folder say, read for the host that they are for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seo_engine.engine.site.hosting.hosts import Host
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

# More is not read of a file.
_MOST_BYTES = 1024 * 1024
_MOST_FILES = 1_000

_READERS: dict[tuple[str, str], Callable[[str], HostConfiguration]] = {
    ("netlify", "_redirects"): netlify_redirects,
    ("netlify", "_headers"): netlify_headers,
    ("netlify", "netlify.toml"): netlify_toml,
    ("cloudflare", "_redirects"): cloudflare_redirects,
    ("cloudflare", "_headers"): cloudflare_headers,
    ("vercel", "vercel.json"): vercel_json,
}


def read_configuration(folder: Path, host: Host) -> HostConfiguration:
    """Read the files that tell a host how to serve a folder.

    Args:
        folder (Path): The site. Some hosts' files stand beside it.
        host (Host): The host.

    Returns:
        HostConfiguration: Nothing, if there is no such file.
    """
    if host.name == "apache":
        return htaccess(list(_htaccess_files(folder)))
    read = []
    for name in host.configuration:
        text = _text(folder / name)
        if text is None and name in ("netlify.toml", "vercel.json"):
            text = _text(folder.parent / name)
        if text is not None:
            read.append(_READERS[host.name, name](text))
    changes: dict[str, Any] = {}
    for each in read:
        changes.update(each.changes)
    return HostConfiguration(
        tuple(rule for each in read for rule in each.rules),
        tuple(rule for each in read for rule in each.headers),
        changes,
        left_out=tuple(line for each in read for line in each.left_out),
    )


def _htaccess_files(folder: Path) -> Iterator[tuple[str, str]]:
    count = 0
    for path in sorted(folder.rglob(".htaccess")):
        text = _text(path)
        if text is not None and count < _MOST_FILES:
            count += 1
            inner = path.parent.relative_to(folder).as_posix()
            yield "/" if inner == "." else f"/{inner}/", text


def _text(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(_MOST_BYTES).decode("utf-8-sig", "replace")
