"""FollowingAggregation: counts what a profiler times from a moment on, for a run that begins while another is open."""

from __future__ import annotations

from collections.abc import Sequence

from seo_engine.profiling.aggregation import Aggregation
from seo_engine.profiling.regions.readings import Reading
from seo_engine.profiling.regions.spans import Span
from seo_engine.profiling.statistics.call_tree import CallPath
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics


class FollowingAggregation(Aggregation):
    """Is given the spans of another aggregation, and counts them as if timing had begun only now.

    Args:
        leader (Aggregation): Has the paths to which the spans refer.
        began (int): Nanoseconds of `time.perf_counter_ns`; what lies before is left out.
    """

    def __init__(self, leader: Aggregation, began: int) -> None:
        super().__init__(leader.settings)
        self._leader = leader
        self.began = began
        # What no training waits for is the same for all runs of a configuration.
        self.in_background = leader.in_background
        self._unknown_categories = leader._unknown_categories

    def count(self, spans: Sequence[Span]) -> None:
        """Count spans along the same paths as the leader.

        Args:
            spans (Sequence[Span]): The spans of closed regions, with the leader's numbers of their paths.
        """
        for number in {span[0] for span in spans} - self.tree.paths.keys():
            path = self._leader.tree.paths.get(number)
            if path is not None:
                self._own_path(path)
        super().count(spans)

    def _statistics_of(self, reading: Reading) -> OperationStatistics:
        return self.operation(reading.operation.name, reading.operation.category).statistics

    def _own_path(self, path: CallPath) -> CallPath:
        """Return the path here that is the same as one of the leader, and has its number."""
        adopted = self.tree.paths.get(path.number)
        if adopted is not None or path.operation is None or path.caller is None:
            return adopted or self.tree.root
        operation = self.operation(path.operation.name, path.operation.category)
        return self.tree.path(self._own_path(path.caller), operation, path.number)
