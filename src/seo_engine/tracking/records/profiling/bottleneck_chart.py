"""The heaviest operations as a picture: profiling data -> bars -> PNG."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from seo_engine.profiling import share_in_words
from seo_engine.tracking.records.forms import Picture
from seo_engine.tracking.records.metrics import finite_number
from seo_engine.tracking.records.pictures.drawing import (
    BACKGROUND,
    COLOURS,
    FAINT_TEXT,
    TEXT,
    drawable,
    drawn_picture,
    shortened,
)
from seo_engine.tracking.records.profiling.profiling_metrics import entries

MOST_BARS = 10

# The width at which TensorBoard and W&B show a picture at first, so that its letters keep their size.
_WIDTH = 480
_TITLE = "Where the time went: own seconds, share of the time"
_MARGIN = 14
_ROW_HEIGHT = 42
_BAR_HEIGHT = 14
_LEGEND_HEIGHT = 26
_SWATCH = 13
_GAP = 10
_WIDEST_CATEGORY = 200

# Our own categories have the same colour in every chart; others take what is left.
_CATEGORIES = (
    "training_loop", "data_loading", "model_inference", "experiment_tracking", "preprocessing", "memory_usage",
    "parallel_computation", "performance_benchmarking", "site_audit", "progress_monitoring",
)  # fmt: skip


class _Bar(NamedTuple):
    name: str
    category: str
    seconds: float
    label: str


def import_pillow() -> None:
    """Import everything a chart needs. Pillow imports some of it only to draw and save, so this draws a chart."""
    bottleneck_chart({"operations": [{"operation": "operation", "category": "category", "self_seconds": 1.0}]})


def bottleneck_chart(profiling_data: Mapping[str, Any]) -> Picture | None:
    """Draw the heaviest operations as horizontal bars, coloured by category.

    Args:
        profiling_data (Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it; names may be any text.

    Returns:
        Picture | None: At most `MOST_BARS` of the `operations`, or of the `bottlenecks` if there are none; None if
        there is nothing to draw. Secrets in names are not shown.

    Example:
        >>> operation = {"operation": "forward_pass", "category": "training_loop", "self_seconds": 1.5}
        >>> chart = bottleneck_chart({"operations": [operation]})
        >>> chart.data[:4], chart.width
        (b'\x89PNG', 480)
        >>> bottleneck_chart({}) is None
        True
    """
    bars = _heaviest(profiling_data)
    return _draw(bars) if bars else None


def _heaviest(profiling_data: Mapping[str, Any]) -> list[_Bar]:
    for part in ("operations", "bottlenecks"):
        timed = [
            (seconds, operation)
            for operation in entries(profiling_data, part)
            if isinstance(operation, Mapping)
            and (seconds := finite_number(operation.get("self_seconds"))) is not None
            and seconds >= 0
        ]
        timed.sort(key=lambda each: each[0], reverse=True)
        if timed:
            largest = timed[0][0]
            return [
                _Bar(
                    drawable(operation.get("operation")) or "(no name)",
                    drawable(operation.get("category")) or "(no category)",
                    seconds,
                    _label(seconds, largest, finite_number(operation.get("share_percent"))),
                )
                for seconds, operation in timed[:MOST_BARS]
            ]
    return []


def _label(seconds: float, largest: float, share_percent: float | None) -> str:
    if largest >= 1e9:
        label = f"{seconds:.3g} s"
    else:
        # The same number of decimals for all, so that they can be compared.
        decimals = 1 if largest >= 100 else 3 if largest >= 0.1 else 6
        label = f"{seconds:,.{decimals}f} s"
    if share_percent is None:
        return label
    return f"{label} · {share_in_words(share_percent)}"


def _draw(bars: list[_Bar]) -> Picture:
    image_module: Any = importlib.import_module("PIL.Image")
    draw_module: Any = importlib.import_module("PIL.ImageDraw")
    font_module: Any = importlib.import_module("PIL.ImageFont")
    title_font, font, small_font = (font_module.load_default(size) for size in (18, 17, 15))

    colours = _colours(bar.category for bar in bars)
    legend = _legend_places(colours, small_font.getlength)
    top = _MARGIN + 34
    bottom = top + _ROW_HEIGHT * len(bars)
    height = bottom + 8 + _LEGEND_HEIGHT * (1 + max(row for _, row, _ in legend.values())) + _MARGIN - 6

    image = image_module.new("RGB", (_WIDTH, height), BACKGROUND)
    draw = draw_module.Draw(image)
    draw.text((_MARGIN, _MARGIN + 8), _TITLE, font=title_font, fill=TEXT, anchor="lm")

    longest = _WIDTH - 2 * _MARGIN
    largest = max(bar.seconds for bar in bars) or 1.0
    for row, bar in enumerate(bars):
        # Name and figures above their bar, so that both have room in large letters.
        words, line = top + _ROW_HEIGHT * row + 11, top + _ROW_HEIGHT * row + 22
        name = shortened(bar.name, longest - font.getlength(bar.label) - _GAP, font.getlength)
        draw.text((_MARGIN, words), name, font=font, fill=TEXT, anchor="lm")
        draw.text((_WIDTH - _MARGIN, words), bar.label, font=font, fill=FAINT_TEXT, anchor="rm")
        end = _MARGIN + max(2.0, longest * (bar.seconds / largest))
        draw.rectangle((_MARGIN, line, end, line + _BAR_HEIGHT), fill=colours[bar.category])

    for category, (x, row, shown) in legend.items():
        middle = bottom + 8 + _LEGEND_HEIGHT * row + _LEGEND_HEIGHT / 2
        draw.rectangle((x, middle - _SWATCH / 2, x + _SWATCH, middle + _SWATCH / 2), fill=colours[category])
        draw.text((x + _SWATCH + 7, middle), shown, font=small_font, fill=FAINT_TEXT, anchor="lm")

    return drawn_picture(image)


def _colours(categories: Iterable[str]) -> dict[str, str]:
    """Return a colour for each category, in the order given."""
    shown = dict.fromkeys(categories)
    ours = {category: colour for category, colour in zip(_CATEGORIES, COLOURS, strict=True) if category in shown}
    left = (colour for colour in COLOURS if colour not in ours.values())
    return {category: ours.get(category) or next(left) for category in shown}


def _legend_places(categories: Iterable[str], measure: Callable[[str], float]) -> dict[str, tuple[float, int, str]]:
    """Return the place of each category in the legend: its x position, its row, and the name shown."""
    places: dict[str, tuple[float, int, str]] = {}
    x, row = float(_MARGIN), 0
    for category in categories:
        shown = shortened(category, _WIDEST_CATEGORY, measure)
        width = _SWATCH + 7 + measure(shown)
        if x > _MARGIN and x + width > _WIDTH - _MARGIN:
            x, row = float(_MARGIN), row + 1
        places[category] = (x, row, shown)
        x += width + 2 * _GAP
    return places
