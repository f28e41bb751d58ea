"""WandBTracker: a Weights & Biases run, online or offline."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seo_engine.foundation.redaction import redact_command
from seo_engine.foundation.whole_files import PRIVATE_FOLDER
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import METRIC_KINDS, ModelArchitecture
from seo_engine.tracking.records.operations_table import operations_table
from seo_engine.tracking.runs.endings import ErrorDescription
from seo_engine.tracking.runs.places import WANDB
from seo_engine.tracking.runs.surroundings import read_git, wandb_texts
from seo_engine.tracking.trackers.destination_tracker import IncompleteViewError, Recorded
from seo_engine.tracking.trackers.sdk_tracker import BackendTracker
from seo_engine.tracking.trackers.wandb import core as wandb_service
from seo_engine.tracking.trackers.wandb import fragments as wandb_fragments

if TYPE_CHECKING:
    import wandb

# A file of wandb-core that got rows, and did not grow in this time, is not written any more.
GROWTH_SECONDS = 5.0

# Offline, `finish` writes what wandb-core still has to the disk; with a stalled core it never returns.
OFFLINE_CLOSE_SECONDS = 10.0

# Offline, `wandb.init` asks wandb-core and nobody else; one that was killed or stalls meanwhile never answers.
OFFLINE_INIT_SECONDS = 20.0
ONLINE_INIT_SECONDS = 90.0

# wandb waits for half a minute for its core to start. If it does not, wandb 0.31 locks itself out while it reports
# that, and never returns.
LONGEST_START_SECONDS = 40.0

# Folder of the run for offline files whose rows went to the server by another way; `wandb sync` does not look there.
SUPERSEDED = "wandb_superseded"

# wandb-core writes its file per 32 KiB or after this many seconds; its default of 15 loses that much to a kill.
TRANSACTION_LOG_FLUSH_SECONDS = 0.2


class WandBTracker(BackendTracker):
    """Writes a run's records as rows of a W&B run.

    By itself it is ready at once and synchronous; `ExperimentTracker` uses the same class in a child process.
    `run` is None after a failed set-up, and then calls do nothing. A run that was opened in this process with
    `wandb.init` is left alone.

    Args:
        config (TrackingConfig | None): The settings; None means the defaults.
        run_directory (Path | None): The run's folder; None makes a new one and sets up at once.
        run_id (str | None): The id of the W&B run; the same id goes on in the same run. None means a new one.
        watched_process (int | None): The process whose CPU and memory W&B samples; None means this one.
        owns_core (bool): Whether no other run of this process needs wandb: its core may be killed when it fails, and
            an offline run keeps it from reporting to its makers.

    Example:
        >>> import tempfile
        >>> from seo_engine.tracking import TrackingConfig
        >>> config = TrackingConfig(tensorboard_log_dir=tempfile.mkdtemp(), wandb_mode="offline")
        >>> with WandBTracker(config) as tracker:
        ...     tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.123, "accuracy": 0.95})
    """

    name = "wandb"
    title = "Weights & Biases"
    run: wandb.Run | None = None

    def __init__(
        self,
        config: TrackingConfig | None = None,
        run_directory: Path | None = None,
        *,
        run_id: str | None = None,
        watched_process: int | None = None,
        owns_core: bool = False,
    ) -> None:
        self._run_id = run_id
        self._watched_process = watched_process if watched_process is not None else os.getpid()
        self._owns_core = owns_core
        self._stop_request = wandb_service.StopRequest()
        # The newest row that the view held when it was opened, and the newest that it was given.
        self._held_record = 0
        self._given_record = 0
        self._mode = ""
        self._said_offline = False
        self._growth: FileGrowth | None = None
        super().__init__(config, run_directory)

    def setup_wandb(self) -> None:
        """Open the W&B run; a failure is logged and leaves `run` None."""
        self.setup()

    @property
    def available(self) -> bool:
        """bool: Whether the W&B run is open."""
        return self.run is not None

    @property
    def stop_requested(self) -> bool:
        """bool: Whether the server asked to stop the run; the training decides for itself."""
        return self._stop_request.received

    @property
    def confirmed_record(self) -> int | None:
        """int | None: The newest record that the view is known to hold before it is closed; None if it is not open."""
        return self._held_record if self.run is not None and self._run_id is not None else None

    @property
    def longest_close_seconds(self) -> float:
        """float: After this `close` hangs; online it waits for the server, which `wandb` itself limits."""
        return min(OFFLINE_CLOSE_SECONDS, self._finish_seconds) if self._mode == "offline" else self._finish_seconds + 2

    @property
    def longest_setup_seconds(self) -> float:
        """float: After this `setup` hangs: in the start of wandb-core, while no mode is known, or in `wandb.init`."""
        init_seconds = {"": 0.0, "offline": OFFLINE_INIT_SECONDS}.get(self._mode, ONLINE_INIT_SECONDS + 10)
        return LONGEST_START_SECONDS + init_seconds

    def details(self) -> dict[str, str]:
        """Return mode, name, id, and where the W&B run is: its folder, and online its address."""
        if self.run is None:
            return {}
        details = {"mode": self._mode, "name": str(self.run.name), "id": str(self.run.id)}
        if self._mode != "disabled":
            # The folder that `wandb sync` takes; `run.dir` is the folder of its files within.
            details["directory"] = str(Path(self.run.dir).parent)
        if self._mode == "online":
            details["url"] = str(self.run.url)
        return details

    def _import_sdk(self) -> None:
        importlib.import_module("wandb")

    def _open(self, run_directory: Path) -> object:
        # Looked up now and by its public name: wandb is heavy, and a user's patch of it must reach this place.
        wandb = importlib.import_module("wandb")
        self._mode = ""
        self._mode = self._resolved_mode()
        if self._owns_core and self._mode == "offline":
            # wandb 0.31 otherwise measures each row for its makers, and sends them that from an offline run, too.
            os.environ["WANDB_ERROR_REPORTING"] = "false"
        wandb_directory = run_directory / WANDB
        if self._run_id is not None and self._mode == "offline":
            if wandb_fragments.online_fragments(wandb_directory, self._run_id):
                raise RuntimeError("the run was online so far, and goes on when a key is configured again")
            self._held_record = wandb_fragments.repair_fragments(wandb_directory, self._run_id)
        # wandb would make it readable for all.
        wandb_directory.mkdir(PRIVATE_FOLDER, exist_ok=True)
        git = read_git()
        self.run = wandb.init(
            project=self.config.wandb_project,
            entity=self.config.wandb_entity,
            **wandb_texts(self.config.wandb_tags),
            name=run_directory.name,
            id=self._run_id,
            dir=str(run_directory),
            mode=self._mode,
            resume="allow" if self._run_id is not None else None,
            # A run of the user's in this process is neither used nor finished.
            reinit="create_new",
            settings=wandb.Settings(
                console="off",
                silent=True,
                init_timeout=OFFLINE_INIT_SECONDS if self._mode == "offline" else ONLINE_INIT_SECONDS,
                finish_timeout=self._finish_seconds,
                finish_timeout_raises=True,
                # By default a stop asked for by the server sends SIGINT to the main thread.
                stop_fn=self._stop_request,
                # wandb itself leaves the user in the remote's address, which may be a token.
                git_commit=git["commit"] or None,
                git_remote_url=git["remote"] or None,
                # Without this a copy of the changes that are not committed goes into the run: files as they are.
                disable_git=True,
                save_code=False,
                # Within it is the command line as it was typed.
                x_disable_meta=redact_command(sys.argv) != sys.argv,
                x_transaction_log_flush_interval=TRANSACTION_LOG_FLUSH_SECONDS,
                x_stats_pid=self._watched_process,
            ),
        )
        file = self._file()
        if file is not None and not file.resolve().is_relative_to(run_directory.resolve()):
            self.abandon()
            raise OSError(f"{wandb_directory} cannot be written, and a temporary folder is no place for a run")
        if self._run_id is not None and self._mode == "online":
            # The server counts; what an offline time left is in the journal too, and must not be synced beside it.
            self._held_record = self.run.starting_step - 1
            wandb_fragments.move_offline_fragments(wandb_directory, self._run_id, run_directory / SUPERSEDED)
        self._given_record = self._held_record
        self._growth = FileGrowth(file) if file is not None and self._mode == "offline" else None
        self.run.define_metric("global_step", hidden=True)
        for group in (*METRIC_KINDS, "profiling"):
            self.run.define_metric(f"{group}/*", step_metric="global_step")
        details = self.details()
        return f"{details['name']} ({details.get('url') or details.get('directory') or self._mode})"

    @property
    def _finish_seconds(self) -> float:
        # Within the time that `close` has, so that there is some left to say what is missing.
        return max(1.0, 0.8 * self.config.close_timeout_seconds)

    def _resolved_mode(self) -> str:
        """Decide between online and offline here, because `wandb.init` itself would prompt for a key."""
        mode = self.config.wandb_mode
        if mode == "auto" and (chosen := os.environ.get("WANDB_MODE")):
            return chosen
        if mode == "offline":
            return mode
        if wandb_service.credentials()[1]:
            return "online"
        if mode == "online":
            raise RuntimeError('no API key is configured; set WANDB_API_KEY, or run "wandb login"')
        if not self._said_offline:
            self._said_offline = True
            self.logger.info(
                "✅ No W&B API key is configured: the run is kept offline, and `wandb sync` uploads it later"
            )
        return "offline"

    def _forget(self) -> None:
        self.run = None

    def _abandon(self) -> None:
        if self._owns_core:
            wandb_service.kill_cores()
            wandb_service.forget_core()

    def _write_metrics(
        self,
        epoch: float,
        step: int,
        metrics: Mapping[str, float],
        recorded: Recorded | None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        row: dict[str, Any] = {**metrics, **(texts or {}), "epoch": epoch, "global_step": step}
        assert self.run is not None
        if recorded is None:
            self.run.log(row)
        elif recorded.number > self._held_record:
            # The row's number is the record's, so that the view itself says how far it has come; `commit` because
            # with a number given wandb-core would keep the newest row until the next one.
            self.run.log({**row, "_timestamp": recorded.time}, step=recorded.number, commit=True)
            self._given_record = recorded.number

    def _write_profiling(
        self,
        epoch: float,
        step: int,
        metrics: Mapping[str, float],
        texts: Mapping[str, str],
        profiling_data: Mapping[str, Any],
        recorded: Recorded | None,
    ) -> None:
        assert self.run is not None
        shown: dict[str, Any] = dict(texts)
        # A table is a file: none for a row that the view holds.
        if recorded is None or recorded.number > self._held_record:
            try:
                number = recorded.number if recorded is not None else step
                shown.update(operations_table(self.run, profiling_data, number))
            except Exception as error:
                # The numbers matter more than the table.
                self.logger.warning("⚠️ W&B shows no table of operations: %s", error)
        self._write_metrics(epoch, step, metrics, recorded, shown)

    def _write_resume(self, step: int | None, configuration: Mapping[str, Any], recorded: Recorded | None) -> None:
        self._update_configuration(configuration)

    def _write_hyperparameters(self, hyperparameters: Mapping[str, Any], recorded: Recorded | None) -> None:
        self._update_configuration(hyperparameters)

    def _write_configuration(self, configuration: Mapping[str, Any], recorded: Recorded | None) -> None:
        self._update_configuration(configuration)

    def _write_architecture(self, architecture: ModelArchitecture, recorded: Recorded | None) -> None:
        self._update_configuration({"model_architecture": dict(architecture)})

    def _write_end(self, status: str, error: ErrorDescription | None, recorded: Recorded | None) -> None:
        assert self.run is not None
        # `summary` is untyped in wandb. A resumed run gets the end of its last stretch.
        summary: Any = self.run.summary
        summary.update(
            {
                "experiment/status": status,
                "experiment/error": error["message"] if error is not None else "",
                "experiment/traceback": error["traceback"] if error is not None else "",
            }
        )

    def _update_configuration(self, values: Mapping[str, Any]) -> None:
        assert self.run is not None
        # `config` is untyped in wandb.
        configuration: Any = self.run.config
        configuration.update(dict(values), allow_val_change=True)

    def _flush(self) -> None:
        # wandb-core writes by itself every `TRANSACTION_LOG_FLUSH_SECONDS`, but does not say when the disk is full.
        if self._growth is not None and self._growth.has_stopped(self._given_record):
            raise OSError("wandb-core writes nothing any more; the disk may be full")

    def _close(self, status: str) -> None:
        assert self.run is not None
        run, file = self.run, self._file()
        # Read before: a run whose core died answers no question.
        identity = (str(run.entity), str(run.project), str(run.id))
        unfinished: Exception | None = None
        try:
            run.finish(exit_code=0 if status == "finished" else 1)
        except Exception as error:
            unfinished = error
            self._abandon()
        if file is None:
            if unfinished is not None:
                raise unfinished
            return
        held = self._record_held(file, *identity, finished=unfinished is None)
        if held is None and unfinished is not None:
            raise IncompleteViewError(self._held_record, str(unfinished)) from unfinished
        if held is not None and held < self._given_record:
            raise IncompleteViewError(held, self._missing(held)) from unfinished

    def _file(self) -> Path | None:
        """Return the run's `.wandb` file; a disabled run, or a double of a test, has none."""
        if self.run is None or self._mode == "disabled" or not isinstance(self.run.dir, str):
            return None
        return Path(self.run.dir).parent / f"run-{self.run.id}.wandb"

    def _record_held(self, file: Path, entity: str, project: str, run_id: str, *, finished: bool) -> int | None:
        """Return the newest record that file or server holds, as each says itself; None if it cannot say."""
        if self._mode == "offline":
            fragment = self._wait_for_whole(file) if finished else wandb_fragments.read_fragment(file)
            return max(self._held_record, fragment.last_record)
        if self._run_id is None:
            # By itself the tracker has no numbers of records to compare.
            return None
        try:
            return wandb_service.newest_row_on_server(
                entity, project, run_id, timeout_seconds=0.1 * self._finish_seconds
            )
        except OSError as error:
            raise IncompleteViewError(self._held_record, f"the server does not confirm its rows: {error}") from error

    def _wait_for_whole(self, file: Path) -> wandb_fragments.Fragment:
        """Return what a file holds when wandb-core has written all of it, a moment after `finish` has returned."""
        deadline = time.monotonic() + min(OFFLINE_CLOSE_SECONDS, self._finish_seconds) / 2
        pause = 0.01
        while True:
            fragment = wandb_fragments.read_fragment(file)
            if (fragment.ended and fragment.last_record >= self._given_record) or time.monotonic() > deadline:
                return fragment
            time.sleep(pause)
            pause *= 2

    def _missing(self, held: int) -> str:
        who = "the server holds" if self._mode == "online" else "the file holds"
        return f"{who} the rows up to record {held} of {self._given_record}"


class FileGrowth:
    """Notices that a file has stopped to grow although there is more to write.

    Args:
        path (Path): The file.
        clock (Callable[[], float]): Seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looked = clock()
        self._size = 0
        self._given = 0
        self._awaited = False
        self._looks_without_growth = 0

    def has_stopped(self, given: int) -> bool:
        """Return whether the file has not grown for two looks in a row, each after it should have.

        Args:
            given (int): Number of the newest record that the file's writer was given.
        """
        now = self._clock()
        if now - self._looked < GROWTH_SECONDS:
            return False
        size = self._path.stat().st_size if self._path.exists() else 0
        stands_still = self._awaited and size <= self._size
        self._looks_without_growth = self._looks_without_growth + 1 if stands_still else 0
        # What was given until now should be in the file by the next look.
        self._looked, self._size, self._awaited, self._given = now, size, given > self._given, given
        return self._looks_without_growth >= 2
