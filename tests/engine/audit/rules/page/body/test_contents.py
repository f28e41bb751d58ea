"""Rules about what a page says: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from tests.engine.audit.auditing import in_body, in_head, judge, page_of

LATIN = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt."
TEXT = "<h1>Our pots</h1><p>We throw every pot by hand, glaze it with ash from our own kiln, and fire it twice.</p>"
HIDDEN = f"<div style='display:none'>{'Cheap pots, best pots, buy pots online. ' * 40}</div>"

FAULTY = {
    "content.empty-shell": in_body("<div id=root></div><script src=main.js></script>"),
    "content.placeholder": in_head("<title>{{ page.title }}</title>"),
    "content.hidden-text": in_body(TEXT, HIDDEN),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize(
    "body",
    [
        TEXT,
        f"<div id=root>{TEXT}</div><script src=main.js></script>",
        f"{TEXT}<details><summary>Glazes</summary><p>{'Ash, iron and cobalt. ' * 100}</p></details>",
    ],
)
def test_a_page_with_a_text_has_no_fault(rule: str, body: str) -> None:
    assert judge(rule, page_of(in_body(body))).state == "pass"


def test_a_short_page_is_no_shell() -> None:
    short = in_body("<div id=app><h1>Thank you</h1></div><script src=main.js></script>")
    assert judge("content.empty-shell", page_of(short)).state == "pass"
    assert judge("content.empty-shell", page_of(in_body("<div id=root></div>"))).state == "pass"


@pytest.mark.parametrize(
    "page",
    [
        in_head("<title>undefined</title>"),
        in_head("<title>Pots | ${shop.name}</title>"),
        in_head("<title>Pots</title><meta name=description content='<%= description %>'>"),
        in_body("<h1>Hello [object Object]</h1>"),
        in_body("<h1>Our pots</h1><h2>TODO: write this</h2>"),
        in_body(f"<h1>Our pots</h1><p>{LATIN}</p>"),
    ],
)
def test_what_should_have_been_replaced_is_said_wherever_it_names_something(page: str) -> None:
    assert judge("content.placeholder", page_of(page)).state == "fail"


@pytest.mark.parametrize(
    "body",
    [
        "<h1>How templates work</h1><p>Write <code>{{ page.title }}</code> where the title is to stand.</p>",
        "<h1>Undefined behaviour</h1><p>The value is undefined or null.</p>",
        "<h1>TODO lists for teams</h1><h2>undefined</h2><p>What it means.</p>",
        "<h1>Lorem ipsum</h1><p>Where this text comes from: Cicero.</p>",
    ],
)
def test_a_page_about_such_words_is_left_alone(body: str) -> None:
    assert judge("content.placeholder", page_of(in_body(body))).state == "pass"


def test_a_hidden_menu_beside_a_long_text_is_no_deceit_and_limits_can_be_moved() -> None:
    page = page_of(in_body(TEXT * 60, HIDDEN))
    assert judge("content.hidden-text", page).state == "pass"
    assert judge("content.hidden-text", page, share=0.1).state == "fail"
    assert judge("content.hidden-text", page_of(in_body(TEXT, HIDDEN)), characters=100_000).state == "pass"
