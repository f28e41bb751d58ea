"""Jobs that resume a run, or come again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.delivery.replay import replay_run
from seo_engine.tracking.history.summary import read_run
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.job.launching import (
    TRAINING,
    Rank,
    ends,
    launch,
    logged,
    losses,
    runs_in,
    torchrun_variables,
)
from tests.tracking.read_views import assert_each_value_once, read_journal

# Each rank resumes the run; what it logs from its first step on is superseded.
RESUMING = TRAINING.replace("ExperimentTracker(config)", "ExperimentTracker(config, resume='r', step=first)")


def single(folder: Path, steps: range, resume: str | None = None) -> None:
    """Train in one process, here."""
    config = TrackingConfig(
        tensorboard_log_dir=str(folder / "runs"),
        experiment_name="r",
        selective_logging=False,
        wandb_mode="offline",
        **ONLY_WHAT_IS_LOGGED,
    )
    with ExperimentTracker(config, resume=resume, step=steps[0] if resume else None) as tracker:
        for step in steps:
            tracker.log_training_metrics(0, step, {"loss": float(step)})


def job(first: int, behind: int, *views: str, program: str = TRAINING, processes: int = 2) -> list[Rank]:
    arguments = (str(first), str(behind), *views)
    return [Rank(rank, torchrun_variables(rank, processes), arguments, 0.0, program) for rank in range(processes)]


def test_a_run_of_one_process_goes_on_with_several_and_keeps_its_journal_and_numbers(tmp_path: Path) -> None:
    single(tmp_path, range(1, 11))
    directory = tmp_path / "runs" / "r"
    before = (directory / "journal.jsonl").read_bytes()
    numbers = read_journal(directory)
    done = launch(tmp_path, *job(6, 16, "tensorboard", "wandb", program=RESUMING))
    assert done.returncode == 0 and runs_in(tmp_path) == ["r"], done.stderr
    assert (directory / "journal.jsonl").read_bytes() == before
    first_batch = json.loads((directory / "order.jsonl").read_text().splitlines()[0])
    assert first_batch == {"rank": None, "first_line": 1, "last_line": len(before.splitlines())}
    assert read_journal(directory)[: len(numbers)] == numbers
    assert_each_value_once(directory)
    run = read_run(directory)
    # Steps 6 to 10 of the one process are superseded by those of rank 0.
    assert (run.status, run.metrics["training/loss"].count, run.step) == ("finished", 15, 15)
    ids = {path.name for path in directory.glob("wandb/offline-run-*/run-*.wandb")}
    assert len(ids) == 1


def test_a_run_of_several_ranks_goes_on_with_one_process(tmp_path: Path) -> None:
    assert launch(tmp_path, *job(1, 11, "tensorboard", "wandb")).returncode == 0
    single(tmp_path, range(6, 16), resume="r")
    directory = tmp_path / "runs" / "r"
    assert not (directory / "journal.jsonl").exists()
    assert_each_value_once(directory)
    assert [end["status"] for end in ends(directory)] == ["finished", "finished"]
    run = read_run(directory)
    assert (run.status, run.metrics["training/loss"].count) == ("finished", 15)


def test_a_run_that_is_open_in_another_job_is_not_resumed_and_one_line_says_so(tmp_path: Path) -> None:
    waiting = [
        subprocess.Popen(
            [sys.executable, "-c", TRAINING, str(rank), "1", "11", "wait"],
            cwd=tmp_path,
            env=os.environ | torchrun_variables(rank, 2, TORCHELASTIC_RUN_ID="first"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in waiting:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    variables = torchrun_variables(0, 2, TORCHELASTIC_RUN_ID="second")
    done = launch(tmp_path, Rank(0, variables, ("6", "16"), 0.0, RESUMING))
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .endswith("r cannot be resumed, because it is open in another job: end that, or attach to the run")
    )
    for process in waiting:
        process.communicate("\n")
        assert process.returncode == 0
    assert losses(tmp_path / "runs" / "r") == {rank: logged(rank, range(1, 11)) for rank in range(2)}


WAITS_FOR_FILES = """
import os, time
from pathlib import Path

def wait_for(name):
    launcher = os.getppid()
    while not Path(name).exists() and os.getppid() == launcher:
        time.sleep(0.01)
"""

# The first rank begins when it is told to, and stays until the second one has ended.
FIRST = f"{WAITS_FOR_FILES}\nwait_for('begin')\n{RESUMING}\n    Path('has_begun').touch()\n    wait_for('end')\n"

# The second rank tells it right after its own first look.
SECOND = f"""{WAITS_FOR_FILES}
from seo_engine.tracking.job import joining

def before_the_first_begins(look):
    def looked(*arguments):
        seen = look(*arguments)
        Path("begin").touch()
        wait_for("has_begun")
        return seen
    return looked

for name in ("has_ranks", "is_locked"):
    setattr(joining, name, before_the_first_begins(getattr(joining, name)))
{RESUMING}
Path("end").touch()
"""


def test_a_rank_that_resumes_while_another_begins_joins_it(tmp_path: Path) -> None:
    single(tmp_path, range(1, 11))
    ranks = [
        Rank(rank, torchrun_variables(rank, 2), ("11", "16"), program=program)
        for rank, program in enumerate((FIRST, SECOND))
    ]
    done = launch(tmp_path, *ranks, timeout=60)
    assert done.returncode == 0 and runs_in(tmp_path) == ["r"], done.stderr
    assert losses(tmp_path / "runs" / "r") == {0: logged(0, range(1, 16)), 1: logged(1, range(11, 16))}


def test_two_jobs_of_one_host_at_the_same_time_are_two_runs(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: launch(tmp_path, *job(1, 21)), range(2)))
    assert all(done.returncode == 0 for done in both)
    assert runs_in(tmp_path) == ["r", "r_2"]
    for name in runs_in(tmp_path):
        assert losses(tmp_path / "runs" / name) == {rank: logged(rank) for rank in range(2)}
        assert len(ends(tmp_path / "runs" / name)) == 1


def test_a_job_of_one_process_that_torchrun_restarts_goes_on_in_its_run(tmp_path: Path) -> None:
    for attempt, (first, behind) in enumerate([(1, 11), (6, 16)]):
        variables = {"TORCHELASTIC_RUN_ID": "one", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
        arguments = (str(first), str(behind), *(["fail"] if attempt == 0 else []))
        launch(tmp_path, Rank(0, torchrun_variables(0, 1, **variables), arguments))
    assert runs_in(tmp_path) == ["r"]
    directory = tmp_path / "runs" / "r"
    assert [path.name for path in directory.glob("*.jsonl")] == ["journal.jsonl"]
    assert_each_value_once(directory)
    run = read_run(directory)
    assert (run.status, run.metrics["training/loss"].count) == ("finished", 15)


# A worker of Ray Train, as far as a tracker asks.
RAY = """
import os, sys, types

class Context:
    get_world_rank = staticmethod(lambda: int(os.environ["RAY_RANK"]))
    get_world_size = get_local_world_size = staticmethod(lambda: 2)
    get_experiment_name = staticmethod(lambda: "sweep")

sys.modules["ray.train"] = types.SimpleNamespace(get_context=Context)
"""


@pytest.mark.parametrize("has_failed", [True, False])
def test_a_group_of_workers_that_ray_restarts_goes_on_and_one_that_has_finished_begins_anew(
    has_failed: bool, tmp_path: Path
) -> None:
    for attempt in range(2):
        fails = ["fail"] if has_failed and attempt == 0 else []
        first, behind = (6, 16) if attempt else (1, 11)
        arguments = (str(first), str(behind), *fails)
        launch(
            tmp_path,
            *(Rank(rank, {"RAY_RANK": str(rank)}, arguments, 0.0, RAY + TRAINING) for rank in range(2)),
        )
    assert runs_in(tmp_path) == (["r"] if has_failed else ["r", "r_2"])
    directory = tmp_path / "runs" / "r"
    count = 15 if has_failed else 10
    assert read_run(directory).metrics["training/loss"].count == count
    assert read_run(directory).status == "finished"


def test_trials_of_one_experiment_of_ray_are_runs_of_their_own(tmp_path: Path) -> None:
    for trial in range(2):
        program = RAY.replace('"sweep")', f'"sweep")\n    get_trial_id = staticmethod(lambda: "{trial}")')
        launch(
            tmp_path,
            *(Rank(rank, {"RAY_RANK": str(rank)}, ("1", "11", "fail"), 0.0, program + TRAINING) for rank in range(2)),
        )
    assert runs_in(tmp_path) == ["r", "r_2"]


def test_a_run_that_went_on_is_replayed_with_its_settings(tmp_path: Path) -> None:
    for attempt, arguments in enumerate([("1", "11", "fail"), ("6", "16")]):
        variables = {"TORCHELASTIC_RUN_ID": "one", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
        launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 2, **variables), arguments) for rank in range(2)))
    directory = tmp_path / "runs" / "r"
    target, states = replay_run(directory, "tensorboard", show_all=True)
    assert target.name == "r_all" and states["tensorboard"].is_complete
    before, after = read_run(directory), read_run(target)
    assert after.configuration["experiment_name"] == before.configuration["experiment_name"] == "r"
    assert (after.metrics, after.status) == (before.metrics, before.status)


def test_a_run_to_which_rank_0_never_came_shows_the_first_that_did(tmp_path: Path) -> None:
    launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 3)) for rank in (1, 2)))
    directory = tmp_path / "runs" / "r"
    assert read_run(directory).metrics["training/loss"].last == 1020
    recover_run(directory)
    run = read_run(directory)
    (end,) = ends(directory)
    assert (end["rank_status"], end["missing_ranks"]) == (None, [0])
    # The end was written later, by somebody else.
    assert run.metrics["training/loss"].last == 1020 and run.seconds < end["time"] - run.started


# A file system that refuses locks, as some network file systems do.
WITHOUT_LOCKS = """
import errno, fcntl

def refuse(descriptor, operation):
    raise OSError(errno.ENOLCK, "no locks available")

fcntl.flock = refuse
"""


def test_where_locks_are_refused_only_the_host_of_rank_0_delivers_which_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "without_locks").mkdir()
    (tmp_path / "without_locks" / "sitecustomize.py").write_text(WITHOUT_LOCKS)
    variables = {"TORCHELASTIC_RUN_ID": "job", "PYTHONPATH": str(tmp_path / "without_locks")}
    done = launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 2, **variables)) for rank in range(2)))
    assert done.returncode == 0, done.stderr
    # One of them is made in vain, because nothing makes one rank wait for the other: `r`, or `r_2`.
    (name,) = runs_in(tmp_path)
    assert done.stderr.count("Locks do not hold") == 1
    directory = tmp_path / "runs" / name
    assert losses(directory) == {rank: logged(rank) for rank in range(2)}
    assert_each_value_once(directory)
    assert [end["status"] for end in ends(directory)] == ["finished"]
