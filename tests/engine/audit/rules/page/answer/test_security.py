"""Rules about what is sent and loaded without protection: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.response import Response
from tests.engine.audit.auditing import in_body, judge, page_of

PROTECTED = Response(
    200,
    (
        ("strict-transport-security", "max-age=63072000"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'self'"),
    ),
)
TEXT = "<h1>Our pots</h1><p>We throw every pot by hand.</p>"

FAULTY = {
    "sec.http": page_of(in_body(TEXT), address="http://a.example/pots.html"),
    "sec.mixed-content": page_of(in_body(TEXT, "<img src=http://a.example/pot.png alt=Pot>")),
    "sec.form-http": page_of(in_body(TEXT, "<form action=http://a.example/order></form>")),
    "sec.headers": page_of(in_body(TEXT), response=Response(200, (("content-type", "text/html"),))),
}


@pytest.mark.parametrize("rule", FAULTY)
def test_a_protected_page_has_no_fault(rule: str) -> None:
    links = "<a href=http://b.example/>B</a><img src=/pot.png alt=Pot><form action=/order></form>"
    assert judge(rule, page_of(in_body(TEXT, links), response=PROTECTED)).state == "pass"


@pytest.mark.parametrize("rule", ["sec.http", "sec.mixed-content", "sec.headers"])
def test_where_nobody_knows_how_a_folder_is_served_nobody_can_say(rule: str) -> None:
    assert judge(rule, page_of(in_body(TEXT), address="")).state == "unknown"


def test_this_machine_needs_no_protection() -> None:
    assert judge("sec.http", page_of(in_body(TEXT), address="http://localhost:8000/")).state == "pass"


@pytest.mark.parametrize(
    "loaded",
    [
        "<script src=http://b.example/a.js></script>",
        "<link rel=stylesheet href=http://b.example/a.css>",
        "<iframe src=http://b.example/></iframe>",
        "<video src=http://b.example/a.mp4></video>",
    ],
)
def test_whatever_a_browser_loads_by_itself_is_looked_at(loaded: str) -> None:
    assert judge("sec.mixed-content", page_of(in_body(TEXT, loaded))).state == "fail"


def test_what_a_page_without_protection_loads_is_not_mixed() -> None:
    page = page_of(in_body("<img src=http://a.example/pot.png alt=Pot>"), address="http://a.example/")
    assert judge("sec.mixed-content", page).state == "pass"


def test_each_missing_header_is_named_with_what_it_keeps_away() -> None:
    page = page_of(in_body(TEXT), response=Response(200, PROTECTED.headers[:1]))
    assert [message.split(",")[0] for message in judge("sec.headers", page).messages] == [
        "the header x-content-type-options is missing",
        "the header content-security-policy is missing",
    ]
