"""Compares what a profiled region costs with similar tools: `python -m benchmarks.regions`, some minutes.

Every row is measured in processes of its own. The rows take turns over several rounds, and the figures are medians of
the rounds, except for memory, which is measured once. The figures replace those under "regions" in results.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import describe_machine
from benchmarks.measurements import MEMORY_RECORDS
from benchmarks.processes import measured
from benchmarks.region_rows import REGION_DISTRIBUTIONS, REGION_ROWS, RegionRow
from benchmarks.report import RESULTS, print_regions
from benchmarks.rounds import Figures, measure_in_turn, note, small_step_milliseconds
from benchmarks.rows import versions

MODULE = "benchmarks.region_measurements"

REGIONS_BACK_TO_BACK = 300_000
REGIONS_IN_A_BURST = 1_000
STEPS, STEP_MILLISECONDS = 700, 2.0


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how many times each row is measured")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[row.name for row in REGION_ROWS],
        help="measure only these rows, and do not save them",
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of tables")
    arguments = parser.parse_args()
    chosen = [row for row in REGION_ROWS if arguments.only is None or row.name in arguments.only]
    regions = measure_regions(arguments.rounds, chosen)
    if arguments.only is None:
        save_regions(regions, RESULTS)
    if arguments.json:
        print(json.dumps(regions, indent=2))
    else:
        print_regions({"regions": regions})


def measure_regions(rounds: int, rows: Sequence[RegionRow] = REGION_ROWS) -> Figures:
    """Return the figures of each row, with machine and versions, which may differ from those of the other parts."""
    repeats = max(1, round(STEP_MILLISECONDS / small_step_milliseconds()))
    return {
        "machine": describe_machine(),
        "versions": versions(REGION_DISTRIBUTIONS),
        "rounds": rounds,
        "rows": measure_in_turn(
            rows, rounds, lambda row, figures: _measure_round(row, figures, repeats), _measure_memory
        ),
    }


def save_regions(regions: Figures, path: Path) -> None:
    """Replace the figures of the regions in the results; all other parts stay as they are."""
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(results | {"regions": regions}, indent=2) + "\n", encoding="utf-8")


def _measure_round(row: RegionRow, figures: Figures, repeats: int) -> None:
    with measured(row.name, "back_to_back", REGIONS_BACK_TO_BACK, module=MODULE) as (said, _):
        note(figures.setdefault("back_to_back", {}), **said.result)
    with measured(row.name, "bursts", REGIONS_IN_A_BURST, module=MODULE) as (said, _):
        note(figures.setdefault("bursts", {}), **said.result)
    with measured(row.name, "between_steps", STEPS, repeats, module=MODULE) as (said, _):
        note(figures.setdefault("steps_2ms", {}), **said.result)


def _measure_memory(row: RegionRow, figures: Figures) -> None:
    with measured(row.name, "memory", MEMORY_RECORDS, module=MODULE) as (said, _):
        figures["memory"] = said.result


if __name__ == "__main__":
    main()
