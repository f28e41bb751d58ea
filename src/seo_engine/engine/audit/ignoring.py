"""Findings that a site's owner does not want to hear of, with a reason and for a time."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from seo_engine.engine.audit.finding import Finding
from seo_engine.foundation.setting_sources.known_names import nearest_name

_REQUIRED = ("rule", "reason", "until")
_ALLOWED = (*_REQUIRED, "pages")


@dataclass(frozen=True, slots=True)
class Ignore:
    """Which findings are ignored, why, and until when.

    Args:
        rule (str): The rule, or a pattern such as `title.*`.
        reason (str): Why.
        until (datetime.date): The last day on which they are ignored.
        pages (str): A pattern of the paths of pages, such as `tags/*`.
    """

    rule: str
    reason: str
    until: datetime.date
    pages: str = "*"

    def covers(self, finding: Finding) -> bool:
        """Return whether a finding is one of these."""
        return fnmatchcase(finding.rule, self.rule) and fnmatchcase(finding.path.lstrip("/"), self.pages.lstrip("/"))

    def has_expired(self, today: datetime.date) -> bool:
        """Return whether they are no longer ignored."""
        return self.until < today


def read_ignores(entries: Sequence[Mapping[str, Any]]) -> tuple[Ignore, ...]:
    """Return what the tables `[[audit.ignore]]` say.

    Args:
        entries (Sequence[Mapping[str, Any]]): The tables.

    Raises:
        ValueError: If one lacks a part, has an unknown one, or a wrong value; the message says which.

    Example:
        >>> read_ignores([{"rule": "title.*", "reason": "they are generated", "until": "2027-06-30"}])[0].until.year
        2027
    """
    return tuple(_ignore(number, entry) for number, entry in enumerate(entries, start=1))


def _ignore(number: int, entry: Mapping[str, Any]) -> Ignore:
    place = f"[[audit.ignore]] number {number}"
    for name in entry:
        if name not in _ALLOWED:
            near = nearest_name(name, _ALLOWED)
            meant = f"did you mean '{near}'?" if near else f"it takes {', '.join(_ALLOWED)}"
            raise ValueError(f"{place}: unknown '{name}'; {meant}")
    for name in _REQUIRED:
        if not entry.get(name):
            raise ValueError(
                f"{place}: {name} is missing; each needs rule, reason, and the last day: until = 2027-06-30"
            )
    until = entry["until"]
    if isinstance(until, str):
        try:
            until = datetime.date.fromisoformat(until)
        except ValueError:
            raise ValueError(f"{place}: until must be a day such as 2027-06-30, got {until!r}") from None
    if isinstance(until, datetime.datetime):
        until = until.date()
    texts = {name: entry[name] for name in ("rule", "reason", "pages") if name in entry}
    if not isinstance(until, datetime.date) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(f"{place}: rule, reason and pages must be text, and until a day such as 2027-06-30")
    return Ignore(until=until, **texts)
