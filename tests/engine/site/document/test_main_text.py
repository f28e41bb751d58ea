"""The main text is what a reader came for: all of it, in lines as they are read, and nothing that is around it."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.parsing import parse_page

LEAD = "<p>Our pots are thrown by hand, dried slowly, and fired twice in the kiln behind the shop.</p>"
TEXT = "Our pots are thrown by hand, dried slowly, and fired twice in the kiln behind the shop."


def main_text(html: str) -> list[str]:
    return parse_page(html, "a.html").main_text.splitlines()


@pytest.mark.parametrize(
    "around",
    [
        "<nav><a href=a>Shop</a> all that we have in our shop</nav>",
        "<div class='site-nav'>Shop or read about all that we have</div>",
        "<div class='Breadcrumbs'><a href=a>Home</a> / Pots</div>",
        "<div id='cookie-banner'>We use cookies for this and that, and more.</div>",
        "<div role=dialog>Subscribe to our letter, it is free.</div>",
        "<div id=footer>© 2026 Ann's Pottery, Thornby. All rights reserved.</div>",
        "<div class=toc><ul><li><a href=#a>One</a><li><a href=#b>Two</a></ul></div>",
        "<aside>Offer of the week: a red pot for a friend.</aside>",
        "<div hidden>Hidden words that nobody sees.</div>",
        "<dialog>Hidden words that nobody sees.</dialog>",
        "<div style='display : none'>Hidden words that nobody sees.</div>",
        "<form><select><option>Choose a colour of your pot</select><textarea>Typed words</textarea></form>",
        "<noscript>Please switch on scripts to see all.</noscript><iframe>No frames here</iframe>",
        "<template><p>Words of a template that nobody sees.</template>",
        "<p><a href=a>Shop</a> | <a href=b>About us</a> | <a href=c>Delivery</a></p>",
    ],
)
def test_what_is_around_the_content_is_none_of_it(around: str) -> None:
    assert main_text(f"<body>{around}{LEAD}{LEAD}") == [TEXT] * 2
    assert main_text(f"<body>{LEAD}{LEAD}{around}") == [TEXT] * 2


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        # A section is named after its heading, and that may be about anything.
        (
            f"{LEAD}<h2 id=login>Login</h2>{LEAD}<div class=section id=s-cookie-menu><h2>The menu</h2>{LEAD}</div>",
            [TEXT, "Login", TEXT, "The menu", TEXT],
        ),
        (f"<body class=has-sidebar>{LEAD}", [TEXT]),
        (
            f"<article><header><h1>Pots</h1>{LEAD}</header>{LEAD}<footer>By Ann</footer></article>",
            ["Pots", *[TEXT] * 2, "By Ann"],
        ),
        (f"<main></main><div>{LEAD}</div>", [TEXT]),
        (f"<main><article>Teaser</article></main><div>{LEAD}{LEAD}</div>", ["Teaser", TEXT, TEXT]),
        (f"<main><aside>{LEAD}</aside></main>", [TEXT]),
        (f"{LEAD}<details><summary><button>How big?</button></summary>{LEAD}</details>", [TEXT, "How big?", TEXT]),
        (f"{LEAD}<dialog open>Opened</dialog>", [TEXT, "Opened"]),
        (f"<div style='backface-visibility:hidden; --x:display:none'>{LEAD}</div>", [TEXT]),
        # Alike elements count together: a restaurant's menu is no navigation.
        (f"<h1>Menu</h1>{f'<section class=menu-section>{LEAD}</section>' * 4}", ["Menu", *[TEXT] * 4]),
        (f"<x-a><template shadowrootmode=open>{LEAD}</template></x-a>", [TEXT]),
        ("<div><template shadowrootmode=open>Some words</template></div>", ["Some words"]),
        ("<svg><template><desc><p>no</p></desc></template></svg>", []),
        # Nothing but links is what the page is for.
        ("<h1>All pots</h1><ul><li><a href=a>Red</a><li><a href=b>Blue</a></ul>", ["All pots", "Red", "Blue"]),
    ],
)
def test_what_a_reader_came_for_is_all_there(html: str, lines: list[str]) -> None:
    assert main_text(html) == lines


def test_a_last_section_that_has_only_links_is_part_of_the_text() -> None:
    html = f"<h2>Name</h2>{LEAD}<h2>See also</h2><p><a href=a>Kilns</a>, <a href=b>Clay</a></p><p><a href=x>Top</a></p>"
    assert main_text(html) == ["Name", TEXT, "See also", "Kilns, Clay", "Top"]


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("<p>One\n  two<br>three</p>", ["One two", "three"]),
        ("<p>One</p>two<div>three <b>four</b><p>five</div>", ["One", "two", "three four", "five"]),
        ("<a href=x><p>One</p><p>Two</p></a>words that are no link", ["One", "Two", "words that are no link"]),
        # What is laid out stays so.
        ("<pre>\n\nif x:\n    y()  \n\n  # z\n</pre>", ["if x:", "    y()", "", "  # z"]),
        # A row is read in one go, unless it lays out other blocks.
        (
            "<table><tr><th>Size<th>Price<tr><td>big<td><td>5</td><tr><td><p>One</p><td>Two</table>",
            ["Size | Price", "big | | 5", "One", "Two"],
        ),
        ("<p>One<a href=#x>¶</a> two<a href=y#z>#</a> three <a href=n>§</a></p>", ["One two three"]),
        ("<p>Area is <math><mi>a</mi><annotation>a^2</annotation></math>.</p>", ["Area is a."]),
        ("<p>One <span style='color:red;display : none'>no</span> two</p>", ["One two"]),
        ("<h1>One <span hidden>no</span> two</h1>", ["One two"]),
        ("<p>One <span hidden>no</span> two<script>no()</script><svg><title>no</title></svg></p>", ["One two"]),
    ],
)
def test_lines_are_as_they_are_read(html: str, lines: list[str]) -> None:
    assert main_text(html) == lines


def test_what_a_framework_sends_late_in_hidden_elements_is_text() -> None:
    html = (
        '<main><h1>Pots</h1><!--$?--><template id="B:0"></template><!--/$--></main><footer><p>All rights reserved.</p>'
        f'</footer><div hidden id="S:0">{LEAD}</div><div hidden id="S">{LEAD}</div><script>$RC("B:0","S:0")</script>'
    )
    assert main_text(html) == ["Pots", *main_text(LEAD)]


@pytest.mark.parametrize(
    ("html", "heading"),
    [
        (f"<div class=navbar><h1>Ann's Pottery</h1></div><h1>Pots</h1>{LEAD}", "Pots"),
        (f"<header><h1>Pots</h1></header><main>{LEAD}</main>", "Pots"),
        (f"<header><h1>Ann's Pottery</h1></header><h2>Pots</h2>{LEAD}", "Pots"),
        (f"<header><h1>Ann's</h1></header><div role='main'><header><h1>Pots</h1></header>{LEAD}</div>", "Pots"),
        (f"<h2>Pots</h2>{LEAD}<h3>Care</h3>{LEAD}", "Pots"),
        (f"<title>Red pots - Ann's</title><div class=title>Red pots</div>{LEAD}", "Red pots"),
        (f"<title>Red pots - Ann's</title><div class=title>Red pots</div>{LEAD}<h1>1. Clay</h1>{LEAD}", "Red pots"),
        (f"<title>New kiln | Pottery News</title><div>News</div><h1>New kiln</h1>{LEAD}", "New kiln"),
        (LEAD, ""),
        (f"<h1></h1><h1>Pots</h1>{LEAD}", "Pots"),
    ],
)
def test_the_main_heading_is_that_of_the_content(html: str, heading: str) -> None:
    assert parse_page(html, "a.html").main_heading == heading
