"""Late marks: notes and tags that a run gets while it is open, or after it has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seo_engine.tracking.delivery.recovery import Progress, recover_run
from seo_engine.tracking.records.kinds import KINDS
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.lifecycle import is_open, read_lifecycle
from seo_engine.tracking.runs.open_run import attach_run


def mark_run(
    run_directory: Path, kind: str, arguments: dict[str, Any], progress: Progress = lambda states: None
) -> dict[str, DeliveryState] | None:
    """Append a note or tags to the journal of a run, and complete its views if it has ended.

    Args:
        run_directory (Path): The run's folder.
        kind (str): `note` or `tags`.
        arguments (dict[str, Any]): The arguments of the call that logs it.
        progress (Progress): Called about once a second with the ledgers.

    Returns:
        dict[str, DeliveryState] | None: The ledger of each view; None if the run is open, because its process delivers.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If it is not valid, or the journal does not say how the run began.
        OSError: If the journal cannot be read or written.
    """
    life = read_lifecycle(run_directory)
    arguments = {**arguments, "epoch": life.epoch, "step": life.step}
    # What the writer refuses, it only counts.
    KINDS[kind].make_records(arguments, most_bytes=0)
    run = attach_run(run_directory, rank=0)
    try:
        run.record_writer.write(kind, **arguments)
        if run.logging_queue.waiting:
            raise OSError(f"{run.logging_queue.path} cannot be written")
    finally:
        run.logging_queue.close()
    return None if is_open(run_directory) else recover_run(run_directory, progress=progress)
