"""Pictures, tables, figures, histograms and pages in both views, whatever happens to processes and folders."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import multiprocessing
import os
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot
import numpy
import pytest

from seo_engine import ExperimentTracker, MemoryTracker, TensorBoardTracker, WandBTracker
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.delivery.replay import replay_run
from tests.tracking.logged_media import COLOURED, GREY, config, is_coloured, log_everything, pixels
from tests.tracking.read_views import (
    WandBView,
    read_journal,
    read_tensorboard,
    read_wandb,
    wandb_file,
    wandb_text,
)
from tests.tracking.wandb_server import WandBServer, use_server


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    with ExperimentTracker(config(folder, wandb_mode="offline")) as tracker:
        log_everything(tracker)
    return folder / "r"


@pytest.fixture(scope="module")
def rows(run: Path) -> dict[str, dict[str, Any]]:
    return rows_by_name(read_wandb(run / "wandb"))


def rows_by_name(view: WandBView) -> dict[str, dict[str, Any]]:
    """Return the values of all rows by their name; each is there once."""
    found: dict[str, Any] = {}
    for row in view.rows:
        for name, value in row.items():
            if "/" in name:
                assert name not in found, name
                found[name] = {"value": value, "step": row["global_step"], "number": row["_step"]}
    return found


def test_tensorboard_shows_each_in_a_form_of_its_own(run: Path) -> None:
    view = read_tensorboard(run)
    (coloured,) = view.pictures["images/coloured"]
    assert is_coloured(coloured.png) and (coloured.step, coloured.width, coloured.height) == (1, 10, 6)
    assert view.texts["images/coloured/caption"] == ["a caption, https://[redacted]@h"]
    (several,) = view.samples["images/several"]
    assert [pixels(png).tolist() for png in several.pictures] == [GREY.tolist(), COLOURED.tolist()]
    assert (several.width, several.height) == (10, 6)
    assert view.texts["images/several/caption"] == ["1. one\n2. two"]
    (marked,) = view.pictures["images/marked"]
    # The box has the colour of its class.
    assert pixels(marked.png)[1, 1].tolist() == [0x4E, 0x79, 0xA7]
    assert not is_coloured(marked.png)
    assert view.texts["tables/answers"] == [
        "| prompt | answer | score |\n|---|---|---|\n| How much? | https://[redacted]@h | 0.5 |"
    ]
    assert len(view.pictures["tables/answers"]) == len(view.pictures["tables/pictured"]) == 1
    (drawn,) = view.pictures["figures/drawn"]
    assert (drawn.width, drawn.height) == (640, 480) and view.texts["figures/drawn/caption"] == ["a curve"]
    assert "plotly.io.read_json" in view.texts["figures/interactive"][0]
    (values,) = view.histograms["histograms/values"]
    assert sum(values.counts) == 3 and len(values.limits) == 64 and values.limits[-1] == 2.0
    (counted,) = view.histograms["histograms/counted"]
    assert (counted.limits, counted.counts) == ([1.0, 3.0], [4.0, 2.0])
    assert view.texts["html/page"] == ["<h1>Report</h1><p>https://[redacted]@h</p>"]


def test_tensorboards_own_reader_finds_them(run: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(run), size_guidance={"images": 0, "tensors": 0, "histograms": 0})
    accumulator.Reload()
    tags = accumulator.Tags()
    assert {"images/coloured", "images/marked", "figures/drawn", "tables/answers"} <= {
        *tags["images"],
        *tags["tensors"],
    }
    assert {"images/several", "html/page/text_summary"} <= set(tags["tensors"])
    assert {"histograms/values", "histograms/counted"} <= {*tags["histograms"], *tags["tensors"]}


def test_wandb_shows_each_in_a_form_of_its_own(run: Path, rows: dict[str, dict[str, Any]]) -> None:
    def value(name: str) -> Any:
        return rows[name]["value"]

    def file(of: dict[str, Any]) -> Path:
        return wandb_file(run / "wandb", of)

    coloured = value("images/coloured")
    assert coloured["_type"] == "image-file" and coloured["caption"] == "a caption, https://[redacted]@h"
    assert is_coloured(file(coloured).read_bytes()) and (coloured["width"], coloured["height"]) == (10, 6)
    several = value("images/several")
    assert several["_type"] == "images/separated" and several["captions"] == ["one", "two"]
    assert [len(list((run / "wandb").glob(f"*run-2*/files/{name}"))) for name in several["filenames"]] == [1, 1]
    marked = value("images/marked")
    assert pixels(file(marked["masks"]["truth"]).read_bytes()).tolist() == (GREY // 200).tolist()
    (box,) = json.loads(file(marked["boxes"]["found"]).read_text())["box_data"]
    assert box["position"] == {"minX": 1, "maxX": 8, "minY": 1, "maxY": 4} and box["scores"] == {"score": 0.5}
    answers = value("tables/answers")
    assert answers["_type"] == "table-file"
    assert json.loads(file(answers).read_text()) == {
        "columns": ["prompt", "answer", "score"],
        "data": [["How much?", "https://[redacted]@h", 0.5]],
    }
    assert json.loads(file(value("tables/pictured")).read_text())["data"] == [[1, "10 × 6 pixels"]]
    assert value("tables/pictured/picture")["_type"] == "images/separated"
    assert value("figures/drawn")["_type"] == "image-file" and value("figures/drawn")["caption"] == "a curve"
    assert value("figures/interactive")["_type"] == "plotly-file"
    assert json.loads(file(value("figures/interactive")).read_text())["data"][0]["type"] == "bar"
    assert value("histograms/values")["_type"] == "histogram" and sum(value("histograms/values")["values"]) == 3
    assert (value("histograms/counted")["values"], value("histograms/counted")["bins"]) == ([4, 2], [0, 1, 3])
    assert file(value("html/page")).read_text() == "<h1>Report</h1><p>https://[redacted]@h</p>"
    # A text is shown where people see it, as it is.
    assert wandb_text(run / "wandb", value("text/note")) == "a < b"
    assert {name: row["step"] for name, row in rows.items()} == {
        "images/coloured": 1, "images/several": 2, "images/marked": 3, "tables/answers": 4, "tables/pictured": 5,
        "tables/pictured/picture": 5, "figures/drawn": 6, "figures/interactive": 7, "histograms/values": 8,
        "histograms/counted": 9, "html/page": 10, "text/note": 11,
    }  # fmt: skip


def test_a_run_keeps_each_payload_once_and_no_secret(run: Path) -> None:
    assert not list((run / "media").glob("payloads-*"))
    index = [json.loads(line) for line in (run / "media" / "index.jsonl").read_text().splitlines()]
    referred = [each for _, record in read_journal(run) for each in record.get("payloads", [])]
    assert {(each["file"], each["offset"]) for each in index} == {(each["file"], each["offset"]) for each in referred}
    kept = {path.name for path in (run / "media").iterdir()} - {"index.jsonl"}
    assert kept == {each["name"] for each in index}
    # The same picture was logged alone, among others, with marks, and in a table.
    assert len(kept) == len(referred) - 3
    for path in [*(run / "media").iterdir(), run / "journal.jsonl"]:
        assert b"hunter2" not in path.read_bytes(), path
    pages = [path for path in (run / "media").iterdir() if path.suffix == ".html"]
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in pages] == [path.stem for path in pages]


def test_a_run_that_finished_has_no_error_in_its_summary(run: Path) -> None:
    summary = read_wandb(run / "wandb").summary
    assert summary["experiment/status"] == "finished"
    assert not {"experiment/error", "experiment/traceback"} & summary.keys()


def test_a_view_made_later_reads_what_was_kept(run: Path, tmp_path: Path) -> None:
    (folder := tmp_path / "runs").mkdir()
    with ExperimentTracker(config(folder, wandb_logging=False)) as tracker:
        log_everything(tracker)
    directory = folder / "r"
    assert not list((directory / "media").glob("payloads-*"))
    replay_run(directory, "wandb")
    assert rows_by_name(read_wandb(directory / "wandb")).keys() == rows_by_name(read_wandb(run / "wandb")).keys()
    copy, _ = replay_run(directory, "tensorboard", show_all=True)
    assert copy != directory
    again, first = read_tensorboard(copy), read_tensorboard(directory)
    assert again.pictures == first.pictures and again.samples == first.samples
    assert again.histograms == first.histograms


def test_a_call_with_too_much_data_is_dropped_counted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = config(tmp_path, wandb_logging=False, tensorboard_logging=False, maximum_payload_bytes=1_000)
    with caplog.at_level(logging.WARNING), ExperimentTracker(settings) as tracker:
        for size in (10, 20, 30):
            tracker.log_image("sample", numpy.zeros((size, size, 3), dtype="uint8"))
    assert [record["kind"] for _, record in read_journal(tmp_path / "r")].count("image") == 1
    assert read_journal(tmp_path / "r")[-1][1]["dropped"] == {"larger than maximum_payload_bytes": 2}
    said = [message for message in caplog.messages if "log_image" in message]
    assert said == [
        "⚠️ log_image is not recorded: its data are larger than maximum_payload_bytes (1,000), got 1,200 bytes"
    ]


def test_a_full_disk_drops_a_picture_and_takes_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write, is_full = os.pwrite, [False]

    def fail_if_full(descriptor: int, data: bytes, offset: int) -> int:
        if is_full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", fail_if_full)
    with caplog.at_level(logging.WARNING), ExperimentTracker(config(tmp_path, wandb_logging=False)) as tracker:
        for step in range(1, 6):
            is_full[0] = step in (2, 3)
            tracker.log_image("sample", numpy.full((6, 10, 3), step, dtype="uint8"), epoch=1, step=step)
    assert [picture.step for picture in read_tensorboard(tmp_path / "r").pictures["images/sample"]] == [1, 4, 5]
    assert read_journal(tmp_path / "r")[-1][1]["dropped"] == {"payload not writable": 2}
    assert len([message for message in caplog.messages if "No space left on device" in message]) == 1


def log_in_fork(tracker: ExperimentTracker) -> None:
    tracker.log_image("forked", COLOURED, epoch=1, step=1)


def log_attached(directory: Path) -> None:
    with ExperimentTracker.attach(directory) as tracker:
        tracker.log_image("attached", COLOURED, epoch=1, step=1)


def test_other_processes_log_pictures_into_the_run(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, wandb_logging=False)) as tracker:
        tracker.log_image("own", COLOURED, epoch=1, step=1)
        fork, spawn = multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")
        for process in (
            fork.Process(target=log_in_fork, args=(tracker,)),
            spawn.Process(target=log_attached, args=(tracker.run_directory,)),
        ):
            process.start()
            process.join()
            assert process.exitcode == 0
    pictures = read_tensorboard(tmp_path / "r").pictures
    assert {name: is_coloured(each[0].png) for name, each in pictures.items()} == {
        "images/own": True, "images/forked": True, "images/attached": True,
    }  # fmt: skip
    assert not list((tmp_path / "r" / "media").glob("payloads-*"))


def test_trackers_used_directly_show_media(tmp_path: Path) -> None:
    with TensorBoardTracker(config(tmp_path / "tensorboard")) as tracker:
        log_everything(tracker)
    assert is_coloured(read_tensorboard(tmp_path / "tensorboard" / "r").pictures["images/coloured"][0].png)
    with WandBTracker(config(tmp_path / "wandb", wandb_mode="offline")) as wandb_tracker:
        log_everything(wandb_tracker)
    rows = rows_by_name(read_wandb(tmp_path / "wandb" / "r"))
    assert rows["images/coloured"]["value"]["_type"] == "image-file" and len(rows) == 12


def test_a_medium_that_cannot_be_shown_is_left_out_with_a_warning_and_the_rest_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = b"\x89PNG\r\n\x1a\n" + bytes(20)
    settings = config(tmp_path, wandb_logging=False, asynchronous_logging=False)
    with caplog.at_level(logging.WARNING), ExperimentTracker(settings) as tracker:
        for step in range(3):
            tracker.log_image("damaged", damaged, epoch=1, step=step)
        tracker.log_image("coloured", COLOURED, epoch=1, step=3)
        state = tracker.delivery["tensorboard"]
        assert (state.dropped, state.media_not_shown) == ({}, 3)
    assert len([each for each in caplog.messages if "TensorBoard does not show images/damaged" in each]) == 1
    assert any("tensorboard could not show 3 media" in message for message in caplog.messages)
    assert list(read_tensorboard(tmp_path / "r").pictures) == ["images/coloured"]


def test_a_failed_run_that_is_resumed_and_finishes_has_no_error_in_its_summary(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), ExperimentTracker(config(tmp_path, wandb_mode="offline")) as tracker:
        tracker.log_metrics({"loss": 0.5}, step=1)
        raise RuntimeError("no luck")
    assert read_wandb(tmp_path / "r" / "wandb").summary["experiment/error"] == "RuntimeError: no luck"
    with ExperimentTracker(config(tmp_path, wandb_mode="offline"), resume="r", step=2) as tracker:
        tracker.log_metrics({"loss": 0.25}, step=2)
    summary = read_wandb(tmp_path / "r" / "wandb").summary
    assert summary["experiment/status"] == "finished" and "experiment/error" not in summary


def test_the_server_gets_the_files_of_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with WandBServer() as server:
        use_server(monkeypatch, server)
        with ExperimentTracker(config(tmp_path, wandb_mode="online", tensorboard_logging=False)) as tracker:
            log_everything(tracker)
        assert tracker.delivery["wandb"].is_complete
        (files,) = server.files.values()
        values = [value for row in server.rows for name, value in row.items() if "/" in name]
        named = [value["path"] for value in values if "path" in value]
        assert len(named) == 8 and set(named) <= files.keys()
        assert is_coloured(files[server.rows[0]["images/coloured"]["path"]])


def test_a_row_without_its_files_is_not_delivered_and_recovery_sends_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WandBServer() as server:
        use_server(monkeypatch, server)
        server.refuses_files = True
        settings = config(tmp_path, wandb_mode="online", tensorboard_logging=False, close_timeout_seconds=20)
        with ExperimentTracker(settings) as tracker:
            tracker.log_metrics({"loss": 0.5}, step=1)
            tracker.log_image("coloured", COLOURED, step=2)
            tracker.log_table("rows", [[1, "text"]], step=2)
            tracker.log_metrics({"loss": 0.4}, step=3)
        state = tracker.delivery["wandb"]
        assert not state.is_complete and state.pending and "the server lacks 2 files" in (state.last_error or "")
        assert not any("media" in name for files in server.files.values() for name in files)
        server.refuses_files = False
        assert recover_run(tmp_path / "r")["wandb"].is_complete
        (files,) = server.files.values()
        assert is_coloured(files[server.rows[1]["images/coloured"]["path"]])
        assert b"text" in files[server.rows[2]["tables/rows"]["path"]]
        assert [row["global_step"] for row in server.rows] == [1, 2, 2, 3]


def test_a_foreign_object_reaches_the_caller_of_no_tracker(tmp_path: Path) -> None:
    class Odd:
        @property
        def __class__(self) -> Any:
            raise RuntimeError("odd")

    with TensorBoardTracker(config(tmp_path)) as tracker:
        tracker.log_image("odd", Odd())
    MemoryTracker().log_image("odd", Odd())


def test_boxes_far_outside_of_a_picture_take_no_time(tmp_path: Path) -> None:
    box = {"x_minimum": -3e8, "y_minimum": -3e8, "x_maximum": 3e8, "y_maximum": 3e8}
    with TensorBoardTracker(config(tmp_path)) as tracker:
        tracker.log_image("far", COLOURED, boxes={"found": [box] * 3_000})
    assert len(read_tensorboard(tmp_path / "r").pictures["images/far"]) == 1
