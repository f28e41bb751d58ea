"""In an environment with the extra `crawl` alone, a WARC file of another crawler is read.

`make test-extras` installs that environment and runs this there.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from seo_engine.engine.site.source import read_source
from seo_engine.foundation.extras import missing_from
from tests.extras.environment import check_environment

WARC = Path(__file__).parents[1] / "engine" / "site" / "exports" / "files" / "wget.warc.gz"

if __name__ == "__main__":
    check_environment(without=("torch", "tensorboard", "wandb", "PIL", "transformers", "pytest"))
    site = read_source(WARC)
    assert [page.title for page in site.pages][:2] == ["Clay pots", "Töpfe"], site.pages
    assert missing_from("crawl") == [] and missing_from("site") == []
    print(f"crawl: {len(site.pages)} pages of a WARC file of wget were read")
