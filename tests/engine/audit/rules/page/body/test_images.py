"""Rules about images: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from tests.engine.audit.auditing import in_body, judge, page_of

GOOD = "<img src=pot.png alt='A red pot' width=400 height=300>"

FAULTY = {
    "img.alt-missing": in_body("<img src=pot.png width=400 height=300>"),
    "img.alt-quality": in_body("<img src=pot.png alt=IMG_4711.jpg width=400 height=300>"),
    "img.size-attributes": in_body("<img src=pot.png alt='A red pot'>"),
    "img.lazy-first": in_body(f"<main><h1>Pots</h1>{GOOD.replace('>', ' loading=lazy>')}</main>"),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize(
    "image",
    [
        GOOD,
        "<img src=line.png alt='' width=400 height=3>",
        "<img src=count.gif width=1 height=1>",
        "<img src=pot.png alt='A red pot' style='aspect-ratio: 4/3'>",
        f"<main><h1>Pots</h1>{GOOD}<img src=jar.png alt='A jar' width=9 height=9 loading=lazy></main>",
        "<p>No image at all</p>",
    ],
)
def test_good_images_have_no_fault(rule: str, image: str) -> None:
    assert judge(rule, page_of(in_body(image))).state == "pass"


@pytest.mark.parametrize(
    "image",
    [
        "<img src=line.png role=presentation width=9 height=9>",
        "<img src=line.png aria-hidden=true width=9 height=9>",
        "<img src=pot.png aria-label='A red pot' width=9 height=9>",
        "<img src=pot.png title='A red pot' width=9 height=9>",
    ],
)
def test_what_screen_readers_pass_over_or_call_otherwise_needs_no_alternative_text(image: str) -> None:
    assert judge("img.alt-missing", page_of(in_body(image))).state == "pass"


def test_each_image_without_a_text_is_named_by_its_file() -> None:
    page = page_of(in_body("<img src=/a/red%20pot.png>", "<img src=jar.png>"))
    assert judge("img.alt-missing", page).evidence == ["red pot.png", "jar.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pot.jpeg", "the alternative text of an image is the name of a file"),
        ("DSC 00017", "the alternative text of an image is the name of a file"),
        ("A red pot. " * 20, "the alternative text of an image is 219 characters long"),
    ],
)
def test_a_text_that_says_nothing_of_the_image_is_said(text: str, message: str) -> None:
    assert judge("img.alt-quality", page_of(in_body(f"<img src=pot.png alt='{text}'>"))).messages == [message]


def test_two_images_with_one_text_are_told_from_one_image_twice() -> None:
    same = "<img src=pot.png alt='A red pot'><img src=pot.png alt='A red pot'>"
    other = "<img src=pot.png alt='A red pot'><img src=jar.png alt='A red pot'>"
    assert judge("img.alt-quality", page_of(in_body(same))).state == "pass"
    assert judge("img.alt-quality", page_of(in_body(other))).messages == [
        "two different images have the same alternative text"
    ]
    flags = "<img src=up.png alt=Up><img src=up2.png alt=Up>"
    assert judge("img.alt-quality", page_of(in_body(flags))).state == "pass"


def test_an_image_that_a_script_loads_waits_for_it() -> None:
    page = page_of(in_body("<main><h1>Pots</h1><img data-src=pot.png alt='A red pot'></main>"))
    assert judge("img.lazy-first", page).messages == ["the first image of the content waits for a script"]


def test_data_in_the_page_have_their_size_at_once() -> None:
    assert judge("img.size-attributes", page_of(in_body("<img src='data:image/gif;base64,R0' alt=x>"))).state == "pass"
