"""One of each medium, logged as a training would."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot
import numpy
import plotly.graph_objects
from PIL import Image

from seo_engine import TrackingConfig
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED

SECRET = "https://me:hunter2@h"
GREY = numpy.arange(0, 240, 4, dtype="uint8").reshape(6, 10)
COLOURED = numpy.dstack([GREY, GREY[::-1], GREY])
BOX = {"x_minimum": 1, "y_minimum": 1, "x_maximum": 8, "y_maximum": 4, "class_number": 1, "score": 0.5}


def config(folder: Path, **settings: Any) -> TrackingConfig:
    return TrackingConfig(
        **{"tensorboard_log_dir": str(folder), "experiment_name": "r", "print_summary": False, **ONLY_WHAT_IS_LOGGED}
        | settings
    )


def pixels(png: bytes) -> Any:
    return numpy.asarray(Image.open(io.BytesIO(png)))


def is_coloured(png: bytes) -> bool:
    return pixels(png).tolist() == COLOURED.tolist()


def log_everything(tracker: Any) -> None:
    """Log one of each kind, at steps of their own."""
    figure, axes = matplotlib.pyplot.subplots()
    axes.plot([1, 3, 2])
    tracker.log_image("coloured", COLOURED, epoch=1, step=1, caption=f"a caption, {SECRET}")
    tracker.log_image("several", [GREY, COLOURED], epoch=1, step=2, caption=["one", "two"])
    marks = {"masks": {"truth": GREY // 200}, "boxes": {"found": [BOX]}, "class_labels": {1: "cat"}}
    tracker.log_image("marked", COLOURED, epoch=1, step=3, **marks)
    tracker.log_table("answers", [["How much?", SECRET, 0.5]], epoch=1, step=4, columns=["prompt", "answer", "score"])
    tracker.log_table("pictured", {"number": [1], "picture": [COLOURED]}, epoch=1, step=5)
    tracker.log_figure("drawn", figure, epoch=1, step=6, caption="a curve")
    tracker.log_figure("interactive", plotly.graph_objects.Figure(plotly.graph_objects.Bar(y=[1, 2])), epoch=1, step=7)
    tracker.log_histogram("values", [1.0, 1.0, 2.0], epoch=1, step=8)
    tracker.log_histogram("counted", counts=[4, 2], edges=[0, 1, 3], epoch=1, step=9)
    tracker.log_html("page", f"<h1>Report</h1><p>{SECRET}</p>", epoch=1, step=10)
    tracker.log_text("note", "a < b", epoch=1, step=11)
    matplotlib.pyplot.close(figure)
