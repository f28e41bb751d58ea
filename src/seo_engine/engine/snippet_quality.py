"""How good titles and descriptions are, compared with those that an editor wrote."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from seo_engine.engine.site.page import Page
from seo_engine.engine.snippet_limits import DESCRIPTION_CHARACTERS, LONGEST_DESCRIPTION, TITLE_CHARACTERS
from seo_engine.engine.snippets import Snippet, snippet_of
from seo_engine.engine.text.words import length_of

_WORD = re.compile(r"\w+", re.UNICODE)
# A line with fewer is a name, a date or a label.
_FEWEST_WORDS = 5
_FEWEST_CHARACTERS = 12

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+")


class WordTokenizer:
    """Splits text into words of any script; rouge_score's own tokenizer knows only a to z."""

    def tokenize(self, text: str) -> list[str]:
        """Return the words in lower case.

        Example:
            >>> WordTokenizer().tokenize("Töpfe, handgemacht!")
            ['töpfe', 'handgemacht']
        """
        return _WORD.findall(unicodedata.normalize("NFC", text).lower())


def baseline_snippets(pages: Sequence[Page]) -> list[Snippet]:
    """Return the obvious snippets without a model: the main heading, and the first sentence of the text.

    Args:
        pages (Sequence[Page]): The pages.

    Returns:
        list[Snippet]: One for each page.
    """
    return [Snippet(page.main_heading, _first_sentence(page)) for page in pages]


def measure_snippets(pages: Sequence[Page], snippets: Sequence[Snippet]) -> dict[str, float]:
    """Compare snippets with the pages' own.

    Args:
        pages (Sequence[Page]): The pages; their titles and descriptions are the reference.
        snippets (Sequence[Snippet]): One for each page.

    Returns:
        dict[str, float]: `rouge_l_title` and `rouge_l_description`, means from 0 to 1 of the F-measure of the longest
        common subsequence of words (Lin 2004); `titles_within_limits` and `descriptions_within_limits`, counts.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], tokenizer=WordTokenizer())
    references = [snippet_of(page) for page in pages]

    def mean_rouge(pairs: list[tuple[str, str]]) -> float:
        return float(sum(scorer.score(reference, text)["rougeL"].fmeasure for reference, text in pairs) / len(pairs))

    pairs = list(zip(references, snippets, strict=True))
    return {
        "rouge_l_title": mean_rouge([(reference.title, snippet.title) for reference, snippet in pairs]),
        "rouge_l_description": mean_rouge([(r.description, snippet.description) for r, snippet in pairs]),
        "titles_within_limits": sum(is_within(snippet.title, TITLE_CHARACTERS) for snippet in snippets),
        "descriptions_within_limits": sum(is_within(s.description, DESCRIPTION_CHARACTERS) for s in snippets),
    }


def is_within(text: str, limits: tuple[int, int]) -> bool:
    """Return whether the length of a text in characters lies within limits.

    Example:
        >>> is_within("A title that is long enough to tell", TITLE_CHARACTERS)
        True
    """
    shortest, longest = limits
    return shortest <= len(text) <= longest


def _first_sentence(page: Page) -> str:
    """Return the first sentence of the text, not a heading, a date, or a label."""
    headings = {text for _, text in page.headings}
    lines = [line for line in page.main_text.splitlines() if line not in headings]
    body = next((line for line in lines if _is_sentence(line)), next(iter(lines), ""))
    return _SENTENCE_END.split(body)[0][:LONGEST_DESCRIPTION]


def _is_sentence(line: str) -> bool:
    length = length_of(line[:LONGEST_DESCRIPTION])
    return length.words >= _FEWEST_WORDS or length.characters >= _FEWEST_CHARACTERS
