"""WandBTracker: a Weights & Biases run, online or offline."""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seo_engine.foundation.extras import import_of_extra
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.runs.lifecycle import Program
from seo_engine.tracking.trackers.destination_tracker import IncompleteViewError, NextStep, ShellCommand
from seo_engine.tracking.trackers.sdk_tracker import SDKTracker
from seo_engine.tracking.trackers.wandb import core, fragments
from seo_engine.tracking.trackers.wandb.contents.console_log import FILE_NAME, ConsoleLog
from seo_engine.tracking.trackers.wandb.contents.run_page import RunPage
from seo_engine.tracking.trackers.wandb.contents.sent_alerts import SentAlerts
from seo_engine.tracking.trackers.wandb.file_growth import FileGrowth
from seo_engine.tracking.trackers.wandb.identity import forget_identity, leave_sweep_of_another_run
from seo_engine.tracking.trackers.wandb.media import RunMedia, with_texts_as_media
from seo_engine.tracking.trackers.wandb.opening import (
    OFFLINE_INIT_SECONDS,
    ONLINE_INIT_SECONDS,
    Opening,
    mode_in_words,
    resolve_mode,
    transaction_log,
)
from seo_engine.tracking.trackers.wandb.server import ReachabilityProbe, RunOnServer, StopRequest, missing_files
from seo_engine.tracking.trackers.wandb.user_settings import MODE_VARIABLES, UserSettings, read_user_settings

if TYPE_CHECKING:
    import wandb

# Offline, `finish` writes to disk what wandb-core still holds; with a stalled core it never returns.
OFFLINE_CLOSE_SECONDS = 10.0

# A server that has not answered by then is asked for the reason; `wandb.init` itself waits for minutes.
SECONDS_TO_ANSWER = 5.0

# A server that takes connections may be slow, or this machine is: at the end of a short run it is given this long.
LONGEST_SECONDS_TO_ANSWER = 20.0

# wandb waits half a minute for its core to start. If it does not, wandb 0.31 deadlocks while it reports that, and
# never returns.
LONGEST_START_SECONDS = 40.0


class WandBTracker(SDKTracker):
    """Writes a run's records as rows of a W&B run.

    Used directly, it is ready at once and synchronous; `ExperimentTracker` uses the same class in a child process.
    `run` is None after a failed set-up, and then calls do nothing. A run that was opened in this process with
    `wandb.init` is left alone.

    Args:
        config (TrackingConfig | None): The settings; None means the defaults.
        run_directory (Path | None): The run's folder; None makes a new one and sets up at once.
        run_id (str | None): The id of the W&B run; the same id resumes the same run. None means a new one.
        environment (Mapping[str, str] | None): The variables with which the run began; None means this process's.
        began_with (Mapping[str, Any] | None): The configuration with which the run began, if it is a resumed one.
        program (Program | None): The program of the training, if it runs in another process.
        folder (str | None): The working folder in which the run began, and so wandb's settings; None means this one.
        watched_process (int | None): The process whose CPU and memory W&B samples; None means this one.
        owns_core (bool): Whether no other run of this process needs wandb: its core may be killed when it fails, and
            an offline run turns off its reports to its makers.

    Example:
        >>> import tempfile
        >>> from seo_engine.tracking import TrackingConfig
        >>> config = TrackingConfig(tensorboard_log_dir=tempfile.mkdtemp(), wandb_mode="offline")
        >>> with WandBTracker(config) as tracker:
        ...     for step, loss in enumerate([0.9, 0.5], start=1):
        ...         tracker.log_metrics({"loss": loss}, step=step)
    """

    name = "wandb"
    title = "Weights & Biases"
    runs_in_child = True
    run: wandb.Run | None = None

    def __init__(
        self,
        config: TrackingConfig | None = None,
        run_directory: Path | None = None,
        *,
        run_id: str | None = None,
        environment: Mapping[str, str] | None = None,
        began_with: Mapping[str, Any] | None = None,
        program: Program | None = None,
        folder: str | None = None,
        watched_process: int | None = None,
        owns_core: bool = False,
    ) -> None:
        self._run_id = run_id
        self._began_with = began_with or {}
        self._program = program
        self._folder = folder
        self._environment = environment if environment is not None else os.environ
        self._watched_process = watched_process if watched_process is not None else os.getpid()
        self._owns_core = owns_core
        self._stop_request = StopRequest()
        # Kept when the run is opened again: its folder may have been deleted meanwhile.
        self._sent_alerts: SentAlerts | None = None
        # The newest row that the view held when it was opened, and the newest that it was given.
        self._held_record = 0
        self._given_record = 0
        self._mode = ""
        self._users: UserSettings | None = None
        self._said_mode = False
        self._growth: FileGrowth | None = None
        self._probe = ReachabilityProbe()
        self._asked_at: float | None = None
        super().__init__(config, run_directory)

    def setup_wandb(self) -> None:
        """Open the W&B run; a failure is logged and leaves `run` None."""
        self.setup()

    @property
    def stop_requested(self) -> bool:  # type: ignore[override]
        """bool: Whether the server asked to stop the run; the training decides whether to."""
        return self._stop_request.received

    @property
    def confirmed_record(self) -> int | None:  # type: ignore[override]
        """int | None: The newest record that the view is known to hold before it is closed; None if it is not open."""
        return self._held_record if self.run is not None and self._run_id is not None else None

    @classmethod
    def announced(cls, config: TrackingConfig) -> str:
        """Return the mode too, if the configuration says it; otherwise wandb is asked in the background."""
        return "W&B" if config.wandb_mode == "auto" else f"W&B {config.wandb_mode}"

    @classmethod
    def next_steps(cls, run_directory: Path, details: Mapping[str, str]) -> list[NextStep]:
        """Return where the run is on the server, or how to upload it."""
        if "url" in details:
            return [NextStep("on W&B", (details["url"],))]
        if "directory" not in details:
            return []
        # The folder of all the run's files: a recovered or resumed run has several.
        folder, wandb = Path(details["directory"]).parent, ShellCommand("wandb")
        return [
            NextStep("on W&B", (wandb, "login", "&&", wandb, "sync", folder)),
            NextStep("offline", (wandb, "leet", folder)),
        ]

    def longest_seconds(self, call: str) -> float:
        """Return the longest time that a call may take; it depends on the mode.

        Args:
            call (str): `setup`, `show`, `show_media`, `flush`, `abandon` or `close`.
        """
        if call == "close":
            if self._mode == "offline":
                return min(OFFLINE_CLOSE_SECONDS, self._finish_seconds)
            # Online it waits for wandb to finish, which wandb itself limits, and for three answers of the server.
            return self._finish_seconds + 3 * self._answer_seconds + 2
        if call == "setup":
            # It waits for wandb-core to start, while the mode is not known yet, and then for `wandb.init`.
            init_seconds = {"": 0.0, "offline": OFFLINE_INIT_SECONDS}.get(self._mode, ONLINE_INIT_SECONDS + 10)
            return LONGEST_START_SECONDS + init_seconds
        return super().longest_seconds(call)

    def why_no_answer(self, call: str, seconds: float) -> str | None:
        """Return why the server does not answer while an online run is opened."""
        if call != "setup" or self._mode != "online" or self._asked_at is None:
            return None
        # Not `seconds`: to import wandb and to start its core may take as long on a busy machine.
        silent_seconds = time.monotonic() - self._asked_at
        if silent_seconds < SECONDS_TO_ANSWER:
            return None
        self._probe.start()
        found = self._probe.found
        if found is None:
            return "no reason known yet" if silent_seconds > 2 * SECONDS_TO_ANSWER else None
        return None if found.may_end and silent_seconds < LONGEST_SECONDS_TO_ANSWER else found.reason

    def kill_backend(self) -> None:
        """Kill wandb-core: a stopped or hanging one blocks its callers."""
        core.kill_cores()

    @classmethod
    def prepare_environment(cls, environment: MutableMapping[str, str]) -> None:
        """Have a child process start its own wandb-core, which uses one processor."""
        # With it, the child would join the wandb-core of this process, and share its fate.
        environment.pop("WANDB_SERVICE", None)
        forget_identity(environment)
        # wandb-core handles one row at a time; on several processors its idle threads only wake each other, which cost
        # a third more processor time per row. A value that the user has set stays.
        environment.setdefault("GOMAXPROCS", "1")

    def details(self) -> dict[str, str]:
        """Return mode, name and id of the W&B run, and where it is: its folder, and online also its address."""
        if self.run is None:
            return {}
        details = {"mode": self._mode, "name": str(self.run.name), "id": str(self.run.id)}
        if self._mode != "disabled":
            # The folder that `wandb sync` takes; `run.dir` is the folder of files inside it.
            details["directory"] = str(Path(self.run.dir).parent)
        if self._mode == "online":
            details["url"] = str(self.run.url)
        return details

    def _import_sdk(self) -> None:
        import_of_extra("wandb", extra="tracking", needed_by=self.title)

    def _open(self, run_directory: Path) -> object:
        self._mode, self._asked_at, self._probe = "", None, ReachabilityProbe()
        self._import_sdk()
        user = self._user_settings()
        self._mode = self._resolved_mode(user)
        opening = Opening(
            config=self.config,
            run_directory=run_directory,
            run_id=self._run_id,
            environment=self._environment,
            user=user,
            began_with=self._began_with,
            program=self._program,
            mode=self._mode,
            watched_process=self._watched_process,
            owns_core=self._owns_core,
            stop_request=self._stop_request,
            finish_seconds=self._finish_seconds,
        )
        held_record = opening.prepare()
        self._asked_at = time.monotonic()
        self.run = opening.start()
        self._held_record = self._given_record = opening.join(self.run, held_record)
        self._media = RunMedia(self.run, is_online=self._mode == "online")
        if self._sent_alerts is None:
            self._sent_alerts = SentAlerts(run_directory)
        self._page = RunPage(self.run, self._sent_alerts)
        self._console = ConsoleLog(self.run)
        if self._mode == "online" and self._held_record > 0:
            # Asked again at the end, if it does not answer now.
            with contextlib.suppress(OSError):
                on_server = RunOnServer(str(self.run.entity), str(self.run.project), str(self.run.id))
                self._media.held = on_server.files(SECONDS_TO_ANSWER)
        file = transaction_log(self.run, self._mode)
        self._growth = FileGrowth(file) if file is not None and self._mode == "offline" else None
        details = self.details()
        return f"{details['name']} ({details.get('url') or details.get('directory') or self._mode})"

    @property
    def _finish_seconds(self) -> float:
        # Less time than `close` has, so that some is left to find out what is missing.
        return max(1.0, 0.8 * self.config.close_timeout_seconds)

    @property
    def _answer_seconds(self) -> float:
        # How long to wait for each answer of the server about what is missing.
        return 0.08 * self._finish_seconds

    def _user_settings(self) -> UserSettings:
        """Ask wandb, once, what the user told it where and when the run began."""
        if self._users is None:
            environment = dict(self._environment)
            if here := {name: os.environ[name] for name in MODE_VARIABLES if os.environ.get(name)}:
                # Whoever recovers a run may choose another mode.
                environment = {name: each for name, each in environment.items() if name not in MODE_VARIABLES} | here
            folder = self._folder if self._folder is not None else str(Path.cwd())
            self._users = read_user_settings(importlib.import_module("wandb"), folder, environment)
            if self._owns_core and self._run_id is not None:
                leave_sweep_of_another_run(os.environ, self._run_id)
            if self._owns_core:
                # In our child process, wandb must not stumble over them; the mode is given by `wandb.init`.
                for name in (*self._users.not_understood, *MODE_VARIABLES):
                    os.environ.pop(name, None)
        return self._users

    def _resolved_mode(self, user: UserSettings) -> str:
        mode = resolve_mode(self.config.wandb_mode, user)
        if self.config.wandb_mode == "auto" and not self._said_mode:
            self._said_mode = True
            self.logger.info("✅ %s", mode_in_words(mode, user))
        return mode

    def _forget(self) -> None:
        super()._forget()
        self.run = None

    def _abandon(self) -> None:
        if self._owns_core:
            core.kill_cores()
            core.forget_core()

    def _next_number(self) -> int:
        # Behind the rows of a run that is resumed, and behind those that people log through `run` itself.
        assert self.run is not None
        return max(self._number, self._held_record, int(self.run.step) - 1) + 1

    def _write(self, shown: Shown, recorded: Recorded) -> None:
        assert self.run is not None
        is_held = recorded.number <= self._held_record
        self._page.show(shown, recorded, is_held=is_held)
        if shown.kind.name == "console":
            self._console.add(shown.record["text"], recorded.number)
        if shown.step is None:
            return
        # A row that the view holds is not written again, nor are its files; but the server may hold it without them.
        if is_held:
            if self._media.held is not None:
                self._media_of(shown, recorded.number)
            return
        self._media.held = None
        media = self._media_of(shown, recorded.number)
        row = {**shown.numbers, **media, "epoch": shown.epoch, "global_step": shown.step}
        # The row's number is the record's, so that the view itself shows its progress; `commit`, because with an
        # explicit number wandb-core would hold the newest row back until the next one.
        self.run.log({**row, "_timestamp": recorded.time}, step=recorded.number, commit=True)
        self._given_record = recorded.number

    def _media_of(self, shown: Shown, number: int) -> dict[str, Any]:
        converted = self._converted_media(with_texts_as_media(shown), self._media.for_row(number))
        return {name: value for values in converted for name, value in values.items()}

    def _flush(self) -> None:
        self._console.flush()
        # wandb-core itself writes every `TRANSACTION_LOG_FLUSH_SECONDS`, but does not report a full disk.
        if self._growth is not None and self._growth.has_stopped(self._given_record):
            raise OSError("wandb-core has stopped writing; the disk may be full")

    def _close(self, status: str) -> None:
        assert self.run is not None
        run, file = self.run, transaction_log(self.run, self._mode)
        # Read first: a run whose core has died cannot be asked.
        run_on_server = RunOnServer(str(run.entity), str(run.project), str(run.id))
        unfinished: Exception | None = None
        if self._console.last_record is not None:
            self._media.sent.append((self._console.last_record, FILE_NAME, self._console.path))
        self._media.artifacts.send_again()
        try:
            # It waits for everything that is still being sent, also for artifacts.
            run.finish(exit_code=0 if status == "finished" else 1)
        except Exception as error:
            unfinished = error
            self._abandon()
        if file is None:
            if unfinished is not None:
                raise unfinished
            return
        held = self._record_held(file, run_on_server, finished=unfinished is None)
        if held is None and unfinished is not None:
            raise IncompleteViewError(self._held_record, str(unfinished)) from unfinished
        if held is not None and held < self._given_record:
            raise IncompleteViewError(held, self._missing(held)) from unfinished
        lacking = self._media.artifacts.first_missing(self._answer_seconds)
        if lacking is not None:
            raise IncompleteViewError(lacking[0] - 1, lacking[1]) from unfinished

    def _record_held(self, file: Path, run_on_server: RunOnServer, *, finished: bool) -> int | None:
        """Return the newest record that the file or the server holds; None if that is unknown."""
        if self._mode == "offline":
            fragment = self._wait_for_whole(file) if finished else fragments.read_fragment(file)
            return max(self._held_record, fragment.last_record)
        if self._run_id is None:
            # Without an id of ours, nothing of this run is ever delivered again.
            return None
        try:
            newest = run_on_server.newest_row(self._answer_seconds)
            files = run_on_server.files(self._answer_seconds) if self._media.sent else None
            missing = missing_files(self._media.sent, files)
        except OSError as error:
            raise IncompleteViewError(self._held_record, f"the server does not confirm its rows: {error}") from error
        if missing:
            first = missing[0][0]
            files_in_words = "the file" if len(missing) == 1 else f"{len(missing)} files, such as"
            reason = f"the server lacks {files_in_words} {missing[0][1]}"
            raise IncompleteViewError(min(first - 1, newest if newest is not None else first), reason)
        return newest

    def _wait_for_whole(self, file: Path) -> fragments.Fragment:
        """Return what a file holds once wandb-core has written all of it, a moment after `finish` has returned."""
        deadline = time.monotonic() + min(OFFLINE_CLOSE_SECONDS, self._finish_seconds) / 2
        pause = 0.01
        while True:
            fragment = fragments.read_fragment(file)
            if (fragment.ended and fragment.last_record >= self._given_record) or time.monotonic() > deadline:
                return fragment
            time.sleep(pause)
            pause *= 2

    def _missing(self, held: int) -> str:
        who = "the server holds" if self._mode == "online" else "the file holds"
        return f"{who} the rows up to record {held} of {self._given_record}"
