"""A document that says it is XML is read as XML where that makes a difference, or as HTML if it is not well-formed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.engine.site.document.xhtml import html_of_xhtml, is_xhtml, needs_xml_parser
from seo_engine.engine.site.parsing import parse_page

HEAD = '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>Pots</title></head><body>'


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.xhtml", "", True),
        ("a.XHT", "", True),
        ("a.html", '<?xml version="1.0"?><html>', True),
        ("a.html", '<!-- x --><!DOCTYPE html><html lang="en" xmlns="http://www.w3.org/1999/xhtml">', True),
        ("a.html", '<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">', True),
        ("a.html", '<html xmlns="https://www.w3.org/1999/xhtml">', False),
        ("a.html", '<html xmlns:v="urn:v" xmlns="http://www.w3.org/TR/REC-html40">', False),
        ("a.html", "<!doctype html><html lang=en>", False),
        # Quickly, too.
        ("a.html", "<!-- a -->\n" * 1_000 + "<html>", False),
        ("a.html", "<p>xmlns=", False),
    ],
)
def test_a_document_says_that_it_is_xml(path: str, text: str, expected: bool) -> None:
    assert is_xhtml(path, text) is expected


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('<p><a id="x"/>One</p><p>Two</p>', "One\nTwo"),
        ("<p><![CDATA[1 < 2]]></p>", "1 < 2"),
        ("<p>a&nbsp;b &eacute; &#x41;</p>", "a b é A"),
        ("<p>One<br/>two</p>", "One\ntwo"),
        ('<h:p xmlns:h="http://www.w3.org/1999/xhtml">One</h:p>', "One"),
        ("<script>if (1 &lt; 2) { '&lt;/script&gt;' }</script><p>One</p>", "One"),
    ],
)
def test_what_xml_writes_otherwise_is_read_as_it_is_meant(body: str, text: str) -> None:
    page = parse_page(f"{HEAD}{body}</body></html>", "pots.xhtml")
    assert (page.title, page.main_text) == ("Pots", text)
    assert page.facts.syntax == "xhtml"


def test_elements_of_other_namespaces_are_none_of_html() -> None:
    page = parse_page(f'{HEAD}<o:title xmlns:o="urn:o">Other</o:title><p>Text</p></body></html>', "a.html")
    assert [title.text for title in page.facts.titles] == ["Pots"]


def test_what_is_not_well_formed_is_read_as_html() -> None:
    page = parse_page(f"{HEAD}<p>One<p>Two</body></html>", "pots.xhtml")
    assert (page.title, page.main_text, page.facts.syntax) == ("Pots", "One\nTwo", "broken xhtml")


def test_a_document_of_another_namespace_is_read_as_html() -> None:
    page = parse_page(
        '<?xml version="1.0"?><html xmlns="https://typo"><title>Pots</title><p>Text</p></html>', "a.xhtml"
    )
    assert (page.title, page.main_text, page.facts.syntax) == ("Pots", "Text", "broken xhtml")


def test_entities_of_its_own_do_not_make_a_document_of_any_size() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(9))
    document = f'<?xml version="1.0"?><!DOCTYPE html [{laughs}]><html><title>Pots</title><p>&l8;</p></html>'
    assert html_of_xhtml(document) is None
    assert parse_page(document, "a.xhtml").title == "Pots"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<br/><img src='x'/>", False),
        ("<a/>", True),
        ("<![CDATA[x]]>", True),
        ("<svg xmlns:x='y'>", True),
        ("<style>\n/*<![CDATA[*/\np > a {}\n/*]]>*/</style>", False),
        ("<script type='a'>// <![CDATA[\n1 < 2\n// ]]></script>", False),
        ("<script><!--//--><![CDATA[//><!--\n1 < 2\n//--><!]]></script>", False),
        ("<script><![CDATA[1 < 2]]></script>", True),
        ('<script src="a.js"/>//<![CDATA[x]]><p>After</p>', True),
        ("<script-note>//<![CDATA[a < b]]></script-note>", True),
        ("<script>//<![CDATA[\ndocument.write('<script></script><b>')\n//]]></script>", True),
        ("<script>//<![CDATA[\nmore[a[0]] = '<b></b>'\n//]]></script>", False),
        ("<p>// <![CDATA[1 < 2]]></p>", True),
        ("<script>/*<![CDATA[*/1 < 2/*]]>*/</script><p><![CDATA[1 < 2]]></p>", True),
    ],
)
def test_the_slower_parser_reads_only_what_needs_it(text: str, expected: bool) -> None:
    assert needs_xml_parser("a.html", text) is expected
    assert needs_xml_parser("a.xhtml", text)


def test_marks_that_never_end_are_looked_through_once() -> None:
    # The square of their number would take minutes.
    assert needs_xml_parser("a.html", "<script>//<![CDATA[" * 100_000)


@given(st.text(st.sampled_from("<>/=\"' abp&;![]CDAT?xmlns:\n")) | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    html = html_of_xhtml(text)
    assert html is None or isinstance(html, str)
