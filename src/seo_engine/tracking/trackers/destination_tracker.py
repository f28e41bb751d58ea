"""What a tracker is, and MemoryTracker, the double for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from seo_engine.tracking.journal.lines import ModelArchitecture
from seo_engine.tracking.runs.endings import ErrorDescription


class Recorded(NamedTuple):
    """Where a value stands in the journal: the record's number and its time in seconds since 1970."""

    number: int
    time: float


class IncompleteViewError(Exception):
    """Raised by `close` when the destination does not hold all that it was given.

    Args:
        last_record (int): Number of the newest record that it holds.
        reason (str): What is missing, in words.
    """

    def __init__(self, last_record: int, reason: str) -> None:
        super().__init__(reason)
        self.last_record = last_record


def import_sdks(trackers: Iterable[Tracker]) -> None:
    """Have trackers import what they need, in the thread that begins the run.

    When two threads import parts of one package at the same time, the import of either may find a module half made:
    that of a worker would break that of the training.

    Args:
        trackers (Iterable[Tracker]): Those with an `import_sdk()`; others import where their module begins.
    """
    for tracker in trackers:
        import_sdk = getattr(tracker, "import_sdk", None)
        if import_sdk is not None:
            import_sdk()


class Tracker(Protocol):
    """A destination of records. A worker calls these methods, always from one thread.

    A method that raises is tried again and at last counted as dropped; the training never sees it. Whenever
    `available` has turned True, the worker starts with the first record of the run: a destination that outlives its
    process passes over those it holds, by `recorded.number`.
    """

    name: str

    def setup(self) -> None:
        """Open the destination; called again later if `available` stays False."""

    @property
    def available(self) -> bool:
        """bool: Whether the destination is open."""

    def log_experiment_config(self, configuration: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Show the configuration of the run."""

    def log_training_metrics(
        self, epoch: float, step: int, metrics: Mapping[str, Any], recorded: Recorded | None = None
    ) -> None:
        """Show metrics of the training at a step."""

    def log_evaluation_metrics(
        self, epoch: float, step: int, metrics: Mapping[str, Any], recorded: Recorded | None = None
    ) -> None:
        """Show metrics of an evaluation at a step."""

    def log_performance_metrics(
        self,
        metrics: Mapping[str, Any],
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Show metrics of the machine; without epoch and step at the last ones seen."""

    def log_profiling_data(
        self,
        profiling_data: Mapping[str, Any],
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Show where time and memory went."""

    def log_hyperparameters(self, hyperparameters: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Show the hyperparameters of the run."""

    def log_model_architecture(self, architecture: ModelArchitecture, recorded: Recorded | None = None) -> None:
        """Show the model."""

    def log_text(
        self,
        name: str,
        text: str,
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Show a text."""

    def log_resume(self, step: int | None, configuration: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Show that the training was resumed: what was logged at `step` and later is superseded."""

    def log_end(self, status: str, error: ErrorDescription | None = None, recorded: Recorded | None = None) -> None:
        """Show how the run ended, and by which error; `close` follows."""

    def flush(self) -> None:
        """Make everything logged so far visible to readers."""

    def close(self, status: str = "finished") -> None:
        """End the run in the destination as finished, failed, interrupted or killed."""

    def details(self) -> dict[str, str]:
        """Return what people want to know of the destination, such as its folder or address."""
        return {}


class MemoryTracker:
    """Keeps every call in memory: a double of a tracker, for tests.

    Example:
        >>> tracker = MemoryTracker()
        >>> tracker.log_training_metrics(1, 100, {"training/loss": 0.5})
        >>> tracker.calls
        [('log_training_metrics', {'epoch': 1, 'step': 100, 'metrics': {'training/loss': 0.5}})]
    """

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.available = True
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.status: str | None = None

    def setup(self) -> None:
        """Do nothing: memory is always there."""

    def log_experiment_config(self, configuration: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Keep the call."""
        self.calls.append(("log_experiment_config", {"configuration": dict(configuration)}))

    def log_training_metrics(
        self, epoch: float, step: int, metrics: Mapping[str, Any], recorded: Recorded | None = None
    ) -> None:
        """Keep the call."""
        self.calls.append(("log_training_metrics", {"epoch": epoch, "step": step, "metrics": dict(metrics)}))

    def log_evaluation_metrics(
        self, epoch: float, step: int, metrics: Mapping[str, Any], recorded: Recorded | None = None
    ) -> None:
        """Keep the call."""
        self.calls.append(("log_evaluation_metrics", {"epoch": epoch, "step": step, "metrics": dict(metrics)}))

    def log_performance_metrics(
        self,
        metrics: Mapping[str, Any],
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Keep the call."""
        self.calls.append(("log_performance_metrics", {"epoch": epoch, "step": step, "metrics": dict(metrics)}))

    def log_profiling_data(
        self,
        profiling_data: Mapping[str, Any],
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Keep the call."""
        self.calls.append(("log_profiling_data", {"profiling_data": dict(profiling_data)}))

    def log_hyperparameters(self, hyperparameters: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Keep the call."""
        self.calls.append(("log_hyperparameters", {"hyperparameters": dict(hyperparameters)}))

    def log_model_architecture(self, architecture: ModelArchitecture, recorded: Recorded | None = None) -> None:
        """Keep the call."""
        self.calls.append(("log_model_architecture", {"architecture": architecture}))

    def log_text(
        self,
        name: str,
        text: str,
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Keep the call."""
        self.calls.append(("log_text", {"name": name, "text": text, "epoch": epoch, "step": step}))

    def log_resume(self, step: int | None, configuration: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Keep the call."""
        self.calls.append(("log_resume", {"step": step, "configuration": dict(configuration)}))

    def log_end(self, status: str, error: ErrorDescription | None = None, recorded: Recorded | None = None) -> None:
        """Keep the call."""
        self.calls.append(("log_end", {"status": status, "error": error}))

    def flush(self) -> None:
        """Do nothing: memory is always visible."""

    def close(self, status: str = "finished") -> None:
        """Keep how the run ended."""
        self.status = status

    def details(self) -> dict[str, str]:
        """Return nothing: there is no folder or address."""
        return {}
