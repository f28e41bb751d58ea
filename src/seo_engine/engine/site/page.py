"""Page and Site: what was read, as plain data; and SiteError."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

# Anything longer is a fault of the page: something to report, not to learn from.
LONGEST_TITLE = 200
LONGEST_DESCRIPTION = 500


class SiteError(ValueError):
    """Raised if a site cannot be used; the message says what is wrong, where, and how to fix it."""


@dataclass(frozen=True)
class Image:
    """An image of a page; `alternative_text` is None if the attribute is missing."""

    source: str
    alternative_text: str | None


@dataclass(frozen=True)
class Page:
    """One HTML document, as plain data.

    `url` is the canonical URL, or the file's path within the site. `main_text` is the content: one line per paragraph,
    without navigation, header and footer.
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
        """bool: Whether it has a text, and a title and a description to learn from."""
        has_title = 0 < len(self.title) <= LONGEST_TITLE
        return bool(self.main_text) and has_title and 0 < len(self.description) <= LONGEST_DESCRIPTION


@dataclass(frozen=True)
class Site:
    """The pages of a folder, and how many files were skipped, by reason."""

    folder: Path
    pages: tuple[Page, ...]
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def usable_pages(self) -> tuple[Page, ...]:
        """tuple[Page, ...]: The pages that a model can learn from."""
        return tuple(page for page in self.pages if page.is_usable)
