"""CodeProfiler: times named regions of code, at a cost of about a microsecond each."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import orjson

from seo_engine.foundation import redaction
from seo_engine.foundation.texts import as_json_data
from seo_engine.foundation.whole_files import write_export
from seo_engine.profiling.aggregation import Aggregation
from seo_engine.profiling.categories import TRAINING
from seo_engine.profiling.loaders import describe_loader
from seo_engine.profiling.overhead_warning import OverheadWarning
from seo_engine.profiling.recorder import Recorder
from seo_engine.profiling.regions.compiled_code import no_region, traced_as
from seo_engine.profiling.regions.regions import DISABLED_REGION, ProfiledRegion, Region
from seo_engine.profiling.regions.spans import now
from seo_engine.profiling.reports.advice.recommendation import Recommendation
from seo_engine.profiling.reports.bottlenecks import Bottleneck
from seo_engine.profiling.reports.measurements import Measurements, usable_processors
from seo_engine.profiling.reports.notebook import as_html, in_one_line
from seo_engine.profiling.reports.outside_training import seconds_of_closing
from seo_engine.profiling.reports.profiling_data import (
    PROFILING_DATA_VERSION,
    CategorySummary,
    ProfilingData,
    ProfilingFile,
    summarize,
)
from seo_engine.profiling.reports.recommendations import recommend
from seo_engine.profiling.reports.slices import shown_open_regions, shown_spans
from seo_engine.profiling.reports.trace import Trace, write_trace
from seo_engine.profiling.run_clock import RunClock
from seo_engine.profiling.settings import ProfilingSettings
from seo_engine.profiling.shared_by_runs import SharedByRuns
from seo_engine.profiling.statistics.call_tree import CallTreeNode
from seo_engine.profiling.statistics.operation_statistics import NANOSECONDS, OperationStatistics
from seo_engine.profiling.statistics.operations import Measures
from seo_engine.profiling.statistics.training_view import RecentStep, TrainingView
from seo_engine.profiling.steps.training_steps import ProfiledSteps, profile_steps

Batch = TypeVar("Batch")

_new_region = object.__new__


class CodeProfiler(SharedByRuns):
    """Times named regions of code, on any thread and in any asyncio task, and reports where time and memory went.

    Args:
        config (ProfilingSettings | None): The settings; None means the defaults.

    Example:
        >>> profiler = CodeProfiler()
        >>> for batch in profiler.profile_steps([4.0, 2.0, 1.0]):
        ...     with profiler.profile_operation("forward_pass"):
        ...         loss = batch / 2
        >>> profiler.training_view()["steps"]
        3
    """

    def __init__(self, config: ProfilingSettings | None = None) -> None:
        settings = config if config is not None else ProfilingSettings()
        super().__init__(Recorder(Aggregation(settings), settings.enable_code_profiling))

    def _begin_reports(self, aggregation: Aggregation) -> None:
        self._aggregation = aggregation
        self._operations = self._recorder.aggregation.operations
        self._clock = RunClock()
        # Nanoseconds spent on statistics of earlier runs.
        self._counted_before = self._recorder.counting_nanoseconds
        self._overhead = OverheadWarning(aggregation.settings.tracking_overhead_warning_percent)
        self._merged: deque[list[OperationStatistics]] = deque()

    def _end_reports(self) -> None:
        self._clock.end(self._aggregation.spans)

    @property
    def enabled(self) -> bool:
        """bool: Whether regions are timed; may be set at any time."""
        return self._recorder.enabled

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self._recorder.enabled = enabled

    @traced_as(no_region)
    def profile_operation(
        self, name: str, category: str = TRAINING, *, measure_memory: bool = False, measure_device: bool = False
    ) -> ProfiledRegion:
        """Time the code in a `with` block or, as a decorator, each call of a function.

        Args:
            name (str): The operation, such as `forward_pass`.
            category (str): What the operation is counted with: one of `CATEGORIES`. Any other is accepted, with one
                warning.
            measure_memory (bool): Also measure how the memory of the process and the GPU changes. In operations that
                take long enough on average, this is measured anyway.
            measure_device (bool): If CUDA is in use, also time the region on the GPU, without waiting for it.

        Returns:
            ProfiledRegion: A context manager and decorator. Exceptions pass through and are counted. A function that is
            decorated while profiling is off is returned unchanged.

        Example:
            >>> profiler = CodeProfiler()
            >>> with profiler.profile_operation("load_batch", "data_loading"):
            ...     pass
            >>> @profiler.profile_operation("tokenize", "preprocessing")
            ... def tokenize(text):
            ...     return text.split()
            >>> tokenize("a page"), sorted(operation.name for operation in profiler.statistics())
            (['a', 'page'], ['load_batch', 'tokenize'])
        """
        recorder = self._recorder
        if not recorder.enabled:
            return DISABLED_REGION
        try:
            operation = self._operations[name, category]
        except (KeyError, TypeError):
            operation = recorder.aggregation.operation(name, category)
        if operation.is_measured or measure_memory or measure_device:
            asked = Measures(memory=measure_memory, gpu_memory=measure_memory, device_time=measure_device)
            return recorder.region(operation, asked)
        # The same as `Region(recorder, operation)`, without the call, which is a tenth of a region's cost.
        region = _new_region(Region)
        region.recorder = recorder
        region.operation = operation
        region.start = 0
        region.children = 0
        region._again = None
        return region

    def profile_steps(self, batches: Iterable[Batch]) -> ProfiledSteps[Batch]:
        """Return batches, and time a training step for each: loading the batch, and the work on it.

        Within the loop, the regions `forward_pass`, `backward_pass` and `optimizer_step` are further parts of the step
        in `training_view`. A loop that begins under `torch.no_grad()` is one of validation steps.

        Args:
            batches (Iterable): A data loader, for example.

        Returns:
            ProfiledSteps: Yields each batch. It has a length if the loader has.

        Example:
            >>> profiler = CodeProfiler()
            >>> for batch in profiler.profile_steps([[1, 2], [3, 4]]):
            ...     with profiler.profile_operation("forward_pass", "training_loop"):
            ...         pass
            >>> profiler.training_view()["steps"]
            2
        """
        return profile_steps(self, batches)

    def describe_loader(self, loader: object) -> None:
        """Note how many workers a data loader has, for recommendations."""
        self._recorder.loader = describe_loader(loader)

    def add_span(self, name: str, category: str, start: int, end: int) -> None:
        """Add a region that the caller timed, for code where even a `with` block is too expensive. Nothing nests in it.

        Args:
            name (str): The operation.
            category (str): Its category.
            start (int): Nanoseconds of `time.perf_counter_ns`.
            end (int): The same at the end.
        """
        self.span_taker(name, category)(start, end)

    def span_taker(self, name: str, category: str) -> Callable[[int, int], None]:
        """Return what adds spans of one operation, for code that adds one after the other.

        Args:
            name (str): The operation.
            category (str): Its category.

        Returns:
            Callable[[int, int], None]: Is given start and end, as `add_span` is.
        """
        aggregation = self._recorder.aggregation
        operation = self._operations.get((name, category)) or aggregation.operation(name, category)
        return self._recorder.span_taker(operation)

    def add_samples(self, number: int) -> None:
        """Count training samples, for the throughput."""
        for aggregation in self._recorder.aggregations:
            aggregation.steps.samples += number

    def add_counters(self, values: Mapping[str, float]) -> None:
        """Add current values, which the trace shows over time.

        Args:
            values (Mapping[str, float]): Values by name, such as `gpu_utilization_percent`.
        """
        if self._recorder.enabled:
            self._recorder.counters.add(values)

    def statistics(self) -> list[OperationStatistics]:
        """Return the statistics of every operation, the largest total first.

        Returns:
            list[OperationStatistics]: One for each name and category. They are copies, which no longer change.
        """
        return self._recorder.exclusively(self._count, self._aggregation.statistics)

    def categories(self) -> list[CategorySummary]:
        """Return the statistics of each category as a whole, the one with the most own time first."""
        return self._summary()["categories"]

    def call_tree(self) -> list[CallTreeNode]:
        """Return which operation was called within which, and how often: outermost operations, with nested ones."""
        return self._recorder.exclusively(self._count, self._aggregation.tree.as_dictionaries)

    def training_view(self) -> TrainingView | None:
        """Return where the training steps spent their time; None if there was no step."""
        return self._recorder.exclusively(self._count, self._aggregation.steps.view)

    def recent_steps(self) -> list[RecentStep]:
        """Return the newest training steps one by one, at most a thousand, with the seconds of their parts."""
        return self._recorder.exclusively(self._count, self._aggregation.steps.recent_steps)

    def merge(self, operations: Iterable[OperationStatistics]) -> None:
        """Add what a profiler in another process measured.

        Args:
            operations (Iterable[OperationStatistics]): Its statistics.
        """
        # Added when somebody asks, so that the caller does not wait for a thread that is counting.
        self._merged.append(list(operations))

    def leave_out_of_ranking(self, names: Iterable[str]) -> None:
        """Leave operations of the category `experiment_tracking` out of the ranking: no training waits for them.

        Args:
            names (Iterable[str]): Their names.
        """
        self._aggregation.in_background.update(names)

    def wall_seconds(self) -> float:
        """Return the seconds since the run began, or the profiler was made, until now or the end of the run.

        Reports that the run's own thread makes outside of any region do not count.
        """
        return self._clock.nanoseconds() * NANOSECONDS

    @property
    def aggregation_seconds(self) -> float:
        """float: CPU time spent on statistics so far, in seconds, mostly in the background."""
        return (self._recorder.counting_nanoseconds - self._counted_before) * NANOSECONDS

    def bottlenecks(self) -> list[Bottleneck]:
        """Return the operations with the most own time, the largest first, as plain data."""
        return self._summary()["bottlenecks"]

    def recommendations(self) -> list[Recommendation]:
        """Return what to do, each with evidence from this run; empty if there is nothing to recommend."""
        with self._clock.reporting(self._recorder.lanes):
            return recommend(self._measurements(self.statistics()))

    def profiling_data(self) -> ProfilingData:
        """Return what was measured as plain data, ready for `ExperimentTracker.log_profiling_data`.

        Returns:
            ProfilingData: `timings` (mean seconds), `memory` (mean MB), `bottlenecks`, and more. A name in two
            categories is two operations, shown as `category.operation`.
        """
        profiling_data = self._summary()
        self._overhead.look(profiling_data)
        return profiling_data

    def export_profiling_data(
        self, path: str | os.PathLike[str], *, redact: Callable[[Any], Any] = redaction.redact, private: bool = False
    ) -> None:
        """Write what was measured, and the call tree, as JSON.

        Args:
            path (str | os.PathLike): The file; an existing one is replaced. With the ending `.gz` it is compressed.
            redact (Callable[[Any], Any]): Removes secrets from the plain data before it is written.
            private (bool): Whether the file is for its owner alone, whatever the umask.

        Raises:
            OSError: If it cannot be written.
        """
        with self._clock.reporting(self._recorder.lanes):
            contents = ProfilingFile(
                schema_version=PROFILING_DATA_VERSION,
                call_tree=self.call_tree(),
                recent_steps=self.recent_steps(),
                **self.profiling_data(),
            )
            text = orjson.dumps(as_json_data(redact(contents)), option=orjson.OPT_INDENT_2)
            write_export(path, [text, b"\n"], private)

    def export_trace(
        self,
        path: str | os.PathLike[str],
        *,
        redact: Callable[[str], str] = redaction.redact_text,
        private: bool = False,
    ) -> None:
        """Write the newest regions and the counters as a trace, for https://ui.perfetto.dev or chrome://tracing.

        Args:
            path (str | os.PathLike): The file, usually `trace.json` or, compressed, `trace.json.gz`; an existing one
                is replaced.
            redact (Callable[[str], str]): Removes secrets from each name before it is written.
            private (bool): Whether the file is for its owner alone, whatever the umask.

        Raises:
            OSError: If it cannot be written.
        """
        recorder, aggregation = self._recorder, self._aggregation
        clock = self._clock
        with clock.reporting(recorder.lanes):
            recorder.counters.read()
            spans, readings, recorded = recorder.exclusively(
                self._count,
                lambda: (list(aggregation.newest_spans), list(aggregation.newest_readings), aggregation.spans),
            )
            # A region that is just being entered has no start yet.
            open_regions = [region for region in recorder.lanes.open_regions() if region.start]
            slices = shown_spans(spans, readings, aggregation.tree.paths, recorder.lanes.rows())
            slices += shown_open_regions(open_regions, now())
            trace = Trace(
                slices, recorder.counters.samples(clock.started), clock.started, clock.started_at, recorded, len(spans)
            )
            write_trace(trace, path, redact, private)

    def __repr__(self) -> str:
        return f"<CodeProfiler: {in_one_line(self._summary()) if self.enabled else 'off'}>"

    def _repr_html_(self) -> str:
        return as_html(self._summary())

    def report(self) -> str:
        """Return what was measured as plain-text tables.

        Returns:
            str: Several lines.
        """
        with self._clock.reporting(self._recorder.lanes):
            # Imported here, because nothing else needs the library that draws tables.
            from seo_engine.profiling.reports.tables import as_text

            return as_text(self.profiling_data())

    def _summary(self) -> ProfilingData:
        with self._clock.reporting(self._recorder.lanes):
            return summarize(self._measurements(self.statistics()))

    def _measurements(self, operations: list[OperationStatistics]) -> Measurements:
        recorder, steps, tree = self._recorder, self._aggregation.steps, self._aggregation.tree
        recorder.counters.read()
        open_regions = recorder.lanes.open_regions()
        training, phase_percent, others, interruptions, slowest_logging, steps_between, covered = recorder.exclusively(
            self._count,
            lambda: (
                steps.view(),
                steps.percent_after_warm_up(),
                steps.others_after_warm_up(),
                steps.interruptions(),
                tree.slowest_within_steps("logging"),
                (steps.began or 0, steps.ended),
                self._aggregation.covered_nanoseconds(open_regions, now()),
            ),
        )
        return Measurements(
            operations=operations,
            in_background=frozenset(self._aggregation.in_background),
            closing_seconds=seconds_of_closing(open_regions, now()),
            training=training,
            phase_percent=phase_percent,
            others=others,
            interruptions=interruptions,
            slowest_logging=slowest_logging,
            steps_between=steps_between,
            loader=recorder.loader,
            counters=recorder.counters.samples(self._clock.started),
            wall_seconds=self.wall_seconds(),
            covered_seconds=covered * NANOSECONDS,
            counting_seconds=self.aggregation_seconds,
            processors=usable_processors(),
            thresholds=self._aggregation.settings.bottleneck_thresholds,
        )

    def _count(self) -> None:
        self._recorder.read_device_times()
        self._recorder.count_waiting()
        self.open_steps.end_left()
        self._clock.look(self._aggregation.spans)
        while self._merged:
            self._aggregation.merge(self._merged.popleft())
