"""How fast peers read pages that cannot be installed beside seo-engine: `python -m benchmarks.reading.peers FOLDER`.

It runs in the environment of `peers.txt`, and prints the seconds of each as JSON; the parser is measured there, too, so
that the ratios are those of one run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from pathlib import Path

from benchmarks.reading.timing import PARSER, Read, is_chosen, pages_in, parse, seconds_of

_ADDRESS = "http://a.example/"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    peers = {"advertools, a page of a crawl": _advertools, "pyseoanalyzer, a page": _pyseoanalyzer}
    chosen = {name: make() for name, make in peers.items() if is_chosen(name, arguments.only)}
    pages = pages_in(arguments.folder, arguments.pages)
    print(json.dumps(seconds_of({PARSER: parse, **chosen}, pages, arguments.rounds)))


def _advertools() -> Read:
    from advertools.spider import SEOSitemapSpider
    from scrapy.http import HtmlResponse, Request

    nothing = ("exclude_url_params", "include_url_params", "meta", "keep_columns", "discard_columns")
    spider = SEOSitemapSpider(
        url_list=_ADDRESS, allowed_domains="a.example", follow_links="False", css_selectors="{}", xpath_selectors="{}",
        **dict.fromkeys(nothing, "None"),
    )  # fmt: skip
    of_a_download = {"download_timeout": 1, "download_slot": "", "download_latency": 0, "depth": 0}

    def read(data: bytes) -> object:
        return list(spider.parse(HtmlResponse(_ADDRESS, body=data, request=Request(_ADDRESS, meta=of_a_download))))

    return read


def _pyseoanalyzer() -> Read:
    from pyseoanalyzer.page import Page

    def read(data: bytes) -> object:
        with contextlib.redirect_stdout(io.StringIO()):
            return Page(url=_ADDRESS, base_domain=_ADDRESS).analyze(data.decode("utf-8", "replace"))

    return read


if __name__ == "__main__":
    main()
