"""What sound, video, points, charts, embeddings, graphs, alerts, tags and files are made of, and what is refused."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image as PillowImage

from seo_engine.tracking.payloads.run_payloads import HeldPayloads
from seo_engine.tracking.payloads.score_curves import GRID
from seo_engine.tracking.records.forms import (
    Audio,
    Chart,
    EmbeddedPoints,
    Embedding,
    File,
    Graph,
    Image,
    Markdown,
    MetricChart,
    ObjectFile,
    PointCloud,
    Points,
    PrecisionRecall,
    Table,
    Video,
)
from seo_engine.tracking.records.kinds import KINDS
from tests.tracking.logged_kinds import CLASS_NAMES, SCORES, TONE, TRUE, model, wav_file

MOMENT = {"epoch": 1, "step": 5}
MOST_BYTES = 256_000_000


def made(kind: str, **arguments: Any) -> Any:
    return KINDS[kind].make_records({**MOMENT, **arguments}, most_bytes=MOST_BYTES)


def forms(tmp_path: Path, kind: str, **arguments: Any) -> tuple[Any, ...]:
    records = made(kind, **({} if kind == "graph" else {"name": "it"}) | arguments)
    payloads = HeldPayloads(tmp_path, records.payloads)
    if records.payloads:
        records.refer_to(payloads.references)
    shown = KINDS[kind].shown(records.records[0], payloads)
    assert shown is not None
    (found,) = shown.media
    return found


def samples(file: Path) -> tuple[int, Any]:
    with wave.open(str(file)) as read:
        frames = numpy.frombuffer(read.readframes(read.getnframes()), dtype="<i2")
        return read.getframerate(), frames.reshape(-1, read.getnchannels())


@pytest.mark.parametrize(
    ("audio", "first", "channels"),
    [
        (numpy.array([0.5, -0.5, 2.0, -2.0]), [16_384, -16_384, 32_767, -32_767], 1),
        (numpy.array([1000, -1000, 5, 6], dtype="int16"), [1000, -1000, 5, 6], 1),
        (numpy.array([1000, -1000, 5, 6], dtype="int32") * 65_536, [1000, -1000, 5, 6], 1),
        (numpy.array([2**31 - 1, -(2**31), 0, 0], dtype="int32"), [32_767, -32_768, 0, 0], 1),
        (numpy.array([2**32 - 1, 0, 2**31, 2**31], dtype="uint32"), [32_767, -32_768, 0, 0], 1),
        (numpy.array([0, 128, 255, 128], dtype="uint8"), [-32_768, 0, 32_512, 0], 1),
        (torch.tensor([0.5, 0.0, 0.0, 1.0], dtype=torch.bfloat16), [16_384, 0, 0, 32_767], 1),
        ([0.0, 1.0, 0.0, 1.0], [0, 32_767, 0, 32_767], 1),
        # Channels first and last.
        (torch.stack([torch.arange(4), -torch.arange(4)]).to(torch.int16)[:, :3], [0, 1, 2], 2),
        (numpy.stack([numpy.arange(4), -numpy.arange(4)], axis=1).astype("int16"), [0, 1, 2, 3], 2),
    ],
)
def test_samples_of_every_type_become_a_wav_file(tmp_path: Path, audio: Any, first: list[int], channels: int) -> None:
    (shown,) = forms(tmp_path, "audio", audio=audio, sample_rate=22_050)
    assert isinstance(shown, Audio) and shown.name == "audio/it"
    rate, read = samples(shown.file())
    assert (rate, read.shape[1], read[:, 0].tolist()) == (22_050, channels, first)


def test_a_sound_file_is_kept_as_it_is_whether_its_path_bytes_or_an_open_file_are_given(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    path.write_bytes(wav_file())
    for given in (path, str(path), wav_file(), io.BytesIO(wav_file())):
        (shown,) = forms(tmp_path, "audio", audio=given, caption="a tone")
        assert shown.file().read_bytes() == wav_file() and shown.caption == "a tone"


@pytest.mark.parametrize(
    ("shape", "layout"),
    [((5, 6, 10, 3), None), ((5, 3, 6, 10), None), ((5, 6, 10), None), ((5, 1, 6, 10), "TCHW"), ((5, 6, 10, 4), None)],
)
def test_frames_become_an_animated_gif(tmp_path: Path, shape: tuple[int, ...], layout: str | None) -> None:
    frames = numpy.linspace(0, 1, int(numpy.prod(shape))).reshape(shape)
    further = {"layout": layout} if layout else {}
    video, picture = forms(tmp_path, "video", video=frames, frames_per_second=10, **further)
    assert isinstance(video, Video) and isinstance(picture, Image)
    (drawn,) = picture.draw()
    assert (drawn.width, drawn.height) == (10, 6)
    with PillowImage.open(video.file()) as opened:
        assert (opened.n_frames, opened.info["duration"], opened.info["loop"]) == (5, 100, 0)


def test_frames_may_be_a_list_of_tensors(tmp_path: Path) -> None:
    video, _ = forms(tmp_path, "video", video=[torch.zeros(3, 6, 10), torch.ones(3, 6, 10)])
    with PillowImage.open(video.file()) as opened:
        opened.seek(1)
        assert opened.n_frames == 2 and opened.convert("RGB").getpixel((5, 3)) == (255, 255, 255)


def test_a_video_file_is_a_video_and_otherwise_a_text_that_says_where_it_is(tmp_path: Path) -> None:
    video, text = forms(tmp_path, "video", video=b"\0\0\0\x18ftypmp42" + bytes(50), caption="a walk")
    assert isinstance(video, Video) and video.file().suffix == ".mp4"
    assert isinstance(text, Markdown)
    assert text.write() == f"a walk\n\nA video, in the folder of the run: `media/{video.file().name}`"


def read_points(tmp_path: Path, **arguments: Any) -> PointCloud:
    (points,) = forms(tmp_path, "points", **arguments)
    assert isinstance(points, Points)
    return points.read()


def test_points_have_the_colours_that_are_said_in_any_way(tmp_path: Path) -> None:
    corners = [[0.0, 0, 0], [1, 2, 3]]
    cloud = read_points(tmp_path, points=corners)
    assert cloud.vertices.tolist() == corners and cloud.colors is None and cloud.faces is None
    red_and_blue = [[255, 0, 0], [0, 0, 255]]
    for arguments in (
        {"points": numpy.concatenate([corners, red_and_blue], axis=1)},
        {"points": corners, "colors": red_and_blue},
        {"points": torch.tensor(corners), "colors": torch.tensor([[1.0, 0, 0], [0, 0, 1]])},
    ):
        assert read_points(tmp_path, **arguments).colors.tolist() == red_and_blue
    by_category = read_points(tmp_path, points=[[0, 0, 0, 1], [0, 0, 1, 1], [1, 1, 1, 2]]).colors.tolist()
    assert by_category[0] == by_category[1] != by_category[2]


def test_an_object_file_is_kept_with_its_extension(tmp_path: Path) -> None:
    path = tmp_path / "thing.OBJ"
    path.write_text("v 0 0 0")
    thing, text = forms(tmp_path, "points", points=path)
    assert isinstance(thing, ObjectFile) and thing.file().suffix == ".obj" and "media/" in text.write()


def test_a_confusion_matrix_counts_true_classes_down_and_predicted_ones_across(tmp_path: Path) -> None:
    for arguments in (
        {"true": [0, 0, 1, 1], "predicted": [0, 1, 1, 1]},
        {
            "true": torch.tensor([0, 0, 1, 1]),
            "predicted": torch.tensor([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7]]),
        },
        {"true": ["a", "a", "b", "b"], "predicted": ["a", "b", "b", "b"], "class_names": ["a", "b"]},
        {"true": numpy.array(["a", "a", "b", "b"]), "predicted": numpy.array(list("abbb")), "class_names": ["a", "b"]},
        {"true": numpy.array([[0], [0], [1], [1]]), "predicted": numpy.array([[0], [1], [1], [1]])},
        {"true": [0, 0, 1, 1], "predicted": [[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7]]},
        {"true": None, "counts": [[1, 1], [0, 2]], "class_names": ["a", "b"]},
    ):
        chart, picture = forms(tmp_path, "confusion_matrix", **arguments)
        assert isinstance(chart, Chart) and chart.sort == "confusion_matrix" and chart.name == "confusion/it"
        assert [count for *_, count in chart.rows()] == [1, 1, 0, 2]
        names = arguments.get("class_names", ["0", "1"])
        assert [row[:2] for row in chart.rows()] == [[true, found] for true in names for found in names]
        assert picture.draw()[0].drawn.startswith(b"\x89PNG")


def counts_by_hand(truth: Any, scores: Any, threshold: float) -> tuple[int, int]:
    return int(((scores >= threshold) & truth).sum()), int(((scores >= threshold) & ~truth).sum())


def test_precision_and_recall_are_what_they_are_at_each_threshold(tmp_path: Path) -> None:
    generator = numpy.random.default_rng(0)
    truth = generator.random(500) < 0.2
    scores = numpy.clip(generator.normal(loc=truth * 0.3 + 0.3, scale=0.2), 0, 1)
    curve, chart, picture = forms(tmp_path, "pr_curve", true=truth, scores=scores)
    assert isinstance(curve, PrecisionRecall) and isinstance(chart, Chart) and isinstance(picture, Image)
    (counts,) = curve.read()
    assert (counts.label, counts.positives, counts.negatives) == ("", truth.sum(), (~truth).sum())
    found = list(zip(counts.true_positives, counts.false_positives, strict=True))
    assert found == [counts_by_hand(truth, scores, threshold) for threshold in GRID]
    rows = chart.rows()
    assert rows[0] == ["class 1", 0.0, 1.0] and rows[-1] == ["class 1", 1.0, truth.mean()]
    recalls = [recall for _, recall, _ in rows]
    assert recalls == sorted(recalls)
    assert {(true / counts.positives, true / (true + false)) for true, false in found if true + false} <= {
        (recall, precision) for _, recall, precision in rows
    }


def test_the_area_under_a_roc_curve_is_how_often_a_positive_has_the_higher_score(tmp_path: Path) -> None:
    generator = numpy.random.default_rng(1)
    truth = generator.random(300) < 0.5
    # Many have equal scores, and they are no probabilities.
    scores = numpy.round(generator.normal(loc=truth * 1.0, scale=2.0), 1)
    chart, picture = forms(tmp_path, "roc_curve", true=truth, scores=scores)
    pairs = scores[truth][:, None] - scores[~truth][None]
    area = ((pairs > 0) + (pairs == 0) / 2).mean()
    shown = [(x, y) for _, x, y in chart.rows()]
    assert shown[0] == (0.0, 0.0) and shown[-1] == (1.0, 1.0) and shown == sorted(shown)
    # What is drawn has fewer points, and the same area but for a little.
    drawn = numpy.trapezoid([y for _, y in shown], [x for x, _ in shown])
    assert drawn == pytest.approx(area, abs=0.005)
    (file,) = tmp_path.glob("media/*.json")
    assert f'"area":{area:.10f}'[:18] in file.read_text()
    assert picture.draw()[0].drawn.startswith(b"\x89PNG")


def test_scores_that_differ_by_one_in_a_billion_are_not_equal(tmp_path: Path) -> None:
    forms(tmp_path, "roc_curve", true=numpy.arange(400) >= 200, scores=2**30 + numpy.arange(400, dtype="int32"))[
        0
    ].rows()
    (file,) = tmp_path.glob("media/*.json")
    assert '"area":1.0' in file.read_text()


def test_each_class_of_several_has_a_curve_and_scores_that_are_no_probabilities_are_only_drawn(tmp_path: Path) -> None:
    curve, chart, _ = forms(tmp_path, "pr_curve", true=TRUE, scores=SCORES, class_names=CLASS_NAMES)
    assert [each.label for each in curve.read()] == CLASS_NAMES
    assert {row[0] for row in chart.rows()} == set(CLASS_NAMES)
    logits = forms(tmp_path, "pr_curve", true=TRUE, scores=SCORES * 9 - 4, class_names=CLASS_NAMES)
    assert [type(form) for form in logits] == [Chart, Image]


def test_lines_share_an_axis_or_have_their_own_and_a_gap_is_left_out(tmp_path: Path) -> None:
    chart, picture = forms(
        tmp_path, "line_plot", y={"a": [1.0, numpy.nan, 3.0], "b": torch.tensor([4, 5, 6])}, x=[0, 5, 9]
    )
    assert chart.columns == ("x", "line", "y")
    assert chart.rows() == [[0, "a", 1.0], [9, "a", 3.0], [0, "b", 4], [5, "b", 5], [9, "b", 6]]
    assert picture.draw()[0].drawn.startswith(b"\x89PNG")
    own, _ = forms(tmp_path, "line_plot", y={"a": [1, 2], "b": [3]}, x={"a": [7, 8], "b": [9]})
    assert own.rows() == [[7, "a", 1], [8, "a", 2], [9, "b", 3]]
    losses = [torch.tensor(value, requires_grad=True) for value in (1.0, 2.0)]
    assert [y for *_, y in forms(tmp_path, "line_plot", y=[*losses, None, 4])[0].rows()] == [1.0, 2.0, 4.0]
    alone, _ = forms(tmp_path, "line_plot", y=range(3))
    assert alone.rows() == [[0, "", 0], [1, "", 1], [2, "", 2]]


def test_of_a_long_line_evenly_many_points_are_shown(tmp_path: Path) -> None:
    chart, _ = forms(tmp_path, "line_plot", y=numpy.arange(95_000))
    rows = chart.rows()
    assert 9_000 < len(rows) <= 10_000 and rows[1][0] - rows[0][0] == rows[-1][0] - rows[-2][0]


@pytest.mark.parametrize(
    "values",
    [[1.797e308], [1e308, -1e308], [0.0, 5e-324], [7], [3.0, 3.0, 3.0], [1e15, 1e15 + 1], [-0.0], [2**62, 2**62 + 1]],
)
def test_numbers_at_the_edge_are_drawn(tmp_path: Path, values: list[float]) -> None:
    _, lines = forms(tmp_path, "line_plot", y=values)
    _, bars = forms(tmp_path, "bar_plot", values=values)
    assert all(form.draw()[0].drawn.startswith(b"\x89PNG") for form in (lines, bars))


def test_bars_have_names(tmp_path: Path) -> None:
    for arguments in ({"values": {"cat": 3, "dog": -5.5}}, {"values": [3, -5.5], "labels": ["cat", "dog"]}):
        chart, _ = forms(tmp_path, "bar_plot", y_title="label", **arguments)
        assert chart.rows() == [["cat", 3], ["dog", -5.5]] and len(set(chart.columns)) == 2


def test_a_chart_of_metrics_names_them_as_log_metrics_does(tmp_path: Path) -> None:
    chart, text = forms(tmp_path, "chart", metrics=["loss", "val/*"])
    assert isinstance(chart, MetricChart) and chart.metrics == ("training/loss", "val/*")
    assert "- training/loss" in text.write()


def test_an_embedding_has_vectors_labels_and_one_picture_of_all_pictures(tmp_path: Path) -> None:
    images = numpy.arange(5 * 2 * 3, dtype="uint8").reshape(5, 2, 3)
    embedding, table = forms(
        tmp_path, "embedding", vectors=numpy.eye(5), labels={"word": list("abcde"), "count": range(5)}, images=images
    )
    assert isinstance(embedding, Embedding) and embedding.step == 5
    points = embedding.read()
    assert isinstance(points, EmbeddedPoints) and points.columns == ("word", "count")
    assert points.rows[1] == ["b", 1] and points.sprite_size == (3, 2)
    assert points.sprite is not None
    sprite = numpy.asarray(PillowImage.open(points.sprite))
    # Three rows of three, of which the last four are empty.
    assert sprite.shape == (6, 9) and sprite[2:4, 0:3].tolist() == images[3].tolist()
    assert isinstance(table, Table) and table.columns == ("word", "count", "D1", "D2", "D3", "D4", "D5")
    assert table.rows()[0] == ["a", 0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_the_graph_of_a_model_has_its_layers_and_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    traced = model().train()
    (graph,) = forms(tmp_path, "graph", model=traced, inputs=torch.zeros(2, 4))
    assert isinstance(graph, Graph) and graph.name == "graphs/model"
    operations = {node["operation"] for node in graph.read()}
    assert {"aten::linear", "aten::relu"} <= operations
    assert traced.training


def test_a_model_is_left_as_it_was_with_its_modes_buffers_and_random_numbers() -> None:
    traced = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout()).train()
    traced[1].eval()
    runs: list[int] = []
    traced.register_forward_hook(lambda *_: runs.append(traced[1].num_batches_tracked.add_(1).item()))
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    made("graph", model=traced, inputs=torch.zeros(3, 4))
    assert torch.rand(1) == expected and len(runs) == 1
    assert [part.training for part in traced.modules()] == [True, True, False, True]
    assert traced[1].num_batches_tracked == 0


def test_names_in_a_graph_are_shown_without_secrets(tmp_path: Path) -> None:
    secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    holder = torch.nn.Sequential()
    holder.add_module(secret, torch.nn.Linear(4, 2))
    (graph,) = forms(tmp_path, "graph", model=holder, inputs=torch.zeros(1, 4))
    assert secret not in str(graph.read()) and "aten::linear" in str(graph.read())

    class Telling(torch.nn.Module):
        def forward(self, features: Any) -> Any:
            raise RuntimeError(f"no access with {secret}")

    with pytest.raises(ValueError, match="cannot be traced") as caught:
        made("graph", model=Telling(), inputs=torch.zeros(1))
    assert secret not in str(caught.value)


def test_the_graph_of_a_model_with_arguments_and_results_by_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Named(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(4, 2)

        def forward(self, features: Any, mask: Any = None) -> dict[str, Any]:
            return {"logits": self.head(features if mask is None else features * mask)}

    for inputs in ({"features": torch.zeros(1, 4)}, (torch.zeros(1, 4), torch.ones(1, 4)), torch.zeros(1, 4)):
        (graph,) = forms(tmp_path, "graph", model=Named(), inputs=inputs)
        assert "aten::linear" in {node["operation"] for node in graph.read()}
    with pytest.raises(ValueError, match="cannot be traced"):
        made("graph", model=Named(), inputs=torch.zeros(7))
    # What goes wrong is said once, and not by torch.
    assert capfd.readouterr().out == ""


def test_a_file_is_kept_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("cat")
    file, text = forms(tmp_path, "file", name="data/labels.txt", file=path)
    assert isinstance(file, File) and file.name == "data/labels.txt"
    assert file.file().read_text() == "cat" and "media/" in text.write()


def test_alerts_notes_and_tags_are_texts_without_secrets() -> None:
    alert = made("alert", title="Look", text="https://me:hunter2@h", level="error").records[0]
    assert (alert["title"], alert["text"], alert["level"]) == ("Look", "https://[redacted]@h", "error")
    assert made("alert", title="Look", text="", level="WARN").records[0]["level"] == "warning"
    assert made("note", text=" Halved. ").records[0]["text"] == "Halved."
    assert made("tags", tags=["a", "b", "a"]).records[0]["tags"] == ["a", "b"]
    assert made("tags", tags="alone").records[0]["tags"] == ["alone"]


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        ("audio", {"audio": TONE}, "sample_rate must be a number from 1 to 10,000,000, got None"),
        ("audio", {"audio": TONE, "sample_rate": "fast"}, "sample_rate must be a number from 1"),
        ("audio", {"audio": [], "sample_rate": 8}, "audio must be samples, or samples × channels"),
        ("audio", {"audio": numpy.zeros((9, 20)), "sample_rate": 8}, "at most 8 channels"),
        ("audio", {"audio": numpy.zeros((2, 3, 4)), "sample_rate": 8}, "got the shape (2, 3, 4)"),
        ("audio", {"audio": [0.0, float("nan")], "sample_rate": 8}, "audio must have finite samples"),
        ("audio", {"audio": b"no sound"}, "audio must be a WAV, MP3, Ogg, FLAC or M4A file"),
        ("audio", {"audio": "missing.wav"}, "audio cannot be read from 'missing.wav'"),
        ("audio", {"audio": wav_file(), "sample_rate": 8}, "a file has its own"),
        ("audio", {"audio": (each for each in TONE), "sample_rate": 8}, "audio must be an array"),
        ("video", {"video": numpy.zeros((2, 3))}, "video must be frames, each a picture"),
        ("video", {"video": numpy.zeros((2, 7, 8, 9))}, "each frame must be height × width"),
        ("video", {"video": []}, "video must be"),
        ("video", {"video": numpy.zeros((2, 3, 4)), "frames_per_second": 60}, "at most 50"),
        ("video", {"video": numpy.full((2, 3, 4), numpy.inf)}, "finite pixels"),
        (
            "video",
            {"video": [numpy.zeros((2, 3)), numpy.zeros((3, 2))]},
            "all frames must have the same shape",
        ),
        (
            "video",
            {"video": numpy.zeros((1, 3, 4)), "frames_per_second": 0.001},
            "frames_per_second must be a number from",
        ),
        ("video", {"video": numpy.zeros((3_000, 3, 4))}, "last at most 600 seconds, got 3,000 at 4 a second"),
        ("video", {"video": numpy.zeros((6_000, 3, 4)), "frames_per_second": 50}, "at most 5,000 of them"),
        ("audio", {"audio": TONE, "sample_rate": 0.3}, "sample_rate must be a number from 1"),
        ("video", {"video": b"no video"}, "video must be an MP4, WebM, Ogg or GIF file"),
        ("points", {"points": numpy.zeros((4, 5))}, "points must have three columns"),
        ("points", {"points": [[0, 0, float("nan")]]}, "points must be finite"),
        ("points", {"points": numpy.zeros((0, 3))}, "points must have three columns"),
        ("points", {"points": [[0, 0, 0]], "colors": [[0, 0]]}, "colors must be red, green and blue for each point"),
        ("points", {"points": [[0, 0, 0]], "faces": [[0, 0, 1]]}, "faces must be numbers of points, from 0 to 0"),
        (
            "points",
            {"points": "scene.txt"},
            "points must be an array, or a file that ends in glb, gltf, obj, stl, got 'scene.txt'",
        ),
        ("confusion_matrix", {"true": [0, 1]}, "must have true and predicted classes, or counts"),
        ("confusion_matrix", {"true": [0, 1], "predicted": [0]}, "must be equally many, got 2 and 1"),
        ("confusion_matrix", {"true": ["a"], "predicted": ["b"], "class_names": ["a"]}, "names in class_names"),
        ("confusion_matrix", {"true": [-1], "predicted": [0]}, "true must be numbers of classes, from 0 on"),
        ("confusion_matrix", {"true": [0.5], "predicted": [0]}, "true must be numbers of classes, from 0 on"),
        ("confusion_matrix", {"true": ["a", None], "predicted": ["a", "a"], "class_names": ["a"]}, "got None"),
        ("confusion_matrix", {"true": [[0, 1]], "predicted": [0]}, "true must be one class for each sample"),
        ("confusion_matrix", {"true": [0], "predicted": [[0.5, float("nan")]]}, "predicted must be finite scores"),
        ("confusion_matrix", {"true": [5_000], "predicted": [0]}, "at most 1,000 classes"),
        ("confusion_matrix", {"true": [0], "predicted": [1], "class_names": ["a"]}, "a name for each of 2 classes"),
        ("confusion_matrix", {"true": None, "counts": [[1, 2]]}, "true classes × predicted classes"),
        ("pr_curve", {"true": [0, 1], "scores": [0.5]}, "true must have one class for each of 1 samples, got 2"),
        ("pr_curve", {"true": [0, 2], "scores": [0.5, 0.1]}, "true must be numbers of 2 classes"),
        ("pr_curve", {"true": [0, 1], "scores": [0.5, float("nan")]}, "scores must be finite"),
        ("roc_curve", {"true": [1, 1], "scores": [0.5, 0.1]}, "true must have samples of more than one class"),
        ("roc_curve", {"true": [], "scores": []}, "scores must be one for each sample"),
        ("roc_curve", {"true": [0, 1], "scores": [0.5, 0.1], "class_names": "ab"}, "class_names must be a list"),
        ("line_plot", {"y": []}, "a line must have as many numbers"),
        ("line_plot", {"y": [1, 2], "x": [1]}, "a line must have as many numbers in x as in y"),
        ("line_plot", {"y": [1, 2], "x": [float("nan")] * 2}, "a line must have as many numbers"),
        ("line_plot", {"y": numpy.zeros((3, 2))}, "got 2 dimensions"),
        ("line_plot", {"y": numpy.zeros(1_000_001)}, "a plot must have at most 1,000,000 points"),
        ("line_plot", {"y": {}}, "1 to 100 lines"),
        ("line_plot", {"y": ["a", "b"]}, "y must hold numbers"),
        ("line_plot", {"y": {"a": [1]}, "x": {"b": [1]}}, "lacks 'a'"),
        ("bar_plot", {"values": [1, 2], "labels": ["a"]}, "labels must have one for each of 2 values"),
        ("bar_plot", {"values": [float("nan")]}, "the values of bars must be finite"),
        ("chart", {"metrics": "loss"}, "metrics must be a list of names"),
        ("chart", {"metrics": []}, "1 to 100 metrics"),
        ("embedding", {"vectors": [1.0, 2.0]}, "vectors must be points × dimensions"),
        ("embedding", {"vectors": [[1.0], [float("inf")]]}, "vectors must be finite, also as 32-bit floats"),
        ("embedding", {"vectors": [[1e300], [0]]}, "vectors must be finite, also as 32-bit floats"),
        ("embedding", {"vectors": numpy.zeros((2, 10_001))}, "at most 10,000 dimensions, got 10,001"),
        ("embedding", {"vectors": numpy.eye(2), "labels": {"D1": ["a", "b"]}}, "and none like D1"),
        (
            "embedding",
            {"vectors": numpy.eye(2), "labels": {1: ["a", "b"], "1": ["a", "b"]}},
            "must have different names",
        ),
        ("embedding", {"vectors": numpy.eye(3), "labels": ["a"]}, "one for each of 3 points"),
        ("embedding", {"vectors": numpy.eye(3), "images": numpy.zeros((2, 4, 4))}, "one picture for each of 3 points"),
        ("embedding", {"vectors": numpy.eye(3), "images": numpy.zeros((3, 5_000, 1))}, "at most 8,192 pixels"),
        ("file", {"name": "../secret", "file": b""}, "must be a plain relative path"),
        ("file", {"name": "/etc/passwd", "file": b""}, "must be a plain relative path"),
        ("file", {"name": "n" * 201, "file": b""}, "must be a plain relative path"),
        ("file", {"name": "a//b", "file": b""}, "must be a plain relative path"),
        ("file", {"name": "media/x.png", "file": b""}, "must not begin with media/"),
        ("file", {"file": 5}, "file must be the path of a file"),
        ("file", {"file": "missing.txt"}, "file cannot be read from 'missing.txt'"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words_that_say_why(kind: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError, OSError)) as caught:
        made(kind, **{"name": "it", **arguments})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        ("alert", {"title": "", "text": ""}, "the title of an alert must be 1 to 63 characters"),
        ("alert", {"title": "x" * 64, "text": ""}, "the title of an alert must be 1 to 63 characters"),
        ("alert", {"title": "x", "text": "", "level": "panic"}, "level must be one of info, warning, error"),
        ("note", {"text": " "}, "a note must be a text"),
        ("tags", {"tags": []}, "tags must be 1 to 100 texts"),
        ("tags", {"tags": [5]}, "a tag must be a text"),
        ("tags", {"tags": 5}, "tags must be a text, or a list of texts"),
        ("graph", {"model": 5, "inputs": 1}, "model must be a torch.nn.Module"),
        ("graph", {"model": model(), "inputs": torch.zeros(7)}, "the model cannot be traced with these inputs"),
    ],
)
def test_what_cannot_be_said_of_a_run_is_refused(kind: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        made(kind, **arguments)
    assert said in str(caught.value)


def test_a_record_that_claims_more_than_a_call_takes_is_not_shown(tmp_path: Path) -> None:
    for kind, changed in (
        ("embedding", lambda record: record["payloads"][0].update(shape=[3, 99_999_999_999])),
        ("file", lambda record: record.update(name="wandb-metadata.json")),
        ("file", lambda record: record.update(name="../outside")),
    ):
        arguments = {"vectors": numpy.eye(3)} if kind == "embedding" else {"file": b""}
        records = made(kind, name="it", **arguments)
        payloads = HeldPayloads(tmp_path, records.payloads)
        records.refer_to(payloads.references)
        changed(records.records[0])
        with pytest.raises(ValueError, match="must"):
            KINDS[kind].shown(records.records[0], payloads)


def test_a_video_of_millions_of_tiny_frames_is_not_drawn(tmp_path: Path) -> None:
    records = made("video", name="it", video=numpy.zeros((4, 1, 1)))
    payloads = HeldPayloads(tmp_path, [records.payloads[0]._replace(data=bytes(3_000_000))])
    records.refer_to(payloads.references)
    records.records[0]["payloads"][0].update(length=3_000_000, shape=[3_000_000, 1, 1, 1], type="uint8")
    shown = KINDS["video"].shown(records.records[0], payloads)
    assert shown is not None
    with pytest.raises(ValueError, match="at most 5,000"):
        shown.media[0][0].file()


def test_of_many_classes_each_has_a_curve_and_every_mistake_a_row(tmp_path: Path) -> None:
    generator = numpy.random.default_rng(0)
    true = numpy.arange(600) % 300
    chart, _ = forms(tmp_path, "roc_curve", true=true, scores=generator.random((600, 300)))
    rows = chart.rows()
    assert len(rows) <= 10_000 and len({label for label, *_ in rows}) == 300
    matrix, _ = forms(tmp_path, "confusion_matrix", true=true, predicted=true[::-1])
    assert len(matrix.rows()) == 300 and all(count for *_, count in matrix.rows())


def test_columns_of_labels_that_are_equal_without_their_secrets_are_refused() -> None:
    labels = {"https://me:hunter2@h": [1, 2], "https://me:hunter3@h": [3, 4]}
    with pytest.raises(ValueError, match="different names"):
        made("embedding", name="it", vectors=numpy.eye(2), labels=labels)
