"""What TensorBoard and W&B show of several ranks that really ran, by `rank_metrics`."""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from pathlib import Path

import pytest

from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.delivery.replay import replay_run
from tests.tracking.job.launching import Rank, launch, torchrun_variables
from tests.tracking.job.test_kills_of_ranks import job
from tests.tracking.read_views import read_journal, read_wandb, tensorboard_values, wandb_values

VIEWS = ("tensorboard", "wandb")

# Step, name, value.
Shown = list[tuple[int, str, float]]


def launch_ranks(folder: Path, mode: str, *steps: tuple[int, int] | None, attempt: int = 0) -> str:
    """Run a job whose ranks log from a step to the one before another; a rank without steps never comes."""
    variables = {"TORCHELASTIC_RUN_ID": "job", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
    ranks = [
        Rank(rank, torchrun_variables(rank, len(steps), **variables), (str(each[0]), str(each[1]), *VIEWS, mode))
        for rank, each in enumerate(steps)
        if each is not None
    ]
    done = launch(folder, *ranks)
    assert done.returncode == 0, done.stderr
    return done.stderr


def in_wandb(directory: Path) -> Shown:
    return sorted((step, name, value) for _, step, name, value in wandb_values(read_wandb(directory / "wandb").rows))


def in_tensorboard(directory: Path) -> Shown:
    return sorted((step, name, value) for _, step, name, value in tensorboard_values(directory))


def as_float32(shown: Shown) -> Shown:
    return sorted((step, name, struct.unpack("f", struct.pack("f", value))[0]) for step, name, value in shown)


def means_in_journal(directory: Path) -> Shown:
    """Return the mean of each step over the ranks that have logged it, whatever was superseded later left out."""
    values: dict[int, dict[int, float]] = defaultdict(dict)
    for _, record in read_journal(directory):
        if record["kind"] == "training":
            values[record["step"]][record["rank"]] = record["metrics"]["training/loss"]
    return [(step, "training/loss", sum(each.values()) / len(each)) for step, each in sorted(values.items())]


def decisions(directory: Path) -> list[tuple[int, list[int]]]:
    lines = map(json.loads, (directory / "order.jsonl").read_bytes().splitlines())
    return [(line["step"], line["ranks"]) for line in lines if line.get("kind") == "incomplete_step"]


def test_every_rank_has_curves_of_its_own(tmp_path: Path) -> None:
    launch_ranks(tmp_path, "all", (1, 21), (1, 21), (1, 21))
    directory = tmp_path / "runs" / "r"
    expected = sorted(
        (number, step, f"rank_{record['rank']}/{name}", value)
        for number, record in read_journal(directory)
        if record["kind"] == "training"
        for step in [record["step"]]
        for name, value in record["metrics"].items()
    )
    assert len(expected) == 60
    assert wandb_values(read_wandb(directory / "wandb").rows) == expected
    assert tensorboard_values(directory) == expected


def test_reduced_curves_are_the_means_of_all_ranks_and_what_one_lacks_is_said(tmp_path: Path) -> None:
    said = launch_ranks(tmp_path, "reduced", (1, 21), (1, 21), (1, 16))
    directory = tmp_path / "runs" / "r"
    expected = means_in_journal(directory)
    assert [value for *_, value in expected] == [
        *(1000.0 + step for step in range(1, 16)),
        *(500.0 + step for step in range(16, 21)),
    ]
    assert in_wandb(directory) == expected
    assert in_tensorboard(directory) == as_float32(expected)
    assert decisions(directory) == [(step, [0, 1]) for step in range(16, 21)]
    assert said.count("Not all ranks have logged the same metrics at step 16") == 1, said


def test_reduced_curves_are_complete_without_a_rank_that_never_came(tmp_path: Path) -> None:
    launch_ranks(tmp_path, "reduced", (1, 6), None, (1, 6))
    directory = tmp_path / "runs" / "r"
    expected = means_in_journal(directory)
    assert [value for *_, value in expected] == [1000.0 + step for step in range(1, 6)]
    assert in_wandb(directory) == expected
    assert in_tensorboard(directory) == as_float32(expected)


def test_a_later_attempt_supersedes_the_steps_that_it_repeats_in_reduced_curves(tmp_path: Path) -> None:
    # Rank 1 stopped at step 8, so that two steps of the first attempt are incomplete.
    launch_ranks(tmp_path, "reduced", (1, 11), (1, 9))
    launch_ranks(tmp_path, "reduced", (7, 14), (7, 14), attempt=1)
    directory = tmp_path / "runs" / "r"
    last = {(step, name): value for _, step, name, value in tensorboard_values(directory)}
    assert [(step, name, value) for (step, name), value in sorted(last.items())] == [
        (step, "training/loss", 500.0 + step) for step in range(1, 14)
    ]


@pytest.mark.parametrize("mode", ["all", "reduced"])
def test_after_a_kill_of_everything_recovery_and_replay_show_the_same(mode: str, tmp_path: Path) -> None:
    with job(tmp_path, mode) as started:
        started.kill_everything()
        directory = started.directory
    recover_run(directory)
    shown = in_tensorboard(directory)
    if mode == "reduced":
        assert shown == as_float32(means_in_journal(directory))
    else:
        records = [record for _, record in read_journal(directory) if record["kind"] == "training"]
        own = [
            (each["step"], f"rank_{each['rank']}/training/loss", each["metrics"]["training/loss"]) for each in records
        ]
        assert shown == as_float32(own)
    order = (directory / "order.jsonl").read_bytes()
    recover_run(directory)
    assert in_tensorboard(directory) == shown
    assert (directory / "order.jsonl").read_bytes() == order
    replay_run(directory, "wandb")
    assert as_float32(in_wandb(directory)) == shown
    copy, _ = replay_run(directory, "tensorboard", show_all=True)
    assert in_tensorboard(copy) == shown
