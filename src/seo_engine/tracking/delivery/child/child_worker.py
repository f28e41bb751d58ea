"""ChildWorker: a worker that delivers in a child process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.child.child_log import ChildLog
from seo_engine.tracking.delivery.child.messages import Begin, Close, Flush, Ledger, Operations, Report, Request
from seo_engine.tracking.delivery.child.supervised_child import SupervisedChild
from seo_engine.tracking.delivery.local_workers import DeliveryWorker
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.trackers.registry import Destination

_MAIN_PROGRAM = "seo_engine.tracking.delivery.delivery_process"


class ChildWorker(SupervisedChild, DeliveryWorker):
    """Delivers in a child process, so that a backend that stalls or dies does no harm to this process.

    The child reads the journal itself. It is asked to flush, to close, and to leave; it reports that it is alive, its
    ledger, log messages, and at the end what its profiler measured. Until it is asked to leave, it completes the run
    if this process dies.

    Args:
        destination (Destination): The tracker that the child opens.
        run_directory (Path): The run's folder.
        config (TrackingConfig): The settings.
        code_profiler (CodeProfiler): Receives the child's measurements at the end.
        state_changed (Callable[[], None]): Called when the ledger changes.
        previous (DeliveryState): The ledger that an earlier worker left.
        log (ChildLog): Takes what the child prints.
        training_process (int): The process id of the training.
    """

    def __init__(
        self,
        destination: Destination,
        run_directory: Path,
        config: TrackingConfig,
        code_profiler: CodeProfiler,
        state_changed: Callable[[], None],
        previous: DeliveryState,
        log: ChildLog,
        training_process: int,
    ) -> None:
        arguments = [str(run_directory.absolute()), destination.name, str(training_process)]
        super().__init__(destination.name, _MAIN_PROGRAM, arguments, log)
        self.state = DeliveryState(failed_records=list(previous.failed_records))
        self._destination = destination
        self._config = config
        self._code_profiler = code_profiler
        self._state_changed = state_changed
        self._was_open = False
        self._close_status: str | None = None
        # What the children before this one have delivered.
        self._delivered_before = 0

    @property
    def has_done_its_work(self) -> bool:
        """bool: Whether the child has closed its tracker."""
        return self.state.closed

    def variables(self) -> dict[str, str]:
        """Return the environment variables of a new child, as its tracker needs them."""
        environment = super().variables()
        self._destination.tracker.prepare_environment(environment)
        return environment

    def beginning(self) -> list[Request]:
        """Return the settings and the ledger, and that it closes, if this was asked of the child before."""
        self._delivered_before = self.state.delivered
        begin = Begin(self._config.as_dictionary(), self.state)
        return [begin] if self._close_status is None else [begin, Close(self._close_status)]

    def request_flush(self) -> None:
        """Wake the child."""
        self.send(Flush())

    def request_close(self, status: str) -> None:
        """Have the child deliver the backlog and close the tracker; it stays alive until `end`."""
        self._close_status = status
        self.send(Close(status))

    def state_changed(self) -> None:
        """Pass on that the child was lost, or has ended."""
        if self.last_error is not None and not self.state.closed:
            self.state.last_error = self.last_error
        self._state_changed()

    def take_report(self, report: Request | Report) -> bool:
        """Take the ledger or the measurements; a child is of use that delivers, or has nothing to deliver."""
        match report:
            case Ledger(state=state):
                # A new child of a run that was open before has not found out yet whether the server answers.
                self._was_open = self._was_open or bool(state.details)
                if self._was_open:
                    state.no_answer = None
                self.state, self.last_error = state, None
                self._state_changed()
                is_up_to_date = bool(state.details) and not state.pending
                return is_up_to_date or state.delivered > self._delivered_before
            case Operations(operations=operations):
                self._code_profiler.merge(OperationStatistics.from_dictionary(operation) for operation in operations)
        return False
