"""Rules about what networks show: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from tests.engine.audit.auditing import in_head, judge, page_of

OWN = "https://a.example/pots.html"
CANONICAL = f"<link rel=canonical href={OWN}>"
TITLE = "<title>Our pots</title>"


def graph(**values: str) -> str:
    metas = (f'<meta property="og:{name.replace("_", ":")}" content="{value}">' for name, value in values.items())
    return in_head(TITLE, CANONICAL, *metas)


FAULTY = {
    "social.title": graph(image="https://a.example/pot.png"),
    "social.image": graph(title="Our pots"),
    "social.url": graph(title="Our pots", image="https://a.example/pot.png", url="https://a.example/old.html"),
    "social.card": in_head(TITLE, "<meta name=twitter:card content=huge>"),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize(
    "page",
    [
        in_head(TITLE),
        graph(title="Our pots", image="https://a.example/pot.png", url=OWN, image_width="1200", image_height="630"),
        in_head(TITLE, "<meta name=twitter:card content=summary_large_image>"),
    ],
)
def test_a_site_that_leaves_networks_alone_or_serves_them_has_no_fault(rule: str, page: str) -> None:
    assert judge(rule, page_of(page)).state == "pass"


def test_an_image_that_networks_cannot_load_or_that_is_small_is_said() -> None:
    page = page_of(graph(title="Our pots", image="/pot.png", image_width="300"))
    assert judge("social.image", page).messages == [
        "the address of og:image is relative",
        "og:image is 300 pixels in width, less than 1200",
    ]
    assert judge("social.image", page, width=200).messages == ["the address of og:image is relative"]


def test_a_slash_at_the_end_is_no_other_address_and_without_a_canonical_one_there_is_none_to_differ_from() -> None:
    page = in_head(
        TITLE, "<link rel=canonical href=https://a.example/>", "<meta property=og:url content=https://a.example>"
    )
    assert judge("social.url", page_of(page, address="https://a.example/")).state == "pass"
    assert judge("social.url", page_of(in_head(TITLE, f"<meta property=og:url content={OWN}>"))).state == "pass"
