"""Hints of what makes a page slow: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from tests.engine.audit.auditing import in_body, in_head, judge, page_of

VIEWPORT = "<meta name=viewport content='width=device-width, initial-scale=1'>"

FAULTY = {
    "perf.viewport": in_head("<title>Our pots</title>"),
    "perf.render-blocking": in_head(VIEWPORT, "<script src=menu.js></script>"),
    "perf.dom-size": in_body("<i>pot</i>" * 1_600),
    "perf.font-display": in_head(VIEWPORT, "<style>@font-face { font-family: Kent; src: url(kent.woff2) }</style>"),
    "perf.preload-unused": in_head(VIEWPORT, "<link rel=preload href=kent.woff2 as=font>"),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize(
    "head",
    [
        "",
        "<script src=menu.js defer></script><script type=module src=a.js></script><script async src=b.js></script>",
        "<script>var early = 1</script><script type='application/ld+json'>{}</script>",
        "<style>@font-face { font-family: Kent; src: url(kent.woff2); font-display: swap }</style>",
        "<link rel=preload href=kent.woff2 as=font crossorigin><link rel=preload href=a.css as=style>",
    ],
)
def test_a_page_that_waits_for_nothing_has_no_fault(rule: str, head: str) -> None:
    assert judge(rule, page_of(in_head("<title>Pots</title>", VIEWPORT, head))).state == "pass"


def test_a_script_at_the_end_of_the_page_holds_up_nothing() -> None:
    assert judge("perf.render-blocking", page_of(in_body("<h1>Pots</h1><script src=menu.js></script>"))).state == "pass"


@pytest.mark.parametrize(
    ("content", "message", "severity"),
    [
        ("", "the viewport has neither width nor initial-scale", "error"),
        ("width=device-width, user-scalable=no", "readers cannot zoom", "notice"),
        ("width=device-width, maximum-scale=1.0", "readers cannot zoom", "notice"),
    ],
)
def test_a_viewport_that_helps_nobody_is_said(content: str, message: str, severity: str) -> None:
    outcome = judge("perf.viewport", page_of(in_head(f"<meta name=viewport content='{content}'>")))
    assert (outcome.messages, outcome.severities) == ([message], [severity])


def test_a_viewport_that_allows_to_zoom_far_is_right() -> None:
    page = page_of(in_head("<meta name=viewport content='width=device-width, maximum-scale=10'>"))
    assert judge("perf.viewport", page).state == "pass"


def test_the_more_elements_the_worse() -> None:
    outcome = judge("perf.dom-size", page_of(in_body("<i>pot</i>" * 3_100)))
    assert outcome.severities == ["warning"] and "elements" in outcome.messages[0]
    assert judge("perf.dom-size", page_of(FAULTY["perf.dom-size"]), elements=2_000).state == "pass"


def test_fonts_of_google_are_asked_how_they_are_to_be_shown() -> None:
    address = "https://fonts.googleapis.com/css2?family=Kent"
    page = page_of(in_head(VIEWPORT, f"<link rel=stylesheet href='{address}'>"))
    assert judge("perf.font-display", page).state == "fail"
    page = page_of(in_head(VIEWPORT, f"<link rel=stylesheet href='{address}&display=swap'>"))
    assert judge("perf.font-display", page).state == "pass"


@pytest.mark.parametrize("preload", ["<link rel=preload href=a.bin>", "<link rel=preload href=/pot.png as=image>"])
def test_a_preload_that_nothing_uses_is_said(preload: str) -> None:
    assert judge("perf.preload-unused", page_of(in_head(VIEWPORT, preload))).state == "fail"


def test_a_preloaded_image_that_the_page_or_perhaps_a_style_sheet_shows_is_used() -> None:
    preload = "<link rel=preload href=https://a.example/pot.png as=image>"
    shown = in_head(VIEWPORT, preload, body="<img src=/pot.png alt=Pot>")
    assert judge("perf.preload-unused", page_of(shown)).state == "pass"
    styled = in_head(VIEWPORT, preload, "<link rel=stylesheet href=a.css>")
    assert judge("perf.preload-unused", page_of(styled)).state == "pass"
