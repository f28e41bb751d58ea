"""Page and Site: what was read, as plain data; and SiteError."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

# What is longer is no title and no description, but a fault of the page to report, not one to learn.
LONGEST_TITLE = 200
LONGEST_DESCRIPTION = 500


class SiteError(ValueError):
    """A site that cannot be used; the message says what, where and how to mend it."""


@dataclass(frozen=True)
class Image:
    """An image of a page; `alternative_text` is None where the attribute is missing."""

    source: str
    alternative_text: str | None


@dataclass(frozen=True)
class Page:
    """One HTML document, as plain data.

    `url` is the canonical address, or the file's place within the site. `main_text` is what a reader came for:
    one line a paragraph, without navigation, header and footer.
    """

    url: str
    path: str
    title: str
    description: str
    headings: tuple[tuple[int, str], ...]
    main_text: str
    links: tuple[str, ...]
    images: tuple[Image, ...]
    language: str
    canonical: str

    @property
    def main_heading(self) -> str:
        """str: The first heading of the first level, or an empty string."""
        return next((text for level, text in self.headings if level == 1), "")

    @property
    def is_usable(self) -> bool:
        """bool: Whether there is a text to read, and a title and a description to learn from."""
        has_title = 0 < len(self.title) <= LONGEST_TITLE
        return bool(self.main_text) and has_title and 0 < len(self.description) <= LONGEST_DESCRIPTION


@dataclass(frozen=True)
class Site:
    """The pages of a folder, and how many files were passed over, by reason."""

    folder: Path
    pages: tuple[Page, ...]
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def usable_pages(self) -> tuple[Page, ...]:
        """tuple[Page, ...]: Those that can be learnt from."""
        return tuple(page for page in self.pages if page.is_usable)
