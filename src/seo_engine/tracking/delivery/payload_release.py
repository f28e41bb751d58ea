"""Removes the payload files of a run when every view holds what is in them."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from seo_engine.foundation.texts import one_line
from seo_engine.foundation.whole_files import synchronize
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.rank_files import journal_name, ranks_in
from seo_engine.tracking.journal.rank_journals import end_of_journal
from seo_engine.tracking.journal.reader import JournalReader, Position
from seo_engine.tracking.payloads.media_index import MediaIndex, Place
from seo_engine.tracking.payloads.payload import FILE_NAME, MEDIA, Reference, media_folder
from seo_engine.tracking.payloads.payload_file import PayloadFile, is_in_use
from seo_engine.tracking.payloads.run_payloads import RunPayloads
from seo_engine.tracking.records.kind import PAYLOADS
from seo_engine.tracking.records.kinds import KINDS, decode_record
from seo_engine.tracking.runs.ledger import DeliveryState, read_delivery
from seo_engine.tracking.runs.places import DELIVERY
from seo_engine.tracking.runs.run_lock import RunLock
from seo_engine.tracking.trackers.registry import configured_destinations

logger = logging.getLogger(__name__)

# A tracker's name, which its lock has, does not begin with a dot.
_LOCK = ".media"

# In the lines that may refer to payloads; the others are not decoded.
_MARK = f'"{PAYLOADS}":[{{'.encode()


def release_payloads(run_directory: Path, config: TrackingConfig, longest_seconds: float) -> None:
    """Remove the payload files of a run, if every view holds all of it, after writing down what became of them.

    What is left, because a process still writes it or there was no time, is left to `runs recover`. It never raises.

    Args:
        run_directory (Path): The run's folder.
        config (TrackingConfig): Its settings.
        longest_seconds (float): How long reading them may take.
    """
    with _turn(run_directory) as has_turn:
        if has_turn and any(_payload_files(run_directory)) and _has_all_views(run_directory, config):
            unused = {path.name: path for path in _payload_files(run_directory) if not is_in_use(path)}
            for path in _indexed(run_directory, unused, time.monotonic() + longest_seconds):
                path.unlink()


def release_sealed(run_directory: Path, payload_file: PayloadFile, states: Collection[DeliveryState]) -> None:
    """Remove the payload files of a running training that every view has passed; it never raises.

    Args:
        run_directory (Path): The run's folder.
        payload_file (PayloadFile): Of the process that calls this.
        states (Collection[DeliveryState]): The ledgers of all views.
    """
    passed = min((state.offset for state in states), default=0)
    for sealed in payload_file.sealed:
        if sealed.last_offset > passed:
            return
        with _turn(run_directory) as has_turn:
            # Where the folder was deleted, it must be restored first.
            if has_turn and sealed.path.exists():
                start = Position(sealed.first_offset, 0)
                for path in _indexed(run_directory, {sealed.path.name: sealed.path}, math.inf, start):
                    path.unlink()
                # One that could not be read stays, for `runs recover`.
                payload_file.release(sealed)


@contextmanager
def _turn(run_directory: Path) -> Iterator[bool]:
    """Yield whether nobody else writes the index meanwhile; what is raised within is said, and ends there."""
    lock = RunLock(run_directory, _LOCK)
    try:
        yield lock.acquire()
    except Exception as error:
        logger.warning("⚠️ Payload files in %s could not be removed: %s", run_directory / MEDIA, one_line(error))
    finally:
        lock.release()


def _indexed(
    run_directory: Path, files: Mapping[str, Path], deadline: float, start: Position | None = None
) -> list[Path]:
    """Write down what became of the payloads in some files, and return the files that are no longer needed."""
    payloads = RunPayloads(run_directory)
    names: dict[str, dict[Place, str]] = {name: {} for name in files}
    for reference in _references(run_directory, start):
        if reference.file not in names:
            continue
        if time.monotonic() > deadline:
            return []
        try:
            name = payloads.keep(reference).name
        except Exception as error:  # a payload may be damaged, and a library missing that it needs
            logger.warning("⚠️ %s is kept: %s", files[reference.file], one_line(error))
            del names[reference.file]
        else:
            names[reference.file][reference.file, reference.offset] = name
    kept = {place: name for each in names.values() for place, name in each.items()}
    for name in set(kept.values()):
        synchronize(run_directory / MEDIA / name)
    if kept:
        MediaIndex(run_directory).add(kept)
    return [files[name] for name in names]


def _payload_files(run_directory: Path) -> Iterator[Path]:
    return (path for path in media_folder(run_directory).glob("*.bin") if FILE_NAME.fullmatch(path.name))


def _has_all_views(run_directory: Path, config: TrackingConfig) -> bool:
    states = read_delivery(run_directory / DELIVERY)
    logged = end_of_journal(run_directory)
    names = states.keys() | set(configured_destinations(config))
    return all(name in states and states[name].is_complete and states[name].offset >= logged for name in names)


def _references(run_directory: Path, start: Position | None) -> Iterator[Reference]:
    """Yield what the records of a run refer to, after a position if it has one process."""
    for rank in ranks_in(run_directory):
        with JournalReader(run_directory / journal_name(rank)) as journal:
            for line in journal.lines(start or Position()):
                record = decode_record(line.content) if _MARK in line.content else None
                if record is not None and record["kind"] in KINDS and KINDS[record["kind"]].has_payloads:
                    yield from map(Reference.from_dictionary, record[PAYLOADS])
