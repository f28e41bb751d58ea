"""What a training on real sites is worth: `python -m benchmarks.reading.training SITE …`, many minutes a site.

Each SITE is a folder of pages, fine-tuned on as `seo-engine train SITE` does, split by page and by folder. It prints
a Markdown table: on the held-out pages, how near the titles and descriptions come to those of the site's editors
(ROUGE-L, mean of the pages) from the obvious ones, the base model and the fine-tuned model, and what the training
gained over the obvious ones. In brackets are 95 % intervals by bootstrap: 10,000 samples of the held-out pages
(Efron and Tibshirani 1993, percentile method).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seo_engine.engine.configuration import SPLITS
from seo_engine.engine.site.folder import read_site
from seo_engine.engine.snippet_quality import baseline_snippets, measure_snippets
from seo_engine.engine.snippets import Snippet

RESAMPLES = 10_000
PARTS = {"rouge_l_title": "title", "rouge_l_description": "description"}


def main() -> None:
    """Train on each site, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sites", type=Path, nargs="+")
    parser.add_argument("--split-by", choices=SPLITS, nargs="+", default=SPLITS)
    parser.add_argument("--model", default=None, help="as for seo-engine train")
    arguments = parser.parse_args()
    header = ("site, split by", "pages", "held out", "part", "obvious", "base", "trained", "trained − obvious")
    print("|", " | ".join(header), "|")
    print("|---" * len(header), "|", sep="")
    for site in arguments.sites:
        for split_by in arguments.split_by:
            for row in _measured(site, split_by, arguments.model):
                print("|", " | ".join(row), "|", flush=True)


def _measured(site: Path, split_by: str, model: str | None) -> list[tuple[str, ...]]:
    result = _train(site, split_by, model)
    samples = result["samples"]
    pages = {page.url: page for page in read_site(site).pages}
    held_out = [pages[sample["url"]] for sample in samples]

    def scores(snippets: Sequence[Snippet], part: str) -> list[float]:
        pairs = zip(held_out, snippets, strict=True)
        return [measure_snippets([page], [snippet])[part] for page, snippet in pairs]

    written = {
        "obvious": baseline_snippets(held_out),
        "before": [Snippet(**sample["before"]) for sample in samples],
        "after": [Snippet(**sample["after"]) for sample in samples],
    }
    rows = []
    for part, name in PARTS.items():
        each = {who: scores(snippets, part) for who, snippets in written.items()}
        gained = [after - obvious for after, obvious in zip(each["after"], each["obvious"], strict=True)]
        values = (*each.values(), gained)
        rows.append(
            (
                f"{site.name}, {split_by}",
                str(result["training_pages"] + result["validation_pages"]),
                str(result["validation_pages"]),
                name,
                *map(with_interval, values),
            )
        )
    return rows


def _train(site: Path, split_by: str, model: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "seo_engine.cli", "train", str(site), "--json", "--split-by", split_by]
        command += ["--log-dir", folder, *(["--model", model] if model else [])]
        finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def with_interval(values: Sequence[float]) -> str:
    """Return the mean of values and its 95 % interval, in words.

    Example:
        >>> with_interval([0.5, 0.5, 0.5])
        '0.500 [0.500, 0.500]'
    """
    chance = random.Random(18)
    means = sorted(statistics.fmean(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    low, high = means[round(0.025 * RESAMPLES)], means[round(0.975 * RESAMPLES) - 1]
    return f"{statistics.fmean(values):.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
