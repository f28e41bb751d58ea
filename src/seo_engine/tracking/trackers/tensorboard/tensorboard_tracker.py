"""TensorBoardTracker: event files that TensorBoard shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seo_engine.foundation.extras import import_of_extra
from seo_engine.foundation.redaction import names_in_words
from seo_engine.tracking.records.forms import Embedding, MetricChart
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.records.profiling.bottleneck_chart import import_pillow
from seo_engine.tracking.records.settings import flattened
from seo_engine.tracking.trackers.destination_tracker import NextStep, ShellCommand
from seo_engine.tracking.trackers.sdk_tracker import Convert, SDKTracker
from seo_engine.tracking.trackers.tensorboard import event_files
from seo_engine.tracking.trackers.tensorboard.custom_scalars import CustomScalars
from seo_engine.tracking.trackers.tensorboard.hyperparameters import HyperparametersTab
from seo_engine.tracking.trackers.tensorboard.late_points import MOST_LATE_DIRECTORIES, ON_TIME, LatePoints
from seo_engine.tracking.trackers.tensorboard.media import FORMS
from seo_engine.tracking.trackers.tensorboard.projector import Projector
from seo_engine.tracking.trackers.tensorboard.summaries import beyond_float32, make_summary

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

# Imported only when needed, because torch is slow to import.
_MODULES = (
    "torch",
    "torch.utils.tensorboard.summary",
    "tensorboard.compat.proto.event_pb2",
    "tensorboard.plugins.hparams.api_pb2",
    "tensorboard.plugins.hparams.metadata",
    "tensorboard.plugins.hparams.plugin_data_pb2",
)


class TensorBoardTracker(SDKTracker):
    """Writes a run's records as TensorBoard events, one event per record.

    Used directly, it is ready at once and synchronous; `ExperimentTracker` uses the same class in its worker.
    `writer` is None after a failed set-up, and then calls do nothing.

    Args:
        config (TrackingConfig | None): The settings; None means the defaults.
        run_directory (Path | None): The run's folder; None makes a new one and sets up at once.

    Example:
        >>> import tempfile
        >>> from seo_engine.tracking import TrackingConfig
        >>> with TensorBoardTracker(TrackingConfig(tensorboard_log_dir=tempfile.mkdtemp())) as tracker:
        ...     for step, loss in enumerate([0.9, 0.5], start=1):
        ...         tracker.log_metrics({"loss": loss}, step=step)
    """

    name = "tensorboard"
    title = "TensorBoard"
    writer: SummaryWriter | None = None
    _said_late = _said_hidden = _said_not_in_tab = _said_beyond_float32 = False

    def setup_tensorboard(self) -> None:
        """Open the event file; a failure is logged and leaves `writer` None."""
        self.setup()

    def details(self) -> dict[str, str]:
        """Return the folder to point TensorBoard at."""
        return {"directory": str(self.run_directory)}

    @classmethod
    def next_steps(cls, run_directory: Path, details: Mapping[str, str]) -> list[NextStep]:
        """Return how to look at the curves."""
        return [NextStep("curves", (ShellCommand("tensorboard"), "--logdir", run_directory.parent))]

    def _import_sdk(self) -> None:
        for module in _MODULES:
            import_of_extra(module, extra="tracking", needed_by=self.title)
        import_pillow()

    def _open(self, run_directory: Path) -> object:
        # A file whose last event is torn is left as it is: readers continue with the next one.
        self._late_points = LatePoints()
        self._hyperparameters = HyperparametersTab()
        self._forms: dict[type, Convert] = {
            **FORMS,
            Embedding: Projector(run_directory).write,
            MetricChart: CustomScalars().add,
        }
        # What describes the run, by kind of record: a later record adds to the table of the earlier ones.
        self._tables: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self._late_writers: dict[str, SummaryWriter] = {}
        self._last_records = {ON_TIME: event_files.repair(run_directory)}
        self.writer = self._open_writer(ON_TIME)
        return run_directory

    def _open_writer(self, name: str) -> SummaryWriter:
        assert self.run_directory is not None
        directory = self.run_directory / name
        # Imported here and by its public name: torch is slow to import, and a user's patch of it must work here too.
        tensorboard = import_of_extra("torch.utils.tensorboard", extra="tracking", needed_by=self.title)
        with event_files.later_names(directory):
            writer: SummaryWriter = tensorboard.SummaryWriter(
                log_dir=str(directory),
                max_queue=self.config.tensorboard_max_queue,
                flush_secs=self.config.tensorboard_flush_secs,
            )
        if self._last_records.get(name) and event_files.count(directory) == 1:
            # The view's records are gone: the folder was deleted, and recreated for this file alone.
            raise FileNotFoundError(f"{directory} was deleted")
        return writer

    def _forget(self) -> None:
        super()._forget()
        self.writer = None
        self._late_writers = {}

    def _abandon(self) -> None:
        for writer in self._writers():
            writer.close()

    def _write(self, shown: Shown, recorded: Recorded) -> None:
        if shown.kind.name == "resume":
            self._write_resumption(shown.record["step"], shown.prefix, recorded)
            return
        is_end = shown.kind.name == "end"
        if shown.kind.name == "hyperparameters":
            self._say_not_in_tab(self._hyperparameters.collect(shown.settings))
        media = self._converted_media(shown, self._forms)
        if shown.settings:
            self._tables[shown.kind.name] |= flattened(shown.settings)
        if shown.summary:
            self._tables["summary"] |= flattened(shown.summary)
        summary = make_summary(shown, self._shown_numbers(shown), media, self._tables)
        # Not the load of the machine, which a run logs by itself, perhaps while the training still loads its data.
        if not self._hyperparameters.is_written and (is_end or shown.kind.name in ("training", "evaluation")):
            summary.MergeFrom(self._hyperparameters.start(recorded.time))
        if is_end:
            summary.MergeFrom(self._hyperparameters.end(shown.record["status"], recorded.time))
        # A resumed run ends more than once: at its last step each time.
        step = self.global_step if is_end else shown.step or 0
        self._add_summary(summary, step, recorded)

    def _shown_numbers(self, shown: Shown) -> Mapping[str, float]:
        """Return the numbers of a record; those that TensorBoard would show as infinities are treated as such."""
        beyond = beyond_float32(shown.numbers)
        if not beyond:
            return shown.numbers
        is_skipped = self.config.skip_nonfinite_metrics
        if not self._said_beyond_float32:
            self._said_beyond_float32 = True
            self.logger.warning(
                "⚠️ TensorBoard stores 32-bit floats; it %s what does not fit: %s (step %s)",
                "leaves out" if is_skipped else "shows as infinite",
                names_in_words(f"{name} = {shown.numbers[name]:g}" for name in beyond),
                shown.step,
            )
        return {name: value for name, value in shown.numbers.items() if not is_skipped or name not in beyond}

    def _say_not_in_tab(self, names: list[str]) -> None:
        if names and not self._said_not_in_tab:
            self._said_not_in_tab = True
            self.logger.warning(
                "⚠️ TensorBoard's HPARAMS tab does not take hyperparameters that are logged after the first metric: %s; "
                "they are in the table experiment/hyperparameters under TEXT",
                names_in_words(names),
            )

    def _write_resumption(self, step: int | None, prefix: str, recorded: Recorded) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        if step is None:
            return
        directories = {ON_TIME, *self._late_points.rewind(step, prefix)}
        if prefix:
            # The event below would also purge what other ranks have logged since they were resumed.
            return
        # What SummaryWriter writes for its `purge_step`, but at its place among the records.
        for directory in directories:
            self._add_event(directory, Event(session_log=SessionLog(status=SessionLog.START)), step, recorded)

    def _add_summary(self, summary: Any, step: int, recorded: Recorded) -> None:
        """Write the values of one record as one event, or as one per directory if some of them are late."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = {value.tag: value for value in summary.value}
        curves = {tag: value.simple_value if value.HasField("simple_value") else None for tag, value in values.items()}
        directories = self._late_points.directories(curves, step)
        self._say_late(directories, step)
        for directory, tags in directories.items():
            self._add_event(directory, Event(summary=Summary(value=[values[tag] for tag in tags])), step, recorded)
        self._late_points.took(directories, curves, step)
        if self._late_points.hidden_points and not self._said_hidden:
            self._said_hidden = True
            self.logger.warning(
                "⚠️ The steps of some metrics went back more than %d times in a row: TensorBoard shows their earlier "
                "points only when started with --load_fast=false",
                MOST_LATE_DIRECTORIES,
            )

    def _say_late(self, directories: Mapping[str, list[str]], step: int) -> None:
        late = next((directory for directory in directories if directory != ON_TIME), None)
        if late is not None and not self._said_late:
            self._said_late = True
            assert self.run_directory is not None
            tag = directories[late][0]
            self.logger.warning(
                "⚠️ %s was logged at step %d after step %s: TensorBoard would hide the points between, so points whose "
                "step goes back are in a run of their own, %s",
                tag,
                step,
                self._late_points.last_step(tag),
                f"{self.run_directory.name}/{late}",
            )

    def _add_event(self, directory: str, event: Any, step: int, recorded: Recorded) -> None:
        if recorded.number <= self._last_record(directory):
            # The view already holds it: the worker started again at the journal's beginning.
            return
        # The event carries the record's number, so that the view itself shows its progress.
        event.source_metadata.writer = event_files.writer_name(recorded.number)
        # `file_writer` is untyped in torch.
        file_writer: Any = self._writer(directory).file_writer
        file_writer.add_event(event, step, recorded.time)
        self._last_records[directory] = recorded.number

    def _last_record(self, directory: str) -> int:
        if directory not in self._last_records:
            assert self.run_directory is not None
            self._last_records[directory] = event_files.repair(self.run_directory / directory)
        return self._last_records[directory]

    def _writer(self, directory: str) -> SummaryWriter:
        assert self.writer is not None and self.run_directory is not None
        if directory == ON_TIME:
            return self.writer
        if directory not in self._late_writers:
            self._late_writers[directory] = self._open_writer(directory)
        return self._late_writers[directory]

    def _writers(self) -> list[SummaryWriter]:
        return [each for each in (self.writer, *self._late_writers.values()) if each is not None]

    def _flush(self) -> None:
        for writer in self._writers():
            writer.flush()

    def _close(self, status: str) -> None:
        for writer in self._writers():
            writer.close()
