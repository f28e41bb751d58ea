"""A document's facts are complete, each with its place: duplicates, empty ones, and what search engines ignore."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.facts import PageFacts, Refresh
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.parsing import name_behind, parse_page, read_document

REGIONS = """<head><title>T</title><link rel=canonical href=/c><meta name=robots content=none></head>
<body><a href=0>0</a>
<header><a href=1>1</a></header>
<nav><a href=2>2</a><div><a href=3>3</a></div></nav>
<main><article><header><a href=4>4</a></header><a href=5>5</a><nav><a href=6>6</a></nav><a href=7>7</a>
<footer><a href=8>8</a></footer></article></main>
<div role='navigation menubar'><a href=9>9</a></div><aside><a href=10>10</a></aside>
<footer><a href=11>11</a></footer><div role=" Main "><a href=12>12</a></div><a href=13>13</a></body>"""


def facts_of(html: str) -> PageFacts:
    return parse_page(html, "x").facts


def test_comments_are_no_elements_and_move_no_region() -> None:
    facts = facts_of(
        "<nav><!-- menu --><?x?><svg><!-- icon --><path/></svg><a href=a>a</a><!-- end --></nav><a href=b>b</a>"
    )
    assert [(link.written, link.region) for link in facts.links] == [("a", "navigation"), ("b", "body")]
    # With html, head and body.
    assert facts.size.elements == 8


def test_each_element_is_in_its_region() -> None:
    regions = [link.region for link in facts_of(REGIONS).links]
    assert regions == [
        *("body", "banner", "navigation", "navigation", "main", "main", "navigation", "main", "main"),
        *("navigation", "aside", "footer", "main", "body"),
    ]
    assert [link.number for link in facts_of(REGIONS).links] == list(range(1, 15))


def test_titles_descriptions_and_canonicals_are_all_kept() -> None:
    facts = facts_of(
        "<head><title></title><title> B  b</title><meta name=Description content=''><meta name=description content=D>"
        "<link rel='Canonical' href=''><link rel=canonical href=/a><svg><title>No</title></svg></head>"
        "<body><link rel=canonical href=/b><meta property=description content=E><title>C</title>"
    )
    assert [title.text for title in facts.titles] == ["", "B b", "C"]
    assert [(meta.content, meta.region) for meta in facts.descriptions] == [
        ("", "head"),
        ("D", "head"),
        ("E", "body"),
    ]
    assert [(link.written, link.region) for link in facts.canonicals] == [
        ("", "head"),
        ("/a", "head"),
        ("/b", "body"),
    ]


def test_what_microdata_says_of_a_page_is_no_description_of_it() -> None:
    page = parse_page("<meta itemprop=description content=G><meta name=description content=D>", "x")
    assert (page.description, len(page.facts.descriptions), len(page.facts.metas)) == ("D", 1, 2)


def test_what_robots_other_languages_networks_and_screens_are_told() -> None:
    facts = facts_of(
        "<meta name=robots content='NOINDEX, max-snippet:0,'><meta name=Googlebot content=nofollow>"
        "<link rel=alternate hreflang=de href=/de><link rel=alternate type=application/rss+xml href=/rss>"
        "<meta property=og:title content=O><meta name=twitter:card content=S><meta name=viewport content=w>"
    )
    assert facts.robots == (("robots", "noindex"), ("robots", "max-snippet:0"), ("googlebot", "nofollow"))
    assert [(link.attributes["hreflang"], link.address) for link in facts.languages] == [("de", "/de")]
    assert [(meta.name, meta.content) for meta in facts.social] == [("og:title", "O"), ("twitter:card", "S")]
    assert (facts.viewport, facts_of("").viewport) == ("w", None)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("0; url=/next", (0, "/next")),
        ("5;URL = '/a b'", (5, "/a b")),
        ("3", (3, "")),
        ("1.5, /x", (1, "/x")),
        (";url=/x", (0, "/x")),
        ("now", None),
        ("", None),
    ],
)
def test_where_a_browser_goes_on_to_by_itself(content: str, expected: tuple[int, str] | None) -> None:
    refreshes = facts_of(f'<meta http-equiv=Refresh content="{content}"><meta name=refresh content="1">').refreshes
    assert refreshes == (() if expected is None else (Refresh(*expected, "meta", 1, "head"),))


def test_links_say_where_they_lead_what_they_read_as_and_how_they_are_meant() -> None:
    links = facts_of(
        "<a>no address</a><a href='' rel='NoFollow ugc' target=_blank onclick=x>Top</a>"
        "<a href=a><img src=i alt='A pot'> now</a><a href=b aria-label=Label><svg><title>Icon</title></svg></a>"
        "<a href=c title=Hint> </a><a href=d><script>1</script><div>Two</div>words</a><map><area href=e alt=E></map>"
        "<svg><a href=f><text>S</text></a></svg><iframe src=g title=G></iframe><a href='javascript:x'>J</a>"
    ).links
    assert [(link.written, link.text) for link in links] == [
        (None, "no address"),
        ("", "Top"),
        ("a", "A pot now"),
        ("b", "Label"),
        ("c", "Hint"),
        ("d", "Two words"),
        ("e", "E"),
        ("f", "S"),
        ("g", "G"),
        ("javascript:x", "J"),
    ]
    assert links[1].relations == ("nofollow", "ugc") and links[1].attributes["onclick"] == "x"
    assert [link.written for link in links if not link.is_page_link] == ["f"]


def test_images_have_all_of_their_attributes() -> None:
    images = facts_of(
        "<img src=a.png width=1 loading=lazy><a href=x><img src=b.png alt=''></a>"
        "<picture><source srcset='c.webp 2x, d.webp'><img alt=C></picture><img src=e.png alt=E>"
        "<noscript><img></noscript>"
    ).images
    assert [(image.address, image.alternative_text) for image in images] == [
        ("a.png", None),
        ("b.png", ""),
        ("c.webp", "C"),
        ("e.png", "E"),
    ]
    assert images[0].attributes == {"src": "a.png", "width": "1", "loading": "lazy"}
    assert [image.is_in_link for image in images] == [False, True, False, False]
    assert [image.sources for image in images] == [(), (), ("c.webp",), ()]


def test_headings_are_what_readers_see() -> None:
    page = parse_page(
        "<h1>Pots<a class=headerlink href=#p>¶</a></h1><h2></h2><h2><a href=#x>Care</a></h2>"
        "<h3><svg><title>Icon</title></svg>Fire<script>x</script><a href=y#z>#</a></h3>"
        "<div role=heading aria-level=4>Four</div><h5 hidden>Five</h5><div style='DISPLAY : none'><h6>Six</h6></div>"
        "<h2>a<br>b<p>c</p>d</h2><p role=heading>Two",
        "x",
    )
    assert page.headings == (
        (1, "Pots"),
        (2, ""),
        (2, "Care"),
        (3, "Fire"),
        (4, "Four"),
        (2, "a b c d"),
        (2, "Two"),
    )
    assert [heading.text for heading in page.facts.headings if heading.is_hidden] == ["Five", "Six"]
    assert [heading.number for heading in page.facts.headings] == [1, 1, 2, 1, 1, 1, 1, 3, 2]


def test_code_forms_and_media_are_counted_with_where_they_come_from() -> None:
    facts = facts_of(
        "<script src=a.js async></script><script>location = '/x'</script><style>p{}</style>"
        "<form action=http://a.example/s></form><video src=v.mp4></video><object data=o.pdf></object>"
    )
    assert [(code.tag, code.address, code.beginning) for code in facts.codes] == [
        ("script", "a.js", ""),
        ("script", "", "location = '/x'"),
        ("style", "", "p{}"),
    ]
    assert [form.address for form in facts.forms] == ["http://a.example/s"]
    assert [each.address for each in facts.embedded] == ["v.mp4", "o.pdf"]


def test_structured_data_is_kept_as_found() -> None:
    found = facts_of(
        '<script type="application/LD+json">{"@type": broken</script>'
        "<div itemscope itemtype='https://schema.org/Product' itemref=more><span itemprop=name>Red  pot</span>"
        "<div itemprop=offers itemscope itemtype=https://schema.org/Offer><meta itemprop=price content=5></div>"
        "<a itemprop='url sameAs' href=/p>x</a></div>"
        "<p id=more><time itemprop=released datetime=2026-01-02>now</time></p>"
        "<p vocab=https://schema.org/ typeof=Person><b property=name>Ann</b></p>"
    ).structured_data
    assert [(item.syntax, item.types, item.text, item.properties) for item in found] == [
        ("json-ld", (), '{"@type": broken', ()),
        (
            "microdata",
            ("https://schema.org/Product",),
            "",
            (("name", "Red pot"), ("offers", "#2"), ("url", "/p"), ("sameAs", "/p"), ("released", "2026-01-02")),
        ),
        ("microdata", ("https://schema.org/Offer",), "", (("price", "5"),)),
        ("rdfa", ("Person",), "", (("name", "Ann"),)),
    ]


def test_a_shadow_tree_that_the_document_declares_is_part_of_it_and_a_template_is_not() -> None:
    page = parse_page(
        "<my-card><template shadowrootmode=OPEN><nav><a href=a>A</a></nav><template shadowrootmode=closed><h1>In</h1>"
        "</template></template></my-card><template><a href=b>B</a><h1>Out</h1></template><a href=c>C</a>",
        "x",
    )
    assert [(link.written, link.region) for link in page.facts.links] == [("a", "navigation"), ("c", "body")]
    assert page.main_heading == "In"


def test_addresses_are_absolute_where_the_page_is_known() -> None:
    html = "<base href=/shop/><base href=/no/><link rel=canonical href=c><a href=a></a><img src=//b.example/b>"
    known = parse_page(html, "p.html", own_address="https://A.example/x/p.html")
    assert known.url == "https://A.example/x/p.html"
    assert known.links == ("https://a.example/shop/a",)
    assert known.images[0].source == "https://b.example/b"
    assert known.canonical == "https://a.example/shop/c"
    assert parse_page(html, "p.html").links == ("/shop/a",)
    assert parse_page("<a href='HTTP://a.example:80/%zz'></a><a href='http://['></a>", "p").links == (
        "http://a.example/%zz",
        "http://[",
    )


def test_size_depth_and_what_nobody_sees_are_measured() -> None:
    facts = facts_of(
        "<div><div><p hidden>abc<b hidden>d</b></p></div></div><p style='display:none'>ef</p><dialog>gh</dialog>"
        "<p data-nosnippet>ijk</p><p id=x><a name=y></a><a id=x>"
    )
    assert (facts.size.elements, facts.size.depth) == (13, 4)
    assert (facts.hidden_characters, facts.characters_without_snippet) == (8, 3)
    assert facts.identifiers == ("x", "y")


def test_what_the_body_begins_with_is_known() -> None:
    broken = "<head><meta name=a content=b><div>x</div><link rel=canonical href=/a></head>"
    assert facts_of(broken).first_in_body == "div"
    assert facts_of("<title>T</title>words<link rel=canonical>").first_in_body == "text"
    assert parse_page(broken, "x").canonical == ""


def test_behind_what_is_read_elements_are_only_named() -> None:
    beginning = b"<title>Pots</title><p>" + b"word " * 500_000
    document = beginning + b"<!-- <b> --><h1>Late</h1><p>"
    page = name_behind(read_document(document, "x"), document)
    assert (page.title, page.main_heading, page.state) == ("Pots", "", "read")
    assert page.facts.size.bytes == len(beginning) + 28
    assert page.facts.size.bytes_read == 2 * 1024 * 1024 == len(page.main_text) + 23
    assert page.facts.size.behind == {"h1": 1, "p": 1}


@pytest.mark.parametrize(
    ("data", "state"),
    [(b"", "empty"), (b" \n", "empty"), (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" * 9, "binary"), (b"\0" * 99, "binary")],
)
def test_what_is_no_text_is_a_page_with_a_state(data: bytes, state: str) -> None:
    page = read_document(data, "a.html")
    assert page == Page.unread("a.html", "a.html", state, len(data), page.facts.encoding)
    assert not page.is_usable


def test_the_address_of_a_page_is_its_own() -> None:
    page = parse_page(
        "<link rel=canonical href=https://a.example/other>", "pots.html", own_address="https://a.example/"
    )
    assert (page.url, page.path, page.canonical) == ("https://a.example/", "pots.html", "https://a.example/other")


def test_pages_can_be_members_of_a_set() -> None:
    assert len({parse_page(f"<title>{title}</title><a href=x>", "x") for title in "ABA"}) == 2
