"""How fast pages are read, beside similar tools: `python -m benchmarks.reading.speed [FOLDER]`, minutes.

All tools read the same pages of FOLDER, or of the bundled site, in turn over several rounds; of each page the fastest
round counts. A tool that is not installed is left out, and named. Compare the ratios: the pages per second depend on
the machine. With `--save`, the figures go into results.json and the documents.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.reading.timing import PARSER, Read, is_chosen, pages_in, parse, seconds_of
from benchmarks.report import (
    READING_BUDGET_ROWS,
    RESULTS,
    as_markdown,
    reading_budget_table,
    reading_origin_line,
    reading_table,
)
from benchmarks.rows import versions
from seo_engine.engine.site.document.collecting import Collector
from seo_engine.engine.site.document.encoding import decode
from seo_engine.engine.site.facts import Encoding, Size
from seo_engine.engine.site.folder import SAMPLE_SITE, read_pages
from seo_engine.engine.site.parsing import parse_tree, read_document
from seo_engine.engine.site.response import NO_RESPONSE

FACTS, WHOLE, RESILIPARSE = READING_BUDGET_ROWS
_LIBRARIES = ("seo-engine", "selectolax", "Resiliparse", "trafilatura")

# Where `make benchmark` installs what cannot be installed beside seo-engine.
_PEERS = Path(__file__).parents[2] / ".venv-peers" / "bin" / "python"


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=SAMPLE_SITE)
    parser.add_argument("--pages", type=int, default=250, help="how many pages at most, taken at random")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[], help="measure only these rows (a part of their names)")
    parser.add_argument("--save", action="store_true", help="save them; run `make docs` afterwards")
    arguments = parser.parse_args()
    reading = measure_reading(arguments.folder, arguments.pages, arguments.rounds, arguments.only)
    if arguments.save:
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
        results["reading"] = reading
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"{reading_origin_line(reading)}\n\n{as_markdown(reading_table(reading))}")
    print(f"\n{as_markdown(reading_budget_table(reading))}")


def measure_reading(
    folder: Path = SAMPLE_SITE, most: int = 250, rounds: int = 5, only: list[str] | None = None
) -> dict[str, Any]:
    """Return how long each tool takes for the same pages, as ratios of the parser's time."""
    rows, missing = _rows(only or [])
    pages = pages_in(folder, most)
    seconds = seconds_of({PARSER: parse, **rows}, pages, rounds)
    ratios = {name: taken / seconds[PARSER] for name, taken in seconds.items()}
    rates = {name: len(pages) / taken for name, taken in seconds.items()}
    if _PEERS.exists():
        command = [str(_PEERS), "-m", "benchmarks.reading.peers", str(folder), "--pages", str(most)]
        command += ["--rounds", str(rounds), "--only", *(only or [])]
        peers = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        ratios.update({name: taken / peers[PARSER] for name, taken in peers.items() if name != PARSER})
        rates.update({name: len(pages) / taken for name, taken in peers.items() if name != PARSER})
    else:
        missing += ["advertools", "pyseoanalyzer"]
    reading: dict[str, Any] = {
        "machine": describe_machine(),
        "versions": versions(_LIBRARIES),
        "rounds": rounds,
        "site": "the bundled site" if folder == SAMPLE_SITE else folder.name,
        "pages": len(pages),
        "pages_a_second": rates,
        "of_the_parser": ratios,
        "missing": missing,
    }
    if not only:
        reading["two_processes"] = _two_processes(folder)
    return reading


def _two_processes(folder: Path) -> float:
    """Return how many times as fast two processes read a whole folder as one, without their start."""
    taken: dict[int, float] = {}
    for processes in (1, 2) * 3:
        pages = read_pages(folder, processes=processes)
        next(pages)
        started = time.perf_counter()
        for _ in pages:
            pass
        taken[processes] = min(taken.get(processes, float("inf")), time.perf_counter() - started)
    return taken[1] / taken[2]


def _rows(only: list[str]) -> tuple[dict[str, Read], list[str]]:
    """Return how each tool that is installed and chosen reads a page, and which are not installed."""
    tools = {
        FACTS: lambda: _facts,
        WHOLE: lambda: lambda data: read_document(data, "a.html"),
        RESILIPARSE: _resiliparse,
        "trafilatura, main text": _trafilatura,
    }
    rows: dict[str, Read] = {}
    missing: list[str] = []
    for name, make in tools.items():
        if not is_chosen(name, only):
            continue
        try:
            rows[name] = make()
        except ImportError:
            missing.append(name)
    return rows, missing


def _facts(data: bytes) -> object:
    parsed = parse_tree(decode(data).text, "a.html")
    size = Size(len(data), len(data))
    return Collector(parsed.tree, "a.html").collect(NO_RESPONSE, Encoding(), size, parsed.syntax, "")


def _resiliparse() -> Read:
    from resiliparse.extract.html2text import extract_plain_text

    return lambda data: extract_plain_text(data.decode("utf-8", "replace"), main_content=True)


def _trafilatura() -> Read:
    import trafilatura

    return lambda data: trafilatura.extract(data)


if __name__ == "__main__":
    main()
