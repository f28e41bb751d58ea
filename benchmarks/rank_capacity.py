"""Measures how fast the journals of many ranks are put in order, read, and selected from, by one processor."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.rounds import Figures
from seo_engine.tracking import TrackingConfig
from seo_engine.tracking.journal.lines import encode_record
from seo_engine.tracking.journal.order import JournalOrder
from seo_engine.tracking.journal.rank_files import journal_name
from seo_engine.tracking.journal.rank_journals import RankJournals
from seo_engine.tracking.views.journal_selection import JournalSelection

MODES = ("first", "all", "reduced")


class Job(NamedTuple):
    """How many ranks there are, how many metrics each of their records has, and how many records each has logged."""

    ranks: int
    metrics: int
    records: int


JOBS = (Job(8, 5, 10_000), Job(8, 500, 500), Job(1_000, 5, 80), Job(1_000, 500, 4))


def measure_capacity() -> list[Figures]:
    """Return bytes and microseconds of a record, and milliseconds of a look at files without anything new."""
    return [_measure(job) for job in JOBS]


def _measure(job: Job) -> Figures:
    with tempfile.TemporaryDirectory(prefix="seo_engine_benchmark_") as name:
        folder = Path(name)
        size = sum(_write_rank(folder, rank, job) for rank in range(job.ranks))
        count = job.ranks * job.records
        with JournalOrder(folder) as order:
            figures: Figures = {
                **job._asdict(),
                "bytes": size / count,
                "order_us": _microseconds(order.take_in) / count,
                "look_ms": _microseconds(order.take_in) / 1000,
            }
        for mode in MODES:
            figures[f"{mode}_us"] = _microseconds(partial(_select, folder, mode)) / count
    return figures


def _write_rank(folder: Path, rank: int, job: Job) -> int:
    """Write what a rank logs, and return the bytes of its metrics."""
    start = {"kind": "start", "time": 1.0, "rank": rank, "world_size": job.ranks, "configuration": {}, "host": "node"}
    moment = {"kind": "training", "epoch": 1}
    lines = [
        encode_record(
            {**moment, "step": step, "time": 1.7e9 + step / 7, "rank": rank}
            | {"metrics": {f"training/metric_{number}": (step + number) / 7 for number in range(job.metrics)}}
        )
        for step in range(job.records)
    ]
    (folder / journal_name(rank)).write_bytes(b"".join([encode_record(start), *lines]))
    return sum(map(len, lines))


def _select(folder: Path, mode: str) -> None:
    selection = JournalSelection(TrackingConfig(rank_metrics=mode))
    with RankJournals(folder) as journals:
        for line in journals.lines():
            selection.take(line)


def _microseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1e6 * (time.perf_counter() - began)
