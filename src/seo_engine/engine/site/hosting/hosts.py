"""The hosts that serve folders, as plain data, and which one a folder is made for."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PLAIN = "plain"

# More is not read of a configuration.
MOST_BYTES = 1024 * 1024

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
    index_files: tuple[str, ...]
    absent_suffixes: tuple[str, ...]
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
    hides_dotfiles: bool
    encoded_slash: bool
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
        file = configuration_file(folder, name)
        if file is not None:
            return hosts()[host], file
    return hosts()[PLAIN], None


def configuration_file(folder: Path, name: str) -> Path | None:
    """Return the file that configures the host of a folder; links that lead elsewhere are not followed.

    Args:
        folder (Path): The site.
        name (str): The file's name. Some stand beside the folder that a build writes, if they do not say that it
            writes another one.
    """
    within = _own_file(folder, name)
    if within is not None or name not in _BESIDE:
        return within
    beside = _own_file(folder.parent, name)
    return beside if beside is not None and _builds(beside, folder) else None


def _own_file(folder: Path, name: str) -> Path | None:
    file = folder / name
    try:
        return file if file.is_file() and file.resolve().parent == folder.resolve() else None
    except OSError:
        return None


def _builds(file: Path, folder: Path) -> bool:
    """Return whether a configuration names a folder as the one that is served, or names none."""
    try:
        text = file.read_text("utf-8", "replace")[:MOST_BYTES]
        if file.suffix == ".toml":
            contents = tomllib.loads(text)
            named = contents.get("build", {}).get("publish") or contents.get("pages_build_output_dir")
        else:
            named = json.loads(text).get("outputDirectory")
        return not isinstance(named, str) or (file.parent / named).resolve() == folder.resolve()
    except (OSError, ValueError, AttributeError, RecursionError):
        return True


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
