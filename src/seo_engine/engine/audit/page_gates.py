"""What a page must be before a rule may fire on it: the gates that training and suggestions use, too."""

from __future__ import annotations

from dataclasses import dataclass

from seo_engine.engine.site.gates import GATES, SharedTexts
from seo_engine.engine.site.page import Page

_NOTHING_SHARED = SharedTexts(())
_GATES = {gate.name: gate for gate in GATES}


@dataclass(frozen=True, slots=True)
class PageGate:
    """Conditions that a page must meet.

    Args:
        name (str): What such a page is called.
        conditions (tuple[str, ...]): Names of gates in `engine/site/gates.py`, in the order in which they are asked.
    """

    name: str
    conditions: tuple[str, ...]

    def reason_against(self, page: Page) -> str:
        """Return what a page is that does not meet the conditions, as `not indexable (noindex)`; empty if it does.

        Args:
            page (Page): The page.

        Raises:
            UnknownFactError: If the source of the page does not have what must be known.

        Example:
            >>> INDEXABLE.reason_against(Page("a.html", "a.html", canonical="https://b.example/other"))
            'another page is its canonical'
        """
        for name in self.conditions:
            gate = _GATES[name]
            if not gate.is_open(page, _NOTHING_SHARED):
                return gate.otherwise
        return ""


# Every document that there is, also one that could not be read.
DOCUMENT = PageGate("document", ())

# What could be read, whatever it is: an error page, a redirect.
READABLE = PageGate("readable", ("read",))

# What a reader gets to see at its own address: no error page, no redirect.
SHOWN = PageGate("shown", (*READABLE.conditions, "answered with 200", "no redirect"))

# What a search engine may show.
INDEXABLE = PageGate("indexable", (*SHOWN.conditions, "indexable", "own canonical"))
