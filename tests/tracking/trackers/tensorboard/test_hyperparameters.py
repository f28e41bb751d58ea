"""What TensorBoard's HPARAMS tab shows of several runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.killing import wait_until
from tests.tracking.read_views import read_tensorboard
from tests.tracking.tensorboard_server import TensorBoardServer


def config(tmp_path: Path, name: str) -> TrackingConfig:
    return TrackingConfig(
        tensorboard_log_dir=str(tmp_path), experiment_name=name, wandb_logging=False, **ONLY_WHAT_IS_LOGGED
    )


def test_runs_with_other_hyperparameters_and_metrics_are_compared_in_one_table(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, "adam")) as tracker:
        tracker.log_hyperparameters({"learning_rate": 0.1, "optimizer": {"name": "adam", "betas": [0.9, 0.95]}})
        # A second call before the first metric is taken too.
        tracker.log_hyperparameters({"layers": 2, "compiled": True, "clip": None})
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    with ExperimentTracker(config(tmp_path, "sgd")) as tracker:
        tracker.log_hyperparameters({"learning_rate": 0.2, "momentum": 0.9})
        tracker.log_training_metrics(1, 1, {"loss": 0.25, "val/acc": 0.75})
        tracker.close("failed")
    with ExperimentTracker(config(tmp_path, "without_metrics")) as tracker:
        tracker.log_hyperparameters({"learning_rate": 0.3})
        tracker.close("interrupted")
    with TensorBoardServer(tmp_path) as server:
        wait_until(lambda: len(server.hyperparameters()[2]) == 3)
        columns, metrics, values, statuses = server.hyperparameters()
    assert columns == {"learning_rate", "optimizer.name", "optimizer.betas", "layers", "compiled", "momentum"}
    assert metrics == {"training/loss", "val/acc"}
    assert values == {
        "adam": {
            "learning_rate": 0.1, "optimizer.name": "adam", "optimizer.betas": "[0.9, 0.95]", "layers": 2.0,
            "compiled": True,
        },
        "sgd": {"learning_rate": 0.2, "momentum": 0.9},
        "without_metrics": {"learning_rate": 0.3},
    }  # fmt: skip
    # One that was interrupted may be resumed, and the tab keeps the first end that it sees.
    assert statuses == {
        "adam": "STATUS_SUCCESS", "sgd": "STATUS_FAILURE", "without_metrics": "STATUS_UNKNOWN",
    }  # fmt: skip


def test_what_the_run_logs_by_itself_is_no_first_metric(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, "r")) as tracker:
        # As the load of the machine is logged, while the training still loads its data.
        tracker.log_performance_metrics({"cpu_usage_percent": 50.0})
        tracker.log_hyperparameters({"learning_rate": 0.1})
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    with TensorBoardServer(tmp_path) as server:
        wait_until(lambda: server.hyperparameters()[2] == {"r": {"learning_rate": 0.1}})


def test_what_comes_after_the_first_metric_is_in_the_table_of_texts_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config(tmp_path, "r")) as tracker:
        tracker.log_hyperparameters({"learning_rate": 0.1})
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        tracker.log_hyperparameters({"learning_rate": 0.1})
        tracker.log_hyperparameters({"learning_rate": 0.1, "optimizer": {"name": "adam"}})
        tracker.log_hyperparameters({"layers": 2})
    (said,) = [message for message in caplog.messages if "HPARAMS" in message]
    assert "optimizer.name" in said and "learning_rate" not in said
    table = read_tensorboard(tmp_path / "r").texts["experiment/hyperparameters"][-1]
    assert table.splitlines()[2:] == ["| learning_rate | 0.1 |", "| optimizer.name | adam |", "| layers | 2 |"]
    with TensorBoardServer(tmp_path) as server:
        wait_until(lambda: server.hyperparameters()[2] == {"r": {"learning_rate": 0.1}})


def test_a_resumed_run_keeps_its_row_and_ends_with_its_last_status(tmp_path: Path) -> None:
    for step, status in ((1, "interrupted"), (2, "finished")):
        with ExperimentTracker(config(tmp_path, "r"), resume="r" if step > 1 else None) as tracker:
            tracker.log_hyperparameters({"learning_rate": 0.1})
            tracker.log_training_metrics(1, step, {"loss": 0.5})
            tracker.close(status)
    with TensorBoardServer(tmp_path) as server:
        wait_until(lambda: server.hyperparameters()[3] == {"r": "STATUS_SUCCESS"})
        assert server.hyperparameters()[2] == {"r": {"learning_rate": 0.1}}
