"""Names of artifacts, and how a version is named: `model`, `model:best`, `model:v3`, `model@ab12cd34`."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any, TypeGuard

from seo_engine.foundation.redaction import check_no_secret
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.artifacts.contents import is_whole_number

LATEST = "latest"

LONGEST_ARTIFACT_NAME = 120
_LONGEST_TYPE = 60
_SHORTEST_PREFIX = 6
_HIGHEST_NUMBER = 999_999_999

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NUMBER = re.compile(r"v(0|[1-9]\d{0,8})")
_PREFIX = re.compile(rf"[0-9a-f]{{{_SHORTEST_PREFIX},64}}")
_STAGING_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Address:
    """How somebody names a version of an artifact: by number or digest, and without these by alias.

    Args:
        name (str): The artifact.
        alias (str): One of its aliases.
        number (int | None): The number of the version.
        digest (str): The beginning of its digest.
    """

    name: str
    alias: str = LATEST
    number: int | None = None
    digest: str = ""


def check_artifact_name(name: str) -> None:
    """Refuse a name that is not a plain folder name; W&B takes the same characters.

    Args:
        name (str): The artifact's name.

    Raises:
        ValueError: If it could escape its folder, is not a portable file name, or holds a secret.

    Example:
        >>> check_artifact_name("../elsewhere")
        Traceback (most recent call last):
            ...
        ValueError: an artifact's name must be plain (letters, digits, . _ -), got '../elsewhere'
    """
    _check("an artifact's name", name)


def check_alias(alias: str) -> None:
    """Refuse an alias that is not plain, or names a version anyway.

    Args:
        alias (str): The alias.

    Raises:
        ValueError: If it is not plain, `latest`, or like `v3`.

    Example:
        >>> check_alias("v3")
        Traceback (most recent call last):
            ...
        ValueError: an alias must be neither latest nor a number such as v3, which name a version anyway, got 'v3'
    """
    _check("an alias", alias)
    if alias.lower() == LATEST or _NUMBER.fullmatch(alias.lower()):
        raise ValueError(
            f"an alias must be neither latest nor a number such as v3, which name a version anyway, got {alias!r}"
        )


def check_artifact_type(kind: str) -> None:
    """Refuse a type that is not a short plain word, such as `model`, `dataset` or `result`.

    Args:
        kind (str): The artifact's type.

    Raises:
        ValueError: If it is not.

    Example:
        >>> check_artifact_type("")
        Traceback (most recent call last):
            ...
        ValueError: an artifact's type must be plain (letters, digits, . _ -), got ''
    """
    _check("an artifact's type", kind, _LONGEST_TYPE)


def parse_address(text: str) -> Address:
    """Return which version a text names.

    Args:
        text (str): `name`, which is its latest version, `name:alias`, `name:v3`, or `name@` and the beginning of a
            digest.

    Raises:
        ValueError: If it names none.

    Example:
        >>> parse_address("model:v3").number, parse_address("model:best").alias, parse_address("model@ab12cd").digest
        (3, 'best', 'ab12cd')
        >>> parse_address("model").alias
        'latest'
    """
    if not isinstance(text, str):
        raise ValueError(f"a version must be named by a text such as 'model:best', got {text!r}")
    name, at, digest = text.partition("@")
    name, colon, alias = (name, "", "") if at else text.partition(":")
    check_artifact_name(name)
    if at:
        if not _PREFIX.fullmatch(digest):
            raise ValueError(
                f"{one_line(text)!r}: after @ stands the beginning of a digest, {_SHORTEST_PREFIX} to 64 of 0-9 and a-f"
            )
        return Address(name, digest=digest)
    if not colon:
        return Address(name)
    if match := _NUMBER.fullmatch(alias):
        return Address(name, number=int(match[1]))
    if alias != LATEST:
        check_alias(alias)
    return Address(name, alias)


def version_name(number: int) -> str:
    """Return the number of a version as people write it.

    Raises:
        ValueError: If no version can have it.

    Example:
        >>> version_name(3)
        'v3'
    """
    if number > _HIGHEST_NUMBER:
        raise ValueError(f"the highest number of a version is {_HIGHEST_NUMBER:,}, got {number:,}")
    return f"v{number}"


def is_version_number(value: Any) -> TypeGuard[int]:
    """Return whether a value from a file is the number of a version.

    Example:
        >>> is_version_number(3), is_version_number(True), is_version_number(10**12)
        (True, False, False)
    """
    return is_whole_number(value) and value <= _HIGHEST_NUMBER


def number_of(text: str) -> int | None:
    """Return the number in a text such as `v3`; None if it is another text.

    Example:
        >>> number_of("v3"), number_of("v03"), number_of("best")
        (3, None, None)
    """
    match = _NUMBER.fullmatch(text)
    return int(match[1]) if match else None


def new_staging_id(name: str) -> str:
    """Return an id for what is to become a version of an artifact; it holds the name.

    Args:
        name (str): The artifact.
    """
    return f"{name}.{secrets.token_hex(16)}"


def is_staging_id(text: str) -> bool:
    """Return whether a text, such as the name of a folder, is the id of what was staged.

    Example:
        >>> is_staging_id(new_staging_id("model")), is_staging_id("model.done")
        (True, False)
    """
    try:
        name_in_staging_id(text)
    except ValueError:
        return False
    return True


def name_in_staging_id(staging: str) -> str:
    """Return the artifact of which something was staged under an id.

    Args:
        staging (str): The id.

    Raises:
        ValueError: If it is not such an id.

    Example:
        >>> name_in_staging_id(new_staging_id("model"))
        'model'
    """
    name, _, token = staging.rpartition(".")
    if not _STAGING_TOKEN.fullmatch(token):
        raise ValueError(f"{one_line(staging)!r} is not an id that `stage` returned")
    check_artifact_name(name)
    return name


def _check(what: str, text: str, longest: int = LONGEST_ARTIFACT_NAME) -> None:
    if not isinstance(text, str):
        raise ValueError(f"{what} must be a text, got {text!r}")
    check_no_secret(what, text)
    if len(text) > longest:
        raise ValueError(f"{what} must be at most {longest} characters long, got {len(text)}")
    if not _NAME.fullmatch(text):
        raise ValueError(f"{what} must be plain (letters, digits, . _ -), got {text!r}")
