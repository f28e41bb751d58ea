"""Compares what calls and regions cost, and what a kill loses, with similar tools: `python -m benchmarks`, an hour.

Every row is measured in processes of its own. The rows take turns over several rounds, and the figures are medians of
the rounds, except for memory, which is measured once. Compare the ratios, because the microseconds depend on the
machine. It prints tables, writes results.json beside this file, and draws a plot into docs/pictures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import describe_machine
from benchmarks.measurements import KILLED_AT_FULL_SPEED, KILLED_SLOWLY, MEMORY_RECORDS, PAUSE_SECONDS
from benchmarks.media import measure_media
from benchmarks.processes import measured
from benchmarks.reading.speed import measure_reading
from benchmarks.regions import measure_regions
from benchmarks.report import OURS, RESULTS, print_tables, save_plot
from benchmarks.rounds import Figures, measure_in_turn, note, small_step_milliseconds
from benchmarks.rows import ROWS, Row, versions

PLOT = Path(__file__).parent.parent / "docs" / "pictures" / "benchmark.png"

CALLS = {"back_to_back": 2000, "steps_2ms": 700, "steps_20ms": 300}
STEP_MILLISECONDS = {"steps_2ms": 2.0, "steps_20ms": 20.0}
BESIDE_REFERENCE = 5000
WHOLE_RUNS = (10, 10_000)
SLOW_WHOLE_RUN = 1_000


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how many times each row is measured")
    parser.add_argument(
        "--only", nargs="+", choices=[*(row.name for row in ROWS), *PARTS], help="measure these alone; nothing is saved"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of tables")
    arguments = parser.parse_args()
    chosen = arguments.only or [*(row.name for row in ROWS), *PARTS]
    rows = [row for row in ROWS if row.name in chosen]
    results: Figures = {"machine": describe_machine(), "versions": versions(), "rounds": arguments.rounds}
    results["rows"] = measure_rows(rows, arguments.rounds) if rows else {}
    for part, measure in PARTS.items():
        if part in chosen:
            results[part] = measure(arguments.rounds)
    if arguments.only is None:
        # Measured by `python -m benchmarks.ranks`.
        results["ranks"] = json.loads(RESULTS.read_text(encoding="utf-8")).get("ranks", {})
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        save_plot(results, PLOT)
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        print_tables(results)
        if arguments.only is None:
            print(f"\nresults  {RESULTS}\nplot     {PLOT}")


def measure_rows(rows: list[Row], rounds: int) -> dict[str, Figures]:
    """Return the figures of each row by its name; if a row cannot be measured, the reason instead."""
    small = small_step_milliseconds()
    repeats = {name: max(1, round(milliseconds / small)) for name, milliseconds in STEP_MILLISECONDS.items()}
    return measure_in_turn(rows, rounds, lambda row, figures: _measure_round(row, figures, repeats), _measure_memory)


def _measure_round(row: Row, figures: Figures, repeats: dict[str, int]) -> None:
    for situation, calls in CALLS.items():
        further = (repeats[situation],) if situation in repeats else ()
        calls = calls // 4 if row.slow else calls
        with measured(row.name, "between_steps" if further else "back_to_back", calls, *further) as (said, _):
            note(figures.setdefault(situation, {}), **said.result)
    if row.name == OURS:
        with measured(row.name, "beside_reference", BESIDE_REFERENCE) as (said, _):
            note(figures.setdefault("beside_reference", {}), **said.result)
    few, many = WHOLE_RUNS[0], SLOW_WHOLE_RUN if row.slow else WHOLE_RUNS[1]
    with measured(row.name, "whole_run", few) as (tiny, _), measured(row.name, "whole_run", many) as (whole, _):
        note(
            figures,
            cpu_us_a_step=1e6 * (whole.cpu_seconds - tiny.cpu_seconds) / (many - few),
            bytes_a_step=(whole.disk_bytes - tiny.disk_bytes) / (many - few),
            tiny_run_seconds=tiny.wall_seconds,
            first_call_seconds=tiny.result["first_call_seconds"],
        )
    with measured(row.name, "killed", KILLED_AT_FULL_SPEED, 0.0) as (_, folder):
        note(figures, survivors_at_full_speed=row.read(folder))
    with measured(row.name, "killed", KILLED_SLOWLY, PAUSE_SECONDS) as (_, folder):
        note(figures, survivors_of_a_slow_start=row.read(folder))


def _measure_memory(row: Row, figures: Figures) -> None:
    with measured(row.name, "memory", MEMORY_RECORDS) as (said, _):
        figures["memory"] = said.result


def measure_fine_tune(rounds: int) -> Figures:
    """Return the tracker's share of one real fine-tune, as `seo-engine train --json` reports it."""
    with tempfile.TemporaryDirectory() as folder:
        finished = subprocess.run(
            [sys.executable, "-m", "seo_engine.cli", "train", "--json", "--log-dir", folder],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if finished.returncode:
            return {"error": finished.stderr.strip().splitlines()[-1]}
        said = json.loads(finished.stdout)
    return {"wall_seconds": said["wall_seconds"], **said["tracker_cost"]}


# What is measured beside the rows, each by itself.
PARTS: dict[str, Callable[[int], Figures]] = {
    "regions": measure_regions,
    "media": measure_media,
    "reading": lambda rounds: measure_reading(rounds=rounds),
    "fine_tune": measure_fine_tune,
}


if __name__ == "__main__":
    main()
