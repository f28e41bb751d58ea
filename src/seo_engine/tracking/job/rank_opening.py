"""Opens the part of one rank in a run that the processes of a job share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.job.launcher import LaunchedProcess
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.order import MOST_LOST_LINES, count_lost
from seo_engine.tracking.journal.rank_files import ORDER, journal_name
from seo_engine.tracking.journal.rank_journals import PlacedLines
from seo_engine.tracking.journal.upkeep import JournalUpkeep
from seo_engine.tracking.payloads.payload_file import PayloadFile
from seo_engine.tracking.records.marks.run_marks import RANKS_VERSION, RESUME, START, Attempt
from seo_engine.tracking.runs.lifecycle import Lifecycle, read_lifecycle, read_part
from seo_engine.tracking.runs.log_files import RunLogs
from seo_engine.tracking.runs.open_run import OpenRun
from seo_engine.tracking.runs.rank_presence import RankPresence
from seo_engine.tracking.runs.record_writer import RecordWriter
from seo_engine.tracking.runs.run_lock import MOMENT_SECONDS
from seo_engine.tracking.surroundings.beginning import describe_beginning


class Beginning(NamedTuple):
    """How a rank's part in a run begins.

    Args:
        attempt (Attempt): Which attempt of the job this is.
        is_new (bool): Whether this process has created the run.
        is_apart (bool): Whether no other rank comes into its folder, because nothing says which run the others have.
        goes_on (bool): Whether an earlier attempt was this run: what is logged again supersedes what that one logged.
        resumes (bool): Whether this process was told to resume the run.
        step (int | None): What this rank logged at this step and later is superseded; None supersedes nothing.
    """

    attempt: Attempt
    is_new: bool = False
    is_apart: bool = False
    goes_on: bool = False
    resumes: bool = False
    step: int | None = None


@dataclass(kw_only=True)
class RankOpenRun(OpenRun):
    """What a rank needs to write its part of a run."""

    rank: int
    presence: RankPresence
    upkeep: JournalUpkeep
    logs: RunLogs

    def release(self) -> None:
        """Leave the part, because another process of the job has been faster to begin a run."""
        self.upkeep.close(MOMENT_SECONDS)
        self.presence.end()
        self.logging_queue.close()
        self.logs.close()


def open_rank(
    config: TrackingConfig,
    directory: Path,
    process: LaunchedProcess,
    presence: RankPresence,
    beginning: Beginning,
    wandb_run_id: str | None,
) -> RankOpenRun:
    """Open the journal of a rank, and write how its part begins.

    Args:
        config (TrackingConfig): The settings.
        directory (Path): The run's folder.
        process (LaunchedProcess): Which process of the job this is.
        presence (RankPresence): Which has begun.
        beginning (Beginning): How its part begins.
        wandb_run_id (str | None): The run's id, which each rank notes; None if it is known from before the ranks.

    Returns:
        RankOpenRun: Open.

    Raises:
        OSError: If its journal cannot be read or written.
    """
    path = directory / journal_name(process.rank)
    life = _life_so_far(path, directory if beginning.resumes else None)
    has_begun, life.started = life.has_begun, life.started or time.time()
    logs = RunLogs(directory, life.timestamp, process.rank)
    logging_queue = LoggingQueue(path)
    if process.rank == 0:
        # So that its child, and trackers in this process, have an order to read.
        LoggingQueue(directory / ORDER).close()
    lost = count_lost(logging_queue, PlacedLines(directory, process.rank).read()[0])
    if 0 < lost <= MOST_LOST_LINES:
        # After a power cut: the numbers of what this process logs must not be those of what is lost.
        logging_queue.append(b"\n" * lost)
    payload_file = PayloadFile(directory)
    writer = RecordWriter(logging_queue, config, process.rank, payload_file, ends_run=False)
    described = describe_beginning()
    part = {"version": RANKS_VERSION, "world_size": process.processes, "attempt": list(beginning.attempt)}
    if has_begun:
        writer.write(RESUME.name, step=beginning.step, configuration=config.as_dictionary(), **part, **described)
    else:
        identity: dict[str, Any] = {"wandb_run_id": wandb_run_id} if wandb_run_id is not None else {}
        writer.write(
            START.name,
            experiment_name=directory.name,
            configuration=config.as_dictionary(),
            **part,
            **identity,
            **({"part": True} if beginning.is_apart else {}),
            **described,
        )
    # Last, because it has a thread.
    upkeep = JournalUpkeep(logging_queue, presence.keep_up, payload_file)
    upkeep.start()
    return RankOpenRun(
        directory,
        config,
        life,
        logging_queue,
        writer,
        goes_on=beginning.goes_on and has_begun,
        rank=process.rank,
        presence=presence,
        upkeep=upkeep,
        logs=logs,
    )


def _life_so_far(journal: Path, resumed: Path | None) -> Lifecycle:
    """Return the life of a rank's part, or else that of the run that it resumes."""
    try:
        return read_part(journal)
    except (OSError, ValueError):
        # This rank comes for the first time.
        return read_lifecycle(resumed) if resumed is not None else Lifecycle()
