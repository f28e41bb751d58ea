"""How fast pages are read, beside similar tools: `python -m benchmarks.reading.speed [FOLDER]`, minutes.

All tools read the same pages of FOLDER, or of the bundled site, in turn over several rounds; of each page the fastest
round counts. A tool that is not installed is left out, and named. Compare the ratios: the pages per second depend on
the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import time
from collections.abc import Callable
from pathlib import Path

from seo_engine.engine.site.document.collecting import Collector
from seo_engine.engine.site.document.encoding import decode
from seo_engine.engine.site.facts import Encoding, Size
from seo_engine.engine.site.folder import SAMPLE_SITE, read_pages
from seo_engine.engine.site.parsing import parse_tree, read_document
from seo_engine.engine.site.response import NO_RESPONSE

Read = Callable[[bytes], object]

PARSER = "parser alone (selectolax)"
FACTS = "seo-engine, facts"
WHOLE = "seo-engine, facts and main text"
RESILIPARSE = "resiliparse, main text"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=SAMPLE_SITE)
    parser.add_argument("--pages", type=int, default=300, help="how many pages at most, taken at random")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="measure only these rows (a part of their names)")
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.folder.rglob("*.html") if path.is_file())
    pages = [path.read_bytes() for path in random.Random(18).sample(files, min(arguments.pages, len(files)))]
    rows, missing = _rows()
    if arguments.only:
        rows = {name: read for name, read in rows.items() if any(part in name for part in arguments.only)}
    seconds = _measured(rows, pages, arguments.rounds)
    for name, taken in seconds.items():
        print(f"{name:34}{len(pages) / taken:9.0f} pages/s   × {taken / seconds.get(PARSER, taken):6.2f} of the parser")
    if WHOLE in seconds and RESILIPARSE in seconds:
        print(f"{WHOLE}: × {seconds[WHOLE] / seconds[RESILIPARSE]:.2f} of resiliparse")
    if not arguments.only:
        _print_processes(arguments.folder)
    print(f"not installed: {', '.join(missing) or 'none'}")


def _measured(rows: dict[str, Read], pages: list[bytes], rounds: int) -> dict[str, float]:
    """Return for each row the seconds that all pages take, of each the fastest round."""
    fastest = {name: [float("inf")] * len(pages) for name in rows}
    for number, page in enumerate(pages):
        for _ in range(rounds):
            for name, read in rows.items():
                started = time.perf_counter()
                read(page)
                fastest[name][number] = min(fastest[name][number], time.perf_counter() - started)
    return {name: sum(each) for name, each in fastest.items()}


def _print_processes(folder: Path) -> None:
    """Print how long a whole folder takes in one process and in two, without their start."""
    taken: dict[int, float] = {}
    for processes in (1, 2, 1, 2):
        pages = read_pages(folder, processes=processes)
        next(pages)
        started = time.perf_counter()
        count = sum(1 for _ in pages)
        taken[processes] = min(taken.get(processes, float("inf")), time.perf_counter() - started)
    print(
        f"the folder in one process: {count / taken[1]:.0f} pages/s; in two: {count / taken[2]:.0f} pages/s, "
        f"× {taken[1] / taken[2]:.2f}"
    )


def _rows() -> tuple[dict[str, Read], list[str]]:
    """Return how each tool that is installed reads a page, and which are not."""
    rows: dict[str, Read] = {PARSER: _parse, FACTS: _facts, WHOLE: lambda data: read_document(data, "a.html")}
    missing: list[str] = []
    for name, tool in {
        RESILIPARSE: _resiliparse,
        "trafilatura, main text": _trafilatura,
        "pyseoanalyzer": _pyseo,
    }.items():
        try:
            rows[name] = tool()
        except ImportError:
            missing.append(name)
    return rows, missing


def _parse(data: bytes) -> object:
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(data)


def _facts(data: bytes) -> object:
    tree, syntax, cut = parse_tree(decode(data).text, "a.html")
    return Collector(tree, "a.html").collect(
        NO_RESPONSE, Encoding(), Size(len(data), len(data), attributes_cut=cut), syntax, ""
    )


def _resiliparse() -> Read:
    from resiliparse.extract.html2text import extract_plain_text

    return lambda data: extract_plain_text(data.decode("utf-8", "replace"), main_content=True)


def _trafilatura() -> Read:
    import trafilatura

    return lambda data: trafilatura.extract(data)


def _pyseo() -> Read:
    from pyseoanalyzer.page import Page

    def read(data: bytes) -> object:
        page = Page(url="http://a.example/", base_domain="http://a.example/")
        with contextlib.redirect_stdout(io.StringIO()):
            return page.analyze(data.decode("utf-8", "replace"))

    return read


if __name__ == "__main__":
    main()
