"""Renews the pictures of `docs/records.md`: `python -m tests.browser.pictures`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot
import numpy

from seo_engine import ExperimentTracker, TrackingConfig
from tests.browser.tensorboard_page import tensorboard_page

PICTURES = Path(__file__).parent.parent.parent / "docs" / "pictures"

SHOWN = {
    "image": ("images", "images/found"),
    "table": ("images", "tables/answers"),
    "figure": ("images", "figures/curve"),
    "histogram": ("histograms", "histograms/weights"),
    "html": ("text", "html/report/text_summary"),
}


def log(tracker: ExperimentTracker) -> None:
    """Log what the document shows."""
    across, down = numpy.meshgrid(numpy.linspace(0, 1, 320), numpy.linspace(0, 1, 240))
    photo = numpy.dstack([0.9 - 0.2 * down, 0.85 - 0.1 * across, 0.75 + 0.2 * down])
    pot = ((across - 0.45) / 0.18) ** 2 + ((down - 0.55) / 0.28) ** 2 < 1
    photo[pot] = (0.72, 0.4, 0.28)
    box = {"x_minimum": 84, "y_minimum": 62, "x_maximum": 204, "y_maximum": 202, "class_number": 1, "score": 0.93}
    tracker.log_image(
        "found", photo, 1, 100, masks={"truth": pot.astype("uint8")}, boxes={"model": [box]}, class_labels={1: "pot"}
    )
    rows = [["How much is the pot?", "12 euros", 0.93], ["Where is the shop?", "In Berlin", 0.41]]
    tracker.log_table("answers", rows, 1, 100, columns=["prompt", "answer", "score"])
    figure, axes = matplotlib.pyplot.subplots(figsize=(5, 3.2))
    axes.plot(numpy.exp(-numpy.arange(40) / 12))
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    tracker.log_figure("curve", figure, 1, 100)
    generator = numpy.random.default_rng(0)
    for step in range(1, 11):
        tracker.log_histogram("weights", generator.normal(scale=1 / step**0.5, size=5_000), 1, 10 * step)
    table = "<table><tr><th>page</th><th>title</th></tr><tr><td>/</td><td>Pots</td></tr></table>"
    page = f"<h2>Report</h2><p>All is well.</p>{table}"
    tracker.log_html("report", page, 1, 100)


def main() -> None:
    """Log into a run, and take a picture of each kind from TensorBoard."""
    with tempfile.TemporaryDirectory() as folder:
        config = TrackingConfig(
            tensorboard_log_dir=folder, experiment_name="pots", wandb_logging=False, print_summary=False
        )
        with ExperimentTracker(config) as tracker:
            log(tracker)
        with tensorboard_page(Path(folder)) as page:
            for name, (tab, tag) in SHOWN.items():
                page.card(tab, tag).screenshot(path=PICTURES / f"records_{name}.png")


if __name__ == "__main__":
    main()
