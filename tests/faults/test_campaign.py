"""Each fault of the campaign once; `make faults` tries them many times."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.faults import hangs, kills
from tests.faults.campaign import FAULTS, Fault, try_once
from tests.faults.disks import CannotBeTriedHere

# Kills are cheap: a test run has at least ten.
TRIES = {kills.everything: 3}


@pytest.mark.parametrize(
    ("fault", "seed"),
    [
        pytest.param(fault, seed, id=f"{fault.happens.__name__}_{seed}")
        for fault in FAULTS
        if fault.happens is not hangs.hanging_tracker
        for seed in range(TRIES.get(fault.happens, 1))
    ],
)
def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path, fault: Fault, seed: int) -> None:
    try:
        # Other moments each time, and the same when it is asked for.
        outcome = try_once(fault, tmp_path, int(os.environ.get("FAULT_SEED", os.getpid())) + seed)
    except CannotBeTriedHere as reason:
        pytest.skip(str(reason))
    assert not outcome.faults


def test_memory_is_flat_while_a_tracker_hangs(tmp_path: Path) -> None:
    outcome = hangs.hanging_tracker(tmp_path, random.Random(), records=100_000)
    assert not outcome.faults
