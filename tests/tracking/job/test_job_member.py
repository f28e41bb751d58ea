"""As which attempt a process joins a run of its job, whose hosts may count their restarts by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seo_engine.tracking.job.job_member import JobMember
from seo_engine.tracking.job.launcher import LaunchedProcess
from seo_engine.tracking.records.marks.run_marks import FIRST_ATTEMPT, Attempt
from seo_engine.tracking.runs.rank_presence import RankPresence
from seo_engine.tracking.runs.run_lock import RUN_LOCK, RunLock

JOB = "torchelastic:7c2f#1"
NEXT = (0, 0, 1)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A run that is open."""
    lock = RunLock(tmp_path, RUN_LOCK)
    assert lock.acquire()
    yield tmp_path
    lock.release()


def member(rank: int, agent: str, launched: str, counted: int = 0) -> JobMember:
    process = LaunchedProcess(rank, 4, 2, (0, counted))
    return JobMember(process, JOB, None, agent, f"{agent}.{rank}.{launched}")


def come(directory: Path, member: JobMember, attempt: Attempt = FIRST_ATTEMPT) -> None:
    """Be a rank, and vanish."""
    presence = RankPresence(directory, member.process.rank)
    assert presence.begin(member.signature(attempt, "id"))
    presence.end()


def come_first(directory: Path) -> None:
    """Two hosts begin a run with two ranks each."""
    for rank in range(4):
        come(directory, member(rank, "one" if rank < 2 else "two", "first"))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 0, 1), (3, 0, 2, 1)])
def test_hosts_that_count_restarts_by_themselves_are_in_the_same_attempt(
    order: tuple[int, ...], directory: Path
) -> None:
    come_first(directory)
    for rank in order:
        # A rank of the first host has failed; the other host only sees that its ranks have to meet again.
        again = member(rank, "one", "second", counted=1) if rank < 2 else member(rank, "two", "second")
        attempt = again.attempt_in(directory)
        assert attempt == NEXT
        come(directory, again, attempt)


def test_a_host_that_comes_or_goes_begins_an_attempt_that_nobody_has_counted(directory: Path) -> None:
    come_first(directory)
    for rank in range(4):
        again = member(rank, "one" if rank < 2 else "three", "second")
        attempt = again.attempt_in(directory)
        assert attempt == NEXT
        come(directory, again, attempt)


def test_what_a_rank_starts_after_its_own_tracker_is_no_restart(directory: Path) -> None:
    come_first(directory)
    assert member(1, "one", "first").attempt_in(directory) is None


def test_another_job_of_the_same_name_is_no_restart(directory: Path) -> None:
    come_first(directory)
    assert member(1, "another", "first").attempt_in(directory) is None


def test_a_rank_that_is_late_in_a_later_attempt_joins_it(directory: Path) -> None:
    come_first(directory)
    come(directory, member(0, "one", "second", counted=1), NEXT)
    assert member(3, "two", "second").attempt_in(directory) == NEXT


def test_a_rank_that_resumes_a_run_after_another_has_ended_its_part_is_in_the_same_attempt(directory: Path) -> None:
    first, second = (JobMember(LaunchedProcess(rank, 2, 2), JOB, "launcher") for rank in range(2))
    assert first.attempt_of_resumption(directory) == (1, 0, 0)
    # It comes, and goes.
    come(directory, first, (1, 0, 0))
    assert second.attempt_of_resumption(directory) == (1, 0, 0)
    come(directory, second, (1, 0, 0))
    # The job resumes it once more.
    assert second.attempt_of_resumption(directory) == (2, 0, 0)
    # As does another one.
    other = second._replace(launcher="another")
    assert other.attempt_of_resumption(directory) == (2, 0, 0)
