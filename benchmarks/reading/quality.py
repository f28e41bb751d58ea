"""How well the main text is found, beside similar tools: `python -m benchmarks.reading.quality FOLDER`, some minutes.

FOLDER holds the sites of `labels.jsonl`: each Debian package unpacked under its name (`dpkg-deb -x`), and a clone of
mozilla/readability under `readability`. The other tools see each page alone; ours sees its site first, too.
"""

from __future__ import annotations

import argparse
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.reading.labels import HELD_OUT, LabelledPage, f_measure, labelled_pages, main_text_of
from seo_engine.engine.site.document.main_text import Repetition, RepetitionCount
from seo_engine.engine.site.parsing import read_document, survey_document

Extract = Callable[[LabelledPage, bytes], str]

# What of a package is the site; of the newspaper and the wikis, only the labelled pages are there.
_PARTS = {
    "apache2-doc": "usr/share/doc/apache2-doc/manual/en",
    "rust-doc": "usr/share/doc/rust-doc/html/{book,reference,rust-by-example,std,cargo}",
}
_MOST_SURVEYED = 400


def main() -> None:
    """Measure and print, for the pages that were looked at while the extractor was written, and for the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--held-out", action="store_true", help="the twenty pages that were looked at once")
    arguments = parser.parse_args()
    pages = [page for page in labelled_pages() if (page.number in HELD_OUT) == arguments.held_out]
    sites = list(dict.fromkeys(page.site for page in pages))
    print(f"{'':24}" + "".join(f"{site[:12]:>13}" for site in sites) + f"{'all':>8}")
    for name, extract in _extractors(arguments.folder).items():
        measured: dict[str, list[float]] = {site: [] for site in sites}
        for page in pages:
            data = _file(arguments.folder, page).read_bytes()
            wanted = main_text_of(page, data.decode("utf-8", "replace"))
            measured[page.site].append(f_measure(extract(page, data), wanted))
        values = [value for found in measured.values() for value in found]
        row = "".join(f"{statistics.mean(found):13.3f}" for found in measured.values())
        print(f"{name:24}{row}{statistics.mean(values):8.3f}")


def _extractors(folder: Path) -> dict[str, Extract]:
    import trafilatura
    from resiliparse.extract.html2text import extract_plain_text

    repetitions: dict[str, Repetition] = {}

    def ours(page: LabelledPage, data: bytes) -> str:
        if page.site not in repetitions:
            repetitions[page.site] = _survey(folder, page.site)
        return read_document(data, "a.html", repetition=repetitions[page.site]).main_text

    return {
        "seo-engine": ours,
        "seo-engine, page alone": lambda page, data: read_document(data, "a.html").main_text,
        "resiliparse": lambda page, data: extract_plain_text(data.decode("utf-8", "replace"), main_content=True),
        "trafilatura": lambda page, data: trafilatura.extract(data, include_comments=False) or "",
        "trafilatura, recall": lambda page, data: (
            trafilatura.extract(data, favor_recall=True, include_comments=False) or ""
        ),
    }


def _survey(folder: Path, site: str) -> Repetition:
    files = sorted(_files(folder, site))
    count = RepetitionCount()
    for file in files[:: max(1, len(files) // _MOST_SURVEYED)]:
        count.add(survey_document(file.read_bytes(), "a.html"))
    return count.repetition()


def _files(folder: Path, site: str) -> Iterator[Path]:
    if not (folder / site).is_dir():
        yield from (_file(folder, page) for page in labelled_pages() if page.site == site)
        return
    part = _PARTS.get(site, "")
    match = re.fullmatch(r"(.*)\{(.*)\}", part)
    parts = [match[1] + each for each in match[2].split(",")] if match else [part]
    for each in parts:
        yield from (path for path in (folder / site / each).rglob("*.html") if path.is_file())


def _file(folder: Path, page: LabelledPage) -> Path:
    package = folder / page.site
    return (package if package.is_dir() else folder / "readability") / page.path


if __name__ == "__main__":
    main()
