"""A site: its pages, and which of them a model can learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from seo_engine.engine.site.gates import sort_by_gate
from seo_engine.engine.site.hosting.served_folder import ServedFolder
from seo_engine.engine.site.page import READ, Page
from seo_engine.engine.text.phrases import fixed_phrases


class SiteError(ValueError):
    """Raised if a site cannot be used; the message says what is wrong, where, and how to fix it."""


@dataclass(frozen=True)
class Site:
    """A site as it was read from its source; pages that could not be read are among its pages.

    `passed_over` counts files, folders and links that are not looked at, by the reason. `notes` are to be said once.
    `redirects` are those that a crawler has seen: address, status, target. `served` tells how any address of a folder
    is answered.
    """

    source: Path
    pages: tuple[Page, ...]
    passed_over: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    redirects: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    served: ServedFolder | None = field(default=None, compare=False, repr=False)

    @property
    def skipped(self) -> dict[str, int]:
        """dict[str, int]: How many documents could not be read, by state."""
        return dict(Counter(page.state for page in self.pages if page.state != READ))

    @property
    def usable_pages(self) -> tuple[Page, ...]:
        """tuple[Page, ...]: The pages that a model can learn from."""
        return tuple(self._sorted[0])

    @property
    def left_out(self) -> dict[str, list[Page]]:
        """dict[str, list[Page]]: The pages that a model cannot learn from, by the reason."""
        return self._sorted[1]

    @cached_property
    def fixed_phrases(self) -> dict[str, list[tuple[str, int]]]:
        """dict[str, list[tuple[str, int]]]: What the template says in the titles and descriptions that teach.

        Each phrase comes with the number of pages that have it. A model learns these words first, and what is measured
        on other pages of the site counts them.
        """
        pages = self.usable_pages
        return {
            "titles": fixed_phrases([page.title for page in pages]),
            "descriptions": fixed_phrases([page.description for page in pages]),
        }

    @cached_property
    def _sorted(self) -> tuple[list[Page], dict[str, list[Page]]]:
        return sort_by_gate(self.pages)
