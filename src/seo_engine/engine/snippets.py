"""Snippet: a page's title and description, and the format in which a model writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seo_engine.engine.site.page import Page

# Before the fine-tuning, models tend to add Markdown.
_LABEL = re.compile(
    r"^[ \t*#>_-]{0,10}(title|(?:meta )?description)[*_]{0,2}:[ \t*_]{0,10}", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True)
class Snippet:
    """What a search result shows of a page: its title and meta description."""

    title: str
    description: str


def snippet_of(page: Page) -> Snippet:
    """Return the title and description that a page has."""
    return Snippet(page.title, page.description)


def format_answer(snippet: Snippet) -> str:
    """Return a snippet in the format that the model should write.

    Example:
        >>> print(format_answer(Snippet("Pots", "Made by hand.")))
        Title: Pots
        Description: Made by hand.
    """
    return f"Title: {snippet.title}\nDescription: {snippet.description}"


def parse_answer(answer: str) -> Snippet:
    """Return the snippet in a model's answer; missing parts are empty.

    Args:
        answer (str): Any text.

    Returns:
        Snippet: Title and description, each on one line.

    Example:
        >>> parse_answer("Title: Pots\\nDescription: Made by hand.")
        Snippet(title='Pots', description='Made by hand.')
    """
    labels = list(_LABEL.finditer(answer))
    ends = [*(label.start() for label in labels[1:]), len(answer)]
    values: dict[str, str] = {}
    for label, end in zip(labels, ends, strict=False):
        first_line = answer[label.end() : end].strip(" \t\r\n*").partition("\n")[0]
        values.setdefault(label.group(1).lower().removeprefix("meta "), " ".join(first_line.split()))
    return Snippet(values.get("title", ""), values.get("description", ""))
