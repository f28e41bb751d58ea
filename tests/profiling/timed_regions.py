"""Helpers of the tests of profiling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.statistics.call_tree import CallTreeNode
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics


def statistics_of(profiler: CodeProfiler) -> dict[str, OperationStatistics]:
    """Return the statistics of each operation by its name."""
    return {operation.name: operation for operation in profiler.statistics()}


def counts_of(profiler: CodeProfiler) -> dict[str, int]:
    """Return how often each operation ran."""
    return {operation.name: operation.count for operation in profiler.statistics()}


def own_times_of(profiler: CodeProfiler) -> int:
    """Return the own times of all operations together, in nanoseconds."""
    return sum(operation.self_time for operation in profiler.statistics())


def paths_of(nodes: list[CallTreeNode], within: tuple[str, ...] = ()) -> dict[tuple[str, ...], int]:
    """Return how often each operation was called along each path."""
    paths: dict[tuple[str, ...], int] = {}
    for node in nodes:
        path = (*within, node["operation"])
        paths |= {path: node["calls"]} | paths_of(node["children"], path)
    return paths


def countdown(profiler: CodeProfiler, cleaned: list[str] | None = None) -> Any:
    """Return a profiled generator that counts down, with regions of its own."""

    @profiler.profile_operation("countdown", "data_loading")
    def generate(first: int) -> Generator[int, Any, str]:
        try:
            for number in range(first, 0, -1):
                with profiler.profile_operation("work", "data_loading"):
                    pass
                yield number
        finally:
            with profiler.profile_operation("cleanup", "data_loading"):
                (cleaned if cleaned is not None else []).append("cleaned")
        return "done"

    return generate


def asynchronous_countdown(profiler: CodeProfiler, cleaned: list[str] | None = None) -> Any:
    """Return a profiled asynchronous generator that counts down, with regions of its own."""

    @profiler.profile_operation("countdown", "data_loading")
    async def generate(first: int) -> AsyncGenerator[int, Any]:
        try:
            for number in range(first, 0, -1):
                with profiler.profile_operation("work", "data_loading"):
                    await asyncio.sleep(0)
                yield number
        finally:
            with profiler.profile_operation("cleanup", "data_loading"):
                await asyncio.sleep(0)
                (cleaned if cleaned is not None else []).append("cleaned")

    return generate
