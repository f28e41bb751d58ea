"""In an environment with the extra `tracking` alone, a run reaches both trackers, and what else is missing is named.

`make test-extras` installs that environment and runs this there.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

# What reads the views back in the other tests, and the checks that both environments have.
sys.path.insert(0, str(Path(__file__).parents[2]))

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.engine.site.parsing import parse_page
from seo_engine.foundation.extras import MissingExtraError, missing_from
from tests.extras.environment import check_environment, missing_extra_of_train
from tests.tracking.read_views import read_tensorboard, read_wandb

STEPS = 20


def check_both_trackers() -> None:
    """Log a run, and read it back from TensorBoard's event files and from W&B's file."""
    config = TrackingConfig(experiment_name="both", wandb_mode="offline", default_metric_priority="high")
    with ExperimentTracker(config) as tracker:
        for step in range(STEPS):
            tracker.log_training_metrics(epoch=1, step=step, metrics={"loss": 1 / (step + 1)})
    assert tracker.run_directory is not None
    assert {"tensorboard", "wandb"} <= tracker.delivery.keys()
    assert all(state.is_complete and not state.dropped for state in tracker.delivery.values()), tracker.delivery
    curve = read_tensorboard(tracker.run_directory).scalars["training/loss"]
    assert [point.step for point in curve] == list(range(STEPS))
    rows = [row for row in read_wandb(tracker.run_directory / "wandb").rows if "training/loss" in row]
    assert [row["global_step"] for row in rows] == list(range(STEPS))


def check_what_is_missing() -> None:
    """The extras that are not here are each named in one line."""
    assert missing_from("tracking") == [] and "selectolax" in missing_from("site")
    message = missing_extra_of_train()
    assert "peft" in message and "selectolax" in message and "torch" not in message, message
    try:
        parse_page("<title>Pots</title>", "pots.html")
    except MissingExtraError as error:
        assert str(error) == 'reading a page needs selectolax: run `pip install "seo-engine[site]"`'
    else:
        raise AssertionError("a page was parsed without the extra that brings the parser")


if __name__ == "__main__":
    check_environment(without=("selectolax", "transformers", "pytest"))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        check_both_trackers()
        check_what_is_missing()
        os.chdir(Path(__file__).parent)
    print("tracking: a run reached TensorBoard and W&B, and what is missing is named in one line")
