"""Opens a run for writing: a new one, one to resume, or another process's."""

from __future__ import annotations

import logging
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.awaited_queue import AwaitedQueue
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.rank_files import JOURNAL, journal_to_append_to, main_journal
from seo_engine.tracking.journal.upkeep import JournalUpkeep
from seo_engine.tracking.journal.waiting_lines import MAXIMUM_WAITING_BYTES
from seo_engine.tracking.payloads.payload_file import PayloadFile
from seo_engine.tracking.records.marks.run_marks import JOURNAL_VERSION, RESUME, START
from seo_engine.tracking.runs.lifecycle import (
    Lifecycle,
    RunStillOpenError,
    program_of,
    read_configuration,
    read_lifecycle,
    read_part,
)
from seo_engine.tracking.runs.log_files import RunLogs
from seo_engine.tracking.runs.places import create_run_directory
from seo_engine.tracking.runs.record_writer import RecordWriter
from seo_engine.tracking.runs.run_lock import RUN_LOCK, RunLock
from seo_engine.tracking.surroundings.beginning import describe_beginning
from seo_engine.tracking.wandb_rules import is_plain_run_id

logger = logging.getLogger(__name__)

_used_wandb_run_ids: set[str] = set()

# A process that only writes the end of a killed run holds its lock briefly.
_LONGEST_WAIT_FOR_LOCK = 5.0


@dataclass
class OpenRun:
    """What a process needs to write to a run.

    `goes_on` says that an earlier attempt of this job was this run: what is logged again supersedes what that one
    logged.
    """

    directory: Path
    config: TrackingConfig
    life: Lifecycle
    logging_queue: LoggingQueue
    record_writer: RecordWriter
    goes_on: bool = False


@dataclass(kw_only=True)
class OwnOpenRun(OpenRun):
    """What the run's owner, which also ends it, needs too: its lock, the journal's upkeep, and the log files."""

    lock: RunLock
    upkeep: JournalUpkeep
    logs: RunLogs


def create_run(config: TrackingConfig) -> OwnOpenRun:
    """Create the folder of a new run and start its journal.

    Args:
        config (TrackingConfig): The settings.

    Returns:
        OwnOpenRun: Owned by this process.

    Raises:
        OSError: If it cannot be created.
    """
    directory = create_run_directory(config.tensorboard_log_dir, config.experiment_name)
    described = describe_beginning()
    life = Lifecycle(
        wandb_run_id=new_wandb_run_id(config),
        started=time.time(),
        environment=described["environment"],
        program=program_of(described),
    )
    run = _owned(directory, config, life)
    run.record_writer.write(
        START.name,
        version=JOURNAL_VERSION,
        experiment_name=directory.name,
        wandb_run_id=life.wandb_run_id,
        configuration=config.as_dictionary(),
        **described,
    )
    return run


def resume_run(config: TrackingConfig, directory: Path, step: int | None) -> OwnOpenRun:
    """Resume a run that ended or was killed.

    Args:
        config (TrackingConfig): The settings from now on.
        directory (Path): The run's folder.
        step (int | None): What was logged at this step and later is superseded; None supersedes nothing.

    Returns:
        OwnOpenRun: Owned by this process.

    Raises:
        RunStillOpenError: If a live process writes it.
        OSError: If its journal cannot be read or written.
        ValueError: If its journal does not say how it began.
    """
    directory = directory.absolute()
    life = read_lifecycle(directory)
    run = _owned(directory, config, life)
    if step is not None:
        life.step = step
    described = describe_beginning()
    life.program = program_of(described)
    run.record_writer.write(RESUME.name, step=step, configuration=config.as_dictionary(), **described)
    return run


def attach_run(run: str | Path, rank: int) -> OpenRun:
    """Open a run that another process owns. If there is none that can be opened, its journal is waited for.

    Args:
        run (str | Path): The run's folder.
        rank (int): Rank of this process in distributed training.

    Returns:
        OpenRun: For appending only.
    """
    directory = Path(str(run)).absolute()
    logging_queue: LoggingQueue
    try:
        path = journal_to_append_to(directory, rank) or directory / JOURNAL
        life = read_part(path if path.exists() else main_journal(directory))
        config = read_configuration(life.configuration)
        logging_queue = LoggingQueue(path)
    except (OSError, ValueError) as error:
        logger.warning(
            "⚠️ There is no run in %s yet (%s): records wait in memory, at most %d MB of them, until one begins",
            directory,
            one_line(error),
            MAXIMUM_WAITING_BYTES >> 20,
        )
        life, config = Lifecycle(), TrackingConfig()
        logging_queue = AwaitedQueue(directory, rank)
        logging_queue.start_waiting()
    logging_queue.follow_by_itself()
    payload_file = PayloadFile(directory, creates_folder=False)
    return OpenRun(directory, config, life, logging_queue, RecordWriter(logging_queue, config, rank, payload_file))


def new_wandb_run_id(config: TrackingConfig) -> str:
    """Return the W&B id that was chosen, for the first run of this process that has it, or a new one.

    Args:
        config (TrackingConfig): The settings.
    """
    chosen = config.wandb_run_id or os.environ.get("WANDB_RUN_ID")
    new = secrets.token_hex(4)
    if not chosen or not config.wandb_logging:
        return new
    if not is_plain_run_id(chosen) or redact_text(chosen) != chosen:
        logger.warning("⚠️ WANDB_RUN_ID must be 1 to 64 letters, digits, _ or -; this run has the id %s", new)
        return new
    if chosen in _used_wandb_run_ids:
        logger.warning("⚠️ The W&B run id %s belongs to an earlier run of this process; this one is %s", chosen, new)
        return new
    _used_wandb_run_ids.add(chosen)
    return chosen


def _owned(directory: Path, config: TrackingConfig, life: Lifecycle) -> OwnOpenRun:
    lock = RunLock(directory, RUN_LOCK)
    if not lock.acquire(_LONGEST_WAIT_FOR_LOCK):
        is_here = lock.is_held_here()
        where = "in this process: close it first" if is_here else "in another process: end that, or attach to the run"
        raise RunStillOpenError(f"{directory} cannot be resumed, because it is open {where}")
    logging_queue = LoggingQueue(directory / JOURNAL)
    logs = RunLogs(directory, life.timestamp)
    payload_file = PayloadFile(directory)
    upkeep = JournalUpkeep(logging_queue, payload_file=payload_file)
    upkeep.start()
    writer = RecordWriter(logging_queue, config, 0, payload_file)
    return OwnOpenRun(directory, config, life, logging_queue, writer, lock=lock, upkeep=upkeep, logs=logs)
