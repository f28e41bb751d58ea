"""Real `torchrun` with ranks that train together over gloo."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.runs.run_lock import is_locked
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.job.launching import ends, losses, runs_in
from tests.tracking.killing import wait_until
from tests.tracking.read_views import assert_each_value_once

RANKS = 4

PROGRAM = f"""
import os, signal, sys
import torch
import torch.distributed as distributed
from seo_engine import ExperimentTracker, TrackingConfig

rank, attempt = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])
# A file of each attempt: over torchrun's own store, gloo cannot connect again after the kill of a rank.
distributed.init_process_group("gloo", init_method=f"file://{{os.getcwd()}}/store_{{attempt}}", rank=rank, world_size=4)
config = TrackingConfig(
    experiment_name="r", selective_logging=False, wandb_mode="offline", close_timeout_seconds=60,
    {ONLY_WHAT_IS_LOGGED_AS_TEXT}
)
with ExperimentTracker(config) as tracker:
    # A restart goes on from a checkpoint.
    for step in range(1 + 5 * attempt, 21):
        total = torch.tensor([float(rank)])
        distributed.all_reduce(total)
        tracker.log_training_metrics(0, step, {{"loss": rank * 1000 + step}})
        if step == 10 and rank == 2 and attempt == 0:
            {{mishap}}
distributed.destroy_process_group()
"""

MISHAPS = {
    "none": "pass",
    "exception": "raise ValueError('rank 2 cannot go on')",
    "kill": "os.kill(os.getpid(), signal.SIGKILL)",
}


def torchrun(folder: Path, mishap: str, *options: str) -> subprocess.CompletedProcess[str]:
    program = folder / "train.py"
    program.write_text(PROGRAM.replace("{mishap}", MISHAPS[mishap]))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(RANKS), *options, str(program)]
    return subprocess.run(
        command,
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_four_ranks_give_one_run(tmp_path: Path) -> None:
    # Without a run id, which --standalone has.
    done = torchrun(tmp_path, "none", f"--master-port={free_port()}")
    assert done.returncode == 0, done.stderr
    assert runs_in(tmp_path) == ["r"], done.stderr
    directory = tmp_path / "runs" / "r"
    assert {rank: len(steps) for rank, steps in losses(directory).items()} == dict.fromkeys(range(RANKS), 20)
    assert_each_value_once(directory)
    assert [end["status"] for end in ends(directory)] == ["finished"]


def test_the_exception_of_one_rank_is_the_cause_and_not_the_collectives_that_it_breaks(tmp_path: Path) -> None:
    done = torchrun(tmp_path, "exception", "--standalone")
    assert done.returncode != 0
    directory = tmp_path / "runs" / "r"
    # torchrun kills rank 0, and does not wait for its child.
    (end,) = wait_until(lambda: ends(directory))
    wait_until(lambda: not is_locked(directory, "run"))
    assert end["status"] == "failed" and "rank 2 cannot go on" in end["error"]["message"]
    assert_each_value_once(directory)


def test_a_killed_rank_is_restarted_in_the_same_run(tmp_path: Path) -> None:
    done = torchrun(tmp_path, "kill", "--standalone", "--max-restarts=1")
    assert done.returncode == 0, done.stderr
    assert runs_in(tmp_path) == ["r"]
    directory = tmp_path / "runs" / "r"
    for rank, steps in losses(directory).items():
        assert [step for step, _ in steps][-15:] == list(range(6, 21)), rank
    assert_each_value_once(directory)
    run = read_run(directory)
    assert (run.status, run.metrics["training/loss"].count) == ("finished", 20)
    assert [end["status"] for end in ends(directory)][-1] == "finished"


# Trains nothing: only the agents meet.
COUNTING = f"""
import os, signal, time
from seo_engine import ExperimentTracker, TrackingConfig

rank = int(os.environ["RANK"])
config = TrackingConfig(
    experiment_name="r", wandb_logging=False, tensorboard_logging=False, close_timeout_seconds=60,
    {ONLY_WHAT_IS_LOGGED_AS_TEXT}
)
first_time = not os.path.exists("failed")
with ExperimentTracker(config) as tracker:
    for step in range(1, 11):
        tracker.log_training_metrics(0, step, {{"loss": rank * 1000 + step}})
    if first_time and os.environ["GROUP_RANK"] == "1":
        open("ready", "w").close()
        # Until its agent ends it.
        signal.pause()
    if first_time:
        while not os.path.exists("ready"):
            time.sleep(0.01)
        open("failed", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_agents_of_two_hosts_that_count_restarts_by_themselves_go_on_in_one_run(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(COUNTING)
    meeting = ["--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{free_port()}", "--rdzv-id=job"]
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--max-restarts=2"]
    agents = [
        subprocess.Popen([*command, *meeting, str(program)], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    errors = [agent.communicate(timeout=200)[1] for agent in agents]
    assert [agent.returncode for agent in agents] == [0, 0], errors
    assert runs_in(tmp_path) == ["r"], errors
    directory = tmp_path / "runs" / "r"
    assert {rank: len(steps) for rank, steps in losses(directory).items()} == {0: 20, 1: 20}
    run = read_run(directory)
    assert (run.status, run.metrics["training/loss"].count) == ("finished", 10)
