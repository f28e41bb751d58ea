"""In an environment with the extra `crawl` alone, a site is crawled, and a WARC file of another crawler is read.

`make test-extras` installs that environment and runs this there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[2]))

from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.engine.site.crawling.crawl import crawl_site
from seo_engine.engine.site.source import read_source
from seo_engine.foundation.extras import missing_from
from tests.engine.site.crawling.odd_server import odd_server, page, says
from tests.extras.environment import check_environment

WARC = Path(__file__).parents[1] / "engine" / "site" / "exports" / "files" / "wget.warc.gz"

if __name__ == "__main__":
    check_environment(without=("torch", "tensorboard", "wandb", "PIL", "transformers", "pytest", "playwright"))
    site = read_source(WARC)
    assert [page.title for page in site.pages][:2] == ["Clay pots", "Töpfe"], site.pages
    assert missing_from("crawl") == [] and missing_from("site") == []
    with odd_server(_=says(page("Start", "/a")), a=says(page("A"))) as server, TemporaryDirectory() as folder:
        crawled = crawl_site(server.address, folder, CrawlConfig(allow_private=True))
        assert sorted(page.title for page in read_source(crawled.archive).pages) == ["A", "Start"], crawled
    print(f"crawl: {len(site.pages)} pages of a WARC file of wget were read, and {crawled.pages} were crawled")
