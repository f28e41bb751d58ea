"""TensorBoard in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from seo_engine.engine.site.crawling.rendering import browser_program
from tests.tracking.killing import PATIENCE_SECONDS, wait_until
from tests.tracking.tensorboard_server import TensorBoardServer

# What shows one tag in each tab, and when it is there.
_CARDS = {
    "images": ("tf-image-loader", "img"),
    "text": ("tf-text-loader", "paper-material"),
    "histograms": ("tf-histogram-loader", "vz-histogram-timeseries path"),
}

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


class TensorBoardPage:
    """One window of the browser.

    Args:
        page (Page): Of playwright.
        server (TensorBoardServer): What it looks at.
    """

    def __init__(self, page: Any, server: TensorBoardServer) -> None:
        self._page = page
        self._server = server

    def card(self, tab: str, tag: str) -> Any:
        """Return what shows a tag, once all of it is there."""
        shown, contents = _CARDS[tab]
        # A new page, because the address behind # alone loads nothing.
        self._page.goto("about:blank")
        self._page.goto(f"{self._server.address}/#{tab}&tagFilter=^{tag}$")
        card = self._page.locator(shown).filter(has_text=tag).first
        card.locator(contents).first.wait_for(state="visible", timeout=PATIENCE_SECONDS * 1_000)
        return card


def text_of(card: Any) -> str:
    """Return the words of a card, also those in its shadow trees."""
    words: str = card.evaluate(_WORDS)
    return words


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
