"""Which answers are walls against programs."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.crawling.bot_walls import wall_in

LONG = b"<p>An article on bots: they meet /cdn-cgi/challenge-platform/ and px-captcha." + b" More words." * 10_000


@pytest.mark.parametrize(
    ("status", "headers", "body", "whose"),
    [
        (403, {"cf-mitigated": "challenge"}, b"", "Cloudflare"),
        (503, {}, b"<title>Just a moment...</title>", "Cloudflare"),
        (200, {}, b"<title>Just a moment...</title>", "Cloudflare"),
        (405, {"x-amzn-waf-action": "captcha"}, b"", "AWS WAF"),
        (200, {}, b"<script src=/_Incapsula_Resource?x>", "Imperva"),
        (403, {}, b"<script src=https://ct.captcha-delivery.com/c.js>", "DataDome"),
        (403, {}, b"<title>Access Denied</title> Reference https://errors.edgesuite.net/1", "Akamai"),
        (200, {}, b"<title>Making sure you&#39;re not a bot!</title>", "Anubis"),
        (200, {"x-datadome": "protected"}, b"<title>Pots</title>", ""),
        (200, {}, LONG, ""),
        (200, {}, b"<title>Pots</title><script src=/cdn-cgi/challenge-platform/scripts/jsd/main.js></script>", ""),
        (404, {}, b"<title>Just a moment...</title>", ""),
        (403, {}, b"<title>Forbidden</title>", ""),
    ],
)
def test_a_wall_is_told_from_a_page(status: int, headers: dict[str, str], body: bytes, whose: str) -> None:
    assert wall_in(status, headers, body) == whose
