"""A run as CSV and Parquet files, read back by polars, pandas and the standard library."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy
import pandas
import polars
import pytest

from seo_engine.tracking import ExperimentTracker, TrackingConfig, recover_run
from seo_engine.tracking.delivery.child.standby import Standby
from seo_engine.tracking.trackers.files import parquet_parts
from seo_engine.tracking.trackers.files.growing_csv import CsvTables, GrowingCsv
from seo_engine.tracking.trackers.files.parquet_parts import ParquetTables
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.logged_kinds import log_further_kinds
from tests.tracking.logged_media import log_everything
from tests.tracking.trackers.files.reading import csv_values, parquet_values, read_csv, read_parquet

ROWS = [(number, 0.5, 1.0, number, f'a "name",\n{number}', number / 4) for number in range(1, 6)]


def config(folder: Path, form: str = "csv", **settings: Any) -> TrackingConfig:
    plain = {"tensorboard_logging": False, "wandb_logging": False, "experiment_name": "r", "print_summary": False}
    files = {"additional_trackers": ["files"], "tracker_settings": {"files": {"format": form}}}
    return TrackingConfig(**{"tensorboard_log_dir": str(folder), **plain, **files, **ONLY_WHAT_IS_LOGGED, **settings})


@pytest.fixture(autouse=True)
def without_standby(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Standby, "start", lambda self: None)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_run_is_in_files_that_others_read(tmp_path: Path, form: str) -> None:
    with ExperimentTracker(config(tmp_path, form)) as tracker:
        tracker.log_hyperparameters({"rate": 0.1, "name": "b", "layers": [1, 2]})
        for step in (1, 3, 2):
            tracker.log_training_metrics(1, step, {"loss": step / 4, 'odd, "name"': 0.5})
        log_everything(tracker)
        log_further_kinds(tracker)
    run_directory, state = tracker.run_directory, tracker.delivery["files"]
    assert run_directory is not None and state.is_complete and not state.dropped and not state.media_not_shown
    tables = run_directory / "tables"
    if form == "csv":
        metrics = pandas.read_csv(tables / "metrics.csv")
        values, rows = csv_values(run_directory), lambda table: read_csv(run_directory, table)
        assert polars.read_csv(tables / "metrics.csv")["value"].sum() == pytest.approx(metrics["value"].sum())
        answers = next(csv.reader(next((tables / "logged").glob("*_tables_answers.csv")).open()))
    else:
        metrics = polars.read_parquet(tables / "metrics" / "*.parquet").to_dict(as_series=False)
        values, rows = parquet_values(run_directory), lambda table: read_parquet(run_directory, table)
        answers = polars.read_parquet(next((tables / "logged").glob("*_tables_answers.parquet"))).columns
    assert list(metrics) == ["number", "time", "epoch", "step", "name", "value"]
    assert [value for value in values if value[1] == "training/loss"] == [
        (step, "training/loss", step / 4) for step in (1, 3, 2)
    ]
    assert {name for _, name, _ in values} == {"training/loss", 'training/odd, "name"'}
    hyperparameters = {row["name"]: row["value"] for row in rows("hyperparameters")}
    assert hyperparameters == {"rate": "0.1", "name": '"b"', "layers": "[1,2]"}
    assert {row["name"]: row["value"] for row in rows("summary")}["test_accuracy"] == "0.75"
    assert "a < b" in [row["text"] for row in rows("texts")]
    media = {row["name"]: row["path"] for row in rows("media")}
    assert {"images/coloured", "audio/file", "html/page", "files/labels.txt"} <= media.keys()
    assert all((run_directory / path).is_file() and path.startswith("media/") for path in media.values())
    assert answers == ["prompt", "answer", "score"]
    assert "hunter2" not in "".join(path.read_text("latin-1") for path in tables.rglob("*") if path.is_file())


@pytest.mark.parametrize("cut", [1, 2, 9, 20])
def test_a_csv_file_that_a_kill_has_cut_anywhere_is_gone_on_with(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "metrics.csv"

    def write() -> None:
        file = GrowingCsv(path, ["number", "time", "epoch", "step", "name", "value"])
        for row in ROWS:
            # Several rows of one record.
            file.append(row)
            file.append(row)
        file.close()

    write()
    whole = path.read_bytes()
    for end in range(0, len(whole), cut):
        path.write_bytes(whole[:end])
        write()
        assert path.read_bytes() == whole, end


def test_a_csv_file_that_somebody_has_changed_loses_nothing_before_that(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("number,text\n1,a\n2,b\nmine,c\n")
    file = GrowingCsv(path, ["number", "text"])
    for row in ((1, "a"), (2, "b"), (3, "c")):
        file.append(row)
    file.close()
    assert path.read_text().splitlines() == ["number,text", "1,a", "2,b", "3,c"]


def test_parquet_parts_are_written_at_intervals_that_grow_and_hold_each_record_once(tmp_path: Path) -> None:
    now = [0.0]
    tables = ParquetTables(tmp_path, lambda: now[0])
    for number in range(1, 101):
        tables.append("metrics", (number, 0.5, 1.0, number, "loss", 0.5))
        tables.flush()
        # Nothing but what parts hold is confirmed.
        assert tables.confirmed_record in (0, number) or tables.confirmed_record < number
        now[0] += 60.0
    tables.close()
    parts = sorted(path.name for path in (tmp_path / "metrics").iterdir())
    assert 15 < len(parts) < 100 and parts[0] == "part-0000000001-0000000002.parquet"
    # A later worker begins with the first record again.
    again = ParquetTables(tmp_path)
    for number in range(1, 103):
        again.append("metrics", (number, 0.5, 1.0, number, "loss", 0.5))
    again.close()
    held = polars.read_parquet(tmp_path / "metrics" / "*.parquet")["number"].to_list()
    assert held == list(range(1, 103))


def test_many_rows_do_not_wait_in_memory_for_the_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_parts, "MOST_WAITING_ROWS", 10)
    tables = ParquetTables(tmp_path, lambda: 0.0)
    for number in range(1, 26):
        tables.append("metrics", (number, 0.5, 1.0, number, "loss", 0.5))
        tables.flush()
    assert tables.confirmed_record == 20 and len(list((tmp_path / "metrics").iterdir())) == 2


def test_a_full_disk_costs_no_row_and_doubles_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flush, failures = CsvTables.flush, [OSError(28, "No space left on device")]

    def fail_once(tables: CsvTables) -> None:
        flush(tables)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(CsvTables, "flush", fail_once)
    with ExperimentTracker(config(tmp_path)) as tracker:
        for step in range(1, 6):
            tracker.log_training_metrics(1, step, {"loss": step / 4})
    assert tracker.run_directory is not None and not failures
    assert csv_values(tracker.run_directory) == [(step, "training/loss", step / 4) for step in range(1, 6)]
    assert tracker.delivery["files"].is_complete


def test_a_medium_that_is_gone_is_left_out_and_the_rest_is_there(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, additional_trackers=[])) as tracker:
        tracker.log_image("gone", numpy.zeros((4, 4), dtype="uint8"), 1, 1)
        tracker.log_training_metrics(1, 2, {"loss": 0.5})
    assert tracker.run_directory is not None
    shutil.rmtree(tracker.run_directory / "media")
    state = recover_run(tracker.run_directory, ["files"])["files"]
    assert state.is_complete and state.media_not_shown == 1 and not state.dropped
    assert csv_values(tracker.run_directory) == [(2, "training/loss", 0.5)]


def test_without_polars_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with ExperimentTracker(config(tmp_path, "parquet", close_timeout_seconds=2)) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert 'a Parquet file needs polars: run `pip install "seo-engine[parquet]"`' in caplog.text
    assert tracker.delivery["files"].pending and tracker.delivery["run_logs"].is_complete
