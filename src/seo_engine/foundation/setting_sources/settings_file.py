"""The file of settings: `seo.toml`, or the table `[tool.seo-engine]` of `pyproject.toml`."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seo_engine.foundation.commands import relative_path
from seo_engine.foundation.setting_sources.sourced import Source

OWN_FILE, PROJECT_FILE = "seo.toml", "pyproject.toml"
PROJECT_TABLE = "tool.seo-engine"

# Thousands of settings fit into it.
_MOST_BYTES = 1_000_000

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?")
_KEY = re.compile(r"""\s*(["']?)([\w-]+)\1\s*[.=]""")
_QUOTES_AND_SPACES = re.compile(r"""["'\s]""")


@dataclass(frozen=True)
class SettingsFile:
    """A file of settings that was read.

    Args:
        path (Path): Where it is.
        values (Mapping[str, Any]): What it says: settings by their names, and tables of rooms.
        text (str): Its text.
    """

    path: Path
    values: Mapping[str, Any]
    text: str

    def source(self, name: str, table: str = "") -> Source:
        """Return where a setting stands.

        Args:
            name (str): The setting.
            table (str): The table of its room; empty for those that stand outside of such tables.
        """
        own = PROJECT_TABLE if _is_of_project(self.path) else ""
        return Source("file", str(self.path), self._lines.get(".".join(filter(None, (own, table, name)))))

    @functools.cached_property
    def _lines(self) -> dict[str, int]:
        """Each name with its line; a text of several lines that looks like TOML may hold a wrong one."""
        lines: dict[str, int] = {}
        table = ""
        for number, line in enumerate(self.text.split("\n"), 1):
            if header := _HEADER.fullmatch(line):
                table = _QUOTES_AND_SPACES.sub("", header[1])
                lines.setdefault(table, number)
            elif key := _KEY.match(line):
                lines.setdefault(f"{table}.{key[2]}" if table else key[2], number)
        return lines


@dataclass(frozen=True)
class Search:
    """What a search for a file of settings has found.

    Args:
        file (SettingsFile | None): The nearest one.
        folders (tuple[Path, ...]): Where it looked.
        passed_over (Path | None): Another file of settings in the same folder.
    """

    file: SettingsFile | None
    folders: tuple[Path, ...] = ()
    passed_over: Path | None = None


def read_settings_file(path: str | Path) -> SettingsFile:
    """Read a file of settings; of a `pyproject.toml`, the table `[tool.seo-engine]`.

    Args:
        path (str | Path): The file.

    Returns:
        SettingsFile: What it says.

    Raises:
        ValueError: If it cannot be read, or is not valid TOML, or is a `pyproject.toml` without that table.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "seo.toml"
        >>> _ = path.write_text("seed = 1")
        >>> read_settings_file(path).values
        {'seed': 1}
    """
    path = Path(path)
    file = _read(path)
    if file is None:
        raise ValueError(f"{path}: has no table [{PROJECT_TABLE}]")
    return file


def find_settings_file() -> Search:
    """Look for the nearest file of settings, from the working folder upward.

    The search ends at the root of the repository or in the home folder. Outside of both it does not leave the working
    folder, because anybody may write into one above it, such as `/tmp`.

    Returns:
        Search: The file, and where it looked. A `pyproject.toml` without the table `[tool.seo-engine]` is passed over.

    Raises:
        ValueError: If the file cannot be read, or is not valid TOML.
    """
    folders = _folders()
    for folder in folders:
        own, project = relative_path(folder / OWN_FILE), relative_path(folder / PROJECT_FILE)
        if _is_there(own):
            is_double = _is_there(project) and _names_the_table(project)
            return Search(_read(own), folders, project if is_double else None)
        if _is_there(project) and (file := _read(project)) is not None:
            return Search(file, folders)
    return Search(None, folders)


def _folders() -> tuple[Path, ...]:
    try:
        here = Path.cwd()
    except OSError:  # it was deleted
        return ()
    upward = (here, *here.parents)
    last = next((number for number, folder in enumerate(upward) if _is_last(folder)), 0)
    return upward[: last + 1]


def _is_last(folder: Path) -> bool:
    try:
        return (folder / ".git").exists() or folder == Path.home().resolve()
    except (OSError, RuntimeError):  # it may not be looked into, or nobody has a home
        return False


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # it may not be looked at
        return False


def _is_of_project(path: Path) -> bool:
    return path.name == PROJECT_FILE


def _names_the_table(project: Path) -> bool:
    try:
        return _read(project) is not None
    except ValueError:  # nobody needs it
        return False


def _read(path: Path) -> SettingsFile | None:
    """Return what a file says; None for a `pyproject.toml` that is not about us."""
    try:
        with path.open("rb") as file:
            contents = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    # A file of other tools alone may be as they like it.
    if _is_of_project(path) and b"seo-engine" not in contents:
        return None
    if len(contents) > _MOST_BYTES:
        raise ValueError(f"{path}: is larger than {_MOST_BYTES:,} bytes")
    try:
        text = contents.decode("utf-8")
        values: Any = tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"{path}: is not valid TOML: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path}: is not valid TOML: {error}") from None
    if _is_of_project(path):
        tools = values.get("tool", {})
        values = tools.get("seo-engine") if isinstance(tools, dict) else None
        if values is None:
            return None
        if not isinstance(values, dict):
            raise ValueError(f"{path}: tool.seo-engine must be a table, [{PROJECT_TABLE}]")
    return SettingsFile(path, values, text)
