"""Before a training, a table says which pages teach, which are left out and why, and what the template says in all."""

from __future__ import annotations

import io
from pathlib import Path

from seo_engine.engine.site.parsing import parse_page, read_document
from seo_engine.engine.site.site import Site
from seo_engine.reports.console import plain_console
from seo_engine.reports.training import pages_table


def test_pages_are_counted_by_what_keeps_them_out_with_an_example_each() -> None:
    pages = [
        parse_page(
            f"<title>Pot {number}</title><meta name=description content='Buy {number} online at our shop'><p>{number}",
            f"{number}.html",
        )
        for number in range(5)
    ]
    hidden = parse_page("<meta name=robots content=noindex><title>[bold]x", "[red]\x1b[1m.html")
    site = Site(Path("site"), (*pages, hidden, read_document(b"", "empty.html")))
    written = io.StringIO()
    plain_console(written).print(pages_table(site))
    lines = [" ".join(line.split()) for line in written.getvalue().splitlines()]
    assert lines == [
        "pages number for example",
        "to learn from 5",
        "left out: could not be read 1 empty.html",
        "left out: not indexable (noindex) 1 [red] [1m.html",
        "the same words in the descriptions 5 online at our shop",
    ]
