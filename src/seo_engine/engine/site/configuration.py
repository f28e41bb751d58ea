"""SiteConfig: where a site is served, and by which host."""

from __future__ import annotations

from dataclasses import dataclass

from seo_engine.engine.site.hosting.hosts import hosts
from seo_engine.foundation.settings import Configuration, setting


@dataclass
class SiteConfig(Configuration):
    """Settings of reading a site.

    Raises:
        ValueError: If a value is not allowed; the message names the field, the value and what is allowed.
    """

    base_url: str = setting(
        "", "Where a folder is served, as https://example.org/docs/. Without it, a page's address is its path.",
        flag="--base-url",
    )  # fmt: skip
    site_host: str = setting(
        "",
        f"Who serves the folder: {', '.join(hosts())}. By default, the one whose configuration is in it; without one, "
        "plain, which is no particular host.",
        allowed=("", *hosts()),
        flag="--host",
    )
