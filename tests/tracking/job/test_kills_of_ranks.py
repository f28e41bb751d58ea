"""Real kills of the processes of a job; afterwards each value of each rank is in the journal once, and in the views."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.history.summary import read_run
from tests.tracking.job.launching import (
    TRAINING,
    Rank,
    deliverer_of,
    ends,
    launch,
    losses,
    runs_in,
    torchrun_variables,
)
from tests.tracking.killing import delete_folder, kill_tree, wait_until
from tests.tracking.read_views import assert_each_value_once, read_journal

RANKS = 3

# Logs one step after the other until it is told to end.
ENDLESS = (
    TRAINING.replace("range(first, behind)", "iter(lambda: next(steps), None)")
    .replace("with ExperimentTracker", "import itertools\nsteps = itertools.count(first)\nwith ExperimentTracker")
    .replace("        tracker.log_training", "        time.sleep(0.005)\n        tracker.log_training")
)


class Job:
    """Ranks that log until they are killed."""

    def __init__(self, folder: Path, attempt: int = 0, views: Sequence[str] = ()) -> None:
        self.directory = folder / "runs" / "r"
        variables = {"TORCHELASTIC_RUN_ID": "job", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
        self.ranks = [
            subprocess.Popen(
                [sys.executable, "-c", ENDLESS, str(rank), "1", "0", "tensorboard", *views],
                cwd=folder,
                env=os.environ | torchrun_variables(rank, RANKS, **variables),
                stderr=subprocess.DEVNULL,
            )
            for rank in range(RANKS)
        ]

    def lines(self, rank: int) -> int:
        path = self.directory / f"journal.rank-{rank:05}.jsonl"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def deliverer(self, *others: int) -> psutil.Process:
        return deliverer_of(self.ranks[0].pid, others)

    def wait_until_all_have_logged(self, but: Sequence[int] = ()) -> None:
        before = {rank: self.lines(rank) for rank in range(RANKS) if rank not in but}
        wait_until(lambda: all(self.lines(rank) >= lines + 50 for rank, lines in before.items()))
        wait_until(lambda: any(state["delivered"] for state in self.states().values()))

    def states(self) -> dict[str, dict[str, int]]:
        path = self.directory / "delivery.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def kill_everything(self) -> None:
        """Kill every rank, with all that it has started, once all of them have logged."""
        self.deliverer()
        self.wait_until_all_have_logged()
        for process in self.ranks:
            kill_tree(process.pid)

    def kill(self, *ranks: int, by: signal.Signals = signal.SIGKILL) -> None:
        for rank in ranks:
            self.ranks[rank].send_signal(by)
            self.ranks[rank].wait()


@contextlib.contextmanager
def job(folder: Path, *views: str, attempt: int = 0) -> Iterator[Job]:
    started = Job(folder, attempt, views)
    try:
        yield started
    finally:
        for process in started.ranks:
            kill_tree(process.pid)
            process.wait()


def assert_complete(directory: Path) -> None:
    """Compare each rank's file with the order, and rank 0's values with the views."""
    records = read_journal(directory)
    for path in directory.glob("journal.rank-*.jsonl"):
        rank = int(path.stem.rpartition("-")[2])
        written = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1] if line.startswith(b"{")]
        assert [record for _, record in records if record["rank"] == rank] == written
    assert_each_value_once(directory)
    assert all(state.is_complete for state in read_run(directory).delivery.values())


def test_a_run_of_which_one_rank_was_killed_is_killed_when_the_others_have_ended(tmp_path: Path) -> None:
    with job(tmp_path) as started:
        deliverer = started.deliverer()
        started.wait_until_all_have_logged()
        started.kill(1)
        started.wait_until_all_have_logged(but=[1])
        assert not ends(started.directory)
        # As torchrun does with the others.
        started.kill(0, 2, by=signal.SIGTERM)
        deliverer.wait(timeout=120)
    assert_complete(started.directory)
    (end,) = ends(started.directory)
    assert (end["status"], end["vanished_ranks"]) == ("killed", [0, 1, 2])


def test_the_child_of_rank_0_outlives_it_and_delivers_what_the_others_log(tmp_path: Path) -> None:
    with job(tmp_path, "wandb") as started:
        deliverer = started.deliverer()
        started.wait_until_all_have_logged()
        started.kill(0)
        started.wait_until_all_have_logged(but=[0])
        assert deliverer.is_running()
        started.kill(1, 2)
        deliverer.wait(timeout=120)
    assert_complete(started.directory)
    assert [end["status"] for end in ends(started.directory)] == ["killed"]
    assert read_run(started.directory).status == "killed"


def test_another_child_goes_on_while_rank_0_lives(tmp_path: Path) -> None:
    with job(tmp_path) as started:
        first = started.deliverer()
        started.wait_until_all_have_logged()
        first.kill()
        second = started.deliverer(first.pid)
        started.wait_until_all_have_logged()
        started.kill(0, 1, 2)
        second.wait(timeout=120)
    assert_complete(started.directory)
    assert len(ends(started.directory)) == 1


def test_recover_completes_a_run_of_which_everything_was_killed(tmp_path: Path) -> None:
    with job(tmp_path) as started:
        started.kill_everything()
    wait_until(lambda: read_run(started.directory).status == "killed")
    assert not ends(started.directory)
    done = subprocess.run(
        [sys.executable, "-m", "seo_engine.cli", "runs", "recover"],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert_complete(started.directory)
    (end,) = ends(started.directory)
    assert (end["status"], end["rank_status"], end["vanished_ranks"]) == ("killed", "killed", [0, 1, 2])


def test_the_next_attempt_of_a_job_of_which_everything_was_killed_completes_its_views(tmp_path: Path) -> None:
    with job(tmp_path, "wandb") as first:
        first.wait_until_all_have_logged()
        for process in first.ranks:
            kill_tree(process.pid)
    with job(tmp_path, "wandb", attempt=1) as second:
        deliverer = second.deliverer()
        second.wait_until_all_have_logged()
        second.kill(0, 1, 2)
        deliverer.wait(timeout=120)
    assert runs_in(tmp_path) == ["r"]
    assert_complete(second.directory)


def test_recover_leaves_a_run_alone_of_which_one_rank_lives(tmp_path: Path) -> None:
    with job(tmp_path) as started:
        started.deliverer()
        started.wait_until_all_have_logged()
        for rank in (0, 2):
            kill_tree(started.ranks[rank].pid)
        done = subprocess.run(
            [sys.executable, "-m", "seo_engine.cli", "runs", "recover", "r"],
            cwd=tmp_path,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode != 0 and "still running" in done.stderr
        assert read_run(started.directory).status == "running"


def test_an_exception_on_one_rank_is_the_end_of_the_run_with_its_traceback(tmp_path: Path) -> None:
    ranks = [
        Rank(rank, torchrun_variables(rank, RANKS), ("1", "21", *(["fail"] if rank == 1 else [])))
        for rank in range(RANKS)
    ]
    launch(tmp_path, *ranks)
    (end,) = ends(tmp_path / "runs" / "r")
    assert (end["status"], end["rank_status"], end["vanished_ranks"]) == ("failed", "finished", [])
    assert "rank 1 cannot go on" in end["error"]["traceback"]
    run = read_run(tmp_path / "runs" / "r")
    assert run.status == "failed" and run.error is not None and run.error["type"] == "ValueError"


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_torn_line_of_a_killed_rank_is_no_record(is_kept: bool, tmp_path: Path) -> None:
    with job(tmp_path) as started:
        deliverer = started.deliverer()
        started.wait_until_all_have_logged()
        with (started.directory / "journal.rank-00002.jsonl").open("ab") as file:
            file.write(b'{"kind":"training","ep' + (b"\n" if is_kept else b""))
        started.kill(0, 1, 2)
        deliverer.wait(timeout=120)
    assert_each_value_once(started.directory)
    assert len(ends(started.directory)) == 1


def test_what_a_power_cut_takes_of_a_rank_leaves_the_rest_readable_with_its_numbers(tmp_path: Path) -> None:
    with job(tmp_path) as started:
        started.kill_everything()
    directory = started.directory
    wait_until(lambda: read_run(directory).status == "killed")
    before = {
        record["step"]: number for number, record in read_journal(directory) if record["rank"] == 0 and "step" in record
    }
    path = directory / "journal.rank-00002.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:10]) + lines[10][:20])
    (directory / "journal.rank-00001.jsonl").unlink()
    assert read_run(directory).status == "killed"
    recover_run(directory)
    after = {
        record["step"]: number for number, record in read_journal(directory) if record["rank"] == 0 and "step" in record
    }
    assert before.items() <= after.items()
    assert_each_value_once(directory)
    assert [end["status"] for end in ends(directory)] == ["killed"]
    with job(tmp_path, attempt=1) as again:
        deliverer = again.deliverer()
        again.wait_until_all_have_logged()
        again.kill(0, 1, 2)
        deliverer.wait(timeout=120)
    assert_each_value_once(directory)


@pytest.mark.parametrize(
    "damage",
    [
        b'{"rank":0,"first_line":24,"last_line":1000000000000}\n',
        b'{"rank":77,"first_line":1,"last_line":5}\n',
        b'{"rank":0,"first_line":1,"last_line":10}\n',
        b'{"rank":true,"first_line":1,"last_line":2}\n{"rank":"../x","first_line":1,"last_line":2}\n\x00\xff\n',
    ],
)
def test_damaged_lines_of_the_order_hide_nothing(damage: bytes, tmp_path: Path) -> None:
    launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 2)) for rank in range(2)))
    directory = tmp_path / "runs" / "r"
    before = read_run(directory)
    with (directory / "order.jsonl").open("ab") as file:
        file.write(damage)
    assert read_run(directory).metrics == before.metrics
    recover_run(directory)
    assert read_run(directory).metrics == before.metrics


def test_a_run_whose_folder_is_deleted_ends_with_the_last_rank(tmp_path: Path) -> None:
    with job(tmp_path) as started:
        deliverer = started.deliverer()
        started.wait_until_all_have_logged()
        delete_folder(started.directory)
        wait_until(lambda: all(started.lines(rank) for rank in range(RANKS)))
        wait_until((started.directory / "order.jsonl").exists)
        started.kill(0)
        started.wait_until_all_have_logged(but=[0])
        assert not ends(started.directory)
        started.kill(1, 2)
        deliverer.wait(timeout=120)
    assert_each_value_once(started.directory)
    assert [end["status"] for end in ends(started.directory)] == ["killed"]


def test_what_a_later_attempt_logs_does_not_take_the_places_of_lines_that_a_power_cut_took(tmp_path: Path) -> None:
    def attempt(number: int, first: int, behind: int) -> None:
        variables = {"TORCHELASTIC_RUN_ID": "mine", "TORCHELASTIC_RESTART_COUNT": str(number)}
        launch(
            tmp_path,
            *(Rank(rank, torchrun_variables(rank, 2, **variables), (str(first), str(behind))) for rank in range(2)),
        )

    attempt(0, 1, 21)
    directory = tmp_path / "runs" / "r"
    path = directory / "journal.rank-00001.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]))
    attempt(1, 21, 26)
    assert [step for step, _ in losses(directory)[1]] == [1, 2, 3, 4, *range(21, 26)]
    # The next ones are behind the blank lines.
    assert path.read_bytes().splitlines(keepends=True)[5 : len(lines)] == [b"\n"] * (len(lines) - 5)
    assert [end["status"] for end in ends(directory)][-1] == "finished"
