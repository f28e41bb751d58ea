"""Opens the run of this process: its own, or the one that it shares with the other processes of its job."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from seo_engine.foundation.whole_files import create_like_parent
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.job.job_identity import RUN_VARIABLE, job_identity
from seo_engine.tracking.job.job_member import NO_RESTARTS, JobMember
from seo_engine.tracking.job.job_runs import JobRun, JobRuns
from seo_engine.tracking.job.launcher import LaunchedProcess, read_launched_process
from seo_engine.tracking.job.rank_opening import Beginning, RankOpenRun, open_rank
from seo_engine.tracking.journal.rank_files import has_ranks, rank_name
from seo_engine.tracking.records.marks.run_marks import FIRST_ATTEMPT, Attempt
from seo_engine.tracking.runs.lifecycle import RunStillOpenError, is_open, read_end
from seo_engine.tracking.runs.open_run import (
    OpenRun,
    OwnOpenRun,
    attach_run,
    create_run,
    new_wandb_run_id,
    resume_run,
)
from seo_engine.tracking.runs.places import PARTS, create_run_directory
from seo_engine.tracking.runs.rank_presence import RankPresence, is_present, signature_of, signatures
from seo_engine.tracking.runs.run_lock import MOMENT_SECONDS, RUN_LOCK, is_locked

logger = logging.getLogger(__name__)

# An earlier attempt may be about to end.
_LONGEST_WAIT_FOR_EARLIER = 10.0

# A try fails if another process of the job was faster.
_MOST_TRIES = 10

# Of a job whose name is used for years, the older runs have ended.
_MOST_RUNS_AT_ONCE = 10


class _Runs:
    """Counts the runs that this process has opened: the second of each process is the job's second run."""

    def __init__(self) -> None:
        self.renew_after_fork()

    def next_number(self) -> int:
        return next(self._numbers)

    def renew_after_fork(self) -> None:
        self._numbers = itertools.count(1)
        # Whether a process that has started this one may have a run that takes what this one logs.
        self.may_have_ancestor = True


_runs = _Runs()
os.register_at_fork(after_in_child=_runs.renew_after_fork)


def open_run(config: TrackingConfig, directory: Path | None, step: int | None) -> OpenRun:
    """Open the run that this process logs into, alone or with the other processes of its job.

    No other process has to come: any of them may come first, late, or never.

    Args:
        config (TrackingConfig): The settings.
        directory (Path | None): The folder of the run to resume; None means that none is named.
        step (int | None): What was logged at this step and later is superseded; None supersedes nothing.

    Returns:
        OpenRun: An `OwnOpenRun` of this process alone, a `RankOpenRun`, or the run of a process that has started this.

    Raises:
        RunStillOpenError: If the run to resume is open in another job.
        OSError: If it cannot be written.
        ValueError: If the journal of the run to resume does not say how it began.
    """
    process = read_launched_process(os.environ)
    if directory is not None:
        if process.processes == 1 and not has_ranks(directory):
            return resume_run(config, directory, step)
        return _Joining(config, process, job_identity(os.environ, process)).resume(directory, step)
    number = _runs.next_number()
    identity = job_identity(os.environ, process)
    joining = _Joining(config, process, identity)
    if identity is None:
        return create_run(config) if process.processes == 1 else joining.open_apart()
    folder = Path(config.tensorboard_log_dir).absolute()
    runs = JobRuns(folder, f"{identity}#{number}")
    if process.processes == 1:
        return _open_alone(config, process, runs)
    try:
        attached = joining.attach_to_ancestor(folder) if _runs.may_have_ancestor else None
        _runs.may_have_ancestor = attached is not None
        return attached if attached is not None else joining.open(runs)
    except OSError as error:
        logger.warning("⚠️ The processes of this job cannot agree on a run: %s", error)
        return joining.open_apart()


def _open_alone(config: TrackingConfig, process: LaunchedProcess, runs: JobRuns) -> OpenRun:
    """Open the run of a job of one process, which a later attempt goes on with."""
    run = None
    try:
        run = _go_on_alone(config, process, runs)
    except (OSError, ValueError) as error:
        logger.debug("This attempt cannot go on with the run of the earlier one: %s", error)
    if run is None:
        run = create_run(config)
    try:
        runs.decide(JobRun(run.directory.name, runs.next_number(), process.restarts or NO_RESTARTS))
    except OSError as error:
        # A later attempt begins a run of its own.
        logger.debug("It cannot be noted which run this job has: %s", error)
    return run


def _go_on_alone(config: TrackingConfig, process: LaunchedProcess, runs: JobRuns) -> OwnOpenRun | None:
    newest = runs.newest()
    directory = runs.directory_of(newest)
    if newest is None or directory is None or has_ranks(directory) or is_open(directory):
        return None
    end = read_end(directory)
    # Ray counts no restarts: what has not finished is tried again.
    has_finished = end is not None and end["status"] == "finished"
    if not (process.restarts > newest.restarts if process.restarts is not None else not has_finished):
        return None
    run = resume_run(config, directory, None)
    run.goes_on = True
    return run


class _Joining:
    """How one process of a job of several finds its run, and begins its part in it."""

    def __init__(self, config: TrackingConfig, process: LaunchedProcess, identity: str | None) -> None:
        self._config = config
        self._process = process
        self._member = JobMember.of_this_process(os.environ, process, identity)
        # Chosen once: a name from the environment is that of one run only.
        self._new_wandb_run_id: str | None = None

    def attach_to_ancestor(self, folder: Path) -> OpenRun | None:
        """Attach to the run of this rank's own process, if that has started this one, such as a data-loader worker."""
        for number in itertools.count(1):
            runs = JobRuns(folder, f"{self._member.identity}#{number}")
            newest = runs.newest()
            directory = runs.directory_of(newest)
            if directory is not None and self._is_held_by(directory, _ancestors()):
                return attach_run(directory, self._process.rank)
            if newest is None:
                break
        return None

    def open(self, runs: JobRuns) -> OpenRun:
        """Join the job's newest run, or begin it."""
        for _ in range(_MOST_TRIES):
            if found := self._find(runs):
                directory, attempt = found
                joined = self._join(directory, Beginning(attempt, goes_on=attempt > FIRST_ATTEMPT))
                if joined is None:
                    raise OSError(f"another process is rank {self._process.rank} in {directory}")
                return joined
            with runs.in_turn():
                # Read first: if another process begins it meanwhile, ours has no number any more.
                number = runs.next_number()
                created = self._create(runs, number) if self._find(runs) is None else None
                if created is not None:
                    return created
        raise OSError("each time, another process has been faster")

    def _find(self, runs: JobRuns) -> tuple[Path, Attempt] | None:
        """Return the run that this process belongs to, and as which attempt; jobs with one identity may run at once."""
        for run in itertools.islice(runs.newest_first(), _MOST_RUNS_AT_ONCE):
            directory = runs.directory_of(run)
            attempt = self._member.attempt_in(directory) if directory is not None else None
            if directory is not None and attempt is not None:
                return directory, attempt
        return None

    def resume(self, directory: Path, step: int | None) -> OpenRun:
        """Join a run that each process names."""
        directory = directory.absolute()
        if self._is_held_by(directory, _ancestors()):
            return attach_run(directory, self._process.rank)
        if self._is_held_by(directory, [os.getpid()]):
            raise RunStillOpenError(
                f"{directory} cannot be resumed, because it is open in this process: close it first"
            )
        # In this order: another rank of this job may begin meanwhile, and its child then holds the same lock.
        is_held_alone = is_locked(directory, RUN_LOCK) and not has_ranks(directory)
        alive = [each for rank, each in signatures(directory).items() if is_present(directory, rank, each)]
        if is_held_alone or not all(map(self._member.is_of_same_job, alive)):
            raise RunStillOpenError(_still_open(directory))
        attempt = self._member.attempt_of_resumption(directory)
        joined = self._join(directory, Beginning(attempt, resumes=True, step=step))
        if joined is None:
            raise RunStillOpenError(_still_open(directory))
        return joined

    def open_apart(self) -> OpenRun:
        """Begin the run if this is the first rank, else a part apart: nothing says which run the others have."""
        is_first = self._process.rank == 0
        folder, name = Path(self._config.tensorboard_log_dir), self._config.experiment_name
        if not is_first:
            create_like_parent(folder / PARTS)
            folder, name = folder / PARTS, f"{name or 'seo_engine'}.{rank_name(self._process.rank)}"
        directory = create_run_directory(folder, name)
        run = self._begin(directory, Beginning(FIRST_ATTEMPT, is_new=True, is_apart=not is_first))
        assert run is not None
        if not is_first:
            logger.warning(
                "⚠️ Rank %d of %d cannot tell which run it shares with the other ranks, so it keeps its records in %s. "
                "To have one run, give all processes of a job one %s, such as its name and number",
                self._process.rank,
                self._process.processes,
                directory,
                RUN_VARIABLE,
            )
        return run

    def _create(self, runs: JobRuns, number: int) -> RankOpenRun | None:
        """Begin a run; None if another process of the job has been faster."""
        directory = create_run_directory(self._config.tensorboard_log_dir, self._config.experiment_name)
        restarts = self._process.restarts or NO_RESTARTS
        run: RankOpenRun | None = None
        is_decided = False
        try:
            run = self._begin(directory, Beginning((0, *restarts), is_new=True))
            # Only now, because whoever finds it must find a run that has begun, and is open.
            is_decided = runs.decide(JobRun(directory.name, number, restarts))
        finally:
            if not is_decided:
                if run is not None:
                    run.release()
                shutil.rmtree(directory, ignore_errors=True)
        return run if is_decided else None

    def _join(self, directory: Path, beginning: Beginning) -> RankOpenRun | None:
        """Begin a part in a run; None if another process is this rank there."""
        run = self._begin(directory, beginning)
        name = self._config.experiment_name
        if run is not None and not beginning.resumes and name is not None and not directory.name.startswith(name):
            # A tracker that only some ranks make, before one that all make, leads here too.
            logger.info("✅ The run of this job is named %s, not %s: the first rank named it", directory.name, name)
        return run

    def _begin(self, directory: Path, beginning: Beginning) -> RankOpenRun | None:
        presence = RankPresence(directory, self._process.rank)
        signature = self._member.signature(beginning.attempt, self._wandb_run_id_of(directory, beginning))
        if not presence.begin(signature, _LONGEST_WAIT_FOR_EARLIER if beginning.goes_on else MOMENT_SECONDS):
            return None
        try:
            return open_rank(self._config, directory, self._process, presence, beginning, signature.wandb_run_id)
        except BaseException:
            presence.end()
            raise

    def _wandb_run_id_of(self, directory: Path, beginning: Beginning) -> str | None:
        """Return the run's id, which each rank notes; None if the run began before it had ranks."""
        if not beginning.is_new:
            known = (each.wandb_run_id for each in signatures(directory).values())
            return next(filter(None, known), None)
        self._new_wandb_run_id = self._new_wandb_run_id or new_wandb_run_id(self._config)
        return self._new_wandb_run_id

    def _is_held_by(self, directory: Path, processes: Iterable[int]) -> bool:
        holder = signature_of(directory, self._process.rank)
        return (
            holder is not None
            and holder.host == platform.node()
            and holder.process in processes
            and is_present(directory, self._process.rank, holder)
        )


def _still_open(directory: Path) -> str:
    return f"{directory} cannot be resumed, because it is open in another job: end that, or attach to the run"


def _ancestors() -> Iterator[int]:
    import psutil

    with contextlib.suppress(psutil.Error):
        yield from (each.pid for each in psutil.Process().parents())
