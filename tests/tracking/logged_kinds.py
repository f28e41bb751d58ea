"""One of each kind of record beside metrics and media, logged as a training would."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy
import torch

SECRET = "https://me:hunter2@h"

CLASS_NAMES = ["cat", "dog", "cow"]
TRUE = numpy.array([0, 0, 0, 1, 1, 1, 2, 2])
SCORES = numpy.array([[6, 2, 2], [5, 4, 1], [3, 5, 2], [1, 8, 1], [4, 5, 1], [5, 3, 2], [1, 2, 7], [3, 2, 5]]) / 10
TONE = numpy.sin(numpy.arange(16_000) * 440 * 2 * numpy.pi / 16_000)
# Red, green, blue.
FRAMES = numpy.zeros((3, 8, 12, 3), dtype="uint8")
FRAMES[0, ..., 0] = FRAMES[1, ..., 1] = FRAMES[2, ..., 2] = 255
CLOUD = numpy.random.default_rng(0).normal(size=(500, 3))
CORNERS = numpy.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 1]], dtype="float32")
COLORS = numpy.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], dtype="uint8")
FACES = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
VECTORS = numpy.random.default_rng(1).normal(size=(30, 5)).astype("float32")
WORDS = [*(f"word {number}" for number in range(29)), SECRET]


def wav_file() -> bytes:
    """Return a file of a tenth of a second."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8_000)
        written.writeframes((TONE * 32_767).astype("<i2").tobytes())
    return file.getvalue()


def model() -> torch.nn.Module:
    """Return a small model that is always the same."""
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))


def log_further_kinds(tracker: Any) -> None:
    """Log one of each kind, at steps of their own from 21 on."""
    tracker.log_audio("tone", TONE, 1, 21, sample_rate=8_000, caption=f"a tone, {SECRET}")
    tracker.log_audio("file", wav_file(), 1, 22)
    tracker.log_video("frames", FRAMES, 1, 23, frames_per_second=10, caption="red, green, blue")
    tracker.log_points("cloud", CLOUD, 1, 24, caption="many")
    tracker.log_points("mesh", CORNERS, 1, 25, colors=COLORS, faces=FACES)
    tracker.log_confusion_matrix("test", TRUE, SCORES, 1, 26, class_names=CLASS_NAMES)
    tracker.log_pr_curve("precision", TRUE, SCORES, 1, 27, class_names=CLASS_NAMES)
    tracker.log_roc_curve("roc", TRUE == 1, SCORES[:, 1], 1, 28)
    tracker.log_line_plot(
        "spread", {"ours": [1.0, 4.0, 9.0], "theirs": [9, 4, 1]}, 1, 29, x=[1, 10, 99], title="Spread"
    )
    tracker.log_bar_plot("samples", {"cat": 3, "dog": 5}, 1, 30, y_title="how many")
    tracker.log_chart("losses", ["loss", "val/*"], 1, 31)
    tracker.log_embedding("words", VECTORS, 1, 32, labels=WORDS, images=numpy.zeros((30, 4, 4)))
    tracker.log_model_graph(model(), torch.zeros(1, 4), 1, 33)
    tracker.log_alert("The loss diverges", f"See {SECRET}", 1, 34, level="warning")
    tracker.log_note("Halved by hand.", 1, 35)
    tracker.log_note("Then restored.", 1, 36)
    tracker.log_tags(["baseline", "long"], 1, 37)
    tracker.log_file("labels.txt", b"cat\ndog\n", 1, 38)
    tracker.log_summary({"test_accuracy": 0.75, "verdict": SECRET}, 1, 39)
