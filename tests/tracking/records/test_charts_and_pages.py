"""Histograms, figures and pages."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot
import numpy
import plotly.graph_objects
import pytest
import torch

from seo_engine.tracking.payloads.run_payloads import HeldPayloads
from seo_engine.tracking.records.forms import Histogram, Html, Image, Markdown, PlotlyFigure
from seo_engine.tracking.records.kinds import KINDS
from seo_engine.tracking.records.media.html import simple_html

MOMENT = {"epoch": 1, "step": 5}

# As the configuration has it.
MOST_BYTES = 256_000_000


def forms(tmp_path: Path, kind: str, **arguments: Any) -> tuple[Any, ...]:
    made = KINDS[kind].make_records({"name": "it", **MOMENT, **arguments}, most_bytes=MOST_BYTES)
    payloads = HeldPayloads(tmp_path, made.payloads)
    made.refer_to(payloads.references)
    shown = KINDS[kind].shown(made.records[0], payloads)
    assert shown is not None
    (found,) = shown.media
    return found


def refusal(kind: str, **arguments: Any) -> str:
    with pytest.raises((TypeError, ValueError, OSError)) as caught:
        KINDS[kind].make_records({"name": "it", **MOMENT, **arguments}, most_bytes=MOST_BYTES)
    return str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 2, 5],
        (True, False, True),
        numpy.arange(1_000).reshape(10, 100),
        torch.linspace(-3, 3, 50, dtype=torch.bfloat16),
        torch.ones(4, requires_grad=True),
        numpy.array([7]),
    ],
)
def test_every_value_is_counted_in_a_histogram(tmp_path: Path, values: Any) -> None:
    (histogram,) = forms(tmp_path, "histogram", values=values)
    assert isinstance(histogram, Histogram) and histogram.name == "histograms/it"
    edges, counts = histogram.read()
    assert len(edges) == len(counts) + 1 == 65
    assert sum(counts) == (values.numel() if isinstance(values, torch.Tensor) else numpy.size(values))


@pytest.mark.parametrize(
    "values",
    [
        numpy.array([1.0, numpy.nextafter(1, 2)]),
        numpy.array([2**63, 2**63 + 1], dtype="uint64"),
        numpy.array([0, 5e-324]),
        numpy.array([1e308, -1e308]),
        numpy.full(5, -7.5e300),
    ],
)
def test_values_that_are_close_together_or_far_apart_are_counted(tmp_path: Path, values: Any) -> None:
    (histogram,) = forms(tmp_path, "histogram", values=values)
    edges, counts = histogram.read()
    assert sum(counts) == values.size and all(low < high for low, high in itertools.pairwise(edges))


def test_values_that_are_not_finite_are_left_out_and_counted(tmp_path: Path) -> None:
    values = numpy.array([1.0, numpy.nan, 2.0, -numpy.inf])
    made = KINDS["histogram"].make_records({"name": "it", **MOMENT, "values": values}, most_bytes=MOST_BYTES)
    assert made.records[0]["values_not_finite"] == 2
    (histogram,) = forms(tmp_path, "histogram", values=values)
    assert sum(histogram.read()[1]) == 2


def test_a_histogram_that_is_counted_already_stays_as_it_is(tmp_path: Path) -> None:
    (histogram,) = forms(tmp_path, "histogram", values=None, counts=torch.tensor([1, 5]), edges=[0, 10, 30])
    assert histogram.read() == ([0.0, 10.0, 30.0], [1.0, 5.0])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"values": []}, "values must hold at least one finite number"),
        ({"values": [float("nan")]}, "values must hold at least one finite number"),
        ({"values": ["a"]}, "values must hold numbers, got elements of type str"),
        ({"values": (each for each in [1])}, "values must be an array, got a value of type generator"),
        ({"values": None}, "a histogram must have values, or both counts and edges"),
        ({"values": [1], "counts": [1], "edges": [0, 1]}, "a histogram must be of values, or of counts and edges"),
        ({"values": None, "counts": [1], "edges": [0]}, "1 to 512 counts, and one edge more, got 1 and 1"),
        ({"values": None, "counts": [1] * 513, "edges": range(514)}, "got 513 and 514"),
        ({"values": None, "counts": [-1], "edges": [0, 1]}, "counts must be finite, and not negative"),
        ({"values": None, "counts": [1], "edges": [1, 0]}, "edges must be finite, and each greater"),
    ],
)
def test_what_is_no_histogram_is_refused_with_one_reason(arguments: dict[str, Any], reason: str) -> None:
    if isinstance(arguments.get("edges"), range):
        arguments = arguments | {"edges": list(arguments["edges"])}
    assert reason in refusal("histogram", **arguments)


def test_a_figure_of_matplotlib_is_a_picture_and_stays_open(tmp_path: Path) -> None:
    figure, axes = matplotlib.pyplot.subplots()
    axes.plot([1, 3, 2])
    pictures = []
    for each in (figure, axes, matplotlib.pyplot):
        (image,) = forms(tmp_path, "figure", figure=each, caption="a curve")
        assert isinstance(image, Image) and image.name == "figures/it"
        pictures += image.draw()
    assert [(picture.width, picture.height, picture.caption) for picture in pictures] == [(640, 480, "a curve")] * 3
    assert len({picture.data for picture in pictures}) == 1
    assert matplotlib.pyplot.fignum_exists(figure.number)
    matplotlib.pyplot.close(figure)


def test_an_artist_in_a_part_of_a_figure_shows_the_whole_figure(tmp_path: Path) -> None:
    figure = matplotlib.pyplot.figure()
    left, _ = figure.subfigures(1, 2)
    (line,) = left.subplots().plot([1, 2])
    (image,) = forms(tmp_path, "figure", figure=line)
    assert (image.draw()[0].width, image.draw()[0].height) == (640, 480)
    matplotlib.pyplot.close(figure)


def test_a_figure_of_plotly_stays_interactive_and_says_where_it_is(tmp_path: Path) -> None:
    figure = plotly.graph_objects.Figure(plotly.graph_objects.Scatter(y=[1, 3, 2], name="https://me:hunter2@h"))
    made, text = forms(tmp_path, "figure", figure=figure, caption="a curve")
    assert isinstance(made, PlotlyFigure) and isinstance(text, Markdown)
    kept = json.loads(made.file().read_text())
    assert kept["data"][0]["y"] == [1, 3, 2] and "hunter2" not in str(kept)
    assert made.caption == "a curve" and "a curve" in text.write() and f"media/{made.file().name}" in text.write()


def test_what_is_no_figure_or_cannot_be_drawn_is_refused() -> None:
    assert refusal("figure", figure=5) == "figure must be one of matplotlib or Plotly, got 5 (int)"
    figure, axes = matplotlib.pyplot.subplots()
    axes.set_title("$\\frac{$")
    assert "Parse" in refusal("figure", figure=figure)
    matplotlib.pyplot.close(figure)


@pytest.mark.parametrize("given", ["text", "path", "file", "bytes"])
def test_a_page_is_kept_without_secrets(tmp_path: Path, given: str) -> None:
    page = "<h1>Räport</h1><p>https://me:hunter2@h</p><script>alert(1)</script>"
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    html = {"text": page, "path": path, "file": io.StringIO(page), "bytes": page.encode()}[given]
    made, text = forms(tmp_path, "html", html=html)
    assert isinstance(made, Html) and isinstance(text, Markdown) and made.name == "html/it"
    assert made.file().read_text(encoding="utf-8") == page.replace("me:hunter2", "[redacted]")
    assert text.write() == "<h1>Räport</h1><p>https://[redacted]@h</p>"


def test_a_page_in_another_encoding_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes("<p>Töpfe</p>".encode("latin-1"))
    made, _ = forms(tmp_path, "html", html=path)
    assert made.file().read_text(encoding="utf-8") == "<p>T\ufffdpfe</p>"


@pytest.mark.parametrize(
    "page",
    [
        "<p>api_key&#61;hunter2abc</p>",
        "<p>api_key=<span>hunter2abc</span></p>",
        "<p>https://me:hunter2abc&#64;h</p>",
    ],
)
def test_a_secret_between_tags_or_in_entities_is_kept_nowhere(tmp_path: Path, page: str) -> None:
    made, text = forms(tmp_path, "html", html=f"<h1>Report</h1>{page}")
    assert "hunter2abc" not in made.file().read_text() + text.write()
    assert "Report" in made.file().read_text() and "[redacted]" in text.write()


@pytest.mark.parametrize("unit", ["<a ", "<p", "<?", "</a ", '<a x="', "<!--", "<", "&", "<script", "<script>", "x<y "])
def test_what_a_page_says_is_found_in_time_whatever_it_is(unit: str) -> None:
    # Twice as much takes about twice as long; what takes the square of it would take minutes here.
    simple_html(unit * (1_000_000 // len(unit)))


def test_a_table_of_plotly_is_without_the_secrets_of_its_columns(tmp_path: Path) -> None:
    table = plotly.graph_objects.Table(header={"values": ["api_key", "b"]}, cells={"values": [["hunter2abc"], [1]]})
    made, _ = forms(tmp_path, "figure", figure=plotly.graph_objects.Figure(table))
    assert json.loads(made.file().read_text())["data"][0]["cells"]["values"] == [["[redacted]"], [1]]


def test_what_is_no_page_is_refused() -> None:
    assert refusal("html", html=5) == "html must be a text, a Path or a file, got 5 (int)"
    assert refusal("html", html=" ") == "html must not be empty"
    assert refusal("html", html="<p>text</p>".encode("utf-16")) == "html must be text in UTF-8"
    assert "it is not a regular file" in refusal("html", html=Path("/dev/zero"))
