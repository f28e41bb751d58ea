"""Rules about answers, sizes and redirects of pages: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.response import Response
from tests.engine.audit.auditing import in_body, in_head, judge, page_of

TEXT = in_body("<h1>Our pots</h1><p>We throw every pot by hand.</p>")
HEADERS = (("content-type", "text/html"),)


def answered_with(status: int) -> object:
    return page_of(TEXT, response=Response(status, HEADERS))


FAULTY = {
    "status.4xx": answered_with(404),
    "status.5xx": answered_with(503),
    "status.soft-404": in_head("<title>Page not found</title>", body="<h1>Sorry</h1>"),
    "status.html-too-large": in_body("<p>We throw every pot by hand.</p>" * 70_000),
    "redirect.meta-refresh": in_head("<meta http-equiv=refresh content='5; url=/jars.html'>"),
}


@pytest.mark.parametrize("rule", FAULTY)
def test_a_page_that_is_there_has_no_fault(rule: str) -> None:
    assert judge(rule, page_of(TEXT, response=Response(200, HEADERS))).state == "pass"


@pytest.mark.parametrize("rule", ["status.4xx", "status.5xx"])
def test_of_a_folder_nobody_knows_how_it_is_answered(rule: str) -> None:
    assert judge(rule, page_of(TEXT, address="")).state == "unknown"
    # The page that a host shows for what is missing is as it should be.
    assert judge(rule, page_of(TEXT, path="404.html", response=Response(404))).state == "unknown"


@pytest.mark.parametrize(
    "title", ["Error 404", "Seite nicht gefunden", "ページが見つかりません", "It is no longer available"]
)
def test_a_page_that_says_that_it_is_not_there_is_known_in_many_languages(title: str) -> None:
    page = in_head(f"<title>{title}</title>", body="<p>Sorry.</p>")
    assert judge("status.soft-404", page_of(page)).state == "fail"


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Room 4041", "Our room."),
        ("How to find a page", "It is simple."),
        ("How to answer 404", "A long text on it. " * 60),
    ],
)
def test_a_page_about_errors_is_none(title: str, text: str) -> None:
    page = in_head(f"<title>{title}</title>", body=f"<p>{text}</p>")
    assert judge("status.soft-404", page_of(page)).state == "pass"


def test_what_stands_behind_the_end_of_a_large_document_is_counted() -> None:
    (message,) = judge("status.html-too-large", page_of(FAULTY["status.html-too-large"])).messages  # type: ignore[arg-type]
    assert message.startswith("the document has 2.3 MB, of which search engines read 2")
    large = judge("status.html-too-large", page_of(in_body("<p>We throw every pot by hand.</p>" * 40_000)))
    assert (large.messages, large.severities) == (["the document has 1.3 MB"], ["notice"])


@pytest.mark.parametrize(
    ("content", "message", "severity"),
    [
        ("0;url=/jars.html", "the page sends its readers on at once", "notice"),
        ("5; URL='/jars.html'", "the page sends its readers on after 5 s", "warning"),
        ("300", "the page loads itself again after 300 s", "warning"),
    ],
)
def test_each_way_to_send_readers_on_is_said(content: str, message: str, severity: str) -> None:
    page = page_of(in_head(f'<meta http-equiv=refresh content="{content}">'))
    outcome = judge("redirect.meta-refresh", page)
    assert (outcome.messages, outcome.severities) == ([message], [severity])


def test_a_script_that_goes_elsewhere_is_one_only_if_there_is_nothing_else() -> None:
    script = "<script>window.location = '/jars.html'</script>"
    assert judge("redirect.meta-refresh", page_of(in_head(script, body=""))).state == "fail"
    assert judge("redirect.meta-refresh", page_of(in_head(script))).state == "pass"
