"""Tags are found as they stand in a source, long ones are cut, and an element's line and column are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.engine.site.document.places import Position, SourcePlaces
from seo_engine.engine.site.document.tags import (
    MOST_ATTRIBUTES,
    count_tags,
    cut_long_tags,
    cut_options,
    start_tags,
)
from seo_engine.engine.site.facts import Title
from seo_engine.engine.site.parsing import parse_page


@pytest.mark.parametrize(
    ("html", "names"),
    [
        ("<P><br/></p><h1 title='>'>", ["p", "br", "h1"]),
        ("<!-- <a> --><b><!--><i>", ["b", "i"]),
        ("<script>'<a>'</script><style><b></style><a>", ["script", "style", "a"]),
        ("<textarea><a></textarea><noscript><img></noscript><p>", ["textarea", "noscript", "p"]),
        ("<template><a></template><template shadowrootmode=open><b></template>", ["template", "template", "b"]),
        ("<!doctype html><?xml?>1 < 2 <3 <a", ["a"]),
        # A quote that belongs to no value is a character like others.
        ('<p class="x""><a href="y"><!it\'s><b>', ["p", "a", "b"]),
    ],
)
def test_the_tags_that_begin_elements_are_found(html: str, names: list[str]) -> None:
    assert [tag.name for tag in start_tags(html)] == names


@pytest.mark.parametrize("attribute", ["a{}", "a{}=1", "a{}='x y'", 'a{}="<"', "a{} = 1"])
def test_a_tag_with_too_many_attributes_is_cut_and_the_rest_is_kept(attribute: str) -> None:
    attributes = " ".join(attribute.format(number) for number in range(MOST_ATTRIBUTES + 500))
    html, cut = cut_long_tags(f"<title>Pots</title><p {attributes}>Text</p><p>More")
    assert cut == 500
    assert html.endswith(">Text</p><p>More")
    page = parse_page(f"<title>Pots</title><p {attributes}>Text</p><p>More", "x")
    assert (page.title, page.main_text, page.facts.size.attributes_cut) == ("Pots", "Text\nMore", 500)


@pytest.mark.parametrize(
    "html",
    [
        "<p>" + "word " * 5_000,
        "<script>" + "if (a < b) c = d && e; " * 2_000 + "</script><p>",
        f"<a href='data:{'x' * 100_000}'>",
        "<p " + " ".join(f"a{number}" for number in range(MOST_ATTRIBUTES)) + ">",
        "<p " + " " * 10_000 + ">",
        # What looks like a tag in a script or a comment is none.
        "<script>for(i=0;i<n;i++){}\nvar w=[" + '"w", ' * 1_500 + "]</script><h1>Pots</h1>",
        '<script type="application/ld+json">{"a": "if x <y ' + "word " * 1_500 + '"}</script><h1>Pots</h1>',
        "<!-- <b " + "word " * 1_500 + "--><h1>Pots</h1>",
    ],
)
def test_what_is_long_without_many_attributes_is_kept(html: str) -> None:
    assert cut_long_tags(html) == (html, 0)


@pytest.mark.parametrize("option", ["<option>{}</option>", "<OPTION value='>'>{}", "<option\nselected>{}</option>"])
def test_a_page_with_fifty_thousand_options_is_read(option: str) -> None:
    selection = "".join(option.format(number) for number in range(50_000))
    html = f"<title>Pots</title><select>{selection}</select><h1>Text</h1><select>{option}</select>"
    page = parse_page(html, "x")
    assert (page.title, page.main_text, page.facts.size.options_cut) == ("Pots", "Text", 49_000)
    assert page.facts.size.elements == 8 + 50_000


@pytest.mark.parametrize(
    ("around", "cut"),
    [
        ("<select>{}</select>", 4_000),
        ("<select>{}<select>{}</select>{}", 8_000),
        ("<template><select>{}</select></template>", 4_000),
        ("<select></select>{}", 0),
        ("<datalist>{}</datalist>", 0),
        ("<script><select>{}</script>", 0),
        ("<!--<select>{}-->", 0),
        ("<noscript><select>{}</noscript>", 0),
    ],
)
def test_only_options_of_a_selection_are_cut(around: str, cut: int) -> None:
    html = around.replace("{}", "<option value=1>One</option>" * 5_000)
    shorter, count = cut_options(html)
    assert count == cut and shorter.count("<option") == html.count("<option") - cut
    assert cut or shorter == html


def test_what_stands_around_an_option_that_is_cut_does_not_become_a_tag() -> None:
    options = "<option>One</option>" * 1_000
    long = f"<option value={'1' * 100_000}>"
    page = parse_page(f"<select>{long}{options}<<option>!--<<option>textarea ></select><h1>Pots</h1>", "x")
    assert page.facts.size.options_cut == 3 and page.main_text == "Pots"


def test_elements_behind_a_place_are_counted_by_tag() -> None:
    html = "<p>1<!-- <b> --><script>'<i>'</script><p>2<h1>3"
    assert count_tags(html, 4) == {"script": 1, "p": 1, "h1": 1}
    # Within a comment and within a script.
    assert count_tags(html, 9) == {"script": 1, "p": 1, "h1": 1}
    assert count_tags(html, 26) == {"p": 1, "h1": 1}
    assert count_tags("<p>1<iframe><b></iframe><script-note><i>", 4) == {"iframe": 1, "script-note": 1, "i": 1}


def test_each_element_is_found_where_it_stands() -> None:
    html = """<title>Pots</title>
<nav><a href="/">Home</a></nav>
<!-- <a href="no"> -->
  <p><a href="x?a=1&amp;b=2">One<p>Two</a> <img src=a.png><A HREF='y'>y</A>
<h1>Three</h1>"""
    facts, places = parse_page(html, "x").facts, SourcePlaces(html)
    found = {link.written: places.position_of(link, "href", link.written) for link in facts.links if link.text != "Two"}
    assert found == {"/": Position(2, 6), "x?a=1&b=2": Position(4, 6), "y": Position(4, 59)}
    assert places.position_of(facts.titles[0]) == Position(1, 1)
    assert places.position_of(facts.headings[0]) == Position(5, 1)
    assert places.position_of(facts.images[0], "src", "a.png") == Position(4, 44)


def test_what_a_parser_adds_by_itself_is_found_nowhere() -> None:
    assert SourcePlaces("<p>Text").position_of(Title("", "tbody", 1, "body")) is None
    assert SourcePlaces("<a href=x>").position_of(Title("", "a", 1, "body"), "href", "y") is None


@given(st.text(st.sampled_from("<>/=\"' abp!-\n")), st.integers(0, 100))
def test_any_text_has_tags(html: str, after: int) -> None:
    assert all(html[tag.start] == "<" for tag in start_tags(html))
    assert isinstance(count_tags(html, after), dict)
    assert cut_long_tags(html) == (html, 0)
