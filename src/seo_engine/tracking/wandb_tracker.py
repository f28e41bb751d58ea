"""WandBTracker: a Weights & Biases run, online or offline."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seo_engine.tracking.backend_tracker import BackendTracker
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.records import METRIC_KINDS, ModelArchitecture
from seo_engine.tracking.tracker import Recorded

if TYPE_CHECKING:
    import wandb

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
    ) -> None:
        self._run_id = run_id
        self._watched_process = watched_process if watched_process is not None else os.getpid()
        super().__init__(config, run_directory)

    def setup_wandb(self) -> None:
        """Open the W&B run; a failure is logged and leaves `run` None."""
        self.setup()

    @property
    def available(self) -> bool:
        """bool: Whether the W&B run is open."""
        return self.run is not None

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

    def _open(self, run_directory: Path) -> object:
        # Looked up now and by its public name: wandb is heavy, and a user's patch of it must reach this place.
        wandb = importlib.import_module("wandb")
        self._mode = self._resolved_mode(wandb)
        self.run = wandb.init(
            project=self.config.wandb_project,
            entity=self.config.wandb_entity,
            tags=self.config.wandb_tags,
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
                finish_timeout=self.config.close_timeout_seconds,
                # By default a stop asked for by the server sends SIGINT to the main thread.
                stop_fn=_warn_of_requested_stop,
                x_transaction_log_flush_interval=TRANSACTION_LOG_FLUSH_SECONDS,
                x_stats_pid=self._watched_process,
            ),
        )
        self.run.define_metric("global_step", hidden=True)
        for group in (*METRIC_KINDS, "profiling"):
            self.run.define_metric(f"{group}/*", step_metric="global_step")
        details = self.details()
        return f"{details['name']} ({details.get('url') or details.get('directory') or self._mode})"

    def _resolved_mode(self, wandb: Any) -> str:
        """Decide between online and offline here, because `wandb.init` itself would prompt for a key."""
        mode = self.config.wandb_mode
        if mode == "auto" and (chosen := os.environ.get("WANDB_MODE")):
            return chosen
        if mode == "offline":
            return mode
        from wandb.sdk.lib import wbauth

        host = wandb.setup().settings.base_url
        if wbauth.authenticate_session(host=host, source="seo_engine", prompt=False, update_session=False):
            return "online"
        if mode == "online":
            raise RuntimeError('no API key is configured; set WANDB_API_KEY, or run "wandb login"')
        self.logger.info("✅ No W&B API key is configured: the run is kept offline, and `wandb sync` uploads it later")
        return "offline"

    def _forget(self) -> None:
        self.run = None

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
        else:
            # The row's number is the record's, so that the view itself says how far it has come; `commit` because
            # with a number given wandb-core would keep the newest row until the next one.
            self.run.log({**row, "_timestamp": recorded.time}, step=recorded.number, commit=True)

    def _write_hyperparameters(self, hyperparameters: Mapping[str, Any], recorded: Recorded | None) -> None:
        self._update_configuration(hyperparameters)

    def _write_configuration(self, configuration: Mapping[str, Any], recorded: Recorded | None) -> None:
        self._update_configuration(configuration)

    def _write_architecture(self, architecture: ModelArchitecture, recorded: Recorded | None) -> None:
        self._update_configuration({"model_architecture": dict(architecture)})

    def _update_configuration(self, values: Mapping[str, Any]) -> None:
        assert self.run is not None
        # `config` is untyped in wandb.
        configuration: Any = self.run.config
        configuration.update(dict(values), allow_val_change=True)

    def _flush(self) -> None:
        """Nothing to do: wandb-core writes by itself every `TRANSACTION_LOG_FLUSH_SECONDS`."""

    def _close(self, status: str) -> None:
        assert self.run is not None
        self.run.finish(exit_code=0 if status == "finished" else 1)


def _warn_of_requested_stop() -> None:
    # A plain function, because wandb copies its settings and with a method would copy the tracker.
    logging.getLogger(__name__).warning("⚠️ The W&B server asks to stop this run; the training goes on")
