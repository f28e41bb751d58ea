"""Deliverer: the child process of rank 0, which delivers what all ranks log, and outlives it."""

from __future__ import annotations

import os
from pathlib import Path

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.child.child_log import ChildLog
from seo_engine.tracking.delivery.child.messages import Begin, Flush, Ledger, Operations, Report, Request
from seo_engine.tracking.delivery.child.supervised_child import SupervisedChild
from seo_engine.tracking.runs.ledger import DeliveryState

_MAIN_PROGRAM = "seo_engine.tracking.delivery.deliverer_process"


class Deliverer(SupervisedChild):
    """Delivers to every tracker of the run in a child process, which ends the run when all ranks are gone.

    Args:
        run_directory (Path): The run's folder.
        config (TrackingConfig): The settings of rank 0.
        code_profiler (CodeProfiler): Receives the child's measurements, if it ends before this process.
        log (ChildLog): Takes what the child prints.
    """

    def __init__(self, run_directory: Path, config: TrackingConfig, code_profiler: CodeProfiler, log: ChildLog) -> None:
        super().__init__("all ranks", _MAIN_PROGRAM, [str(run_directory.absolute()), str(os.getpid())], log)
        self._config = config
        self._code_profiler = code_profiler
        self._progress = DeliveryState()
        self._delivered_before = 0

    @property
    def has_done_its_work(self) -> bool:
        """bool: Whether the run has ended, and its views are closed."""
        return self._progress.closed

    def beginning(self) -> list[Request]:
        """Return the settings."""
        self._delivered_before = self._progress.delivered
        return [Begin(self._config.as_dictionary(), DeliveryState())]

    def flush(self) -> None:
        """Ask for delivery at once."""
        self.send(Flush())

    def take_report(self, report: Request | Report) -> bool:
        """Take how far it is, or what it has measured; a child is of use that delivers more than those before it."""
        match report:
            case Ledger(state=state):
                self._progress, self.last_error = state, None
                return state.delivered > self._delivered_before or (state.delivered > 0 and not state.pending)
            case Operations(operations=operations):
                self._code_profiler.merge(OperationStatistics.from_dictionary(operation) for operation in operations)
        return False
