"""TensorBoard in a real browser."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from seo_engine.engine.site.crawling.rendering import browser_program
from tests.tracking.killing import PATIENCE_SECONDS, wait_until
from tests.tracking.tensorboard_server import TensorBoardServer

# What shows one tag in each tab, and what is in it when it is there.
_CARDS = {
    "images": ("tf-image-loader", "img"),
    "text": ("tf-text-loader", "paper-material"),
    "histograms": ("tf-histogram-loader", "vz-histogram-timeseries path"),
    "audio": ("tf-audio-loader", "audio"),
    "mesh": ("tf-mesh-loader", "canvas"),
    "pr_curves": ("tf-pr-curve-card", "path.line"),
}

# In the projector.
SCATTER = "#scatter canvas >> nth=0"

_CHARTS = "tf-custom-scalar-multi-line-chart-card"

# The tab MESH shows no names, so a card is found by what it is made of.
_PLACE = "(cards, tag) => cards.findIndex(card => card.tag === tag)"

_WORDS = """card => {
    const words = [];
    const walk = node => {
        if (node.nodeType === Node.TEXT_NODE) words.push(node.data.trim());
        if (node.tagName === "STYLE" || node.tagName === "SCRIPT") return;
        for (const child of [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes]) walk(child);
    };
    walk(card);
    return words.filter(word => word).join(" ");
}"""

_MILLISECONDS = PATIENCE_SECONDS * 1_000
_RESTS_AFTER = 2_000


class TensorBoardPage:
    """One window of the browser.

    Args:
        page (Page): Of playwright.
        server (TensorBoardServer): What it looks at.
    """

    def __init__(self, page: Any, server: TensorBoardServer) -> None:
        self._page = page
        self._server = server

    def resize(self, width: int, height: int) -> None:
        """Make the window as large as this, in pixels."""
        self._page.set_viewport_size({"width": width, "height": height})

    def scroll(self, distance: int) -> None:
        """Turn the wheel of the mouse, where it is."""
        self._page.mouse.wheel(0, distance)

    def rest(self) -> None:
        """Let what moves in the window come to rest."""
        self._page.wait_for_timeout(_RESTS_AFTER)

    def card(self, tab: str, tag: str) -> Any:
        """Return what shows a tag, once all of it is there."""
        shown, contents = _CARDS[tab]
        self._open(tab, f"&tagFilter=^{tag}$")
        cards = self._page.locator(shown)
        wait_until(lambda: cards.evaluate_all(_PLACE, tag) >= 0)
        card = cards.nth(cards.evaluate_all(_PLACE, tag))
        card.scroll_into_view_if_needed()
        card.locator(contents).first.wait_for(state="visible", timeout=_MILLISECONDS)
        if tab == "mesh":
            wait_until(lambda: len(colours_of(card.locator("canvas").screenshot())) > 1)
        return card

    def chart(self, title: str) -> Any:
        """Return what shows the curves of several metrics, under CUSTOM SCALARS."""
        self._open("custom_scalars")
        card = self._page.locator(_CHARTS).filter(has_text=title).first
        card.locator("path.line").first.wait_for(state="visible", timeout=_MILLISECONDS)
        return card

    def graph(self, *opened: str) -> Any:
        """Return what shows the graph of a model, after a double click on some of its nodes."""
        self._open("graphs")
        scene = self._page.locator("tf-graph-scene")
        nodes = scene.locator("g.node")
        nodes.first.wait_for(state="visible", timeout=_MILLISECONDS)
        for name in opened:
            count = nodes.count()
            node = nodes.filter(has=self._page.get_by_text(name, exact=True)).first
            node.locator(".nodecolortarget").first.dblclick()
            wait_until(lambda count=count: nodes.count() > count)
        return scene

    def projector(self) -> Any:
        """Return the inner page that shows an embedding, once its points are there."""
        self._open("projector")
        frame = self._page.frame_locator("iframe").frame_locator("iframe")
        frame.get_by_text("Points:").first.wait_for(state="visible", timeout=_MILLISECONDS)
        wait_until(lambda: len(colours_of(frame.locator(SCATTER).screenshot())) > 5)
        return frame

    def _open(self, tab: str, further: str = "") -> None:
        # A new page, because the address behind # alone loads nothing.
        self._page.goto("about:blank")
        self._page.goto(f"{self._server.address}/#{tab}{further}")


def text_of(card: Any) -> str:
    """Return the words of a card, also those in its shadow trees."""
    words: str = card.evaluate(_WORDS)
    return words


def colours_of(picture: bytes) -> dict[tuple[int, int, int], int]:
    """Return how many pixels of a picture have each colour."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    counted: Any = image.getcolors(image.width * image.height)
    return {colour: count for count, colour in counted}


@contextmanager
def tensorboard_page(log_directory: Path) -> Iterator[TensorBoardPage]:
    """Open TensorBoard on a folder of runs."""
    with TensorBoardServer(log_directory) as server, sync_playwright() as playwright:
        wait_until(lambda: server.ask("environment"))
        browser = playwright.chromium.launch(
            executable_path=browser_program(), chromium_sandbox=hasattr(os, "geteuid") and os.geteuid() != 0
        )
        try:
            yield TensorBoardPage(browser.new_page(viewport={"width": 1_100, "height": 1_400}), server)
        finally:
            browser.close()
