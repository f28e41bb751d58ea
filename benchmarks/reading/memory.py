"""How much memory the reading of a site takes, by its size: `python -m benchmarks.reading.memory 1000 100000`.

For each number it makes so many pages of the bundled site's kind, 200 in a folder, reads them with `read_pages` in a
program of its own, and prints the highest memory of that program and of one of the processes that read for it (PSS,
as Linux counts it: what several share is divided among them), and the pages per second.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from seo_engine.engine.site.folder import SAMPLE_SITE

_IN_A_FOLDER = 200
_LOOK_SECONDS = 0.2
_READ = (
    "import sys; from seo_engine.engine.site.folder import read_pages; print(sum(1 for _ in read_pages(sys.argv[1])))"
)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=int, nargs="+")
    print("| pages | program, MB | one that reads, MB | pages/s |\n|---:|---:|---:|---:|")
    for pages in parser.parse_args().pages:
        with tempfile.TemporaryDirectory() as folder:
            write_pages(Path(folder), pages)
            print("| " + " | ".join(_measured(folder, pages)) + " |", flush=True)


def write_pages(folder: Path, count: int) -> None:
    """Write pages with titles, descriptions and texts of their own.

    Args:
        folder (Path): Gets them.
        count (int): How many.
    """
    templates = [path.read_text(encoding="utf-8") for path in sorted(SAMPLE_SITE.rglob("*.html"))]
    for number in range(count):
        if number % _IN_A_FOLDER == 0:
            inner = folder / f"{number // _IN_A_FOLDER:05d}"
            inner.mkdir()
        page = (
            templates[number % len(templates)].replace("<title>", f"<title>{number} ").replace("<p>", f"<p>{number}: ")
        )
        (inner / f"{number}.html").write_text(page, encoding="utf-8")


def _measured(folder: str, pages: int) -> list[str]:
    began = time.monotonic()
    highest = {True: 0, False: 0}
    with subprocess.Popen([sys.executable, "-c", _READ, folder], stdout=subprocess.PIPE, text=True) as program:
        parent = psutil.Process(program.pid)
        while program.poll() is None:
            for process in (parent, *parent.children()):
                try:
                    memory = process.memory_full_info().pss
                except psutil.Error:
                    # It has ended since.
                    continue
                is_parent = process == parent
                highest[is_parent] = max(highest[is_parent], memory)
            time.sleep(_LOOK_SECONDS)
        read = int(program.stdout.read() if program.stdout else 0)
    assert read == pages, f"{read} of {pages} pages were read"
    seconds = time.monotonic() - began
    return [f"{pages:,}", f"{highest[True] / 1e6:.0f}", f"{highest[False] / 1e6:.0f}", f"{pages / seconds:.0f}"]


if __name__ == "__main__":
    main()
