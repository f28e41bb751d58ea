"""Recognises the page that a site shows to programs in place of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Who keeps programs out, and how it shows: a header, or words in a short page.
_HEADERS = {
    "cf-mitigated": "Cloudflare",
    "x-amzn-waf-action": "AWS WAF",
    "x-datadome": "DataDome",
    "x-sucuri-block": "Sucuri",
}
_WORDS = (
    ("Cloudflare", re.compile(rb"/orchestrate/chl_page/|_cf_chl_opt|cf-chl-|<title>Just a moment\.\.\.", re.I)),
    ("Imperva", re.compile(rb"_Incapsula_Resource|Request unsuccessful\. Incapsula", re.I)),
    ("DataDome", re.compile(rb"captcha-delivery\.com", re.I)),
    ("PerimeterX", re.compile(rb"px-captcha|_pxAppId|human\.px-cdn", re.I)),
    ("Akamai", re.compile(rb"<title>Access Denied</title>.{0,2000}errors\.edgesuite\.net", re.I | re.S)),
    ("Anubis", re.compile(rb"anubis_challenge|Making sure you(?:'|&#39;)re not a bot", re.I)),
    (
        "an unknown provider",
        re.compile(rb"<title>[^<]{0,60}(?:are you (?:a )?(?:human|robot)|verify you are|bot check)", re.I),
    ),
)
_LOOKED_AT = 20_000
_ANSWERS = (200, 202, 403, 405, 429, 503)
# A page of one's own that speaks of such a wall is longer than the wall.
_LONGEST_WALL = 60_000
_LONGEST_WALL_THAT_SAYS_OK = 10_000


def wall_in(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Return whose wall an answer is; empty if it is none.

    Args:
        status (int): What the server answered.
        headers (Mapping[str, str]): With names in lower case.
        body (bytes): What it sent.

    Example:
        >>> wall_in(403, {"cf-mitigated": "challenge"}, b"")
        'Cloudflare'
        >>> wall_in(200, {}, b"<title>Pots</title>")
        ''
    """
    if status not in _ANSWERS:
        return ""
    if status != 200:
        for name, whose in _HEADERS.items():
            if name in headers:
                return whose
    if len(body) > (_LONGEST_WALL_THAT_SAYS_OK if status == 200 else _LONGEST_WALL):
        return ""
    return next((whose for whose, words in _WORDS if words.search(body[:_LOOKED_AT])), "")
