"""Which versions and aliases there are, and which of them a person means."""

from __future__ import annotations

import contextlib
import difflib
import time
from collections.abc import Iterator
from typing import NamedTuple

import orjson

from seo_engine.foundation.redaction import names_in_words
from seo_engine.foundation.whole_files import read_small_json, write_whole
from seo_engine.tracking.artifacts.contents import is_time
from seo_engine.tracking.artifacts.manifests import ArtifactVersion, ManifestError, read_version
from seo_engine.tracking.artifacts.names import (
    LATEST,
    check_alias,
    check_artifact_name,
    is_version_number,
    parse_address,
    version_name,
)
from seo_engine.tracking.artifacts.places import Places
from seo_engine.tracking.file_lock import FileLock

# Others hold the store for a moment, or longer if thousands of files come or go.
_PATIENCE_SECONDS = 600.0


class Versions(NamedTuple):
    """The versions of an artifact.

    Args:
        known (list[ArtifactVersion]): In the order of their numbers, those that were deleted included.
        problems (list[str]): What is wrong with the others, a line each.
    """

    known: list[ArtifactVersion]
    problems: list[str]

    @property
    def present(self) -> list[ArtifactVersion]:
        """list[ArtifactVersion]: Those that were not deleted."""
        return [version for version in self.known if version.deleted is None]


@contextlib.contextmanager
def changing(places: Places) -> Iterator[bool]:
    """Hold the store while versions, aliases or content come or go.

    Args:
        places (Places): The store.

    Yields:
        bool: Whether others are kept out; not where the file system has no locks. A number then still belongs to one
            version, because it is taken by making a file that must not be there.

    Raises:
        OSError: If the store cannot be written, or another process holds it too long.
    """
    places.ensure(places.names)
    lock = FileLock(places.lock)
    if not lock.acquire(_PATIENCE_SECONDS):
        raise TimeoutError(f"{places.folder}: another process has been changing it for {_PATIENCE_SECONDS:.0f} s")
    try:
        yield not lock.is_without_effect
    finally:
        lock.release()


def artifact_names(places: Places) -> list[str]:
    """Return the names of all artifacts.

    Args:
        places (Places): The store.
    """
    return sorted(each.name for each in places.names.glob("*") if each.is_dir() and _is_name(each.name))


def read_versions(places: Places, name: str) -> Versions:
    """Return the versions of an artifact; one that cannot be read hides no other.

    Args:
        places (Places): The store.
        name (str): The artifact.
    """
    versions = Versions([], [])
    for number in places.numbers(name):
        try:
            versions.known.append(read_version(places.manifest(name, number), name, number))
        except (ManifestError, OSError) as error:
            versions.problems.append(str(error))
    return versions


def aliases_of(places: Places, name: str) -> dict[str, int]:
    """Return the aliases of an artifact and the numbers that they name; `latest` is not among them.

    Args:
        places (Places): The store.
        name (str): The artifact.
    """
    found = {each.name: _read_alias(places, name, each.name) for each in sorted(places.aliases(name).glob("*"))}
    return {alias: there[0] for alias, there in found.items() if there is not None}


def move_alias(places: Places, name: str, alias: str, number: int, wanted: float | None = None) -> None:
    """Have an alias name a version, from one moment to the next; the store is held.

    Args:
        places (Places): The store.
        name (str): The artifact.
        alias (str): The alias.
        number (int): The number of the version.
        wanted (float | None): When somebody wanted it, in seconds since 1970: a version that is committed late does not
            take an alias from one that was staged after it. None: now, whatever was wanted before.

    Raises:
        OSError: If it cannot be written.
    """
    there = _read_alias(places, name, alias)
    earlier = 0.0 if there is None else there[1]
    if wanted is None:
        wanted = max(time.time(), earlier)
    if wanted >= earlier:
        path = places.ensure(places.aliases(name)) / alias
        write_whole(path, [orjson.dumps({"number": number, "time": wanted})], synced=True)


def find_number(places: Places, text: str) -> tuple[str, int]:
    """Return the artifact and the number of the version that somebody names.

    Args:
        places (Places): The store.
        text (str): As for `parse_address`.

    Returns:
        tuple[str, int]: Name and number; what the version is may not be readable.

    Raises:
        ValueError: If there is none; the message says what there is.
        OSError: If the store cannot be read.
    """
    address = parse_address(text)
    check_is_there(places, address.name)
    numbers = places.numbers(address.name)
    if address.digest:
        return address.name, _with_digest(places, address.name, address.digest)
    if address.number is not None:
        if address.number not in numbers:
            raise ValueError(f"{address.name} has no {version_name(address.number)}; it has {_in_words(numbers)}")
        return address.name, address.number
    if address.alias == LATEST:
        for number in reversed(numbers):
            # An older version is not the latest because the newest cannot be read.
            if read_version(places.manifest(address.name, number), address.name, number).deleted is None:
                return address.name, number
        raise ValueError(f"all versions of {address.name} were deleted")
    aliases = aliases_of(places, address.name)
    if address.alias not in aliases:
        there = names_in_words([LATEST, *aliases])
        raise ValueError(f"{address.name} has no alias {address.alias!r}; it has {there}, and {_in_words(numbers)}")
    if aliases[address.alias] not in numbers:
        raise ValueError(f"{text} names {version_name(aliases[address.alias])}, which is not there")
    return address.name, aliases[address.alias]


def check_is_there(places: Places, name: str) -> None:
    """Refuse a name that no artifact has.

    Args:
        places (Places): The store.
        name (str): The name.

    Raises:
        ValueError: If there is none; the message says what there is.
    """
    check_artifact_name(name)
    if not places.numbers(name):
        raise ValueError(f"no artifact {name!r} in {places.folder}{_nearest(places, name)}")


def resolve(places: Places, text: str) -> ArtifactVersion:
    """Return the version that somebody names; see `ArtifactStore.resolve`."""
    name, number = find_number(places, text)
    version = read_version(places.manifest(name, number), name, number)
    if version.deleted is not None:
        raise ValueError(f"{version.label} was deleted")
    return version


def _with_digest(places: Places, name: str, digest: str) -> int:
    found = [version for version in read_versions(places, name).present if version.digest.startswith(digest)]
    if len({version.digest for version in found}) > 1:
        raise ValueError(f"{name}@{digest} is the beginning of several digests; give more of it")
    if not found:
        raise ValueError(f"no version of {name} has a digest that begins with {digest}")
    return found[-1].number


def _in_words(numbers: list[int]) -> str:
    first, last = version_name(numbers[0]), version_name(numbers[-1])
    return first if first == last else f"{first} to {last}"


def _nearest(places: Places, name: str) -> str:
    names = artifact_names(places)
    if close := difflib.get_close_matches(name, names, n=1):
        return f"; the nearest name is {close[0]!r}"
    return f"; there are {names_in_words(names)}" if names else ", which has none"


def _read_alias(places: Places, name: str, alias: str) -> tuple[int, float] | None:
    """Return the number that an alias names and when somebody wanted it; None if there is no such alias."""
    try:
        check_alias(alias)
        plain = read_small_json(places.aliases(name) / alias)
    except (ValueError, OSError):
        return None
    if not isinstance(plain, dict) or not is_version_number(plain.get("number")):
        return None
    wanted = plain.get("time")
    return plain["number"], wanted if is_time(wanted) else 0.0


def _is_name(name: str) -> bool:
    try:
        check_artifact_name(name)
    except ValueError:
        return False
    return True
