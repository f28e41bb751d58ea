"""The libraries that an extra needs, read from the package's metadata, and a one-line error if one is missing."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from types import ModuleType

DISTRIBUTION = "seo-engine"

# Requirements in the metadata: `seo-engine[site,tracking]; extra == 'engine'`, `peft>=0.14; extra == 'engine'`.
_REQUIREMENT = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?:\[(?P<extras>[^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*["'](?P<extra>[\w.-]+)["']""")


class MissingExtraError(ImportError):
    """Libraries of an extra are not installed. The message is one line and ends with the command that installs them.

    Args:
        needed_by (str): What cannot work without them.
        extra (str): The extra that installs them.
        missing (Sequence[str]): The missing libraries.

    Example:
        >>> print(MissingExtraError("TensorBoard", "tracking", ["torch"]))
        TensorBoard needs torch: run `pip install "seo-engine[tracking]"`
    """

    def __init__(self, needed_by: str, extra: str, missing: Sequence[str]) -> None:
        super().__init__(f'{needed_by} needs {", ".join(missing)}: run `pip install "{DISTRIBUTION}[{extra}]"`')


def missing_from(extra: str) -> list[str]:
    """Return the distributions of an extra that are not installed.

    Args:
        extra (str): One of the extras in `pyproject.toml`.

    Returns:
        list[str]: Their names, sorted. Empty if this package runs from its source without being installed: there is
        then no metadata to read.
    """
    # Here, because it takes ten milliseconds, and only what is missing needs it.
    import importlib.metadata

    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return sorted(name for name in set(_required(extra, requirements)) if not _is_installed(name))


def require_extra(extra: str, *, needed_by: str) -> None:
    """Check that an extra is installed.

    Args:
        extra (str): The extra.
        needed_by (str): What cannot work without it; the message begins with this.

    Raises:
        MissingExtraError: If a library is missing; the message names each one.
    """
    if missing := missing_from(extra):
        raise MissingExtraError(needed_by, extra, missing)


def import_of_extra(module: str, *, extra: str, needed_by: str) -> ModuleType:
    """Import a module that an extra installs.

    Args:
        module (str): Its full name.
        extra (str): The extra that installs it.
        needed_by (str): What cannot work without it; the message begins with this.

    Returns:
        ModuleType: The module.

    Raises:
        MissingExtraError: If the module, or a library that it imports, is not installed.

    Example:
        >>> import_of_extra("no_such_library.core", extra="site", needed_by="this")
        Traceback (most recent call last):
            ...
        seo_engine.foundation.extras.MissingExtraError: this needs no_such_library: run `pip install "seo-engine[site]"`
    """
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(needed_by, extra, [error.name or module]) from None
    # Without the library, Python imports a folder of that name, such as W&B's own `wandb/`, as an empty package.
    spec = getattr(imported, "__spec__", None)
    if spec is not None and spec.origin is None:
        raise MissingExtraError(needed_by, extra, [module])
    return imported


def _required(extra: str, requirements: Sequence[str]) -> Iterator[str]:
    """Yield the distributions that an extra needs, including those of extras that it refers to."""
    for requirement in requirements:
        marker = _EXTRA.search(requirement.partition(";")[2])
        parts = _REQUIREMENT.match(requirement)
        if marker is None or marker["extra"] != extra or parts is None:
            continue
        if parts["name"] == DISTRIBUTION:
            for other in (parts["extras"] or "").split(","):
                yield from _required(other.strip(), requirements)
        else:
            yield parts["name"]


def _is_installed(distribution: str) -> bool:
    import importlib.metadata

    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
