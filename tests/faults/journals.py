"""Journals that are damaged at random bytes."""

from __future__ import annotations

import random
from pathlib import Path

from seo_engine.tracking.records import METRIC_KINDS, decode_record
from tests.faults.outcome import RECORD, Outcome, held_by, unbalanced
from tests.faults.training import Training

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
    lines = journal.read_bytes().split(b"\n")
    intact = set(before.split(b"\n")) & set(lines)
    expected = {int(record["metrics"][RECORD]) for line in intact if (record := _metrics(line))}
    shown = held_by("tensorboard", training.directory)
    readable = [int(value) for line in lines if (record := _metrics(line)) and (value := record["metrics"].get(RECORD))]
    outcome = Outcome(
        tries=1,
        records=len(expected),
        lost=len(expected - set(shown)),
        doubled=max(0, len(shown) - len(readable)),
        worst_call_seconds=training.calls.worst_nanoseconds * 1e-9,
        faults=unbalanced(training.directory, ["tensorboard"]),
    )
    if outcome.lost or outcome.doubled:
        outcome.faults.append(f"{outcome.lost} lost, {outcome.doubled} doubled; {folder}")
    return outcome


def _metrics(line: bytes) -> dict[str, dict[str, float]] | None:
    record = decode_record(line)
    return record if record is not None and record["kind"] in METRIC_KINDS and RECORD in record["metrics"] else None


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
