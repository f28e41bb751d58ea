"""Replay: a view that a run never had, or one that shows every value, made from its journal."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

import orjson

from seo_engine.foundation.whole_files import write_whole
from seo_engine.tracking.delivery.conclusion import conclude
from seo_engine.tracking.delivery.recovery import Progress, recover_run
from seo_engine.tracking.journal.rank_files import journal_name, ranks_in
from seo_engine.tracking.journal.reader import JournalReader
from seo_engine.tracking.payloads.media_copy import copy_media
from seo_engine.tracking.records.kinds import decode_record
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.trackers.registry import destination_of, settings_for_only
from seo_engine.tracking.trackers.wandb.contents.sent_alerts import copy_sent_alerts


def replay_run(
    run_directory: Path, view: str, *, show_all: bool = False, progress: Progress = lambda states: None
) -> tuple[Path, dict[str, DeliveryState]]:
    """Make a view from a run's journal, with the original times and steps.

    Args:
        run_directory (Path): The run's folder.
        view (str): The tracker's name.
        show_all (bool): Show every value. A view cannot be made denser later, so this one gets a separate folder,
            `<run>_all`, next to the run's.
        progress (Progress): Called about once a second with the ledgers.

    Returns:
        tuple[Path, dict[str, DeliveryState]]: The folder of the view, and its ledger.

    Raises:
        RunStillOpenError: If the run's process is alive.
        OSError: If the journal cannot be read or written.
        ValueError: If the journal does not say how the run began, an earlier copy lacks a part of the run, or there is
            no such tracker here.
    """
    # What cannot be used here leaves no copy behind.
    destination_of(view)
    if show_all:
        conclude(run_directory, "killed")
        run_directory = _copy_that_shows_all(run_directory, view)
    return run_directory, recover_run(run_directory, [view], progress)


def _copy_that_shows_all(run_directory: Path, view: str) -> Path:
    """Make a run with the same records, whose configuration thins nothing; an existing one is reused."""
    target = run_directory.with_name(f"{run_directory.resolve().name}_all")
    if ranks_in(target):
        _check_whole(run_directory, target)
        return target
    identity = {"experiment_name": target.name, "wandb_run_id": secrets.token_hex(4)}
    settings = {"selective_logging": False, **settings_for_only(view)}
    # Under another name first, so that a copy that was interrupted is made again.
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    # Of several ranks, without their order: with all that they have logged by now, it puts them side by side.
    for rank in ranks_in(run_directory):
        with JournalReader(run_directory / journal_name(rank)) as journal:
            # Line for line, so that the records keep their numbers.
            lines = (_with_settings(line.content, settings, identity) + b"\n" for line in journal.lines())
            write_whole(partial / journal_name(rank), lines)
    copy_media(run_directory, partial)
    copy_sent_alerts(run_directory, partial)
    partial.rename(target)
    return target


def _check_whole(run_directory: Path, copy: Path) -> None:
    """Refuse a copy that was made before the run went on, or got the ranks of another host.

    Raises:
        ValueError: If it lacks records.
    """
    for rank in ranks_in(run_directory):
        path = copy / journal_name(rank)
        held = _count_lines(path) if path.exists() else 0
        if held < _count_lines(run_directory / journal_name(rank)):
            raise ValueError(f"{copy} lacks what the run has logged since; remove that folder, and replay again")


def _count_lines(path: Path) -> int:
    with JournalReader(path) as journal:
        return journal.count_lines(0, journal.size())


def _with_settings(line: bytes, settings: dict[str, Any], identity: dict[str, Any]) -> bytes:
    """Return a line of the journal; one with a configuration gets new settings, the first also a new identity."""
    if not line.startswith((b'{"kind":"start"', b'{"kind":"resume"')):
        return line
    record = decode_record(line)
    if record is None or record.get("goes_on"):
        return line
    record["configuration"] |= settings
    record |= {name: value for name, value in identity.items() if name in record}
    return orjson.dumps(record)
