"""In an environment with the extra `parquet` alone, a run is kept as Parquet files, without TensorBoard and W&B.

`make test-extras` installs that environment and runs this there.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import polars

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.foundation.extras import missing_from
from tests.extras.environment import check_environment

STEPS = 20


def check_parquet_files() -> None:
    """Log a run, and read it back."""
    config = TrackingConfig(
        tensorboard_logging=False,
        wandb_logging=False,
        additional_trackers=["files"],
        tracker_settings={"files": {"format": "parquet"}},
    )
    with ExperimentTracker(config) as tracker:
        for step in range(STEPS):
            tracker.log_training_metrics(epoch=1, step=step, metrics={"loss": 1 / (step + 1)})
    assert tracker.run_directory is not None
    assert tracker.delivery["files"].is_complete, tracker.delivery
    held = polars.read_parquet(tracker.run_directory / "tables" / "metrics" / "*.parquet")
    assert held.filter(polars.col("name") == "training/loss")["step"].to_list() == list(range(STEPS))


if __name__ == "__main__":
    check_environment(without=("torch", "tensorboard", "wandb", "numpy", "selectolax", "pytest"))
    assert missing_from("parquet") == []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        check_parquet_files()
        os.chdir(Path(__file__).parent)
    print("parquet: a run was kept as Parquet files, and read back")
