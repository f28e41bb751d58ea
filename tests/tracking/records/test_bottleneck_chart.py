from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, strategies
from PIL import Image

from seo_engine.tracking.records.forms import Picture
from seo_engine.tracking.records.profiling import bottleneck_chart as chart_module
from seo_engine.tracking.records.profiling.bottleneck_chart import MOST_BARS, bottleneck_chart
from tests.tracking.records.test_profiling import BOTTLENECK, FOREIGN

HOSTILE_NAMES = [
    "x" * 10_000, "W" * 10_000, "\x1b[31mred\n\x00", "\u202eright to left שלום", "مرحبا", "😀👩‍👩‍👧", "\ud800",
    "a" + "\u0301" * 5_000, "数据加载", "", " ", "\u200b", "{}%s</svg>", "\U0010ffff",
]  # fmt: skip


def opened(chart: Picture | None) -> Image.Image:
    assert chart is not None
    image = Image.open(io.BytesIO(chart.data))
    image.load()
    assert image.format == "PNG" and image.size == (chart.width, chart.height)
    return image.convert("RGB")


def operations(*names: str, category: str = "training_loop") -> dict[str, Any]:
    return {
        "operations": [
            {"operation": name, "category": category, "self_seconds": 1 / rank, "share_percent": 50 / rank}
            for rank, name in enumerate(names, start=1)
        ]
    }


def margins_are_empty(image: Image.Image) -> bool:
    """Whether nothing reaches the edges, where it would be cut off."""
    width, height = image.size
    edges = [(0, 0, width, 8), (0, height - 8, width, height), (0, 0, 8, height), (width - 8, 0, width, height)]
    return all(image.crop(edge).getcolors() == [(8 * max(width * (n < 2), height * (n > 1)), (255, 255, 255))]
               for n, edge in enumerate(edges))  # fmt: skip


def test_the_heaviest_operations_are_drawn_and_each_takes_a_row() -> None:
    heights = [opened(bottleneck_chart(operations(*"abcdefghijklmno"[:count]))).height for count in (1, 2, 10, 15)]
    assert heights[1] - heights[0] == (heights[2] - heights[1]) / 8 > 0
    assert heights[3] == heights[2] and MOST_BARS == 10
    # The order in which they come does not matter.
    data = operations(*"abcdefghijklmno")
    assert bottleneck_chart({"operations": data["operations"][::-1]}) == bottleneck_chart(data)


def test_bars_are_as_long_as_their_seconds_and_have_the_colour_of_their_category() -> None:
    entries = [
        {"operation": "a", "category": "training_loop", "self_seconds": 4.0},
        {"operation": "b", "category": "of another profiler", "self_seconds": 2.0},
        {"operation": "c", "category": "data_loading", "self_seconds": 1.0},
    ]
    image = opened(bottleneck_chart({"operations": entries}))
    counts = {colour: count for count, colour in image.getcolors(1_000_000) or []}
    # Each has a swatch in the legend beside its bar.
    training_loop, data_loading, other = (counts[colour] for colour in ((78, 121, 167), (242, 142, 43), (89, 161, 79)))
    assert training_loop > 1.8 * other > 3.2 * data_loading > 0


def test_without_operations_the_bottlenecks_are_drawn_and_without_both_nothing() -> None:
    assert bottleneck_chart({"bottlenecks": [BOTTLENECK]}) == bottleneck_chart({"operations": [BOTTLENECK]})
    assert bottleneck_chart({"operations": [], "bottlenecks": ["the disk"]}) is None
    opened(bottleneck_chart({"operations": [{"operation": "a", "self_seconds": 0}]}))


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_any_name_is_drawn_within_the_picture(name: str) -> None:
    assert margins_are_empty(opened(bottleneck_chart(operations(name, "b", category=name))))


def test_many_long_categories_stay_within_the_picture() -> None:
    entries = [
        {"operation": name, "category": name * 5, "self_seconds": 10.0**-rank, "share_percent": 1e300}
        for rank, name in enumerate(HOSTILE_NAMES)
    ]
    assert margins_are_empty(opened(bottleneck_chart({"operations": entries})))


@pytest.mark.parametrize("profiling_data", FOREIGN)
def test_data_of_another_profiler_raise_nothing(profiling_data: dict[str, Any]) -> None:
    chart = bottleneck_chart(profiling_data)
    assert chart is None or margins_are_empty(opened(chart))


@given(strategies.lists(strategies.tuples(strategies.text(), strategies.text(), strategies.floats()), max_size=12))
def test_anything_is_drawn_or_left_out(entries: list[tuple[str, str, float]]) -> None:
    chart = bottleneck_chart(
        {
            "operations": [
                {"operation": name, "category": category, "self_seconds": seconds, "share_percent": seconds}
                for name, category, seconds in entries
            ]
        }
    )
    assert (chart is None) == (not any(0 <= seconds < float("inf") for _, _, seconds in entries))
    assert chart is None or margins_are_empty(opened(chart))


def test_secrets_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    draw = chart_module._draw
    monkeypatch.setattr(chart_module, "_draw", lambda bars: shown.extend(map(repr, bars)) or draw(bars))
    secret = "https://me:hunter2@h"
    assert bottleneck_chart(operations(f"of {secret}", category=secret)) is not None
    assert "[redacted]" in shown[0] and "hunter2" not in shown[0]


def test_pillow_is_not_imported_with_the_package_and_nothing_at_drawing() -> None:
    program = f"""
import sys
import seo_engine
assert "PIL" not in sys.modules
tracker = seo_engine.TensorBoardTracker.__new__(seo_engine.TensorBoardTracker)
tracker._import_sdk()
from seo_engine.tracking.records.profiling.bottleneck_chart import bottleneck_chart
imported = set(sys.modules)
assert bottleneck_chart({operations("a", "شلوم 😀", category="b" * 500)!r})
assert set(sys.modules) == imported, set(sys.modules) - imported
"""
    subprocess.run([sys.executable, "-c", program], check=True)
