"""Every call of ours in `docs/migration.md` is one that can be typed."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot
import numpy
import polars
import pytest
import torch

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking import ArtifactReference
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.read_views import read_journal

DOCUMENT = (Path(__file__).parent.parent / "docs" / "migration.md").read_text(encoding="utf-8")

ROWS = [line.split(" | ", 1) for line in DOCUMENT.splitlines() if line.startswith("| `") and " | " in line]

# The calls that log, in the column of ours; some say `…` where anything may stand.
CALLS = [
    call
    for _, ours in ROWS
    for call in re.findall(r"`(tracker\.log_[^`]+)`", ours)
    if "…" not in call and not call.endswith("(model)")
]


def test_the_document_has_calls_of_every_kind() -> None:
    names = {call.partition("(")[0].removeprefix("tracker.") for call in CALLS}
    assert names >= {
        "log_metrics", "log_text", "log_image", "log_table", "log_figure", "log_histogram", "log_html", "log_audio",
        "log_video", "log_points", "log_confusion_matrix", "log_pr_curve", "log_roc_curve", "log_line_plot",
        "log_bar_plot", "log_chart", "log_embedding", "log_model_graph", "log_alert", "log_note", "log_tags",
        "log_file", "log_summary", "log_artifact",
    }  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_a_call_of_the_document_is_recorded(call: str, tmp_path: Path) -> None:
    Path("page.html").write_text("<h1>Report</h1>")
    Path("labels.txt").write_text("cat, dog")
    Path("checkpoint").mkdir(exist_ok=True)
    Path("checkpoint/weights.txt").write_text("0.5")
    Path("tone.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    Path("episode.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    Path("scene.glb").write_bytes(b"glTF\2\0\0\0")
    figure, _ = matplotlib.pyplot.subplots()
    names = {
        "x": 0.5, "y": 0.25, "step": 7, "text": "a text", "pixels": numpy.zeros((8, 9, 3), dtype="uint8"),
        "batch": numpy.zeros((4, 8, 9, 3), dtype="uint8"), "rows": [["a", 1]], "frame": polars.DataFrame({"a": [1]}),
        "plt": matplotlib.pyplot, "figure": figure, "values": [1.0, 2.0], "counts": [1, 2], "edges": [0, 1, 2],
        "ArtifactReference": ArtifactReference,
        "Path": Path, "samples": numpy.zeros((1, 80)), "frames": numpy.zeros((2, 8, 9, 3)),
        "videos": torch.zeros(1, 2, 3, 8, 9), "points": numpy.zeros((5, 3)), "vertices": torch.rand(1, 4, 3),
        "colors": torch.full((1, 4, 3), 255), "faces": torch.tensor([[[0, 1, 2], [1, 2, 3]]]),
        "true": [0, 1, 1], "predicted": [0, 1, 0], "scores": numpy.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]),
        "names": ["cat", "dog"], "labels": [1, 0, 1], "predictions": torch.tensor([0.9, 0.1, 0.4]),
        "vectors": torch.rand(2, 3), "words": ["pot", "cup"], "pictures": torch.rand(2, 3, 8, 8),
        "model": torch.nn.Linear(4, 2), "inputs": torch.zeros(1, 4),
        "boxes": [{"x_minimum": 1, "y_minimum": 1, "x_maximum": 5, "y_maximum": 6}],
    }  # fmt: skip
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), experiment_name="r", tensorboard_logging=False, wandb_logging=False,
        print_summary=False, **ONLY_WHAT_IS_LOGGED,
    )  # fmt: skip
    with ExperimentTracker(config) as tracker:
        exec(call, {**names, "tracker": tracker})  # noqa: S102
    matplotlib.pyplot.close(figure)
    records = [record for _, record in read_journal(tmp_path / "r")]
    assert len(records) == 3 and not records[-1]["dropped"], records
