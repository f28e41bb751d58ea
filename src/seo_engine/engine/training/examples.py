"""Page -> training example: an instruction and the page's text, answered by its title and description."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from seo_engine.engine.configuration import BY_FOLDER, BY_PAGE
from seo_engine.engine.site.page import Page
from seo_engine.engine.snippet_limits import DESCRIPTION_CHARACTERS, TITLE_CHARACTERS
from seo_engine.engine.snippets import format_answer, snippet_of
from seo_engine.engine.text.words import tokens_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

INSTRUCTION = (
    f"Write a title of {TITLE_CHARACTERS[0]} to {TITLE_CHARACTERS[1]} characters and a meta description of "
    f"{DESCRIPTION_CHARACTERS[0]} to {DESCRIPTION_CHARACTERS[1]} characters for this web page, "
    "as two lines: Title: and Description:"
)

# PyTorch's cross entropy ignores tokens with this label.
IGNORED_LABEL = -100

# The split treats pages that share eight tenths of their word sequences as one page.
NEAR_DUPLICATE_SIMILARITY = 0.8
_WORDS_IN_SEQUENCE = 4

# Bounds for pages of any size: tokens are shorter on average, and this many words distinguish any page.
_LONGEST_TOKEN = 32
_WORDS_COMPARED = 5_000
_LONGEST_WORD = 16


def make_prompt(page: Page, tokenizer: PreTrainedTokenizerBase, maximum_page_tokens: int) -> str:
    """Return the prompt for a page, the same in training and in generation.

    Args:
        page (Page): The page.
        tokenizer (PreTrainedTokenizerBase): Cuts the text, and knows the model's chat template.
        maximum_page_tokens (int): The page's text is cut to this many tokens.

    Returns:
        str: Instruction and text in the chat template, up to where the answer begins.
    """
    start = page.main_text[: maximum_page_tokens * _LONGEST_TOKEN]
    tokens = tokenizer(start, add_special_tokens=False)["input_ids"][:maximum_page_tokens]
    text = tokenizer.decode(tokens, skip_special_tokens=True)
    return _in_chat_template(str(text), tokenizer)


def make_example(page: Page, tokenizer: PreTrainedTokenizerBase, maximum_tokens: int) -> dict[str, list[int]]:
    """Return a page as an example of limited length; the page is cut to fit, the answer never is.

    Args:
        page (Page): A usable page.
        tokenizer (PreTrainedTokenizerBase): The model's tokenizer.
        maximum_tokens (int): Longest example.

    Returns:
        dict[str, list[int]]: `input_ids`, `attention_mask`, and `labels`, which cover only the answer.
    """
    answer = tokenizer(format_answer(snippet_of(page)), add_special_tokens=False)["input_ids"]
    answer = [*answer, tokenizer.eos_token_id]
    # A longer answer takes the extra room from the page.
    room = page_tokens(tokenizer, maximum_tokens) - max(0, len(answer) - ANSWER_TOKENS)
    prompt = tokenizer(make_prompt(page, tokenizer, max(0, room)), add_special_tokens=False)["input_ids"]
    return {
        "input_ids": prompt + answer,
        "attention_mask": [1] * (len(prompt) + len(answer)),
        "labels": [IGNORED_LABEL] * len(prompt) + answer,
    }


# Room for the answer: 60 + 155 characters and the labels are at most about 60 tokens of English.
ANSWER_TOKENS = 72


def page_tokens(tokenizer: PreTrainedTokenizerBase, maximum_tokens: int) -> int:
    """Return how many tokens of a page fit into an example, next to instruction, template and answer."""
    frame = tokenizer(_in_chat_template("", tokenizer), add_special_tokens=False)["input_ids"]
    return max(16, maximum_tokens - ANSWER_TOKENS - len(frame))


def _in_chat_template(text: str, tokenizer: PreTrainedTokenizerBase) -> str:
    message = {"role": "user", "content": f"{INSTRUCTION}\n\n{text}"}
    return str(tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True))


def split_pages(
    pages: Sequence[Page], validation_share: float, seed: int, split_by: str = BY_PAGE
) -> tuple[list[Page], list[Page]]:
    """Split pages into a training set and a validation set.

    Args:
        pages (Sequence[Page]): The pages; at least two must not be near duplicates of each other.
        validation_share (float): Share of the pages to hold out, between 0 and 1.
        seed (int): The same seed splits the same pages in the same way.
        split_by (str): "folder" keeps the pages of a folder in the same set, because they are often written from one
            template; "page" does not.

    Returns:
        tuple[list[Page], list[Page]]: Training and validation pages, in their original order. Near duplicates are
        always in the same set.

    Raises:
        ValueError: If all pages are near duplicates of each other, or in one folder with its near duplicates.
    """
    groups = _groups(pages, split_by)
    if len(groups) < 2 and split_by == BY_FOLDER:
        raise ValueError("all pages are in one folder, or near duplicates of pages in it; split them by page")
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
        # Every group is larger than wanted: the smallest is the least that can be held out.
        validation.update(sorted(groups, key=len)[0])
    return (
        [page for index, page in enumerate(pages) if index not in validation],
        [page for index, page in enumerate(pages) if index in validation],
    )


def _groups(pages: Sequence[Page], split_by: str) -> list[list[int]]:
    """Return groups of indices of pages that the split keeps together; most groups are one page."""
    from datasketch import MinHash, MinHashLSH

    index: Any = MinHashLSH(threshold=NEAR_DUPLICATE_SIMILARITY, num_perm=128)
    group_of: dict[int, list[int]] = {}
    first_of_folder: dict[str, int] = {}
    for number, page in enumerate(pages):
        signature: Any = MinHash(num_perm=128)
        signature.update_batch([sequence.encode() for sequence in _word_sequences(page.main_text)])
        related = sorted(index.query(signature))
        if split_by == BY_FOLDER:
            related.append(first_of_folder.setdefault(str(PurePosixPath(page.path).parent), number))
        group_of[number] = [number]
        # A page may join groups that were separate until now.
        for other in related:
            if group_of[other] is not group_of[number]:
                joined = group_of[other] + group_of[number]
                group_of.update(dict.fromkeys(joined, joined))
        index.insert(number, signature)
    return [group for number, group in group_of.items() if number == min(group)]


def _word_sequences(text: str) -> set[str]:
    # Words end somewhere within this; a script without spaces has more of them.
    words = tokens_of(text[: _WORDS_COMPARED * _LONGEST_WORD].lower())[:_WORDS_COMPARED]
    return {
        " ".join(words[start : start + _WORDS_IN_SEQUENCE])
        for start in range(max(1, len(words) - _WORDS_IN_SEQUENCE + 1))
    }
