"""What the views show of profiling data, read back from event files, `.wandb` files and logs."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from PIL import Image

from seo_engine import ExperimentTracker, MemoryTracker, TensorBoardTracker, TrackingConfig, WandBTracker
from seo_engine.tracking.delivery.replay import replay_run
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.journal.lines import encode_record
from seo_engine.tracking.records.profiling.operations_table import COLUMNS
from seo_engine.tracking.records.profiling.profiling import TABLE_NAME
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.killing import wait_until
from tests.tracking.read_views import read_journal, read_tensorboard, read_wandb, wandb_text, wandb_values
from tests.tracking.records.test_bottleneck_chart import HOSTILE_NAMES
from tests.tracking.records.test_profiling import FOREIGN
from tests.tracking.showing import show
from tests.tracking.tensorboard_server import TensorBoardServer
from tests.tracking.wandb_server import WandBServer, use_server

SECRET = "https://me:hunter2@h"
CHART = "profiling/bottlenecks/chart"


def profiling_data(operation: str = "training_step", seconds: float = 1.5) -> dict[str, Any]:
    """Return what `CodeProfiler.profiling_data()` returns, of one operation."""
    entry = {
        "operation": operation, "category": "training_loop", "calls": 3, "errors": 0, "total_seconds": 2 * seconds,
        "self_seconds": seconds, "share_percent": 60.0, "mean_seconds": 0.5, "minimum_seconds": 0.25,
        "maximum_seconds": 1.0, "standard_deviation_seconds": 0.125, "p50_seconds": 0.5, "p90_seconds": 0.75,
        "p99_seconds": 1.0, "mean_memory_mb": 1.5, "mean_device_seconds": None,
    }  # fmt: skip
    return {
        "timings": {operation: 0.5},
        "memory": {operation: 1.5},
        "device_timings": {},
        "bottlenecks": [{**entry, "evidence": f"{operation} takes most"}],
        "recommendations": [{"subject": operation, "advice": "Use larger batches", "evidence": "3 small ones"}],
        "operations": [entry],
        "training": {"steps": 3, "steps_per_second": 2.0, "samples_per_second": None, "outlier_steps": 0},
        "experiment_tracking": {"overhead_percent": 0.5},
    }


NUMBERS = {
    "profiling/timing/training_step": 0.5,
    "profiling/memory/training_step": 1.5,
    "profiling/training/steps": 3,
    "profiling/training/steps_per_second": 2.0,
    "profiling/training/outlier_steps": 0,
    "profiling/experiment_tracking/overhead_percent": 0.5,
}
TEXTS = {
    "profiling/bottlenecks/bottleneck_0": "training_step (training_loop): 1.500 s of its own, 60.0 % of the total, "
    "3 calls (training_step takes most)",
    "profiling/recommendations/recommendation_0": "training_step: Use larger batches (3 small ones)",
}


def config(tmp_path: Path, **settings: Any) -> TrackingConfig:
    values = {"tensorboard_log_dir": str(tmp_path / "runs"), "experiment_name": "r", "selective_logging": False}
    return TrackingConfig(**(values | ONLY_WHAT_IS_LOGGED | settings))


def profiling_records(directory: Path) -> list[int]:
    return [number for number, record in read_journal(directory) if record["kind"] == "profiling"]


def can_be_written(data: dict[str, Any]) -> bool:
    try:
        return bool(encode_record(data))
    except TypeError:
        return False


def tables(directory: Path) -> list[dict[str, Any]]:
    """Return the tables that the rows of a run name, as they lie in its files."""
    found = []
    for row in read_wandb(directory / "wandb").rows:
        if TABLE_NAME in row:
            path = max(directory.glob(f"wandb/*/files/{row[TABLE_NAME]['path']}"))
            assert path.parent.parent.parent.name == "media"
            found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("asynchronous", [True, False], ids=["asynchronous", "synchronous"])
def test_numbers_texts_chart_and_table_stand_in_one_event_and_one_row_of_the_record(
    tmp_path: Path, asynchronous: bool
) -> None:
    with ExperimentTracker(config(tmp_path, asynchronous_logging=asynchronous)) as tracker:
        tracker.log_training_metrics(2, 7, {"loss": 0.5})
        tracker.log_profiling_data(profiling_data())
    assert all(state.is_complete for state in tracker.delivery.values())
    directory = tmp_path / "runs" / "r"
    (number,) = profiling_records(directory)

    tensorboard = read_tensorboard(directory)
    profiling = {tag: each for tag, each in tensorboard.scalars.items() if tag.startswith("profiling/")}
    assert {tag: [(each.step, each.value) for each in scalars] for tag, scalars in profiling.items()} == {
        name: [(7, value)] for name, value in NUMBERS.items()
    }
    assert {tag: tensorboard.texts[tag] for tag in TEXTS} == {tag: [text] for tag, text in TEXTS.items()}
    (picture,) = tensorboard.pictures[CHART]
    assert (picture.step, picture.record) == (7, number)
    image = Image.open(io.BytesIO(picture.png))
    image.load()
    assert image.format == "PNG" and image.size == (picture.width, picture.height)
    # Beside it: configuration, metrics, status.
    assert tensorboard.events == 4

    (row,) = (row for row in read_wandb(directory / "wandb").rows if row["_step"] == number)
    shown = {name: row[name] for name in row if name.startswith("profiling/") and name != TABLE_NAME}
    page = wandb_text(directory / "wandb", shown.pop("profiling/texts"))
    assert page == "\n\n".join(f"{name}\n{text}" for name, text in TEXTS.items())
    assert shown == NUMBERS
    assert (row["epoch"], row["global_step"]) == (2, 7)
    assert (row[TABLE_NAME]["nrows"], row[TABLE_NAME]["ncols"]) == (1, len(COLUMNS))
    operation = profiling_data()["operations"][0]
    assert tables(directory) == [{"columns": list(COLUMNS), "data": [[operation.get(column) for column in COLUMNS]]}]

    (log,) = directory.glob("logs/performance_metrics_*.log")
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(NUMBERS | TEXTS)
    for name, value in TEXTS.items():
        assert any(line.endswith(f"step 7 {name}={value}") for line in lines)


def test_trackers_by_themselves_show_the_same(tmp_path: Path) -> None:
    for tracker_class in (TensorBoardTracker, WandBTracker):
        with tracker_class(config(tmp_path, experiment_name=tracker_class.name)) as tracker:
            tracker.log_profiling_data(profiling_data(), epoch=1, step=3)
    tensorboard = read_tensorboard(tmp_path / "runs" / "tensorboard")
    assert tensorboard.events == 1 and len(tensorboard.pictures[CHART]) == 1
    assert set(tensorboard.scalars) == set(NUMBERS) and set(tensorboard.texts) == set(TEXTS)
    directory = tmp_path / "runs" / "wandb"
    (row,) = read_wandb(directory / "wandb").rows
    assert {*NUMBERS, "profiling/texts", TABLE_NAME} <= set(row) and len(tables(directory)) == 1


def test_data_logged_at_a_step_that_goes_back_are_shown_too(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        for seconds, step in ((1.0, 7), (2.0, 6), (3.0, 5)):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
            tracker.log_profiling_data(profiling_data(seconds=seconds))
    directory = tmp_path / "runs" / "r"
    numbers = profiling_records(directory)
    for folder, number, step in zip((".", "late", "late_2"), numbers, (7, 6, 5), strict=True):
        view = read_tensorboard(directory / folder)
        assert [(picture.record, picture.step) for picture in view.pictures[CHART]] == [(number, step)]
        for tag in TEXTS:
            assert [(record, at) for record, at, name, _ in view.points if name == tag] == [(number, step)]
        assert {scalar.record for tag in NUMBERS for scalar in view.scalars[tag]} == {number}
    # All of the record is late: it is one event there, behind that of the loss.
    assert read_tensorboard(directory / "late_2").events == 2
    rows = [row for row in read_wandb(directory / "wandb").rows if TABLE_NAME in row]
    assert [(row["_step"], row["global_step"]) for row in rows] == list(zip(numbers, (7, 6, 5), strict=True))
    own_seconds = COLUMNS.index("self_seconds")
    assert [table["data"][0][own_seconds] for table in tables(directory)] == [1.0, 2.0, 3.0]


def test_tensorboards_live_server_shows_charts_and_texts_also_of_a_late_record(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, wandb_logging=False)) as tracker:
        for seconds, step in ((1.0, 7), (2.0, 6)):
            tracker.log_profiling_data(profiling_data(seconds=seconds), epoch=1, step=step)
    text = "profiling/bottlenecks/bottleneck_0"
    with TensorBoardServer(tmp_path / "runs") as server:
        for run, step in (("r", 7), ("r/late", 6)):
            images = wait_until(lambda run=run: server.ask("plugin/images/images", run=run, tag=CHART, sample="0"))
            assert [image["step"] for image in images] == [step]
            texts = wait_until(lambda run=run: server.ask("plugin/text/text", run=run, tag=f"{text}/text_summary"))
            assert [each["step"] for each in texts] == [step]


def test_a_secret_in_the_name_of_an_operation_is_in_no_view(tmp_path: Path) -> None:
    data = profiling_data(f"clone {SECRET}")
    data["operations"][0]["category"] = SECRET
    with ExperimentTracker(config(tmp_path)) as tracker:
        tracker.log_profiling_data(data)
    for tracker_class in (TensorBoardTracker, WandBTracker):
        with tracker_class(config(tmp_path, experiment_name=tracker_class.name)) as alone:
            alone.log_profiling_data(data)
    tracked = tmp_path / "runs"
    assert len(tables(tracked / "r")) == len(tables(tracked / "wandb")) == 1
    assert tables(tracked / "wandb")[0]["data"][0][:2] == ["clone https://[redacted]@h", "https://[redacted]@h"]
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path


def test_data_of_another_profiler_and_any_names_are_delivered(tmp_path: Path) -> None:
    hostile = [profiling_data(name) for name in HOSTILE_NAMES]
    with ExperimentTracker(config(tmp_path)) as tracker:
        for data in (*FOREIGN, *hostile):
            tracker.log_profiling_data(data)
    for state in tracker.delivery.values():
        assert state.is_complete and not state.dropped, state
    directory = tmp_path / "runs" / "r"
    records = profiling_records(directory)
    assert len(records) == len(hostile) + sum(map(can_be_written, FOREIGN)) > len(hostile)
    rows = [row["_step"] for row in read_wandb(directory / "wandb").rows]
    assert rows == records
    read_run(directory)
    (log,) = directory.glob("logs/performance_metrics_*.log")
    assert all(" step 0 profiling/" in line for line in log.read_text(encoding="utf-8").splitlines())


def test_trackers_by_themselves_take_data_of_another_profiler(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    everything = [*FOREIGN, *map(profiling_data, HOSTILE_NAMES)]
    memory = MemoryTracker()
    with (
        TensorBoardTracker(config(tmp_path, experiment_name="tensorboard")) as tensorboard,
        WandBTracker(config(tmp_path, experiment_name="wandb")) as wandb,
    ):
        for step, data in enumerate(everything):
            for tracker in (tensorboard, wandb, memory):
                tracker.log_profiling_data(data, 1, step)
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    # A busy machine may be slow, which is said.
    assert not [message for message in said if not message.startswith(("⚠️ Skipping ", "⚠️ Slow logging detected"))]
    assert (
        read_tensorboard(tmp_path / "runs" / "tensorboard").events == len(everything) - 3
    )  # in which there is nothing
    assert len(read_wandb(tmp_path / "runs" / "wandb").rows) == len(memory.calls) == len(everything)


def test_empty_data_are_an_empty_event_and_row(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        tracker.log_profiling_data({})
    directory = tmp_path / "runs" / "r"
    view = read_tensorboard(directory)
    assert not view.pictures and not view.scalars
    (row,) = read_wandb(directory / "wandb").rows
    assert row["_step"] == profiling_records(directory)[0] and not any("profiling" in name for name in row)
    assert not list(directory.rglob("*.table.json"))


def test_numbers_are_shown_when_chart_or_table_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        patch(
            "seo_engine.tracking.records.profiling.profiling.bottleneck_chart",
            side_effect=ImportError("no Pillow"),
        ),
        TensorBoardTracker(config(tmp_path, experiment_name="tensorboard")) as tensorboard,
    ):
        tensorboard.log_profiling_data(profiling_data())
    with (
        patch("wandb.Table.bind_to_run", side_effect=OSError("disk full")),
        WandBTracker(config(tmp_path, experiment_name="wandb")) as wandb,
    ):
        wandb.log_profiling_data(profiling_data())
    assert set(read_tensorboard(tmp_path / "runs" / "tensorboard").scalars) == set(NUMBERS)
    (row,) = read_wandb(tmp_path / "runs" / "wandb").rows
    assert set(NUMBERS) <= set(row) and TABLE_NAME not in row
    assert "⚠️ TensorBoard does not show profiling/bottlenecks/chart: no Pillow" in caplog.messages
    assert "⚠️ Weights & Biases does not show profiling/operations: disk full" in caplog.messages


def test_a_disabled_wandb_run_gets_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with WandBTracker(config(tmp_path)) as tracker:
        tracker.log_profiling_data(profiling_data())
    assert not any("⚠️" in message or "❌" in message for message in caplog.messages)


def test_a_torn_wandb_file_is_completed_with_each_row_and_table_once(tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "r"
    directory.mkdir(parents=True)

    def deliver(*numbers: int) -> None:
        tracker = WandBTracker(config(tmp_path), directory, run_id="1a2b3c4d")
        tracker.setup()
        for number in numbers:
            show(
                tracker,
                number,
                float(number),
                kind="profiling",
                profiling_data=profiling_data(seconds=number),
                epoch=1,
                step=7,
            )
        tracker.close()

    deliver(2, 3, 4)
    (path,) = directory.rglob("*.wandb")
    whole = path.read_bytes()
    # Torn within the row of the last record.
    path.write_bytes(whole[: whole.rindex(b"operations_4_") + 5])
    # The worker begins anew at the journal's beginning.
    deliver(2, 3, 4, 5)
    assert [row["_step"] for row in read_wandb(directory / "wandb").rows] == [2, 3, 4, 5]
    own_seconds = COLUMNS.index("self_seconds")
    assert [table["data"][0][own_seconds] for table in tables(directory)] == [2, 3, 4, 5]
    # None beside the torn one's for a row that the view held.
    assert len(list(directory.rglob("*.table.json"))) == 5


def test_replay_gives_a_run_its_tables_and_charts(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, wandb_logging=False, tensorboard_logging=False)) as tracker:
        for seconds, step in ((1.0, 7), (2.0, 6)):
            tracker.log_profiling_data(profiling_data(seconds=seconds), epoch=1, step=step)
    directory = tmp_path / "runs" / "r"
    for view in ("tensorboard", "wandb", "tensorboard", "wandb"):
        _, states = replay_run(directory, view)
        assert states[view].is_complete
    pictures = [read_tensorboard(directory / folder).pictures[CHART] for folder in (".", "late")]
    assert [[picture.record for picture in each] for each in pictures] == [[n] for n in profiling_records(directory)]
    assert [row["_step"] for row in read_wandb(directory / "wandb").rows] == profiling_records(directory)
    assert len(tables(directory)) == len(list(directory.rglob("*.table.json"))) == 2


def test_a_table_goes_online_with_its_row_and_leaves_nothing_outside_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WandBServer() as server:
        use_server(monkeypatch, server)
        with ExperimentTracker(config(tmp_path, tensorboard_logging=False)) as tracker:
            tracker.log_profiling_data(profiling_data())
        assert tracker.delivery["wandb"].is_complete
        (row,) = server.rows
    assert row["_step"] == profiling_records(tmp_path / "runs" / "r")[0]
    assert row[TABLE_NAME]["_type"] == "table-file" and row[TABLE_NAME]["nrows"] == 1
    assert wandb_values([row]) == sorted((row["_step"], 0, name, value) for name, value in NUMBERS.items())
    # As an artifact it would be copied into the user's folders.
    assert not [path for path in (tmp_path / "home").rglob("*") if "artifacts" in path.parts]
