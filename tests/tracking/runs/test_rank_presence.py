"""How a rank shows that it is there, and how others tell, whatever the disk and the clocks do."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import pytest

from seo_engine.tracking.records.marks.run_marks import FIRST_ATTEMPT
from seo_engine.tracking.runs import rank_presence
from seo_engine.tracking.runs.lifecycle import Lifecycle
from seo_engine.tracking.runs.rank_presence import RankPresence, Signature, present_ranks, signature_of
from seo_engine.tracking.runs.run_lock import RunLock

HERE = Signature(platform.node(), os.getpid(), FIRST_ATTEMPT)


def test_a_rank_is_there_even_if_the_disk_does_not_take_who_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: RunLock, contents: bytes) -> None:
        raise OSError("No space left on device")

    presence = RankPresence(tmp_path, 3)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(RunLock, "sign", refuse)
        assert presence.begin(HERE)
        assert present_ranks(tmp_path) == {3} and signature_of(tmp_path, 3) is None
    presence.keep_up()
    assert signature_of(tmp_path, 3) == HERE
    presence.end()
    assert present_ranks(tmp_path) == set()


def test_a_rank_of_another_host_is_there_while_it_gives_signs_by_the_clock_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    presence = RankPresence(tmp_path, 1)
    assert presence.begin(HERE._replace(host="elsewhere"))
    # The lock does not reach this host.
    presence._lock.release()
    # The clock of this host is an hour ahead.
    monkeypatch.setattr(rank_presence.time, "time", lambda: time.monotonic() + 2_000_000_000)
    assert present_ranks(tmp_path) == {1}
    long_ago = time.time() - 2 * rank_presence.LONGEST_WITHOUT_SIGN_SECONDS - 2_000_000_000
    os.utime(tmp_path / "locks" / ".rank-00001", (long_ago, long_ago))
    assert present_ranks(tmp_path) == set()


def mark(kind: str, attempt: int, **contents: object) -> dict[str, object]:
    configuration: dict[str, object] = {}
    return {
        "kind": kind,
        "time": 1.0,
        "rank": 0,
        "attempt": [0, 0, attempt],
        "configuration": configuration,
        **contents,
    }


def test_the_end_of_an_attempt_that_comes_after_the_next_one_began_does_not_end_that() -> None:
    life = Lifecycle()
    for record in (
        mark("start", 0, world_size=1),
        mark("resume", 1, world_size=1, step=None),
        mark("end", 0, status="killed"),
    ):
        life.take_in(record)
    assert life.status is None
    life.take_in(mark("end", 1, status="finished"))
    assert life.status == "finished"


@pytest.mark.parametrize("world_size", [None, "4", [4], {}])
def test_a_number_of_ranks_that_is_none_is_read_as_none(world_size: object) -> None:
    life = Lifecycle()
    life.take_in(mark("start", 0, world_size=world_size))
    assert (life.world_size, life.has_begun) == (0, True)
