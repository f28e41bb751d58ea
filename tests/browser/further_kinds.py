"""One of each kind that a tab of TensorBoard of its own shows, or that is said of a run."""

from __future__ import annotations

from typing import Any

import numpy
import torch

from tests.tracking.logged_media import SECRET

TRUE = [0, 0, 0, 1, 1, 1, 2, 2]
SCORES = numpy.array([[6, 2, 2], [5, 4, 1], [3, 5, 2], [1, 8, 1], [4, 5, 1], [5, 3, 2], [1, 2, 7], [3, 2, 5]]) / 10
NAMES = ["cat", "dog", "cow"]


def log_further_kinds(tracker: Any) -> None:
    """Log one of each, at steps of their own."""
    for step in range(1, 6):
        tracker.log_metrics({"loss": 1 / step, "val": {"loss": 2 / step}}, epoch=1, step=step)
    tone = numpy.sin(numpy.arange(16_000) * 440 * 2 * numpy.pi / 16_000)
    tracker.log_audio("tone", tone, epoch=1, step=21, sample_rate=8_000, caption=f"a tone, {SECRET}")
    frames = numpy.zeros((3, 8, 12, 3), dtype="uint8")
    frames[0, ..., 0] = frames[1, ..., 1] = frames[2, ..., 2] = 255
    tracker.log_video("episode", frames, epoch=1, step=22, frames_per_second=10, caption="red, green, blue")
    corners = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    tracker.log_points("cloud", numpy.random.default_rng(0).normal(size=(500, 3)), epoch=1, step=23)
    tracker.log_points("mesh", corners, epoch=1, step=24, faces=[[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]])
    tracker.log_confusion_matrix("test", TRUE, SCORES, epoch=1, step=25, class_names=NAMES)
    tracker.log_pr_curve("precision", TRUE, SCORES, epoch=1, step=26, class_names=NAMES)
    tracker.log_roc_curve("roc", TRUE, SCORES, epoch=1, step=27, class_names=NAMES)
    lines = {"ours": [1.0, 4.0, 9.0], "theirs": [9.0, 4.0, 1.0]}
    tracker.log_line_plot("spread", lines, epoch=1, step=28, x=[1, 10, 100], title="Spread")
    tracker.log_bar_plot("samples", {"cat": 3, "dog": 3, "cow": 2}, epoch=1, step=29, title="Samples")
    tracker.log_chart("losses", ["loss", "val/loss"], epoch=1, step=30)
    vectors, labels = numpy.random.default_rng(1).normal(size=(30, 5)), [f"word {number}" for number in range(30)]
    tracker.log_embedding("words", vectors, epoch=1, step=31, labels=labels)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    tracker.log_model_graph(model, torch.zeros(1, 4), epoch=1, step=32)
    tracker.log_alert("The loss diverges", f"It is 12.4, {SECRET}", epoch=1, step=33, level="warning")
    tracker.log_note("Halved by hand.", epoch=1, step=34)
    tracker.log_tags(["baseline", "long"], epoch=1, step=35)
    tracker.log_file("labels.txt", b"cat\ndog\ncow\n", epoch=1, step=36)
