"""Sound, charts, embeddings, alerts and the like in both views, also when a view is made again."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy
import orjson
import pytest

from seo_engine import ExperimentTracker, TensorBoardTracker, WandBTracker
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.delivery.replay import replay_run
from seo_engine.tracking.trackers.wandb.contents.sent_alerts import NAME as SENT_ALERTS
from tests.tracking.logged_kinds import CLASS_NAMES, CORNERS, FRAMES, VECTORS, WORDS, log_further_kinds
from tests.tracking.logged_media import config
from tests.tracking.read_views import read_journal, read_tensorboard, read_wandb, wandb_file, wandb_messages

# Of the row that carries only the number of a record.
ONLY_NUMBERS = {"_step", "_timestamp", "_runtime", "epoch", "global_step"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    with ExperimentTracker(
        config(folder, wandb_mode="offline", wandb_notes="At first.", wandb_tags=["own"])
    ) as tracker:
        log_further_kinds(tracker)
    assert all(state.is_complete and not state.media_not_shown for state in tracker.delivery.values())
    return folder / "r"


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    # W&B has a link there to the newest of its folders.
    return Path(shutil.copytree(run, tmp_path / "r", symlinks=True))


def rows_by_step(directory: Path) -> dict[int, dict[str, Any]]:
    rows = read_wandb(directory).rows
    by_step = {row["global_step"]: row for row in rows if "global_step" in row}
    assert len(by_step) == len(rows)
    return by_step


def tensors(run: Path) -> dict[str, Any]:
    """Return by tag what TensorBoard's own reader makes of the values that have a plugin."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found = {}
    for path in run.glob("events.out.tfevents.*"):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                found[value.tag] = value
    return found


def test_tensorboard_plays_sound_and_moves_pictures(run: Path) -> None:
    found = tensors(run)
    assert found["audio/tone"].metadata.plugin_data.plugin_name == "audio"
    assert found["audio/tone"].tensor.string_val[0][:4] == b"RIFF"
    view = read_tensorboard(run)
    assert view.texts["audio/tone/caption"] == ["a tone, https://[redacted]@h"]
    (frames,) = view.pictures["video/frames"]
    assert frames.png.startswith(b"GIF89a") and (frames.width, frames.height) == FRAMES.shape[2:0:-1]
    assert view.texts["video/frames/caption"] == ["red, green, blue"]


def test_tensorboard_has_points_curves_layouts_and_graphs_in_plugins_of_their_own(run: Path) -> None:
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
    from tensorboard.util.tensor_util import make_ndarray

    found = tensors(run)
    for tag, shape in {
        "points/cloud_VERTEX": (1, 500, 3), "points/mesh_COLOR": (1, 4, 3), "points/mesh_FACE": (1, 4, 3),
    }.items():  # fmt: skip
        assert found[tag].metadata.plugin_data.plugin_name == "mesh" and make_ndarray(found[tag].tensor).shape == shape
    assert make_ndarray(found["points/mesh_VERTEX"].tensor)[0].tolist() == CORNERS.tolist()
    for name in CLASS_NAMES:
        curve = found[f"pr_curves/precision/{name}"]
        assert curve.metadata.plugin_data.plugin_name == "pr_curves"
        counts = make_ndarray(curve.tensor)
        # At the threshold 0 all samples are taken for the class.
        assert counts.shape == (6, 127) and counts[0, 0] + counts[1, 0] == 8 and counts[5, 0] == 1
    layout = Layout.FromString(found["custom_scalars__config__"].tensor.string_val[0])
    (category,) = layout.category
    (chart,) = category.chart
    assert (category.title, chart.title) == ("charts", "losses")
    assert list(chart.multiline.tag) == [r"^(rank_\d+/)?training/loss$", r"^(rank_\d+/)?val/.*$"]
    graph = GraphDef.FromString(found["__run_graph__"].tensor.string_val[0])
    assert {"aten::linear", "aten::relu"} <= {node.op for node in graph.node}
    view = read_tensorboard(run)
    assert {"plots/spread", "plots/samples", "confusion/test", "roc_curves/roc"} <= view.pictures.keys()


def test_tensorboard_has_what_is_said_of_a_run_as_texts(run: Path) -> None:
    texts = read_tensorboard(run).texts
    assert texts["experiment/alerts"] == ["**The loss diverges** (warning)\n\nSee https://[redacted]@h"]
    assert texts["experiment/notes"] == ["Halved by hand.", "Then restored."]
    assert texts["experiment/tags"] == ["baseline, long"]
    assert texts["files/labels.txt"][0].startswith("A file, in the folder of the run: `media/")


def projector_files(run: Path) -> dict[str, bytes]:
    paths = [run / "projector_config.pbtxt", *(run / "projector").rglob("*.*")]
    return {str(path.relative_to(run)): path.read_bytes() for path in paths}


def test_the_projector_reads_an_embedding_from_files_that_are_made_again_byte_for_byte(run: Path, copy: Path) -> None:
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    configuration = text_format.Parse((run / "projector_config.pbtxt").read_bytes(), ProjectorConfig())
    (entry,) = configuration.embeddings
    assert entry.tensor_name == "embeddings/words, step 32" and list(entry.tensor_shape) == [30, 5]
    lines = (run / entry.tensor_path).read_text().splitlines()
    assert numpy.array([line.split("\t") for line in lines], dtype="float32").tolist() == VECTORS.tolist()
    assert (run / entry.metadata_path).read_text().splitlines() == [*WORDS[:-1], "https://[redacted]@h"]
    assert (run / entry.sprite.image_path).read_bytes().startswith(b"\x89PNG")
    assert list(entry.sprite.single_image_dim) == [4, 4]
    before = projector_files(copy)
    for path in (*copy.glob("events.out.*"), copy / "projector_config.pbtxt"):
        path.unlink()
    shutil.rmtree(copy / "projector")
    (copy / "delivery.json").unlink()
    recover_run(copy)
    assert projector_files(copy) == before


def test_a_configuration_of_the_projector_keeps_other_embeddings_and_survives_damage(tmp_path: Path) -> None:
    with TensorBoardTracker(config(tmp_path)) as tracker:
        tracker.log_embedding("words", [[1.0, 2], [3, 4]], step=2)
        tracker.log_embedding("words", [[1.0, 2], [3, 4]], step=1)
        path = tmp_path / "r" / "projector_config.pbtxt"
        assert path.read_text().count("tensor_name") == 2
        assert path.read_text().index("step 1") < path.read_text().index("step 2")
    path.write_bytes(b"\xff no configuration")
    (tmp_path / "r" / "delivery.json").unlink(missing_ok=True)
    with TensorBoardTracker(config(tmp_path, experiment_name="s"), tmp_path / "r") as tracker:
        tracker.setup()
        tracker.log_embedding("others", [[1.0, 2], [3, 4]], step=3)
    assert path.read_text().count("tensor_name") == 1


def test_wandb_has_each_in_a_form_of_its_own(run: Path) -> None:
    rows = rows_by_step(run / "wandb")

    def value(step: int, name: str) -> Any:
        return rows[step][name]

    assert value(21, "audio/tone")["_type"] == "audio-file"
    assert value(21, "audio/tone")["caption"] == "a tone, https://[redacted]@h"
    assert wandb_file(run / "wandb", value(21, "audio/tone")).read_bytes()[:4] == b"RIFF"
    assert value(23, "video/frames")["_type"] == "video-file" and value(23, "video/frames")["path"].endswith(".gif")
    cloud, mesh = value(24, "points/cloud"), value(25, "points/mesh")
    assert cloud["_type"] == mesh["_type"] == "object3D-file"
    assert len(json.loads(wandb_file(run / "wandb", cloud).read_text())) == 500
    lines = wandb_file(run / "wandb", mesh).read_text().splitlines()
    assert lines[1] == "v 1 0 0 0 1 0" and lines[-1] == "f 2 3 4"
    assert value(33, "graphs/model")["_type"] == "graph-file"
    assert value(32, "embeddings/words")["_type"] == "table-file" and value(32, "embeddings/words")["ncols"] == 6
    assert value(31, "charts/losses")["_type"] == "html-file"
    config_of_run = read_wandb(run / "wandb").config
    drawn = {
        "confusion/test": (26, "wandb/confusion_matrix/v1", 9),
        "pr_curves/precision": (27, "wandb/area-under-curve/v0", 90),
        "roc_curves/roc": (28, "wandb/area-under-curve/v0", 10),
        "plots/spread": (29, "wandb/lineseries/v0", 6),
        "plots/samples": (30, "wandb/bar/v0", 2),
    }
    for name, (step, preset, rows_at_least) in drawn.items():
        table = value(step, f"{name}_table")
        assert table["_type"] == "table-file" and table["nrows"] >= rows_at_least
        panel = config_of_run[f"_wandb/visualize/{name}"]["panel_config"]
        assert panel["panelDefId"] == preset
        columns = json.loads(wandb_file(run / "wandb", table).read_text())["columns"]
        assert set(panel["fieldSettings"].values()) == set(columns)


def test_wandb_has_alerts_notes_tags_and_files_with_the_run_and_a_row_of_each(run: Path) -> None:
    (alert,) = wandb_messages(run / "wandb", "alert")
    assert (alert.title, alert.text, alert.level) == ("The loss diverges", "See https://[redacted]@h", "WARN")
    newest = wandb_messages(run / "wandb", "run")[-1]
    assert newest.notes == "At first.\n\nHalved by hand.\n\nThen restored."
    assert list(newest.tags) == ["own", "baseline", "long"]
    (kept,) = (run / "wandb").glob("offline-run-*/files/files/labels.txt")
    assert kept.read_bytes() == b"cat\ndog\n"
    assert "files/labels.txt" in {
        file.path for message in wandb_messages(run / "wandb", "files") for file in message.files
    }
    rows = rows_by_step(run / "wandb")
    for step in (34, 35, 36, 37, 38, 39):
        assert rows[step].keys() == ONLY_NUMBERS, step


def test_nothing_is_doubled_when_the_views_are_completed_again(copy: Path) -> None:
    before = read_tensorboard(copy)
    (copy / "delivery.json").unlink()
    recover_run(copy)
    after = read_tensorboard(copy)
    assert (after.texts, after.pictures) == (before.texts, before.pictures)
    assert len(rows_by_step(copy / "wandb")) == len(read_journal(copy)) - 2
    assert len(wandb_messages(copy / "wandb", "alert")) == 1
    newest = wandb_messages(copy / "wandb", "run")[-1]
    assert newest.notes == "At first.\n\nHalved by hand.\n\nThen restored."
    assert list(newest.tags) == ["own", "baseline", "long"]


def test_an_alert_that_was_about_to_be_sent_is_not_sent_again_but_its_row_is_there(copy: Path) -> None:
    shutil.rmtree(copy / "wandb")
    (copy / "delivery.json").unlink()
    assert orjson.loads((copy / SENT_ALERTS).read_bytes())["rank"] == 0
    recover_run(copy)
    assert wandb_messages(copy / "wandb", "alert") == []
    assert 34 in rows_by_step(copy / "wandb")
    # An alert of which nobody knows is sent.
    shutil.rmtree(copy / "wandb")
    for name in ("delivery.json", SENT_ALERTS):
        (copy / name).unlink()
    recover_run(copy)
    assert len(wandb_messages(copy / "wandb", "alert")) == 1


def test_a_copy_of_a_run_that_shows_all_sends_no_alert_again(copy: Path) -> None:
    folder, _ = replay_run(copy, "wandb", show_all=True)
    assert folder != copy and wandb_messages(folder / "wandb", "alert") == []
    assert 34 in rows_by_step(folder / "wandb")


def test_an_embedding_is_not_written_through_a_link(copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(copy / "projector")
    (copy / "projector").symlink_to(outside)
    for path in (*copy.glob("events.out.*"), copy / "delivery.json"):
        path.unlink()
    assert recover_run(copy)["tensorboard"].media_not_shown == 1
    assert not list(outside.iterdir())


def test_of_a_run_whose_list_of_sent_alerts_leads_elsewhere_no_alert_is_sent(
    copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (copy / SENT_ALERTS).unlink()
    (copy / SENT_ALERTS).symlink_to("/etc/passwd")
    shutil.rmtree(copy / "wandb")
    (copy / "delivery.json").unlink()
    assert recover_run(copy)["wandb"].is_complete
    assert wandb_messages(copy / "wandb", "alert") == []


def test_equal_notes_are_each_kept(tmp_path: Path) -> None:
    with WandBTracker(config(tmp_path, wandb_mode="offline")) as tracker:
        for text in ("again", "again", "Halved.\n\nThen restored.", "Halved."):
            tracker.log_note(text, step=1)
    newest = wandb_messages(tmp_path / "r" / "wandb", "run")[-1]
    assert newest.notes == "again\n\nagain\n\nHalved.\n\nThen restored.\n\nHalved."


@pytest.mark.parametrize("damage", [b"{}\n", b"not JSON\n", b'{"time": "late", "rank": 0}\n', b"\xff\n"])
def test_what_is_damaged_in_the_list_of_sent_alerts_is_passed_over(copy: Path, damage: bytes) -> None:
    (copy / SENT_ALERTS).write_bytes(damage + (copy / SENT_ALERTS).read_bytes())
    shutil.rmtree(copy / "wandb")
    (copy / "delivery.json").unlink()
    recover_run(copy)
    assert wandb_messages(copy / "wandb", "alert") == []


def test_trackers_used_directly_show_them(tmp_path: Path) -> None:
    with TensorBoardTracker(config(tmp_path / "tensorboard")) as tracker:
        log_further_kinds(tracker)
    assert tracker.media_left_out == 0
    assert read_tensorboard(tmp_path / "tensorboard" / "r").texts["experiment/notes"][0] == "Halved by hand."
    with WandBTracker(config(tmp_path / "wandb", wandb_mode="offline")) as wandb_tracker:
        log_further_kinds(wandb_tracker)
    assert wandb_tracker.media_left_out == 0
    assert len(wandb_messages(tmp_path / "wandb" / "r" / "wandb", "alert")) == 1
    assert len(rows_by_step(tmp_path / "wandb")) == 19


def test_a_refused_call_is_said_once_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = config(tmp_path, wandb_logging=False, tensorboard_logging=False)
    with caplog.at_level(logging.WARNING), ExperimentTracker(settings) as tracker:
        for _ in range(3):
            tracker.log_audio("tone", [0.0, 1.0])
            tracker.log_alert("", "")
            tracker.log_file("../outside", b"")
    assert read_journal(tmp_path / "r")[-1][1]["dropped"] == {"misuse": 9}
    said = [message for message in caplog.messages if "Skipping a call" in message]
    assert len(said) == 3 and "log_audio: sample_rate must be" in said[0]
