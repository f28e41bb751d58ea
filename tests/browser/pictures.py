"""Renews the pictures of `docs/records.md`: `python -m tests.browser.pictures`."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image

from seo_engine import ExperimentTracker, TrackingConfig
from tests.browser.pictured_kinds import log_pictured_charts, log_pictured_marks, log_pictured_media
from tests.browser.tensorboard_page import SCATTER, TensorBoardPage, tensorboard_page

PICTURES = Path(__file__).parent.parent.parent / "docs" / "pictures"

# In each tab, what one tag shows.
CARDS = {
    "image": ("images", "images/found"),
    "figure": ("images", "figures/curve"),
    "audio": ("audio", "audio/tone"),
    "video": ("images", "video/episode"),
    "table": ("images", "tables/answers"),
    "histogram": ("histograms", "histograms/weights"),
    "confusion_matrix": ("images", "confusion/test"),
    "pr_curve": ("pr_curves", "pr_curves/test/pot"),
    "roc_curve": ("images", "roc_curves/roc"),
    "line_plot": ("images", "plots/quality"),
    "bar_plot": ("images", "plots/samples"),
}
# Those that are as wide as the window.
WIDE_CARDS = {
    "points": ("mesh", "points/vase"),
    "html": ("text", "html/report/text_summary"),
    "alert": ("text", "experiment/alerts/text_summary"),
    "note": ("text", "experiment/notes/text_summary"),
    "tags": ("text", "experiment/tags/text_summary"),
    "file": ("text", "files/labels.txt/text_summary"),
}

# The projector's pane on the right is empty.
_PROJECTOR_WIDTH = 800


def main() -> None:
    """Log into a run, and take a picture of each kind from TensorBoard."""
    with tempfile.TemporaryDirectory() as folder:
        config = TrackingConfig(
            tensorboard_log_dir=folder, experiment_name="pots", wandb_logging=False, print_summary=False
        )
        with ExperimentTracker(config) as tracker:
            log_pictured_media(tracker)
            log_pictured_charts(tracker)
            log_pictured_marks(tracker)
        with tensorboard_page(Path(folder)) as page:
            for name, (tab, tag) in CARDS.items():
                keep(name, page.card(tab, tag).screenshot())
            chart = page.chart("losses")
            page.rest()
            keep("chart", chart.screenshot())
            page.resize(760, 760)
            for name, (tab, tag) in WIDE_CARDS.items():
                keep(name, page.card(tab, tag).screenshot())
            page.resize(1_100, 760)
            keep("graph", graph_picture(page))
            keep("embedding", embedding_picture(page))


def graph_picture(page: TensorBoardPage) -> bytes:
    """Return what the graph of a model looks like with its parts unfolded, and none of them chosen."""
    scene = page.graph("Sequential")
    page.rest()
    scene.locator("#svg").click(position={"x": 5, "y": 300})
    page.rest()
    picture: bytes = scene.locator("#root").screenshot()
    return picture


def embedding_picture(page: TensorBoardPage) -> bytes:
    """Return what an embedding looks like in the colours of its classes, from a bit further away."""
    projector = page.projector()
    projector.locator("#colorby").click()
    projector.locator("#colorby paper-item").filter(has_text="class").click()
    projector.locator(SCATTER).hover()
    page.scroll(1_200)
    page.rest()
    image = Image.open(io.BytesIO(projector.locator("body").screenshot()))
    file = io.BytesIO()
    image.crop((0, 0, _PROJECTOR_WIDTH, image.height)).save(file, "PNG")
    return file.getvalue()


def keep(name: str, picture: bytes) -> None:
    """Keep a picture."""
    (PICTURES / f"records_{name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
