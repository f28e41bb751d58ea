"""Compares what a call costs that logs a picture or a table: `python -m benchmarks.media [--save]`, a minute.

Every row is measured in processes of its own. The rows take turns over several rounds, and the figures are medians of
the rounds. With `--save` they replace those under "media" in results.json; run `make docs` afterwards.
"""

from __future__ import annotations

import argparse
import json
from typing import NamedTuple

from benchmarks.machine import describe_machine
from benchmarks.processes import measured
from benchmarks.report import RESULTS, as_markdown, media_budget_table, media_table
from benchmarks.rounds import Figures, measure_in_turn, note
from benchmarks.rows import versions

MODULE = "benchmarks.media_measurements"


class MediaRow(NamedTuple):
    """One way to log a picture or a table, and how many calls are measured."""

    name: str
    calls: int
    distribution: str | None = None
    is_installed: bool = True


MEDIA_ROWS = (
    MediaRow("one_write", 60),
    MediaRow("our_image", 60),
    MediaRow("both_sdks_image", 60),
    MediaRow("our_table", 60),
    MediaRow("both_sdks_table", 60),
)


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how many times each row is measured")
    parser.add_argument("--save", action="store_true", help="save the figures; run `make docs` afterwards")
    arguments = parser.parse_args()
    media = measure_media(arguments.rounds)
    if arguments.save:
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
        results["media"] = media
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"{as_markdown(media_table(media))}\n\n{as_markdown(media_budget_table(media))}")


def measure_media(rounds: int) -> Figures:
    """Return the figures of each row, with machine and versions, which may differ from those of the other parts."""
    return {
        "machine": describe_machine(),
        "versions": versions(("seo-engine", "wandb", "tensorboard", "torch")),
        "rounds": rounds,
        "rows": measure_in_turn(MEDIA_ROWS, rounds, _measure_round, lambda row, figures: None),
    }


def _measure_round(row: MediaRow, figures: Figures) -> None:
    with measured(row.name, "memory", row.calls, module=MODULE) as (said, _):
        note(figures, **said.result)


if __name__ == "__main__":
    main()
