"""Journals that are damaged at random bytes."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from seo_engine.tracking.records.kinds import decode_record
from tests.faults.outcome import Outcome, expected_in_tensorboard, shown_by_tensorboard, unbalanced
from tests.faults.training import Training
from tests.tracking.read_views import Point

DAMAGES = 20


def damaged(folder: Path, chance: random.Random) -> Outcome:
    """bytes of the journal changed, removed, put in, its end cut off; then `runs recover`"""
    with Training(folder, wandb_logging=False, tensorboard_logging=False) as training:
        training.wait_for_calls(chance.randint(100, 1000))
        training.finish()
    journal = training.directory / "journal.jsonl"
    before = journal.read_bytes()
    # Without its first line a run has no name for its views; that is said in one line instead.
    first = before.index(b"\n") + 1
    after = before[:first].replace(b'"tensorboard_logging":false', b'"tensorboard_logging":true') + _damage(
        before[first:], chance
    )
    journal.write_bytes(after)
    training.recover()
    # Concluding the run may have appended its end.
    lines = dict(enumerate(journal.read_bytes().split(b"\n")[:-1], start=1))
    originals = set(before.split(b"\n"))
    records = [(number, record) for number, line in lines.items() if (record := decode_record(line)) is not None]
    readable = _logged(expected_in_tensorboard(records, training.directory))
    intact = Counter(point for point in readable if lines[point[0]] in originals)
    outcome = Outcome(
        tries=1,
        records=len({number for number, *_ in intact}),
        worst_call_seconds=training.calls.worst_nanoseconds * 1e-9,
        faults=training.failures + unbalanced(training.directory, ["tensorboard"]),
    )
    # What is readable and not intact may be a step that no view can show.
    shown = _logged(shown_by_tensorboard(training.directory))
    outcome.compare(f"tensorboard, {folder}", intact, shown, uncertain=readable - intact)
    return outcome


def _logged(points: Counter[Point]) -> Counter[Point]:
    """Return what the training logged by itself: the end of a damaged run has the step of whatever stands before it."""
    return Counter(point for point in points.elements() if not point[2].startswith("experiment/"))


def _damage(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.randint(1, DAMAGES)):
        place = chance.randrange(len(damaged))
        match chance.choice(("change", "remove", "put in", "overwrite")):
            case "change":
                damaged[place] = chance.randrange(256)
            case "remove":
                del damaged[place : place + chance.randint(1, 300)]
            case "put in":
                damaged[place:place] = chance.randbytes(chance.randint(1, 300))
            case "overwrite":
                # What a power cut leaves.
                length = chance.randint(1, 300)
                damaged[place : place + length] = bytes(length)
    return bytes(damaged[: chance.randrange(len(damaged))] if chance.random() < 0.2 else damaged)
