"""Opening a W&B run: online or offline, in which folder, with which settings."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seo_engine.foundation.redaction import redact_command, redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.foundation.whole_files import PRIVATE_FOLDER
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.runs.lifecycle import Program
from seo_engine.tracking.runs.places import WANDB
from seo_engine.tracking.surroundings.git import read_git
from seo_engine.tracking.trackers.wandb import fragments
from seo_engine.tracking.trackers.wandb.identity import Identity, identity_of
from seo_engine.tracking.trackers.wandb.server import StopRequest, credentials
from seo_engine.tracking.trackers.wandb.user_settings import MODE_VARIABLE, UserSettings, reason_of
from seo_engine.tracking.wandb_rules import WANDB_SETTINGS_WITH_A_FIELD

if TYPE_CHECKING:
    import wandb

logger = logging.getLogger(__name__)

# Offline, `wandb.init` waits for wandb-core alone, which never answers if it was killed or stalls meanwhile.
OFFLINE_INIT_SECONDS = 20.0
ONLINE_INIT_SECONDS = 90.0

# Folder for offline files whose rows reached the server another way; `wandb sync` does not look there.
SUPERSEDED = "wandb_superseded"

# Once, not whenever a run is opened again.
_said: set[str] = set()

# Says that the rows of the W&B run are this run's; beside `wandb/`, which people may delete.
OWNED_RUN = "wandb_run_is_ours"

# wandb-core writes its file every 32 KiB or after this many seconds; with its default of 15, a kill loses that much.
TRANSACTION_LOG_FLUSH_SECONDS = 0.2


class Opening(NamedTuple):
    """What a W&B run is opened with.

    Args:
        config (TrackingConfig): The settings.
        run_directory (Path): The run's folder.
        run_id (str | None): The id of the W&B run; the same id resumes the same run. None means a new one.
        environment (Mapping[str, str]): The variables with which the run began.
        user (UserSettings): What the user told wandb.
        began_with (Mapping[str, Any]): The configuration with which the run began.
        program (Program | None): The program of the training, if it runs in another process.
        mode (str): online, offline or disabled.
        watched_process (int): The process whose CPU and memory W&B samples.
        owns_core (bool): Whether no other run of this process needs wandb.
        stop_request (StopRequest): Called when the server asks to stop the run.
        finish_seconds (float): The longest time that finishing the run may take.
    """

    config: TrackingConfig
    run_directory: Path
    run_id: str | None
    environment: Mapping[str, str]
    user: UserSettings
    began_with: Mapping[str, Any]
    program: Program | None
    mode: str
    watched_process: int
    owns_core: bool
    stop_request: StopRequest
    finish_seconds: float

    def prepare(self) -> int:
        """Make the folder ready, and repair what an earlier process left in it.

        Returns:
            int: The newest record that the run's files hold already, 0 if there is none.

        Raises:
            RuntimeError: If the run was online, and there is no key any more.
            OSError: If a file cannot be read or repaired.
        """
        wandb_directory, held_record = self.run_directory / WANDB, 0
        if self.run_id is not None and self.mode == "offline":
            if fragments.online_fragments(wandb_directory, self.run_id):
                raise RuntimeError("the run was online before; it can be resumed when an API key is configured again")
            held_record = fragments.repair_fragments(wandb_directory, self.run_id)
        # wandb would make it readable by everyone.
        wandb_directory.mkdir(PRIVATE_FOLDER, exist_ok=True)
        return held_record

    def start(self) -> wandb.Run:
        """Open the run, and return it at once, so that it is known to be open whatever happens next.

        Raises:
            Exception: Whatever wandb raises.
        """
        # Imported here and by its public name: wandb is slow to import, and a user's patch of it must work here too.
        sdk: Any = importlib.import_module("wandb")
        if self.owns_core and self.mode == "offline":
            # Otherwise wandb 0.31 measures each row for its makers, and reports to them even from an offline run.
            os.environ["WANDB_ERROR_REPORTING"] = "false"
        identity = identity_of(self.config, self.user.values, self.run_directory.name, self.began_with)
        settings = self._settings(sdk)
        resume = "allow" if self.run_id is not None else None
        self._say_what_is_not_obeyed(identity, {**settings, "mode": self.mode, "resume": resume})
        with self._as_training():
            run: wandb.Run = sdk.init(
                **identity._asdict(),
                id=self.run_id or self.config.wandb_run_id,
                dir=str(self.run_directory),
                mode=self.mode,
                resume=resume,
                # The user's own run in this process is neither used nor finished.
                reinit="create_new",
                settings=sdk.Settings(**settings),
            )
        return run

    def _say_what_is_not_obeyed(self, identity: Identity, settings: Mapping[str, Any]) -> None:
        used = {**settings, "root_dir": str(self.run_directory)}
        for name, value in identity._asdict().items():
            used[name if name in WANDB_SETTINGS_WITH_A_FIELD else f"run_{name}"] = value
        for message in self.user.not_obeyed(used):
            _say_once(message)

    @contextlib.contextmanager
    def _as_training(self) -> Iterator[None]:
        """Have wandb note the training's arguments: it takes them from this process, and has no setting for them."""
        if self.program is None:
            yield
            return
        own_arguments = sys.argv
        sys.argv = [self.program.name, *self.program.arguments]
        try:
            yield
        finally:
            sys.argv = own_arguments

    def join(self, run: wandb.Run, held_record: int) -> int:
        """Prepare an open run for the rows to come.

        Args:
            run (wandb.Run): As `start` returned it.
            held_record (int): As `prepare` returned it.

        Returns:
            int: The newest record that the run holds already, 0 if there is none.

        Raises:
            OSError: If the run is not in its folder.
            RuntimeError: If the server holds rows of another run under the id that was chosen.
        """
        wandb_directory = self.run_directory / WANDB
        if self.run_id is not None and self.mode != "disabled" and str(run.id) != self.run_id:
            # A sweep, for example, gives the run an id of its own.
            raise RuntimeError(f"wandb opened the run {run.id} instead of {self.run_id}")
        file = transaction_log(run, self.mode)
        if file is not None and not file.resolve().is_relative_to(self.run_directory.resolve()):
            raise OSError(f"{wandb_directory} cannot be written, and a run must not be kept in a temporary folder")
        if self.run_id is not None and self.mode == "online":
            # Only the server counts; rows from an offline period are in the journal too, and must not be synced twice.
            held_record = run.starting_step - 1
            self._check_rows_are_ours(held_record)
            fragments.move_offline_fragments(wandb_directory, self.run_id, self.run_directory / SUPERSEDED)
        if self.run_id is not None:
            with contextlib.suppress(OSError):
                # Rows that it holds from now on are ours, also those that an offline run is synced with.
                (self.run_directory / OWNED_RUN).touch()
        # Every group of metrics, also those that people name themselves, is drawn over the training's step.
        run.define_metric("global_step", hidden=True)
        run.define_metric("*", step_metric="global_step")
        self._note_folder(run)
        return held_record

    def _check_rows_are_ours(self, held_record: int) -> None:
        """Refuse rows of another run: as many of this one would be taken for delivered."""
        was_chosen = self.run_id in (self.config.wandb_run_id, self.environment.get("WANDB_RUN_ID"))
        # Noted in the run itself, beside `wandb/`, which may be deleted.
        note = self.run_directory / OWNED_RUN
        if was_chosen and held_record > 0 and not note.exists():
            raise RuntimeError(
                f"the W&B run {self.run_id} already holds {held_record} rows of another run; choose another "
                "wandb_run_id, or resume the run to which it belongs"
            )

    def _note_folder(self, run: wandb.Run) -> None:
        """Note the training's working folder, which wandb takes to be the one where it keeps the run."""
        if self.program is None or not self.program.folder:
            return
        try:
            # There is no public way, and the messages are untyped.
            messages: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")
            interface: Any = run._interface
            interface.publish_environment(
                messages.EnvironmentRecord(root=self.program.folder, code_path_local=self.program.code_path)
            )
        except Exception as error:  # another version of wandb
            logger.debug("The working folder cannot be noted in W&B: %s", error)

    def _settings(self, sdk: Any) -> dict[str, Any]:
        git = read_git()
        settings: dict[str, Any] = {
            "console": "off",
            "silent": True,
            "init_timeout": OFFLINE_INIT_SECONDS if self.mode == "offline" else ONLINE_INIT_SECONDS,
            "finish_timeout": self.finish_seconds,
            "finish_timeout_raises": True,
            # By default, a stop request from the server sends SIGINT to the main thread.
            "stop_fn": self.stop_request,
            # wandb itself keeps the user name in the remote's address, which may be a token.
            "git_commit": git["commit"] or None,
            "git_remote_url": git["remote"] or None,
            # Without this, wandb copies uncommitted changes into the run, unredacted.
            "disable_git": True,
            "save_code": False,
            # It contains the command line, unredacted.
            "x_disable_meta": redact_command(sys.argv) != sys.argv,
            "x_transaction_log_flush_interval": TRANSACTION_LOG_FLUSH_SECONDS,
            "x_stats_pid": self.watched_process,
        }
        if self.program is not None:
            settings |= {"program": self.program.name, "program_relpath": self.program.code_path or None}
        return settings | self._known_settings(sdk)

    def _known_settings(self, sdk: Any) -> dict[str, Any]:
        """Return the settings of W&B that the configuration holds, without those that this version of wandb refuses."""
        known = {}
        for name, value in self.config.wandb_settings.items():
            try:
                sdk.Settings(**{name: value})
            except Exception as error:
                _say_once(f"⚠️ wandb_settings is used without {one_line(redact_text(name))}: {reason_of(error)}")
            else:
                known[name] = value
        return known


def _say_once(message: str) -> None:
    if message not in _said:
        _said.add(message)
        logger.warning("%s", message)


def transaction_log(run: wandb.Run, mode: str) -> Path | None:
    """Return the `.wandb` file of an open run; a disabled run, or a test double, has none."""
    if mode == "disabled" or not isinstance(run.dir, str):
        return None
    return Path(run.dir).parent / f"run-{run.id}.wandb"


def resolve_mode(mode: str, user: UserSettings) -> str:
    """Decide between online and offline here, because `wandb.init` itself would prompt for a key.

    Args:
        mode (str): From the configuration: auto, online or offline.
        user (UserSettings): What the user told wandb.

    Returns:
        str: online, offline or disabled.

    Raises:
        RuntimeError: If it must be online, and no key is configured.
    """
    if mode == "auto" and user.mode in ("offline", "disabled"):
        return user.mode
    if mode == "offline":
        return mode
    if credentials()[1]:
        return "online"
    if mode == "online" or user.mode_from == MODE_VARIABLE:
        raise RuntimeError('no API key is configured; set WANDB_API_KEY, or run "wandb login"')
    return "offline"


def mode_in_words(mode: str, user: UserSettings) -> str:
    """Say where a run goes, if `wandb_mode` is auto.

    Args:
        mode (str): As `resolve_mode` returned it.
        user (UserSettings): What the user told wandb.

    Example:
        >>> mode_in_words("disabled", UserSettings(mode="disabled", mode_from="WANDB_MODE"))
        'W&B gets nothing of the run, as WANDB_MODE says'
    """
    if mode == "online":
        return f"W&B: the run is sent to {credentials()[0]}"
    if mode == "disabled":
        return f"W&B gets nothing of the run, as {user.mode_from} says"
    reason = f"as {user.mode_from} says" if user.mode == "offline" else "because no API key is configured"
    return f"W&B: the run is kept offline, {reason}; `wandb sync` uploads it later"
