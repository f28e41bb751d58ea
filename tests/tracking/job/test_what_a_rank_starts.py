"""Whatever a rank starts logs into the file of that rank."""

from __future__ import annotations

from pathlib import Path

import pytest

from seo_engine.tracking.history.summary import read_run
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.job.launching import Rank, ends, launch, losses, runs_in, torchrun_variables

CONFIG = f"""
import sys
from seo_engine import ExperimentTracker, TrackingConfig

config = TrackingConfig(
    experiment_name="r", selective_logging=False, wandb_logging=False, tensorboard_logging=False,
    close_timeout_seconds=60,
    {ONLY_WHAT_IS_LOGGED_AS_TEXT}
)
"""

# A dataset whose workers log what they load; its items are the rank's, so that files can be told apart. Only programs
# that need torch import it: it takes longer than all the rest.
LOADER = """
import os

class Numbers:
    def __init__(self, tracker):
        self.tracker = tracker
    def __len__(self):
        return 20
    def __getitem__(self, index):
        self.tracker.log_training_metrics(0, index + 1, {"loss": int(os.environ["RANK"]) * 1000 + index + 1})
        return index
"""

PROGRAMS = {
    "forked data-loader workers": """
import torch.utils.data
with ExperimentTracker(config) as tracker:
    list(torch.utils.data.DataLoader(Numbers(tracker), num_workers=2))
""",
    "spawned data-loader workers": """
import torch.utils.data
if __name__ == "__main__":
    with ExperimentTracker(config) as tracker:
        list(torch.utils.data.DataLoader(Numbers(tracker), num_workers=2, multiprocessing_context="spawn"))
""",
    "a subprocess that makes a tracker of its own": """
import subprocess
if "inner" in sys.argv:
    with ExperimentTracker(config) as tracker:
        for index in range(20):
            Numbers(tracker)[index]
else:
    with ExperimentTracker(config):
        subprocess.run([sys.executable, *sys.orig_argv[1:], "inner"], check=True)
""",
    "a subprocess that makes two trackers, one after the other": """
import subprocess
if "inner" in sys.argv:
    for half in range(2):
        with ExperimentTracker(config) as tracker:
            for index in range(10):
                Numbers(tracker)[half * 10 + index]
else:
    with ExperimentTracker(config):
        subprocess.run([sys.executable, *sys.orig_argv[1:], "inner"], check=True)
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
    "a subprocess that attaches": """
import subprocess
if "inner" in sys.argv:
    with ExperimentTracker.attach(sys.argv[-1]) as tracker:
        for index in range(20):
            Numbers(tracker)[index]
else:
    with ExperimentTracker(config) as tracker:
        subprocess.run([sys.executable, *sys.orig_argv[1:], "inner", str(tracker.run_directory)], check=True)
""",
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_what_a_rank_starts_logs_into_the_file_of_that_rank(kind: str, tmp_path: Path) -> None:
    # From a file, because a spawned process imports it again.
    program = tmp_path / "train.py"
    program.write_text(CONFIG + LOADER + PROGRAMS[kind])
    done = launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 2), (), 0.0, program) for rank in range(2)))
    assert done.returncode == 0, done.stderr
    assert runs_in(tmp_path) == ["r"], done.stderr
    directory = tmp_path / "runs" / "r"
    expected = [(step, float(step)) for step in range(1, 21)]
    for rank, values in losses(directory).items():
        assert sorted((step, value - rank * 1000) for step, value in values) == expected
    assert set(losses(directory)) == {0, 1}
    assert len(ends(directory)) == 1 and read_run(directory).status == "finished"


def test_a_tracker_that_each_rank_makes_after_another_is_a_second_run(tmp_path: Path) -> None:
    program = (
        CONFIG
        + """
for fold in range(2):
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(0, 1, {"loss": fold})
"""
    )
    done = launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 2), (), 0.0, program) for rank in range(2)))
    assert done.returncode == 0 and runs_in(tmp_path) == ["r", "r_2"], done.stderr
    for fold, name in enumerate(runs_in(tmp_path)):
        assert losses(tmp_path / "runs" / name) == {rank: [(1, float(fold))] for rank in range(2)}


def test_a_worker_that_was_forked_before_the_first_step_of_a_later_attempt_supersedes_nothing(tmp_path: Path) -> None:
    program = (
        CONFIG
        + """
import os
with ExperimentTracker(config) as tracker:
    if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        for step in range(1, 11):
            tracker.log_training_metrics(0, step, {"loss": step})
        raise ValueError
    worker = os.fork()
    if worker == 0:
        sys.stdin.readline()
        tracker.log_performance_metrics({"loaded": 1.0}, epoch=0, step=5)
        os._exit(0)
    for step in range(5, 9):
        tracker.log_training_metrics(0, step, {"loss": step})
    os.waitpid(worker, 0)
"""
    )
    for attempt in range(2):
        variables = {"TORCHELASTIC_RUN_ID": "mine", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
        launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 2, **variables), (), 0.0, program) for rank in range(2)))
    run = read_run(tmp_path / "runs" / "r")
    assert (run.metrics["training/loss"].count, run.metrics["training/loss"].last) == (8, 8.0)
