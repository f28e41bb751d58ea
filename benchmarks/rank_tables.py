"""What many ranks cost, as tables for the terminal and docs/scale.md."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

Figures = dict[str, Any]

CALLERS = {"alone": "a process that trains alone", "rank_0": "rank 0", "rank_1": "another rank"}


def rank_calls_table(figures: Figures) -> list[list[str]]:
    """Return what a call costs on a rank, compared with a process alone."""
    lines = [["one call of five numbers", "back to back, µs", "× alone", "between 2 ms steps, µs", "× alone"]]
    calls = figures["calls"]
    for name, title in CALLERS.items():
        cells = [title]
        for situation in ("back_to_back", "steps_2ms"):
            median, alone = calls[name][situation]["median"], calls["alone"][situation]["median"]
            cells += [f"{median:.1f}", f"{median / alone:.2f}"]
        lines.append(cells)
    return lines


def delivery_table(figures: Figures) -> list[list[str]]:
    """Return what the child of rank 0 takes to deliver what all ranks log."""
    header = ["ranks", "records/s of each", "seconds", "`rank_metrics`", "records", "lost"]
    header += ["processors busy", "memory early, MB", "late, MB"]
    lines = [header]
    for each in figures["deliveries"]:
        lines.append(
            [
                str(each["ranks"]),
                f"{each['rate']:g}",
                f"{each['seconds']:g}",
                f"`{each['rank_metrics']}`",
                f"{each['records']:,}",
                f"{each['lost']:,}",
                f"{each['processor_percent'] / 100:.2f}",
                f"{each['memory_mb_early']:.0f}",
                f"{each['memory_mb_late']:.0f}",
            ]
        )
    return lines


def capacity_table(figures: Figures) -> list[list[str]]:
    """Return how long one processor takes for one record of many ranks, apart from what the trackers do."""
    header = ["ranks", "metrics of a record", "its bytes", "a look, ms", "put in order, µs"]
    header += [f"read and select, `{mode}`, µs" for mode in ("first", "all", "reduced")]
    lines = [header]
    for each in figures["capacity"]:
        times = [f"{each[f'{what}_us']:.1f}" for what in ("order", "first", "all", "reduced")]
        sizes = [f"{each['ranks']:,}", str(each["metrics"]), f"{each['bytes']:,.0f}", f"{each['look_ms']:.1f}"]
        lines.append([*sizes, *times])
    return lines


class Training(NamedTuple):
    """A training that is larger than what can be tried here."""

    ranks: int = 1_000
    steps_a_second: int = 10
    metrics: int = 500
    days: int = 30


# What W&B advises not to exceed: https://docs.wandb.ai/models/track/limits
_WANDB_METRICS = 10_000
_WANDB_POINTS = 100_000

# A batch of one rank in the order, and how often the child of rank 0 looks.
_BATCH_BYTES = 55
_LOOKS_A_SECOND = 4


def large_training_table(figures: Figures, training: Training = Training()) -> list[list[str]]:  # noqa: B008
    """Return what a large training writes, and how long one processor takes for it, as far as that can be computed."""
    one = next(
        each for each in figures["capacity"] if (each["ranks"], each["metrics"]) == (training.ranks, training.metrics)
    )
    seconds = training.days * 86_400
    points, curves = training.steps_a_second * seconds, training.ranks * training.metrics
    records = training.ranks * training.steps_a_second
    values, size = records * training.metrics, records * one["bytes"]
    order = training.ranks * _LOOKS_A_SECOND * _BATCH_BYTES
    too_many_points, too_many_curves = points / _WANDB_POINTS, curves / _WANDB_METRICS
    lines = [
        ["what", "each second", f"in {training.days} days"],
        ["records", f"{records:,}", f"{records * seconds / 1e9:.1f} billion"],
        ["values", f"{values / 1e6:.0f} million", f"{values * seconds / 1e12:.0f} trillion"],
        ["journals of all ranks", _bytes(size), _bytes(size * seconds)],
        ["journal of one rank", _bytes(size / training.ranks), _bytes(size / training.ranks * seconds)],
        ["order, at most", _bytes(order), _bytes(order * seconds)],
        ["files: six for each rank (journal, lock, two logs, two of the profile)", "–", f"{6 * training.ranks:,}"],
        ["points of one curve", str(training.steps_a_second), f"{points:,}: {too_many_points:.0f} × W&B's advice"],
        ["curves with `first` or `reduced`", "–", f"{training.metrics:,}"],
        ["curves with `all`", "–", f"{curves:,}: {too_many_curves:.0f} × W&B's advice"],
        ["processor seconds: putting in order", f"{records * one['order_us'] / 1e6:.2f}", "–"],
    ]
    for mode in ("first", "all", "reduced"):
        work = f"processor seconds: reading and selecting for one view, `{mode}`"
        lines.append([work, f"{records * one[f'{mode}_us'] / 1e6:.2f}", "–"])
    return lines


def _bytes(number: float) -> str:
    units = ("bytes", "kB", "MB", "GB", "TB")
    power = min(len(units) - 1, int(math.log10(max(number, 1))) // 3)
    return f"{number / 1000**power:.3g} {units[power]}"
