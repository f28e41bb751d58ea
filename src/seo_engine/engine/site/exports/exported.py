"""A page as an export knows it: what it has no column for is unknown, not empty."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seo_engine.engine.site.facts import BODY, HEAD, Heading, LinkElement, Meta, PageFacts, Refresh, Title
from seo_engine.engine.site.page import Page, path_within
from seo_engine.engine.site.unknown import UNKNOWN, UnknownFactError

# An export does not say which element of its tag one is.
_NO_NUMBER = 0


@dataclass(frozen=True)
class ExportedFacts(PageFacts):
    """The facts of an exported page; `known_names` and `known_relations` say which of its elements there are."""

    known_names: frozenset[str] = frozenset()
    known_relations: frozenset[str] = frozenset()

    def named(self, *names: str) -> tuple[Meta, ...]:
        """Return the `meta` elements of these names.

        Raises:
            UnknownFactError: If the export does not have them.
        """
        _require(names, self.known_names)
        return super().named(*names)

    def related(self, relation: str) -> tuple[LinkElement, ...]:
        """Return the `link` elements of a relation.

        Raises:
            UnknownFactError: If the export does not have them.
        """
        _require((relation,), self.known_relations)
        return super().related(relation)

    @property
    def social(self) -> tuple[Meta, ...]:
        """tuple[Meta, ...]: What social networks show.

        Raises:
            UnknownFactError: If the export does not have it.
        """
        _require(("og:",), self.known_names)
        return super().social

    @property
    def refreshes(self) -> tuple[Refresh, ...]:
        """tuple[Refresh, ...]: Where a browser goes on to by itself.

        Raises:
            UnknownFactError: If the export does not have it.
        """
        _require(("refresh",), self.known_names)
        return super().refreshes


def _require(wanted: Iterable[str], known: frozenset[str]) -> None:
    if not known.issuperset(wanted):
        raise UnknownFactError(f"the export does not have {', '.join(sorted(set(wanted) - known))}")


def exported_page(address: str, facts: ExportedFacts, **known: Any) -> Page:
    """Return a page of which only some facts are known.

    Args:
        address (str): Its address.
        facts (ExportedFacts): Made by `exported_facts`.
        **known (Any): The fields of `Page` that are known.
    """
    unknown = {field.name: UNKNOWN for field in dataclasses.fields(Page) if field.name not in ("url", "path", "state")}
    return Page(**{**unknown, "url": address, "path": path_within(address), "facts": facts, **known})


def exported_facts(**known: Any) -> ExportedFacts:
    """Return facts of which only some are known."""
    unknown = {field.name: UNKNOWN for field in dataclasses.fields(PageFacts)}
    return ExportedFacts(**{**unknown, **known})


def title(text: str) -> Title:
    """Return a title that an export has."""
    return Title(text, "title", _NO_NUMBER, HEAD)


def meta(name: str, content: str, named_by: str = "name") -> Meta:
    """Return a `meta` element that an export has."""
    return Meta(name, content, named_by, "meta", _NO_NUMBER, HEAD)


def link_element(relation: str, address: str, **attributes: str) -> LinkElement:
    """Return a `link` element that an export has."""
    return LinkElement((relation,), address, address, {"href": address, **attributes}, "link", _NO_NUMBER, HEAD)


def heading(level: int, text: str) -> Heading:
    """Return a heading that an export has."""
    return Heading(level, text, False, f"h{level}", _NO_NUMBER, BODY)
