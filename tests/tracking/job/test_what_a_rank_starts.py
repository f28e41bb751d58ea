"""Whatever a rank starts logs into the file of that rank; what it spawns with torch is in `tests/integrations`."""

from __future__ import annotations

from pathlib import Path

import pytest

from seo_engine.tracking.history.summary import read_run
from tests.tracking.job.launching import Rank, launch, losses, runs_in, torchrun_variables
from tests.tracking.job.started_by_ranks import CONFIG, assert_each_rank_logs_into_its_file

PROGRAMS = {
    "forked data-loader workers": """
import torch.utils.data
with ExperimentTracker(config) as tracker:
    list(torch.utils.data.DataLoader(Numbers(tracker), num_workers=2))
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
    assert_each_rank_logs_into_its_file(PROGRAMS[kind], tmp_path)


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
