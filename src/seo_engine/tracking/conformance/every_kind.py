"""One of each kind of record, logged as a training would, in every form that a tracker may be given."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seo_engine.tracking.experiment_tracker import ExperimentTracker
from seo_engine.tracking.journal.lines import encode_record
from seo_engine.tracking.records.forms import Box
from seo_engine.tracking.records.kind import new_record

_TRIANGLE = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
_OBJECT = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
_SAMPLES = 800


class _Figure:
    """A figure of Plotly, as far as it is asked for."""

    def to_json(self) -> str:
        return '{"data": [{"type": "bar", "y": [1, 2]}], "layout": {}}'

    def to_plotly_json(self) -> Mapping[str, Any]:
        return {}


def log_every_kind(tracker: ExperimentTracker, folder: Path) -> dict[str, str]:
    """Log one of each kind, at a step of its own.

    Args:
        tracker (ExperimentTracker): Of an open run.
        folder (Path): Takes the files that are logged.

    Returns:
        dict[str, str]: The kinds that are left out, and the library that is missing for each.
    """
    left_out = {}
    for step, (kind, log) in enumerate(_CALLS.items(), start=1):
        tracker.current_epoch, tracker.global_step = 1, step
        try:
            log(tracker, folder)
        except ModuleNotFoundError as error:
            left_out[kind] = f"needs {error.name}"
    return left_out


def _log_numbers(tracker: ExperimentTracker, folder: Path) -> None:
    tracker.log_training_metrics(1, 1, {"loss": 0.5})
    # A step that goes back, an odd name, and numbers at the edge.
    tracker.log_training_metrics(1, 3, {"loss": 0.25, 'a "name", so to say': 1e300, "tiny": 5e-324})
    tracker.log_training_metrics(1, 2, {"loss": 0.125})


def _picture() -> Any:
    import numpy

    return numpy.arange(48, dtype="uint8").reshape(4, 4, 3)


def _log_pictures(tracker: ExperimentTracker, folder: Path) -> None:
    box: Box = {
        "x_minimum": 1,
        "y_minimum": 1,
        "x_maximum": 3,
        "y_maximum": 3,
        "class_number": 1,
        "label": "",
        "score": 0.5,
    }
    tracker.log_image("samples", [_picture(), _picture()], caption=["one", "two"])
    tracker.log_image(
        "marked",
        _picture(),
        masks={"truth": _picture()[:, :, 0] // 40},
        boxes={"found": [box]},
        class_labels={0: "no", 1: "cat"},
    )


def _log_tables(tracker: ExperimentTracker, folder: Path) -> None:
    tracker.log_table("answers", [["How much?", 0.5, None], ["a|b\n", 2, True]], columns=["prompt", "score", "seen"])
    tracker.log_table("pictured", {"number": [1], "picture": [_picture()]})


def _log_video(tracker: ExperimentTracker, folder: Path) -> None:
    import numpy

    tracker.log_video("frames", numpy.zeros((2, 4, 4, 3), dtype="uint8"), frames_per_second=2)


def _log_points(tracker: ExperimentTracker, folder: Path) -> None:
    tracker.log_points("triangle", _TRIANGLE, faces=[[0, 1, 2]])
    (folder / "triangle.obj").write_bytes(_OBJECT)
    tracker.log_points("object", folder / "triangle.obj")


def _log_graph(tracker: ExperimentTracker, folder: Path) -> None:
    import torch

    tracker.log_model_graph(torch.nn.Linear(2, 1), torch.zeros(1, 2))


def _log_artifacts(tracker: ExperimentTracker, folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"weights")
    tracker.log_artifact("model", folder / "model.bin", "model")
    # The version is made where the run's log files are written.
    if tracker.flush():
        tracker.use_artifact("model")


def _wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8_000)
        written.writeframes(bytes(2 * _SAMPLES))
    return file.getvalue()


def _append(tracker: ExperimentTracker, kind: str, **contents: Any) -> None:
    """Append what no call logs."""
    assert tracker.logging_queue is not None
    tracker.logging_queue.append(encode_record(new_record(kind, rank=0, **contents)))


_SURROUNDINGS: dict[str, Any] = {
    "command": ["train.py"], "git": {"commit": "0" * 40}, "python": {}, "machine": {}, "seeds": {}, "environment": {},
    "packages": {"numpy": "2.0"},
}  # fmt: skip

_CALLS: dict[str, Callable[[ExperimentTracker, Path], object]] = {
    "training": _log_numbers,
    "evaluation": lambda tracker, folder: tracker.log_evaluation_metrics(1, 3, {"loss": 0.75}),
    "performance": lambda tracker, folder: tracker.log_performance_metrics({"cpu_usage_percent": 40.0}),
    "profiling": lambda tracker, folder: tracker.log_profiling_data(
        {"timings": {"forward_pass": 0.25}, "memory": {}, "bottlenecks": []}
    ),
    "hyperparameters": lambda tracker, folder: tracker.log_hyperparameters({"learning_rate": 0.1, "layers": [1, 2]}),
    "settings": lambda tracker, folder: tracker.log_settings({"model": {"layers": 12}, "seed": None}),
    "model_architecture": lambda tracker, folder: tracker.log_model_architecture(
        {"text": "Linear(2, 1)", "parameters": 3, "trainable_parameters": 3}
    ),
    "text": lambda tracker, folder: tracker.log_text("note", 'a < b,\n"quoted", naïve, 日本'),
    "image": _log_pictures,
    "table": _log_tables,
    "figure": lambda tracker, folder: tracker.log_figure("interactive", _Figure(), caption="bars"),
    "histogram": lambda tracker, folder: tracker.log_histogram("values", counts=[4, 2], edges=[0, 1, 3]),
    "html": lambda tracker, folder: tracker.log_html("page", "<h1>Report</h1>"),
    "audio": lambda tracker, folder: tracker.log_audio("silence", _wav()),
    "video": _log_video,
    "points": _log_points,
    "confusion_matrix": lambda tracker, folder: tracker.log_confusion_matrix("test", [0, 1, 1], [0, 1, 0]),
    "pr_curve": lambda tracker, folder: tracker.log_pr_curve("test", [0, 1, 1], [0.2, 0.8, 0.4]),
    "roc_curve": lambda tracker, folder: tracker.log_roc_curve("test", [0, 1, 1], [0.2, 0.8, 0.4]),
    "line_plot": lambda tracker, folder: tracker.log_line_plot("spread", {"ours": [1.0, 4.0]}, x=[1, 2]),
    "bar_plot": lambda tracker, folder: tracker.log_bar_plot("samples", {"cat": 3, "dog": 5}),
    "embedding": lambda tracker, folder: tracker.log_embedding("words", _TRIANGLE, labels=["a", "b", "c"]),
    "graph": _log_graph,
    "chart": lambda tracker, folder: tracker.log_chart("losses", ["loss", "val/*"]),
    "alert": lambda tracker, folder: tracker.log_alert("The loss diverges", "See the log.", level="warning"),
    "note": lambda tracker, folder: tracker.log_note("Halved by hand."),
    "tags": lambda tracker, folder: tracker.log_tags(["baseline", "long"]),
    "summary": lambda tracker, folder: tracker.log_summary({"test_accuracy": 0.75, "verdict": "good"}),
    "file": lambda tracker, folder: tracker.log_file("labels.txt", b"cat\ndog\n"),
    "artifact": _log_artifacts,
    "surroundings": lambda tracker, folder: _append(tracker, "surroundings", epoch=1, step=1, **_SURROUNDINGS),
    "console": lambda tracker, folder: _append(tracker, "console", stream="stdout", text="one\ntwo"),
    "last_values": lambda tracker, folder: _append(tracker, "last_values"),
    "incomplete_step": lambda tracker, folder: _append(
        tracker, "incomplete_step", metrics_kind="training", attempt=[0, 0, 0], step=1, ranks=[0]
    ),
}
