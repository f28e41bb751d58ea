"""Rules about structured data: what they find, and what they leave alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine.audit.auditing import in_head, judge, page_of

OWN = "https://a.example/pots.html"
HEAD = f"<title>Our pots</title><link rel=canonical href={OWN}>"


def described(*items: Any) -> str:
    blocks = (
        item if isinstance(item, str) else json.dumps({"@context": "https://schema.org", **item}) for item in items
    )
    return in_head(HEAD, *(f"<script type='application/ld+json'>{block}</script>" for block in blocks))


PRODUCT = {
    "@type": "Product", "name": "Red pot", "image": "/pot.png", "description": "Thrown by hand.", "brand": "Kent",
    "offers": {"@type": "Offer", "availability": "InStock"},
}  # fmt: skip

FAULTY = {
    "sd.syntax": described('{"@type": "Product",}'),
    "sd.required": described({"@type": "Product", "name": "Red pot"}),
    "sd.recommended": described({"@type": "Article", "headline": "How we throw pots"}),
    "sd.retired": described({"@type": "HowTo", "name": "How to throw a pot"}),
    "sd.not-visible": described({**{"@type": "Offer"}, "price": "12.50"}),
    "sd.inconsistent": described({"@type": "WebPage", "publisher": {"@id": "#kent"}}),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize(
    "page",
    [
        in_head(HEAD),
        described(PRODUCT),
        described({"@graph": [{"@type": "WebPage", "url": OWN, "about": {"@id": "#pot"}}, {**PRODUCT, "@id": "#pot"}]}),
        described({"@type": "Person", "name": "Ann"}),
    ],
)
def test_good_data_have_no_fault(rule: str, page: str) -> None:
    assert judge(rule, page_of(page)).state == "pass"


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ('{"@type": "Product",}', "a comma stands before a closing bracket"),
        ('/* the pot */ {"@type": "Product"}', "there are comments in it"),
        ('{"name": "Red\npot"}', "a line break or another control character stands within a text"),
        ("{&quot;name&quot;: 1}", "its quotes are written as HTML entities"),
        ("", "the block is empty"),
        ('{"name": ', "Expecting value: line 1 column 10 (char 9)"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_what_does_not_parse_is_said_with_the_reading_that_would_do(block: str, why: str) -> None:
    assert judge("sd.syntax", page_of(described(block))).messages == [f"a block of JSON-LD does not parse: {why}"]


def test_what_a_rich_result_needs_may_come_under_several_names_and_in_any_syntax() -> None:
    assert judge("sd.required", page_of(FAULTY["sd.required"])).messages == [
        "Product lacks aggregateRating or offers or review"
    ]
    microdata = (
        "<div itemscope itemtype=https://schema.org/Product><b itemprop=name>Red pot</b>"
        "<div itemprop=offers itemscope itemtype=https://schema.org/Offer><i itemprop=price>12</i></div></div>"
    )
    assert judge("sd.required", page_of(in_head(HEAD, body=microdata))).state == "pass"
    bare = "<div itemscope itemtype=https://schema.org/Recipe><b itemprop=name>Glaze</b></div>"
    assert judge("sd.required", page_of(in_head(HEAD, body=bare))).messages == ["Recipe lacks image"]


def test_a_mention_of_what_is_described_elsewhere_lacks_nothing() -> None:
    graph = {"@graph": [{**PRODUCT, "@id": "#pot"}, {"@type": "Review", "author": "Ann", "reviewRating": 5,
             "itemReviewed": {"@type": "Product", "@id": "#pot"}}]}  # fmt: skip
    assert judge("sd.required", page_of(described(graph))).state == "pass"


def test_a_retired_type_is_said_once_and_no_harm_is_claimed() -> None:
    question = {"@type": "Question", "name": "How long?"}
    page = page_of(described({"@type": "FAQPage", "mainEntity": [question]}, {"@type": "FAQPage"}))
    (message,) = judge("sd.retired", page).messages
    assert message == "FAQPage makes no rich result any more, since May 2026; the data do no harm"


def test_another_address_than_the_canonical_one_is_said_of_the_page_and_not_of_what_it_mentions() -> None:
    other = page_of(described({"@type": "WebPage", "url": "https://a.example/old.html"}))
    assert judge("sd.inconsistent", other).state == "fail"
    shop = page_of(described({"@type": "Organization", "url": "https://a.example/"}))
    assert judge("sd.inconsistent", shop).state == "pass"


@pytest.mark.parametrize(
    "block", ["null", '"text"', "[]", '{"@type": 3}', '{"@type": ["Product", null]}', '{"@graph": 1}']
)
def test_odd_json_is_no_item(block: str) -> None:
    for rule in FAULTY:
        assert judge(rule, page_of(described(block))).state in ("pass", "fail")


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        ("12.50", "£12.50"), (12, "12,00 €"), ("1299.00", "CHF 1'299.–"), ("1299", "1.299,00 €"), ("1299", "$1,299"),
        ("12.5", "from 12.50 to 15"), ("1 299", "1\u202f299 kr"), ("8", "12.50 100 8.00"), ("0", "free"), ("", "?"),
        ("on request", "?"),
    ],
)  # fmt: skip
def test_a_price_is_found_in_whatever_way_it_is_written(price: str | int, shown: str) -> None:
    page = described({"@type": "Offer", "price": price}).replace("We throw", f"{shown} We throw")
    assert judge("sd.not-visible", page_of(page)).state == "pass"


def test_what_stands_beside_the_main_text_is_seen_and_what_is_hidden_is_not() -> None:
    offer = {"@type": "Offer", "price": "12.50"}
    beside = described(offer).replace("</body>", "<aside>Only £12.50</aside></body>")
    hidden = described(offer).replace("</body>", "<p style='display:none'>£12.50</p></body>")
    assert judge("sd.not-visible", page_of(beside)).state == "pass"
    assert judge("sd.not-visible", page_of(hidden)).messages == ["price is 12.5, which the page does not show"]


def test_a_question_and_a_rating_are_looked_for_too() -> None:
    question = {"@type": "Question", "name": "How long does it last?"}
    shown = described(question).replace("</body>", "<h3>How long does it last ?</h3></body>")
    assert judge("sd.not-visible", page_of(shown)).state == "pass"
    assert judge("sd.not-visible", page_of(described(question))).messages == ["a question is not on the page"]
    rating = page_of(described({"@type": "AggregateRating", "ratingValue": 4.7}))
    assert judge("sd.not-visible", rating).messages == ["ratingValue is 4.7, which the page does not show"]
