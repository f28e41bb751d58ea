"""These tests need a browser: without one they fail, and say how to install it."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.crawling.rendering import require_browser
from seo_engine.engine.site.site import SiteError


@pytest.fixture(autouse=True, scope="session")
def browser() -> None:
    try:
        require_browser()
    except SiteError as error:
        pytest.exit(f"make test-browser: {error}", returncode=1)
