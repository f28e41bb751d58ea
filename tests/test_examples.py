from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from seo_engine.tracking.history.listing import list_runs
from tests.tracking.read_views import read_tensorboard, read_wandb

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_the_plain_loop_runs_and_is_tracked(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, str(EXAMPLES / "plain_loop.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert "tensorboard --logdir runs" in finished.stderr and "slowest operations" in finished.stdout
    (run,) = list_runs(tmp_path / "runs")
    loss = run.metrics["training/loss"]
    assert run.status == "finished" and loss.count == 40 and loss.last < loss.first / 2
    assert {"forward_pass", "backward_pass"} <= run.timings.keys()
    assert len(read_tensorboard(run.directory).scalars["training/loss"]) == 40
    assert sum("training/loss" in row for row in read_wandb(run.directory / "wandb").rows) == 40
