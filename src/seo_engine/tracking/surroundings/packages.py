"""The packages that a program can import, with their versions."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable

MOST_PACKAGES = 5_000

# A folder of data on the import path may hold millions of files.
_MOST_ENTRIES = 100_000

# As installers name the folder of what they know of a package.
# Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
_DESCRIPTION = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._]*)-(?P<version>[^-/]+)(-py[\d.]+)?\.(dist|egg)-info")


def installed_packages(import_path: Iterable[str]) -> dict[str, str]:
    """Return the versions of the installed packages, by name.

    The names of folders say it; to read what is in them would take a hundred times as long.

    Args:
        import_path (Iterable[str]): As in `sys.path`: the first package of a name is the one that is imported.

    Returns:
        dict[str, str]: At most `MOST_PACKAGES`, sorted by name.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> os.mkdir(f"{folder}/typing_extensions-4.15.0.dist-info")
        >>> installed_packages([folder, "/no/such/folder"])
        {'typing-extensions': '4.15.0'}
    """
    found: dict[str, str] = {}
    for folder in import_path:
        for name in _names_in(folder):
            if match := _DESCRIPTION.fullmatch(name):
                found.setdefault(re.sub(r"[._]+", "-", match["name"]).lower(), match["version"])
    return dict(itertools.islice(sorted(found.items()), MOST_PACKAGES))


def _names_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder or ".") as entries:
            return [entry.name for entry in itertools.islice(entries, _MOST_ENTRIES)]
    except OSError:
        # The import path may name archives, and folders that are gone.
        return []
