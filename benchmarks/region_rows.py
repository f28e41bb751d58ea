"""The ways to time a region of code that are compared, each with the statement that its documentation shows."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, NamedTuple

from benchmarks.rows import is_installed

REGION_DISTRIBUTIONS = ("seo-engine", "torch", "codetiming", "pytorch-lightning", "viztracer", "opentelemetry-sdk")
# How many measurements a peer may keep, if it has such a setting; it throws older ones away.
LONGEST_BUFFER = 100_000


class Regions(NamedTuple):
    """The names in the statement, what waits for all work, and what returns the seconds in the background."""

    names: dict[str, Any]
    finish: Callable[[], Any] = lambda: None
    aggregation_seconds: Callable[[], float] | None = None


@dataclass(frozen=True)
class RegionRow:
    """One way to time a region; its figures are compared with those of the row that `baseline` names."""

    name: str
    title: str
    statement: str
    open: Callable[[], Regions]
    distribution: str | None = None
    baseline: str = "nullcontext"
    regions_a_statement: int = 1

    @property
    def is_installed(self) -> bool:
        """Whether its distribution is installed."""
        return is_installed(self.distribution)


def _empty() -> None:
    pass


def _open_ours() -> Regions:
    from seo_engine.profiling import CodeProfiler

    profiler = CodeProfiler()
    return Regions({"profiler": profiler}, profiler.statistics, lambda: profiler.aggregation_seconds)


def _open_disabled() -> Regions:
    from seo_engine.profiling import CodeProfiler, ProfilingConfig

    return Regions({"profiler": CodeProfiler(ProfilingConfig(enable_code_profiling=False))})


def _open_decorated() -> Regions:
    ours = _open_ours()
    decorated = ours.names["profiler"].profile_operation("forward_pass", "training_loop")(_empty)
    return ours._replace(names={"function": decorated})


def _open_dictionary() -> Regions:
    totals: dict[str, int] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        started = perf_counter_ns()
        try:
            yield
        finally:
            totals[name] = totals.get(name, 0) + perf_counter_ns() - started

    return Regions({"timed": timed})


def _open_codetiming() -> Regions:
    codetiming: Any = importlib.import_module("codetiming")
    return Regions({"Timer": codetiming.Timer}, lambda: codetiming.Timer.timers.mean("forward_pass"))


def _open_lightning() -> Regions:
    profilers: Any = importlib.import_module("pytorch_lightning.profilers")
    profiler = profilers.SimpleProfiler()
    return Regions({"profiler": profiler}, profiler.summary)


def _open_record_function() -> Regions:
    from torch.profiler import record_function

    return Regions({"record_function": record_function})


def _open_viztracer() -> Regions:
    viztracer: Any = importlib.import_module("viztracer")
    tracer = viztracer.VizTracer(tracer_entries=LONGEST_BUFFER, verbose=0)
    tracer.start()
    return Regions({"tracer": tracer}, tracer.stop)


def _open_opentelemetry() -> Regions:
    trace: Any = importlib.import_module("opentelemetry.sdk.trace")
    export: Any = importlib.import_module("opentelemetry.sdk.trace.export")
    in_memory: Any = importlib.import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    provider = trace.TracerProvider()
    exporter = in_memory.InMemorySpanExporter(max_spans=LONGEST_BUFFER)
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    return Regions({"tracer": provider.get_tracer("benchmark")}, provider.force_flush)


_OURS = "with profiler.profile_operation('forward_pass', 'training_loop'): "

REGION_ROWS = (
    RegionRow(
        "nullcontext", "`nullcontext()`", "with nullcontext(): pass", lambda: Regions({"nullcontext": nullcontext}),
    ),
    RegionRow(
        "clock", "`perf_counter_ns` twice, nothing kept", "started = now(); duration = now() - started",
        lambda: Regions({"now": perf_counter_ns}),
    ),
    RegionRow("code_profiler", "**CodeProfiler**", f"{_OURS}pass", _open_ours),
    RegionRow(
        "code_profiler_nested", "**CodeProfiler**, three regions deep",
        f"{_OURS}\n    {_OURS}\n        {_OURS}pass", _open_ours, regions_a_statement=3,
    ),
    RegionRow("code_profiler_disabled", "**CodeProfiler**, disabled", f"{_OURS}pass", _open_disabled),
    RegionRow(
        "plain_call", "call of an empty function (the decorator's baseline)", "function()",
        lambda: Regions({"function": _empty}), baseline="plain_call",
    ),
    RegionRow(
        "code_profiler_decorator", "**CodeProfiler** as its decorator", "function()", _open_decorated,
        baseline="plain_call",
    ),
    RegionRow(
        "dictionary", "`contextlib.contextmanager` that adds to a dictionary", "with timed('forward_pass'): pass",
        _open_dictionary,
    ),
    RegionRow(
        "codetiming", "codetiming `Timer`", "with Timer('forward_pass', logger=None): pass", _open_codetiming,
        "codetiming",
    ),
    RegionRow(
        "lightning", "Lightning `SimpleProfiler.profile`", "with profiler.profile('forward_pass'): pass",
        _open_lightning, "pytorch_lightning",
    ),
    RegionRow(
        "record_function", "`torch.profiler.record_function`, no profiler running",
        "with record_function('forward_pass'): pass", _open_record_function, "torch",
    ),
    RegionRow(
        "viztracer", "VizTracer `log_event`, tracing", "with tracer.log_event('forward_pass'): pass", _open_viztracer,
        "viztracer",
    ),
    RegionRow(
        "opentelemetry", "OpenTelemetry span, batch processor",
        "with tracer.start_as_current_span('forward_pass'): pass",
        _open_opentelemetry, "opentelemetry.sdk",
    ),
)  # fmt: skip


def region_row_named(name: str) -> RegionRow:
    """Return one of the rows."""
    return {row.name: row for row in REGION_ROWS}[name]
