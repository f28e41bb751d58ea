"""What the pictures of `docs/records.md` show: media, charts, and what is said of a run."""

from __future__ import annotations

from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot
import numpy
import torch

NAMES = ["pot", "cup", "bowl", "plate"]


def log_pictured_media(tracker: Any) -> None:
    """Log pictures, figures, pages, sound, video and points."""
    across, down = numpy.meshgrid(numpy.linspace(0, 1, 320), numpy.linspace(0, 1, 240))
    photo = numpy.dstack([0.9 - 0.2 * down, 0.85 - 0.1 * across, 0.75 + 0.2 * down])
    pot = ((across - 0.45) / 0.18) ** 2 + ((down - 0.55) / 0.28) ** 2 < 1
    clay = (0.72, 0.4, 0.28)
    photo[pot] = clay
    box = {"x_minimum": 84, "y_minimum": 62, "x_maximum": 204, "y_maximum": 202, "class_number": 1, "score": 0.93}
    tracker.log_image(
        "found", photo, 1, 100, masks={"truth": pot.astype("uint8")}, boxes={"model": [box]}, class_labels={1: "pot"}
    )
    figure, axes = matplotlib.pyplot.subplots(figsize=(5, 3.2), layout="constrained")
    axes.plot(numpy.exp(-numpy.arange(40) / 12))
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    tracker.log_figure("curve", figure, 1, 100)
    table = "<table><tr><th>page</th><th>title</th></tr><tr><td>/</td><td>Pots</td></tr></table>"
    tracker.log_html("report", f"<h2>Report</h2><p>All is well.</p>{table}", 1, 100)
    seconds = numpy.arange(32_000) / 16_000
    tracker.log_audio("tone", numpy.sin(seconds * 440 * 2 * numpy.pi), 1, 100, sample_rate=16_000)
    frames = numpy.empty((16, 120, 160, 3))
    frames[:] = (0.93, 0.91, 0.86)
    for number, frame in enumerate(frames):
        height = 100 - 75 * abs(numpy.sin(number * numpy.pi / 8 + 0.7))
        rows, columns = numpy.ogrid[:120, :160]
        frame[(rows - height) ** 2 + (columns - 80) ** 2 < 15**2] = clay
        frame[115:] = (0.6, 0.55, 0.5)
    tracker.log_video("episode", frames, 1, 100, frames_per_second=12)
    around, along = numpy.meshgrid(numpy.linspace(0, 2 * numpy.pi, 60), numpy.linspace(0, 1, 40))
    wide = 0.3 + 0.2 * numpy.cos(5 * along)
    points = numpy.stack([wide * numpy.cos(around), 0.6 * along, wide * numpy.sin(around)], axis=-1).reshape(-1, 3)
    colors = numpy.stack([0.45 + 0.5 * along, 0.3 + 0.2 * along, 0.25 + 0.0 * along], axis=-1).reshape(-1, 3)
    tracker.log_points("vase", points, 1, 100, colors=colors)


def log_pictured_charts(tracker: Any) -> None:
    """Log a table, histograms, and what is drawn of data."""
    generator = numpy.random.default_rng(0)
    for step in range(1, 101):
        loss = float(numpy.exp(-step / 30))
        tracker.log_metrics({"loss": loss, "val": {"loss": loss + 0.1 + (step / 250) ** 2}}, step=step, epoch=1)
    rows = [["How much is the pot?", "12 euros", 0.93], ["Where is the shop?", "In Berlin", 0.41]]
    tracker.log_table("answers", rows, 1, 100, columns=["prompt", "answer", "score"])
    for step in range(1, 11):
        tracker.log_histogram("weights", generator.normal(scale=1 / step**0.5, size=5_000), 1, 10 * step)
    true = generator.integers(0, len(NAMES), 400)
    scores = generator.random((400, len(NAMES)))
    # Cups are taken for bowls, and bowls for cups.
    scores[numpy.arange(400), true] += 0.5
    scores[true == 1, 2] += 0.3
    scores /= scores.sum(axis=1, keepdims=True)
    tracker.log_confusion_matrix("test", true, scores, 1, 100, class_names=NAMES)
    tracker.log_pr_curve("test", true, scores, 1, 100, class_names=NAMES)
    tracker.log_roc_curve("roc", true, scores, 1, 100, class_names=NAMES)
    pages = [10, 30, 100, 300, 1_000]
    lines = {"tuned": [0.21, 0.34, 0.52, 0.63, 0.68], "base": [0.18, 0.22, 0.27, 0.31, 0.33]}
    titles = {"title": "Quality by size of the site", "x_title": "pages", "y_title": "ROUGE-L"}
    tracker.log_line_plot("quality", lines, 1, 100, x=pages, **titles)
    samples = {"pot": 120, "cup": 64, "bowl": 85, "plate": 31}
    tracker.log_bar_plot("samples", samples, 1, 100, title="Samples of each class")
    tracker.log_chart("losses", ["loss", "val/loss"], 1, 100)
    centres = 2 * generator.normal(size=(len(NAMES), 16))
    classes = numpy.repeat(numpy.arange(len(NAMES)), 30)
    vectors = centres[classes] + generator.normal(size=(len(classes), 16))
    labels = {"class": [NAMES[number] for number in classes], "page": list(range(len(classes)))}
    tracker.log_embedding("pages", vectors, 1, 100, labels=labels)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8 * 30 * 30, 4)
    )
    tracker.log_model_graph(model, torch.zeros(1, 3, 32, 32), 1, 100)


def log_pictured_marks(tracker: Any) -> None:
    """Log an alert, a note, tags and a file."""
    tracker.log_alert("The loss diverges", "It is 12.4 at step 100.", 1, 100, level="warning")
    tracker.log_note("The learning rate was halved by hand.", 1, 100)
    tracker.log_tags(["baseline", "long"], 1, 100)
    tracker.log_file("labels.txt", b"pot\ncup\nbowl\nplate\n", 1, 100)
