"""Page -> training example: an instruction and the page's text, answered by its title and description."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seo_engine.engine.pages import Page

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

INSTRUCTION = "Write the title (30 to 60 characters) and the meta description (70 to 155 characters) of this web page."

# Tokens with this label are not learnt: PyTorch's cross entropy leaves them out.
IGNORED_LABEL = -100

# Pages of which nine tenths of the word sequences agree are one page for the split.
NEAR_DUPLICATE_SIMILARITY = 0.9
_WORDS_IN_SEQUENCE = 4


@dataclass(frozen=True)
class Snippet:
    """What a search result shows of a page: its title and meta description."""

    title: str
    description: str


def snippet_of(page: Page) -> Snippet:
    """Return the title and description that a page has."""
    return Snippet(page.title, page.description)


def format_answer(snippet: Snippet) -> str:
    """Return a snippet as the model is to write it.

    Example:
        >>> print(format_answer(Snippet("Pots", "Made by hand.")))
        Title: Pots
        Description: Made by hand.
    """
    return f"Title: {snippet.title}\nDescription: {snippet.description}"


def parse_answer(answer: str) -> Snippet:
    """Return the snippet in what a model wrote; what it did not write is empty.

    Args:
        answer (str): Any text.

    Returns:
        Snippet: Title and description, each on one line.

    Example:
        >>> parse_answer("Title: Pots\\nDescription: Made by hand.")
        Snippet(title='Pots', description='Made by hand.')
    """
    title = description = ""
    for line in answer.splitlines():
        label, separator, text = line.partition(":")
        value = " ".join(text.split())
        match label.strip().lower() if separator else "":
            case "title" if not title:
                title = value
            case "description" | "meta description" if not description:
                description = value
    return Snippet(title, description)


def make_prompt(page: Page, tokenizer: PreTrainedTokenizerBase, maximum_page_tokens: int) -> str:
    """Return the prompt for a page, in training and generation alike.

    Args:
        page (Page): The page.
        tokenizer (PreTrainedTokenizerBase): Cuts the text, and knows the model's chat template.
        maximum_page_tokens (int): The page's text is cut to this many tokens.

    Returns:
        str: Instruction and text in the chat template, up to where the answer begins.
    """
    tokens = tokenizer(page.main_text, add_special_tokens=False)["input_ids"][:maximum_page_tokens]
    text = tokenizer.decode(tokens, skip_special_tokens=True)
    return _in_chat_template(str(text), tokenizer)


def make_example(page: Page, tokenizer: PreTrainedTokenizerBase, maximum_tokens: int) -> dict[str, list[int]]:
    """Return a page as an example of at most so many tokens; the page is cut to fit, the answer never.

    Args:
        page (Page): A usable page.
        tokenizer (PreTrainedTokenizerBase): The model's.
        maximum_tokens (int): Longest example.

    Returns:
        dict[str, list[int]]: `input_ids`, `attention_mask`, and `labels` that are learnt on the answer only.
    """
    prompt = tokenizer(make_prompt(page, tokenizer, page_tokens(tokenizer, maximum_tokens)), add_special_tokens=False)[
        "input_ids"
    ]
    answer = tokenizer(format_answer(snippet_of(page)), add_special_tokens=False)["input_ids"]
    answer = [*answer, tokenizer.eos_token_id]
    return {
        "input_ids": prompt + answer,
        "attention_mask": [1] * (len(prompt) + len(answer)),
        "labels": [IGNORED_LABEL] * len(prompt) + answer,
    }


# Room for the answer: 60 + 155 characters and the labels are about 60 tokens of English, twice that elsewhere.
ANSWER_TOKENS = 120


def page_tokens(tokenizer: PreTrainedTokenizerBase, maximum_tokens: int) -> int:
    """Return how many tokens of a page fit into an example beside instruction, template and answer."""
    frame = tokenizer(_in_chat_template("", tokenizer), add_special_tokens=False)["input_ids"]
    return max(16, maximum_tokens - ANSWER_TOKENS - len(frame))


def _in_chat_template(text: str, tokenizer: PreTrainedTokenizerBase) -> str:
    message = {"role": "user", "content": f"{INSTRUCTION}\n\n{text}"}
    return str(tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True))


def split_pages(pages: Sequence[Page], validation_share: float, seed: int) -> tuple[list[Page], list[Page]]:
    """Split pages into those to learn from and those to measure on.

    Args:
        pages (Sequence[Page]): At least two groups of pages that are no near duplicates.
        validation_share (float): Share of the pages to measure on, between 0 and 1.
        seed (int): The same seed splits the same pages in the same way.

    Returns:
        tuple[list[Page], list[Page]]: Training and validation pages, in their order. Near duplicates are always
        on the same side.

    Raises:
        ValueError: If all pages are near duplicates of each other.
    """
    groups = _group_near_duplicates(pages)
    if len(groups) < 2:
        raise ValueError("all pages are near duplicates of each other; a split needs pages that differ")
    # Ordered by address, not by file, so that moving the site's folder does not change the split.
    groups.sort(key=lambda group: min(pages[index].url for index in group))
    random.Random(seed).shuffle(groups)
    wanted = max(1, round(len(pages) * validation_share))
    validation: set[int] = set()
    for group in groups[:-1]:
        if len(validation) + len(group) <= wanted:
            validation.update(group)
    if not validation:
        # Every group is larger than what is wanted: the smallest is the least that can be held out.
        validation.update(sorted(groups, key=len)[0])
    return (
        [page for index, page in enumerate(pages) if index not in validation],
        [page for index, page in enumerate(pages) if index in validation],
    )


def _group_near_duplicates(pages: Sequence[Page]) -> list[list[int]]:
    """Return groups of indices; most groups are one page."""
    from datasketch import MinHash, MinHashLSH

    index: Any = MinHashLSH(threshold=NEAR_DUPLICATE_SIMILARITY, num_perm=128)
    group_of: dict[int, list[int]] = {}
    for number, page in enumerate(pages):
        signature: Any = MinHash(num_perm=128)
        signature.update_batch([sequence.encode() for sequence in _word_sequences(page.main_text)])
        group = [number]
        # A page may join groups that were apart until now.
        for other in sorted(index.query(signature)):
            if group_of[other] is not group:
                group = group_of[other] + group
                for each in group:
                    group_of[each] = group
        for each in group:
            group_of[each] = group
        index.insert(number, signature)
    return [group for number, group in group_of.items() if number == min(group)]


def _word_sequences(text: str) -> set[str]:
    words = text.lower().split()
    return {
        " ".join(words[start : start + _WORDS_IN_SEQUENCE])
        for start in range(max(1, len(words) - _WORDS_IN_SEQUENCE + 1))
    }
