"""Every tracker that ships passes every check that the trackers of others are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seo_engine.testing import check_tracker
from seo_engine.tracking.conformance.checks import CHECKS
from seo_engine.tracking.conformance.subject import Read
from tests.integrations.reading import mlflow_values, trackio_folder, trackio_values
from tests.tracking.conformance.reading import tensorboard_values, wandb_values
from tests.tracking.trackers.files.reading import parquet_values


@pytest.mark.parametrize(
    ("name", "read", "settings"),
    [
        ("tensorboard", tensorboard_values, {}),
        ("wandb", wandb_values, {}),
        ("files", parquet_values, {"format": "parquet"}),
        ("mlflow", mlflow_values, {}),
        ("trackio", trackio_values, {}),
    ],
)
@pytest.mark.timeout(900)  # MLflow takes seconds to import, in each of many processes
def test_what_ships_passes_every_check(
    name: str, read: Read, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("TRACKIO_DIR", str(trackio_folder(tmp_path)))
    report = check_tracker(name, read=read, tracker_settings=settings)
    assert report.results == dict.fromkeys(CHECKS, "passed")
