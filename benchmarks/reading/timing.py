"""Times how tools read pages. It imports nothing of ours, because peers run in an environment of their own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

Read = Callable[[bytes], object]

PARSER = "parser alone (selectolax)"


def pages_in(folder: Path, most: int) -> list[bytes]:
    """Return pages of a folder, taken at random and always the same."""
    files = sorted(path for path in folder.rglob("*.html") if path.is_file())
    return [path.read_bytes() for path in random.Random(18).sample(files, min(most, len(files)))]


def seconds_of(rows: dict[str, Read], pages: list[bytes], rounds: int) -> dict[str, float]:
    """Return for each tool the seconds that all pages take; they take turns, and the fastest round of a page counts."""
    fastest = {name: [float("inf")] * len(pages) for name in rows}
    for number, page in enumerate(pages):
        for _ in range(rounds):
            for name, read in rows.items():
                started = time.perf_counter()
                read(page)
                fastest[name][number] = min(fastest[name][number], time.perf_counter() - started)
    return {name: sum(each) for name, each in fastest.items()}


def is_chosen(name: str, parts: list[str]) -> bool:
    """Return whether a row is measured: its name has one of these parts, or there are none.

    Example:
        >>> is_chosen("resiliparse, main text", ["main"]), is_chosen("advertools", ["main"])
        (True, False)
    """
    return not parts or any(part in name for part in parts)


def parse(data: bytes) -> object:
    """Parse a page, and nothing else."""
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(data)
