"""The engine's training in several processes: as in one, with one run and one adapter; stopped, killed, restarted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file

from seo_engine.tracking.history.summary import read_run
from tests.cli.commands import command, write_site
from tests.engine.test_language_model import save_tiny_model
from tests.tracking.killing import children, cmdline, wait_until
from tests.tracking.read_views import read_journal

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
SETTINGS = "tensorboard_logging = false\nwandb_logging = false\nlearning_rate = 2e-2\ntrain_batch_size = 4\n"
TRAIN = ["train", "site", "--model", "model", "--config", "seo.toml"]
COMMAND = [sys.executable, "-m", "seo_engine.cli"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

LAUNCHERS = {
    "--processes 2": [*COMMAND, *TRAIN, "--processes", "2"],
    "torchrun": [*TORCHRUN, "-m", "seo_engine.cli", *TRAIN],
    "accelerate launch": [
        # Two processes without a GPU: what accelerate calls several GPUs is torchrun.
        *(sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"),
        *("--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"),
        *("--mixed_precision", "no", "--dynamo_backend", "no", "-m", "seo_engine.cli", *TRAIN),
    ],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    # Eight pages to learn from, so that the last batch of each epoch is as full as the others.
    write_site(folder / "site", pages=10)
    save_tiny_model(folder / "model")
    (folder / "seo.toml").write_text(SETTINGS)
    return folder


@pytest.fixture(scope="module")
def alone(place: Path) -> dict[str, Any]:
    return train([*COMMAND, *TRAIN], place, "alone")


def train(typed: Sequence[str], place: Path, name: str) -> dict[str, Any]:
    done = subprocess.run(
        [*typed, "--name", name, "--json"],
        cwd=place, env=ENVIRONMENT, text=True, capture_output=True, check=False, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def losses(directory: Path, kind: str = "training") -> dict[int, float]:
    found: dict[int, float] = {}
    for _, record in read_journal(directory):
        if record["kind"] == kind and f"{kind}/loss" in record["metrics"]:
            found[record["step"]] = record["metrics"][f"{kind}/loss"]
    return found


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_several_processes_learn_what_one_learns(launcher: str, place: Path, alone: dict[str, Any]) -> None:
    name = launcher.replace(" ", "_").strip("-")
    said = train(LAUNCHERS[launcher], place, name)
    directory, directory_alone = place / "runs" / name, place / "runs" / "alone"
    assert said["status"] == "finished"
    expected = losses(directory_alone)
    assert len(expected) == 4
    assert losses(directory) == pytest.approx(expected, rel=1e-3)
    assert losses(directory, "evaluation") == pytest.approx(losses(directory_alone, "evaluation"), rel=1e-3)
    for when in ("before", "after"):
        assert said[when] == pytest.approx(alone[when], rel=5e-3)
    assert said["samples"] == alone["samples"]
    # One run, with both ranks, and one adapter.
    run = read_run(directory)
    assert [(each.rank, each.status) for each in run.ranks] == [(0, "finished"), (1, "finished")]
    assert sorted(path.name for path in (place / "runs").glob(f"{name}*")) == [name]
    ours, theirs = (
        load_file(each / "checkpoints/adapter/adapter_model.safetensors") for each in (directory, directory_alone)
    )
    assert ours.keys() == theirs.keys()
    for key, weights in ours.items():
        assert torch.allclose(weights, theirs[key], atol=2e-3), key


def test_processes_that_divide_neither_batch_nor_pages_take_more_say_so_and_measure_as_one(
    place: Path, alone: dict[str, Any]
) -> None:
    done = command(*TRAIN, "--processes", "3", "--epochs", "1", "--name", "three", cwd=place, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    # Two held-out pages for three processes.
    before = losses(place / "runs" / "alone", "evaluation")[0], losses(place / "runs" / "three", "evaluation")[0]
    assert before[1] == pytest.approx(before[0], rel=1e-5)
    assert "10 pages of site, in 3 processes, 6 pages at a time rather than 4" in done.stderr
    assert done.stderr.count("Watch the run with:") == 1
    assert done.stdout.count("Where to find it, and what to type next:") == 1
    assert len(read_run(place / "runs" / "three").ranks) == 3


def test_what_a_container_sets_for_one_process_is_not_taken_for_the_rank_of_several(place: Path) -> None:
    environment = ENVIRONMENT | {"RANK": "0", "WORLD_SIZE": "1"}
    done = command(*TRAIN, "--processes", "2", "--epochs", "1", "--name", "container", cwd=place, env=environment)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (place / "runs").glob("container*")) == ["container"]
    # The first process speaks.
    assert done.stderr.count("Loading the language model: 1 of 1") == 1
    assert "find_unused_parameters" not in done.stderr


def test_all_of_them_learn_with_the_settings_that_their_command_has_read(place: Path) -> None:
    folder = place / "with_a_file"
    folder.mkdir()
    file = folder / "seo.toml"
    file.write_text(f'{SETTINGS}experiment_name = "as_read"\nnumber_of_epochs = 1\nmodel_name = "../model"')
    process = subprocess.Popen(
        [*COMMAND, "train", "../site", "--processes", "2"],
        cwd=folder, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None and process.stderr.readline() == "Settings of seo.toml\n"
    file.unlink()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert len(read_run(folder / "runs" / "as_read").ranks) == 2


def start(place: Path, name: str) -> subprocess.Popen[str]:
    """Start a long training of two processes."""
    typed = [*COMMAND, *TRAIN, "--processes", "2", "--epochs", "500", "--name", name]
    process = subprocess.Popen(
        typed, cwd=place, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    wait_until(lambda: (place / "runs" / name / "order.jsonl").exists() and len(losses(place / "runs" / name)) > 3)
    return process


def rank_processes(launcher: int) -> list[psutil.Process]:
    return [each for each in children(launcher) if each.ppid() == launcher and "seo_engine.cli" in cmdline(each)]


def test_ctrl_c_stops_all_processes_cleanly_with_one_adapter(place: Path) -> None:
    process = start(place, "interrupted")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert said.count("Stopping after this step") == 1
    assert "Traceback" not in said
    run = read_run(place / "runs" / "interrupted")
    assert (run.status, {each.status for each in run.ranks}) == ("interrupted", {"interrupted"})
    assert (place / "runs" / "interrupted" / "checkpoints" / "adapter" / "adapter_model.safetensors").exists()


def test_when_one_process_is_killed_the_others_end_and_the_command_fails(place: Path) -> None:
    process = start(place, "killed")
    of_ranks = rank_processes(process.pid)
    assert len(of_ranks) == 2
    of_ranks[1].kill()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 137
    assert "error: process 1 ended by a signal (Killed), so the others are ended, too" in said
    assert "Traceback" not in said
    assert not any(each.is_running() for each in of_ranks)
    assert wait_until(lambda: read_run(place / "runs" / "killed").status == "killed")


# Kills the second process when it has come to a step, in the first attempt.
RESTARTED = """
import os, signal, sys
from pathlib import Path
from seo_engine.config import SEOConfig
from seo_engine.engine.site.folder import read_site
from seo_engine.engine.training.training import TRAINING, require_usable_pages, train
from seo_engine.tracking import ExperimentTracker

config = SEOConfig.from_toml(
    Path("seo.toml"), model_name="./model", number_of_epochs=4, experiment_name="restarted", print_summary=False
)
attempt, rank = int(os.environ["TORCHELASTIC_RESTART_COUNT"]), int(os.environ["RANK"])

def progress(stage, done, total, note=""):
    if stage == TRAINING and done == 5 and attempt == 0 and rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)

with ExperimentTracker(config) as tracker:
    train(require_usable_pages(read_site(Path("site"))), config, tracker, progress=progress)
"""


def test_a_killed_process_is_restarted_and_all_go_on_from_the_last_checkpoint_in_the_same_run(place: Path) -> None:
    (place / "restarted.py").write_text(RESTARTED)
    done = subprocess.run(
        [*TORCHRUN, "--max-restarts", "1", "restarted.py"],
        cwd=place, env=ENVIRONMENT, text=True, capture_output=True, check=False, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    directory = place / "runs" / "restarted"
    steps = [
        record["step"]
        for _, record in read_journal(directory)
        if record["kind"] == "training" and record["rank"] == 0 and "training/loss" in record["metrics"]
    ]
    # Two steps an epoch: the last checkpoint is that of step 4. Rank 0 may have logged step 5 before it was ended.
    again = steps.index(5, steps.index(5) + 1) if steps.count(5) == 2 else steps.index(5)
    assert steps[:again] in ([1, 2, 3, 4], [1, 2, 3, 4, 5])
    assert steps[again:] == [5, 6, 7, 8]
    # With the optimizer and the learning rate of the checkpoint: as without a kill.
    train([*COMMAND, *TRAIN, "--epochs", "4"], place, "not_restarted")
    assert losses(directory) == pytest.approx(losses(place / "runs" / "not_restarted"), rel=1e-3)
    measured = [
        record for _, record in read_journal(directory) if "evaluation/rouge_l_title" in record.get("metrics", {})
    ]
    assert [record["step"] for record in measured] == [0, 8]
    assert read_run(directory).status == "finished"
