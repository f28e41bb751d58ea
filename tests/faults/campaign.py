"""The fault campaign: `python -m tests.faults.campaign --kills 200`.

Every fault is tried at random moments; afterwards each record whose call had returned must be in the journal and in
each view, once and as it was given, each must say how the run ended, and each ledger must add up. `--kills` lengthens
it; `--seed` repeats one.
"""

from __future__ import annotations

import argparse
import math
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.faults import clocks, disks, hangs, journals, kills, ranks, servers
from tests.faults.disks import CannotBeTriedHere
from tests.faults.outcome import Outcome

Try = Callable[[Path, random.Random], Outcome]


@dataclass(frozen=True)
class Fault:
    """What is done to a run; `weight` says how often, for each twenty kills."""

    happens: Try
    weight: float

    @property
    def name(self) -> str:
        """What happens, in words."""
        return str(self.happens.__doc__)


FAULTS = (
    Fault(kills.everything, 5),
    Fault(kills.again_and_again, 2),
    Fault(kills.recovery, 2),
    Fault(kills.training_alone, 2),
    Fault(kills.closing, 1),
    Fault(kills.child, 1),
    Fault(kills.wandb_core, 1),
    Fault(kills.stalled_child, 0.5),
    Fault(kills.stalled_core, 0.5),
    Fault(disks.files_cannot_grow, 0.5),
    Fault(disks.small_disk, 0.5),
    Fault(disks.read_only_at_the_start, 0.2),
    Fault(disks.read_only_for_a_while, 0.5),
    Fault(disks.deleted_folder, 0.5),
    Fault(ranks.one_rank, 0.5),
    Fault(ranks.child_of_rank_0, 0.5),
    Fault(ranks.all_ranks, 0.5),
    Fault(servers.failing_server, 2),
    Fault(clocks.set_back, 1),
    Fault(journals.damaged, 5),
    Fault(hangs.hanging_tracker, 0.1),
)
KILLS_OF_A_ROUND = 20


def try_once(fault: Fault, folder: Path, seed: int) -> Outcome:
    """Let a fault happen once, and clear away what a good end leaves.

    Args:
        fault (Fault): The fault.
        folder (Path): For the files of this try alone.
        seed (int): Of its moments.
    """
    outcome = fault.happens(folder, random.Random(seed))
    if not outcome.faults:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def main() -> None:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--kills", type=int, default=KILLS_OF_A_ROUND, help="about how many kills; 200 take half an hour"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the random moments")
    parser.add_argument("--only", help="only faults whose description holds this")
    arguments = parser.parse_args()
    rounds = arguments.kills / KILLS_OF_A_ROUND
    faults = [fault for fault in FAULTS if arguments.only is None or arguments.only in fault.name]
    tries = {fault: max(1, math.ceil(fault.weight * rounds)) for fault in faults}
    folder = Path(tempfile.mkdtemp(prefix="seo_engine_faults_"))
    outcomes = {fault: Outcome() for fault in faults}
    said = dict.fromkeys(faults, 0)
    console = Console(stderr=True)
    console.print(f"seed {arguments.seed}, {sum(tries.values())} tries; what fails is kept in {folder}")
    with Progress(console=console) as progress:
        task = progress.add_task("tries", total=sum(tries.values()))
        for number, fault in enumerate(each for each in faults for _ in range(tries[each])):
            progress.update(task, description=fault.name[:40])
            try:
                outcomes[fault].add(try_once(fault, folder / str(number), arguments.seed + number))
            except CannotBeTriedHere as error:
                outcomes[fault].remark = f"not tried here: {error}"
            except Exception:
                outcomes[fault].add(Outcome(tries=1, faults=[f"try {number}: {traceback.format_exc()}"]))
            for each in outcomes[fault].faults[said[fault] :]:
                console.print(each, markup=False, highlight=False)
            said[fault] = len(outcomes[fault].faults)
            progress.advance(task)
    print_table(outcomes)
    sys.exit(any(outcome.faults for outcome in outcomes.values()))


def print_table(outcomes: dict[Fault, Outcome]) -> None:
    """Print the outcomes as a table: on a terminal, or as Markdown where the output is none."""
    header = ("fault", "tried", "kills", "records", "lost", "doubled", "worst call")
    rows = [_cells(fault.name, outcome) for fault, outcome in outcomes.items()]
    total = Outcome()
    for outcome in outcomes.values():
        total.add(outcome)
    total.remark = ""
    rows.append(_cells("all", total))
    if not sys.stdout.isatty():
        for row in (header, ["---"] + ["---:"] * (len(header) - 1), *rows):
            print(f"| {' | '.join(row)} |")
        return
    table = Table(*header)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _cells(name: str, outcome: Outcome) -> list[str]:
    return [
        f"{name} ({outcome.remark})" if outcome.remark else name,
        *(f"{count:,}" for count in (outcome.tries, outcome.kills, outcome.records, outcome.lost, outcome.doubled)),
        f"{outcome.worst_call_seconds * 1000:.1f} ms",
    ]


if __name__ == "__main__":
    main()
