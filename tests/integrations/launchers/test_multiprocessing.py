"""Ranks and workers that torch.multiprocessing and data loaders spawn; each of them imports torch anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracking.job.launching import Rank, launch, logged, losses, runs_in
from tests.tracking.job.started_by_ranks import assert_each_rank_logs_into_its_file

PROGRAMS = {
    "spawned data-loader workers": """
import torch.utils.data
if __name__ == "__main__":
    with ExperimentTracker(config) as tracker:
        list(torch.utils.data.DataLoader(Numbers(tracker), num_workers=2, multiprocessing_context="spawn"))
""",
    "processes of mp.spawn": """
import torch.multiprocessing

def work(number, tracker):
    for index in range(10):
        Numbers(tracker)[number * 10 + index]

if __name__ == "__main__":
    with ExperimentTracker(config) as tracker:
        torch.multiprocessing.spawn(work, (tracker,), nprocs=2)
""",
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_what_a_rank_spawns_logs_into_the_file_of_that_rank(kind: str, tmp_path: Path) -> None:
    assert_each_rank_logs_into_its_file(PROGRAMS[kind], tmp_path)


def test_ranks_that_a_script_starts_by_itself_are_one_run(tmp_path: Path) -> None:
    # As in the tutorial of DistributedDataParallel: no variable says which rank is which.
    program = tmp_path / "train.py"
    program.write_text(
        """
import os
import torch.distributed, torch.multiprocessing
from seo_engine import ExperimentTracker, TrackingConfig

def train(rank):
    torch.distributed.init_process_group("gloo", init_method=f"file://{os.getcwd()}/store", rank=rank, world_size=2)
    config = TrackingConfig(
        experiment_name="r", selective_logging=False, wandb_logging=False, close_timeout_seconds=60,
        enable_code_profiling=False, system_metrics_interval_seconds=0,
    )
    with ExperimentTracker(config) as tracker:
        for step in range(1, 21):
            tracker.log_training_metrics(0, step, {"loss": rank * 1000 + step})

if __name__ == "__main__":
    torch.multiprocessing.spawn(train, nprocs=2)
"""
    )
    done = launch(tmp_path, Rank(0, {}, (), 0.0, program))
    assert done.returncode == 0 and runs_in(tmp_path) == ["r"], done.stderr
    assert losses(tmp_path / "runs" / "r") == {rank: logged(rank) for rank in range(2)}
