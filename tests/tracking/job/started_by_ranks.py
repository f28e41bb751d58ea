"""Programs whose ranks start processes that log."""

from __future__ import annotations

from pathlib import Path

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


def assert_each_rank_logs_into_its_file(text: str, folder: Path) -> None:
    """Run a program, which follows `CONFIG` and `LOADER`, in two ranks: each rank's items are all in its file."""
    # From a file, because a spawned process imports it again.
    program = folder / "train.py"
    program.write_text(CONFIG + LOADER + text)
    done = launch(folder, *(Rank(rank, torchrun_variables(rank, 2), (), 0.0, program) for rank in range(2)))
    assert done.returncode == 0, done.stderr
    assert runs_in(folder) == ["r"], done.stderr
    directory = folder / "runs" / "r"
    expected = [(step, float(step)) for step in range(1, 21)]
    for rank, values in losses(directory).items():
        assert sorted((step, value - rank * 1000) for step, value in values) == expected
    assert set(losses(directory)) == {0, 1}
    assert len(ends(directory)) == 1 and read_run(directory).status == "finished"
