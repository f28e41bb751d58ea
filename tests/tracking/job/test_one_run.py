"""The same two lines in each process of a job give one run, whoever comes first, late, or never."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seo_engine.tracking.history.summary import read_run
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
from tests.tracking.killing import wait_until
from tests.tracking.read_views import assert_each_value_once, read_tensorboard

Variables = Callable[[int], dict[str, str]]


def slurm(rank: int) -> dict[str, str]:
    return {
        "SLURM_PROCID": str(rank),
        "SLURM_NTASKS": "2",
        "SLURM_JOB_ID": "4711",
        "SLURM_STEP_ID": "0",
        "SLURM_JOB_NAME": "train",
    }


# What each launcher sets in the process of a rank, for two of them.
LAUNCHERS: dict[str, Variables] = {
    "torchrun --standalone": lambda rank: torchrun_variables(rank, 2, TORCHELASTIC_RUN_ID="3b0c"),
    "torchrun": lambda rank: torchrun_variables(rank, 2, TORCHELASTIC_RUN_ID="none"),
    "srun": slurm,
    "mpirun of Open MPI": lambda rank: {
        "OMPI_COMM_WORLD_RANK": str(rank),
        "OMPI_COMM_WORLD_SIZE": "2",
        "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
        "PMIX_NAMESPACE": "prterun-host-77@1",
    },
    "mpirun of MPICH": lambda rank: {"PMI_RANK": str(rank), "PMI_SIZE": "2"},
    "MVAPICH in a PBS job": lambda rank: {
        "MV2_COMM_WORLD_RANK": str(rank),
        "MV2_COMM_WORLD_SIZE": "2",
        "PBS_JOBID": "12.host",
    },
    "jsrun in an LSF job": lambda rank: {
        "JSM_NAMESPACE_RANK": str(rank),
        "JSM_NAMESPACE_SIZE": "2",
        "LSB_JOBID": "99",
    },
    "a launcher of one's own": lambda rank: {"RANK": str(rank), "WORLD_SIZE": "2"},
    "a name for the run": lambda rank: {"RANK": str(rank), "WORLD_SIZE": "2", "SEO_ENGINE_RUN": "mine"},
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_ranks_of_each_launcher_share_one_run(launcher: str, tmp_path: Path) -> None:
    variables = LAUNCHERS[launcher]
    views = ["tensorboard", "wandb"] if launcher == "srun" else []
    done = launch(tmp_path, *(Rank(rank, variables(rank), ("1", "21", *views)) for rank in range(2)))
    assert done.returncode == 0, done.stderr
    assert runs_in(tmp_path) == ["r"], done.stderr
    directory = tmp_path / "runs" / "r"
    assert "failed" not in done.stderr, done.stderr
    assert sorted(path.name for path in directory.glob("journal*")) == [
        f"journal.rank-{rank:05}.jsonl" for rank in range(2)
    ]
    assert losses(directory) == {rank: logged(rank) for rank in range(2)}
    assert_each_value_once(directory)
    if views:
        # Never two ranks in one curve.
        shown = read_tensorboard(directory).scalars["training/loss"]
        assert [(scalar.step, scalar.value) for scalar in shown] == logged(0)
    (end,) = ends(directory)
    assert (end["status"], end["rank_status"], end["rank"]) == ("finished", "finished", 0)
    assert (end["vanished_ranks"], end["missing_ranks"]) == ([], [])
    run = read_run(directory)
    assert run.status == "finished" and all(state.is_complete for state in run.delivery.values())


@pytest.mark.parametrize("late", [0, 2])
def test_a_rank_that_comes_late_still_has_its_part(late: int, tmp_path: Path) -> None:
    ranks = [Rank(rank, torchrun_variables(rank, 3), delay=4.0 if rank == late else 0.0) for rank in range(3)]
    done = launch(tmp_path, *ranks)
    assert done.returncode == 0 and runs_in(tmp_path) == ["r"], done.stderr
    directory = tmp_path / "runs" / "r"
    assert losses(directory) == {rank: logged(rank) for rank in range(3)}
    assert_each_value_once(directory)
    (end,) = ends(directory)
    assert (end["status"], end["missing_ranks"]) == ("finished", [])


def test_a_rank_that_never_comes_is_named_and_does_not_spoil_the_run(tmp_path: Path) -> None:
    done = launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 3)) for rank in (0, 2)))
    assert done.returncode == 0 and runs_in(tmp_path) == ["r"], done.stderr
    directory = tmp_path / "runs" / "r"
    assert losses(directory) == {rank: logged(rank) for rank in (0, 2)}
    (end,) = ends(directory)
    assert (end["status"], end["missing_ranks"]) == ("finished", [1])


def test_the_same_job_again_begins_another_run(tmp_path: Path) -> None:
    ranks = [Rank(rank, torchrun_variables(rank, 2, TORCHELASTIC_RUN_ID="mine")) for rank in range(2)]
    for _ in range(2):
        done = launch(tmp_path, *ranks)
        assert done.returncode == 0, done.stderr
    assert runs_in(tmp_path) == ["r", "r_2"]
    for name in runs_in(tmp_path):
        assert losses(tmp_path / "runs" / name) == {rank: logged(rank) for rank in range(2)}
        assert len(ends(tmp_path / "runs" / name)) == 1


def test_a_later_attempt_goes_on_in_the_same_run(tmp_path: Path) -> None:
    def attempt(number: int, *arguments: str) -> None:
        variables = {"TORCHELASTIC_RUN_ID": "mine", "TORCHELASTIC_RESTART_COUNT": str(number)}
        launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 2, **variables), arguments) for rank in range(2)))

    attempt(0, "1", "21", "tensorboard", "wandb", "fail")
    directory = tmp_path / "runs" / "r"
    (end,) = ends(directory)
    assert end["status"] == "failed" and "cannot go on" in end["error"]["traceback"]
    # From its checkpoint at step 10.
    attempt(1, "11", "31", "tensorboard", "wandb")
    assert runs_in(tmp_path) == ["r"]
    assert [end["status"] for end in ends(directory)] == ["failed", "finished"]
    assert losses(directory) == {rank: [*logged(rank), *logged(rank, range(11, 31))] for rank in range(2)}
    assert_each_value_once(directory)
    run = read_run(directory)
    # What was logged again is superseded.
    assert (run.status, run.metrics["training/loss"].count, run.step) == ("finished", 30, 30)


@pytest.mark.parametrize("late", [0, 1])
def test_a_rank_that_comes_late_in_a_later_attempt_joins_it_too(late: int, tmp_path: Path) -> None:
    for attempt, arguments in enumerate([("1", "11", "tensorboard", "fail"), ("6", "16", "tensorboard")]):
        variables = {"TORCHELASTIC_RUN_ID": "mine", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
        delays = [3.0 if attempt and rank == late else 0.0 for rank in range(2)]
        launch(
            tmp_path,
            *(Rank(rank, torchrun_variables(rank, 2, **variables), arguments, delays[rank]) for rank in range(2)),
        )
    assert runs_in(tmp_path) == ["r"]
    directory = tmp_path / "runs" / "r"
    assert [end["status"] for end in ends(directory)] == ["failed", "finished"]
    assert_each_value_once(directory)
    assert read_run(directory).metrics["training/loss"].count == 15


def test_a_job_of_which_everything_was_killed_and_that_comes_again_in_an_earlier_attempt_is_another_run(
    tmp_path: Path,
) -> None:
    for attempt in (1, 0):
        variables = {"TORCHELASTIC_RUN_ID": "mine", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
        launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 2, **variables)) for rank in range(2)))
    assert runs_in(tmp_path) == ["r", "r_2"]


def test_rank_0_does_not_wait_for_a_rank_that_comes_while_it_closes(tmp_path: Path) -> None:
    program = TRAINING.replace(
        "with ExperimentTracker(config) as tracker:", "tracker = ExperimentTracker(config)\nif 1:"
    ) + (
        """
if rank:
    sys.stdin.readline()
import time
began = time.monotonic()
tracker.close()
print(rank, time.monotonic() - began, flush=True)
"""
    )
    first, second = (
        subprocess.Popen(
            [sys.executable, "-c", program, str(rank), "1", "21"],
            cwd=tmp_path,
            env=os.environ | torchrun_variables(rank, 2, TORCHELASTIC_RUN_ID="mine"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    )
    # Rank 1 ends only after rank 0 has.
    assert first.stdout is not None and first.stdout.readline().startswith("0 ")
    assert first.wait(timeout=60) == 0
    second.communicate("\n", timeout=60)
    directory = tmp_path / "runs" / "r"
    wait_until(lambda: ends(directory))
    assert losses(directory) == {rank: logged(rank) for rank in range(2)}


@pytest.mark.parametrize(
    "contents", ["", "[1,2]", '{"run":"../../evil","identity":"torchelastic:mine#1","restarts":[0,0]}']
)
def test_a_damaged_note_of_the_jobs_run_stops_nothing(contents: str, tmp_path: Path) -> None:
    ranks = [Rank(rank, torchrun_variables(rank, 2, TORCHELASTIC_RUN_ID="mine")) for rank in range(2)]
    launch(tmp_path, *ranks)
    (note,) = (tmp_path / "runs" / ".jobs").glob("*.json")
    note.write_text(contents)
    launch(tmp_path, *ranks)
    assert runs_in(tmp_path) == ["r", "r_2"]
    assert losses(tmp_path / "runs" / "r_2") == {rank: logged(rank) for rank in range(2)}


def test_where_the_jobs_run_cannot_be_noted_rank_0_tracks_and_one_line_says_why(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".jobs").write_text("")
    done = launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 2)) for rank in range(2)))
    assert done.returncode == 0 and runs_in(tmp_path) == ["r"]
    assert done.stderr.count("cannot agree on a run") == 2
    assert losses(tmp_path / "runs" / "r") == {0: logged(0)}


def test_extra_trackers_of_rank_0_get_the_run(tmp_path: Path) -> None:
    program = TRAINING.replace("import ExperimentTracker,", "import ExperimentTracker, MemoryTracker,").replace(
        "ExperimentTracker(config) as tracker", "ExperimentTracker(config, extra_trackers=[memory]) as tracker"
    )
    program = program.replace("with Exp", "memory = MemoryTracker()\nwith Exp") + (
        """
if rank == 0:
    print(len(memory.calls))
"""
    )
    done = launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 2), program=program) for rank in range(2)))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20
    assert read_run(tmp_path / "runs" / "r").status == "finished"


def test_without_anything_in_common_rank_0_tracks_and_the_others_keep_their_part(tmp_path: Path) -> None:
    # Each is started by a launcher of its own.
    done = [launch(tmp_path, Rank(rank, {"RANK": str(rank), "WORLD_SIZE": "2"})) for rank in (1, 0)]
    assert runs_in(tmp_path) == ["r"] and all(each.returncode == 0 for each in done)
    assert done[0].stderr.count("cannot tell which run it shares") == 1
    (part,) = (tmp_path / "runs" / ".parts").iterdir()
    assert (part / "journal.rank-00001.jsonl").exists()
    assert losses(tmp_path / "runs" / "r") == {0: logged(0)}
