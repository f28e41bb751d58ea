"""What people see of everything that is no number in TensorBoard, from a real server in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker
from tests.browser.tensorboard_page import TensorBoardPage, colours_of, tensorboard_page, text_of
from tests.tracking.logged_kinds import log_further_kinds
from tests.tracking.logged_media import config, log_everything


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoardPage]:
    folder: Path = tmp_path_factory.mktemp("runs")
    with ExperimentTracker(config(folder, wandb_logging=False)) as tracker:
        log_everything(tracker)
        log_further_kinds(tracker)
        for step in range(1, 6):
            tracker.log_metrics({"loss": 1 / step, "val": {"loss": 2 / step}}, epoch=1, step=step)
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
        ("video/frames", 12, 8),
        ("confusion/test", None, None),
        ("roc_curves/roc", 600, 380),
        ("plots/spread", 600, 380),
        ("plots/samples", 600, 380),
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
        ("audio/tone/caption", "a tone, https://[redacted]@h"),
        ("video/frames/caption", "red, green, blue"),
        ("embeddings/words", "30 points of 5 dimensions: embeddings/words, step 32 under PROJECTOR"),
        ("experiment/alerts", "The loss diverges (warning) See https://[redacted]@h"),
        ("experiment/notes", "Halved by hand."),
        ("experiment/tags", "baseline, long"),
        ("files/labels.txt", "A file, in the folder of the run: media/"),
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


def test_a_sound_can_be_played(shown: TensorBoardPage) -> None:
    player = shown.card("audio", "audio/tone").locator("audio")
    assert player.evaluate("""async player => {
        if (player.readyState < 1) await new Promise(loaded => player.onloadedmetadata = loaded);
        player.muted = true;
        await player.play();
        return player.duration;
    }""") == pytest.approx(2)


def test_a_video_moves(shown: TensorBoardPage) -> None:
    picture = shown.card("images", "video/frames").locator("img").first
    seen: set[int] = set()
    while len(seen) < 3:
        # Red, green and blue, one after the other.
        ((red, green, blue), _), *_ = sorted(colours_of(picture.screenshot()).items(), key=lambda each: -each[1])
        seen.add([red, green, blue].index(max(red, green, blue)))


@pytest.mark.parametrize("tag", ["points/cloud", "points/mesh"])
def test_points_and_meshes_are_drawn(shown: TensorBoardPage, tag: str) -> None:
    colours = colours_of(shown.card("mesh", tag).locator("canvas").screenshot())
    assert sum(count for colour, count in colours.items() if colour != (255, 255, 255)) > 500


@pytest.mark.parametrize("name", ["cat", "dog", "cow"])
def test_each_class_has_a_precision_recall_curve(shown: TensorBoardPage, name: str) -> None:
    line = shown.card("pr_curves", f"pr_curves/precision/{name}").locator("path.line").first
    width, height = line.evaluate("line => [line.getBBox().width, line.getBBox().height]")
    assert width > 200 and height > 50


def test_a_chart_has_the_curves_of_its_metrics(shown: TensorBoardPage) -> None:
    card = shown.chart("losses")
    heights = card.locator(".line-plot:not(.ghost) path.line").evaluate_all(
        "lines => lines.map(line => line.getBBox().height)"
    )
    assert len(heights) == 2 and min(heights) > 50
    assert "Matches (2)" in text_of(card)


def test_an_embedding_has_its_points_and_labels(shown: TensorBoardPage) -> None:
    projector = shown.projector()
    words = text_of(projector.locator("body"))
    assert "Points: 30" in words and "Dimension: 5" in words and "embeddings/words, step 32" in words
    projector.locator("vz-projector-inspector-panel vz-projector-input input").fill("word 17")
    projector.get_by_text("1 matches.").wait_for(state="visible")


def test_a_graph_has_its_nodes_and_those_within_them(shown: TensorBoardPage) -> None:
    assert {"input", "Sequential", "output"} <= set(text_of(shown.graph()).split())
    assert {"Linear[0]", "ReLU[1]", "Linear[2]"} <= set(text_of(shown.graph("Sequential")).split())
