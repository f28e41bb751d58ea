"""The hosts that serve folders, as plain data, and which one a folder is made for."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PLAIN = "plain"

# What a folder holds that is made for a host, in the order in which it is looked for.
_SIGNS = (
    ("vercel.json", "vercel"),
    ("netlify.toml", "netlify"),
    ("wrangler.toml", "cloudflare"),
    ("wrangler.json", "cloudflare"),
    ("wrangler.jsonc", "cloudflare"),
    ("_worker.js", "cloudflare"),
    ("_routes.json", "cloudflare"),
    ("_redirects", "netlify"),
    ("_headers", "netlify"),
    (".htaccess", "apache"),
    (".nojekyll", "github-pages"),
)
# These stand beside the folder that a build writes, not in it.
_BESIDE = ("vercel.json", "netlify.toml", "wrangler.toml", "wrangler.json", "wrangler.jsonc")


class Host(NamedTuple):
    """How a host turns the path of an address into a file; `hosts.toml` says what each field means."""

    name: str
    title: str
    source: str
    reviewed: date
    compared: str
    configuration: tuple[str, ...]
    index_files: tuple[str, ...]
    suffix_may_be_absent: bool
    suffix_redirects: bool
    index_redirects: bool
    folder_comes_first: bool
    slash_after_page: str
    folder_without_slash: str
    folder_without_index: int
    redirect_status: int
    merges_slashes: bool
    not_found: str
    nearest_not_found: bool
    everything_else: str
    charset: str
    never_served: tuple[str, ...]
    refused: str


@cache
def hosts() -> dict[str, Host]:
    """Return the hosts by their names.

    Example:
        >>> hosts()["github-pages"].title
        'GitHub Pages'
    """
    tables = tomllib.loads(Path(__file__).with_name("hosts.toml").read_text("utf-8"))
    return {name: Host(name, **_plain(table)) for name, table in tables.items()}


def host_named(name: str) -> Host:
    """Return the host of a name.

    Args:
        name (str): As in `hosts.toml`.

    Raises:
        ValueError: If there is none of this name.

    Example:
        >>> host_named("geocities")
        Traceback (most recent call last):
            ...
        ValueError: host must be one of 'plain', 'github-pages', 'netlify', 'cloudflare', 'vercel', 'apache', 'nginx', \
got 'geocities'
    """
    if name not in hosts():
        raise ValueError(f"host must be one of {', '.join(map(repr, hosts()))}, got {name!r}")
    return hosts()[name]


def host_of(folder: Path) -> tuple[Host, Path | None]:
    """Return the host that a folder is made for, and the file that shows it.

    Args:
        folder (Path): The site.

    Returns:
        tuple[Host, Path | None]: No particular host, and None, if nothing shows which.
    """
    for name, host in _SIGNS:
        places = (folder, folder.parent) if name in _BESIDE else (folder,)
        for file in (place / name for place in places):
            if file.is_file():
                return hosts()[host], file
    return hosts()[PLAIN], None


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
