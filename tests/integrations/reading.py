"""Reads back what MLflow and trackio hold of the runs of a check."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

_NAMES = ("training/loss", "val/score")

Values = list[tuple[int, str, float]]


def mlflow_values(run_directory: Path) -> Values:
    import mlflow

    file = run_directory / "mlflow.json"
    if not file.exists():
        return []
    place = orjson.loads(file.read_bytes())
    client = mlflow.MlflowClient(place["tracking_uri"])
    histories = [client.get_metric_history(place["run_id"], name) for name in _NAMES]
    return [(point.step, point.key, point.value) for history in histories for point in history]


def trackio_folder(fallback: Path) -> Path:
    """Return the folder of the database: trackio reads its variable once, when it is imported."""
    utils = sys.modules.get("trackio.utils")
    return Path(utils.TRACKIO_DIR) if utils is not None else fallback


def trackio_values(run_directory: Path) -> Values:
    from trackio.sqlite_storage import SQLiteStorage

    identity = orjson.loads((run_directory / "journal.jsonl").read_bytes().splitlines()[0])["wandb_run_id"]
    rows = SQLiteStorage.get_logs("seo-engine-experiments", run_directory.name, run_id=identity)
    return [(row["step"], name, row[name]) for row in rows for name in _NAMES if name in row]
