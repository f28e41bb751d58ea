"""Gives each run its own part of a shared profiler: what was timed since the run began."""

from __future__ import annotations

from typing import Self

from seo_engine.profiling.aggregation import Aggregation
from seo_engine.profiling.following import FollowingAggregation
from seo_engine.profiling.per_process import PerProcess
from seo_engine.profiling.regions.spans import now
from seo_engine.profiling.steps.open_steps import OpenSteps


class SharedByRuns(PerProcess):
    """A profiler that runs use, one after the other or several at a time."""

    _aggregation: Aggregation
    open_steps: OpenSteps
    # The runs that are open, by identity, and whether there was one before.
    _runs: dict[int, SharedByRuns]
    _had_run: bool

    def begin_run(self) -> Self:
        """Return what profiles a run that begins now.

        Returns:
            CodeProfiler: This profiler, which begins anew if it had a run before. While another run uses it, one that
            shows what this profiler times from now on.
        """
        with self._recorder.changing():
            if self._runs:
                run = type(self).__new__(type(self))
                run._follow(self)
            else:
                run = self
                if self._had_run:
                    self._recorder.begin_anew()
                    self._begin_reports(self._aggregation)
            self._had_run = True
            self._runs[id(run)] = run
            return run

    def end_run(self, run: Self) -> None:
        """End what profiled a run; after the last one, the counting thread rests until something is timed again.

        Args:
            run (CodeProfiler): As `begin_run` returned it.
        """
        recorder = self._recorder
        with recorder.changing():
            # What still waits belongs to the run.
            recorder.exclusively(recorder.count_waiting, lambda: None)
            self._runs.pop(id(run), None)
            recorder.followers = tuple(each for each in recorder.followers if each is not run._aggregation)
            run._end_reports()
            is_last = not self._runs
        if is_last:
            recorder.rest()

    def _begin(self) -> None:
        self._runs, self._had_run = {}, False
        self.open_steps = OpenSteps(self._recorder)
        self._begin_reports(self._recorder.aggregation)

    def _begin_reports(self, aggregation: Aggregation) -> None:
        """Report from now on, and on what is counted there."""

    def _end_reports(self) -> None:
        """Report what was counted until now, however much later the report is made."""

    def _follow(self, leader: Self) -> None:
        recorder = leader._recorder
        self._recorder, self.open_steps = recorder, leader.open_steps
        following = FollowingAggregation(recorder.aggregation, now())
        # Spans that still wait belong to the time before.
        recorder.exclusively(recorder.count_waiting, lambda: None)
        recorder.followers = (*recorder.followers, following)
        self._begin_reports(following)
