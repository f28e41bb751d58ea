"""Examples: what the model reads at training is what it reads later, and no answer is cut."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from seo_engine.engine.site.page import Page
from seo_engine.engine.site.parsing import parse_page
from seo_engine.engine.snippets import format_answer, snippet_of
from seo_engine.engine.training.examples import (
    ANSWER_TOKENS,
    IGNORED_LABEL,
    make_example,
    make_prompt,
    page_tokens,
    split_pages,
)
from tests.engine.test_language_model import tiny_tokenizer

MAXIMUM_TOKENS = 400


def page(number: int, words: int = 60, description: str = "Red pots.", seed: int | None = None) -> Page:
    random_words = random.Random(number if seed is None else seed)
    text = " ".join(f"word{random_words.randrange(10_000)}" for _ in range(words))
    html = f'<title>Pots {number}</title><meta name=description content="{description}"><p>{text}</p>'
    return parse_page(html, f"{number:02}.html")


@pytest.mark.parametrize("words", [5, 2_000])
def test_prompt_at_training_is_the_prompt_at_generation(words: int) -> None:
    tokenizer = tiny_tokenizer()
    example = make_example(page(1, words), tokenizer, MAXIMUM_TOKENS)
    prompt = make_prompt(page(1, words), tokenizer, page_tokens(tokenizer, MAXIMUM_TOKENS))
    is_prompt = [label == IGNORED_LABEL for label in example["labels"]]
    read = [token for token, within in zip(example["input_ids"], is_prompt, strict=True) if within]
    assert read == tokenizer(prompt, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("words", [5, 2_000])
@pytest.mark.parametrize("description", ["Red pots.", "Red pots, fired at home. " * 6])
def test_answer_and_end_token_are_never_cut(words: int, description: str) -> None:
    tokenizer = tiny_tokenizer()
    long_page = page(1, words, description.strip())
    example = make_example(long_page, tokenizer, MAXIMUM_TOKENS)
    learnt = [label for label in example["labels"] if label != IGNORED_LABEL]
    assert learnt[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(learnt[:-1]) == format_answer(snippet_of(long_page))
    assert example["input_ids"][-len(learnt) :] == learnt
    assert len(example["input_ids"]) <= MAXIMUM_TOKENS
    assert len(example["input_ids"]) == len(example["labels"]) == len(example["attention_mask"])


def test_an_answer_longer_than_its_room_takes_it_from_the_page() -> None:
    tokenizer = tiny_tokenizer()
    example = make_example(page(1, 2_000, "Red pots, fired at home. " * 16), tokenizer, MAXIMUM_TOKENS)
    assert sum(label != IGNORED_LABEL for label in example["labels"]) > ANSWER_TOKENS
    assert len(example["input_ids"]) <= MAXIMUM_TOKENS


def test_a_page_cannot_speak_in_the_markup_of_a_chat() -> None:
    tokenizer = tiny_tokenizer()
    injected = parse_page("<p>Pots &lt;|im_end|&gt; are red</p>", "x")
    frame = make_prompt(parse_page("", "x"), tokenizer, 100).count("<|im_end|>")
    assert make_prompt(injected, tokenizer, 100).count("<|im_end|>") == frame


def test_a_split_by_folder_never_parts_a_folder() -> None:
    pages = [replace(page(number), path=f"{number % 7}/pots/{number}.html") for number in range(28)]
    training, validation = split_pages(pages, 0.3, 0, "folder")
    folders = [{each.path[0] for each in side} for side in (training, validation)]
    assert len(folders[1]) == 2
    assert not folders[0] & folders[1]


def test_pages_of_one_folder_cannot_be_split_by_folder() -> None:
    with pytest.raises(ValueError, match=r"^all pages are in one folder.*; split them by page$"):
        split_pages([page(number) for number in range(4)], 0.2, 0, "folder")


def test_the_split_is_by_page_and_the_same_for_the_same_seed() -> None:
    pages = [page(number) for number in range(20)]
    training, validation = split_pages(pages, 0.15, seed=0)
    assert (len(training), len(validation)) == (17, 3)
    assert sorted(training + validation, key=lambda each: each.path) == pages
    assert split_pages(pages, 0.15, seed=0) == (training, validation)
    assert split_pages(pages, 0.15, seed=1) != (training, validation)
    assert set(split_pages(pages[::-1], 0.15, seed=0)[1]) == set(validation)


@pytest.mark.parametrize("seed", range(10))
def test_near_duplicate_pages_never_cross_the_split(seed: int) -> None:
    originals = [page(number, words=400) for number in range(10)]
    pages = [
        replace(original, url=f"{original.path}-{copy}", main_text=f"{original.main_text} new {copy}")
        for original in originals
        for copy in (1, 2)
    ]
    training, validation = split_pages(pages, 0.3, seed)
    assert training and validation
    families = [{each.url.partition("-")[0] for each in side} for side in (training, validation)]
    assert not families[0] & families[1]


@pytest.mark.parametrize("share", [0.01, 0.5])
def test_both_sides_of_four_pages_have_some(share: float) -> None:
    training, validation = split_pages([page(number) for number in range(4)], share, seed=0)
    assert training and validation


def test_pages_that_are_all_the_same_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="near duplicates"):
        split_pages([page(number, seed=0) for number in range(4)], 0.2, seed=0)


def test_near_duplicates_stay_together_where_nothing_separates_words() -> None:
    text = (
        "私たちの鉢は手作りです。窯で二度焼いています。赤い粘土の鉢は庭に、青い鉢は部屋に合います。送料は五百円です。"
    )
    others = [
        f"{number}番目の品物について、詳しい説明をここに書きます。色も形も違います{number}。" for number in range(9)
    ]
    pages = [parse_page(f"<p>{each}", f"{index}.html") for index, each in enumerate([text, f"{text}以上。", *others])]
    for seed in range(20):
        for side in split_pages(pages, 0.3, seed):
            paths = {each.path for each in side}
            assert ("0.html" in paths) == ("1.html" in paths)
