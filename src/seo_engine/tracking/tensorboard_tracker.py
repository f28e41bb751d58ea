"""TensorBoardTracker: event files that TensorBoard shows."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seo_engine.tracking.backend_tracker import BackendTracker
from seo_engine.tracking.records import ModelArchitecture
from seo_engine.tracking.tracker import Recorded

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoardTracker(BackendTracker):
    """Writes a run's records as TensorBoard events, one event a record.

    By itself it is ready at once and synchronous; `ExperimentTracker` uses the same class in its worker.
    `writer` is None after a failed set-up, and then calls do nothing.

    Args:
        config (TrackingConfig | None): The settings; None means the defaults.
        run_directory (Path | None): The run's folder; None makes a new one and sets up at once.

    Example:
        >>> import tempfile
        >>> from seo_engine.tracking import TrackingConfig
        >>> with TensorBoardTracker(TrackingConfig(tensorboard_log_dir=tempfile.mkdtemp())) as tracker:
        ...     tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.123, "accuracy": 0.95})
    """

    name = "tensorboard"
    title = "TensorBoard"
    writer: SummaryWriter | None = None

    def setup_tensorboard(self) -> None:
        """Open the event file; a failure is logged and leaves `writer` None."""
        self.setup()

    @property
    def available(self) -> bool:
        """bool: Whether the event file is open."""
        return self.writer is not None

    def details(self) -> dict[str, str]:
        """Return the folder that TensorBoard is pointed at."""
        return {"directory": str(self.run_directory)}

    def _open(self, run_directory: Path) -> object:
        # Looked up now and by its public name: torch is heavy, and a user's patch of it must reach this place.
        tensorboard = importlib.import_module("torch.utils.tensorboard")
        self.writer = tensorboard.SummaryWriter(
            log_dir=str(run_directory),
            max_queue=self.config.tensorboard_max_queue,
            flush_secs=self.config.tensorboard_flush_secs,
        )
        return run_directory

    def _forget(self) -> None:
        self.writer = None

    def _write_metrics(
        self,
        epoch: float,
        step: int,
        metrics: Mapping[str, float],
        recorded: Recorded | None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in metrics.items()])
        for tag, text in (texts or {}).items():
            summary.MergeFrom(_text_summary(tag, text))
        self._add_event(summary, step, recorded)

    def _write_hyperparameters(self, hyperparameters: Mapping[str, Any], recorded: Recorded | None) -> None:
        # Into the run's own writer: SummaryWriter.add_hparams would make a second run beside this one.
        plain = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in hyperparameters.items()
        }
        summary = _text_summary("experiment/hyperparameters", _as_table(hyperparameters))
        make_summaries: Any = importlib.import_module("torch.utils.tensorboard.summary").hparams
        for part in make_summaries(plain, {}):
            summary.MergeFrom(part)
        self._add_event(summary, 0, recorded)

    def _write_configuration(self, configuration: Mapping[str, Any], recorded: Recorded | None) -> None:
        self._add_event(_text_summary("experiment/configuration", _as_table(configuration)), 0, recorded)

    def _write_architecture(self, architecture: ModelArchitecture, recorded: Recorded | None) -> None:
        counts = (
            f"{architecture['parameters']:,} parameters, {architecture['trainable_parameters']:,} of them trainable"
        )
        # Indented, so that Markdown shows the text as it is.
        listing = "\n".join(f"    {line}" for line in architecture["text"].splitlines())
        self._add_event(_text_summary("model/architecture", f"{counts}\n\n{listing}"), 0, recorded)

    def _add_event(self, summary: Any, step: int, recorded: Recorded | None) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        event = Event(summary=summary)
        if recorded is not None:
            # The record's number travels in the event, so that the view itself says how far it has come.
            event.source_metadata.writer = f"journal:{recorded.number}"
        assert self.writer is not None
        # `file_writer` is untyped in torch.
        file_writer: Any = self.writer.file_writer
        file_writer.add_event(event, step, recorded.time if recorded is not None else time.time())

    def _flush(self) -> None:
        assert self.writer is not None
        self.writer.flush()

    def _close(self, status: str) -> None:
        assert self.writer is not None
        self.writer.close()


def _text_summary(tag: str, text: str) -> Any:
    make_summary: Any = importlib.import_module("torch.utils.tensorboard.summary").text
    return make_summary(tag, text)


def _as_table(values: Mapping[str, Any]) -> str:
    rows = [f"| {_in_cell(name)} | {_in_cell(value)} |" for name, value in values.items()]
    return "\n".join(["| name | value |", "|---|---|", *rows])


def _in_cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
