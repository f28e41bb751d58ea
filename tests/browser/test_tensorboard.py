"""What people see of pictures, tables, histograms and pages in TensorBoard, from a real server in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker
from tests.browser.tensorboard_page import TensorBoardPage, tensorboard_page, text_of
from tests.tracking.logged_media import config, log_everything


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoardPage]:
    folder: Path = tmp_path_factory.mktemp("runs")
    with ExperimentTracker(config(folder, wandb_logging=False)) as tracker:
        log_everything(tracker)
    with tensorboard_page(folder) as page:
        yield page


@pytest.mark.parametrize(
    ("tag", "width", "height"),
    [
        ("images/coloured", 10, 6),
        ("images/several", 10, 6),
        ("images/marked", 10, 6),
        ("figures/drawn", 640, 480),
        ("tables/answers", None, None),
        ("tables/pictured", None, None),
    ],
)
def test_a_picture_is_drawn(shown: TensorBoardPage, tag: str, width: int | None, height: int | None) -> None:
    picture = shown.card("images", tag).locator("img").first
    size = picture.evaluate(
        "async picture => { await picture.decode(); return [picture.naturalWidth, picture.naturalHeight]; }"
    )
    assert size == [width, height] if width is not None else min(size) > 50


def test_several_pictures_are_samples_of_one_name(shown: TensorBoardPage) -> None:
    assert "sample: 1 of 2" in text_of(shown.card("images", "images/several"))


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("images/coloured/caption", "a caption, https://[redacted]@h"),
        ("tables/answers", "How much?"),
        ("html/page", "Report"),
        ("figures/interactive", "plotly.io.read_json"),
        ("text/note", "a < b"),
    ],
)
def test_a_text_is_shown(shown: TensorBoardPage, tag: str, text: str) -> None:
    assert text in text_of(shown.card("text", f"{tag}/text_summary"))


def test_a_table_is_a_table_and_a_page_has_its_headings(shown: TensorBoardPage) -> None:
    cells = shown.card("text", "tables/answers/text_summary").locator("td:not(:has(table))").all_inner_texts()
    assert cells == ["How much?", "https://[redacted]@h", "0.5"]
    assert shown.card("text", "html/page/text_summary").locator("h1").inner_text() == "Report"


@pytest.mark.parametrize("tag", ["histograms/values", "histograms/counted"])
def test_a_histogram_is_drawn(shown: TensorBoardPage, tag: str) -> None:
    paths = shown.card("histograms", tag).locator("vz-histogram-timeseries path")
    assert paths.evaluate_all("paths => Math.max(...paths.map(path => path.getBBox().height))") > 20
