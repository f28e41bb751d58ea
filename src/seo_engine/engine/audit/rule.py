"""Rule: what is a fault, why it matters, and how to mend it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from seo_engine.engine.audit.page_gates import PageGate
from seo_engine.engine.site.facts import Placed
from seo_engine.engine.site.page import Page

# How bad a fault is. A notice is worth a look, and never fails a gate.
ERROR, WARNING, NOTICE = SEVERITIES = ("error", "warning", "notice")

# Where a threshold is what tools and writers are used to, and no search engine's word.
HEURISTIC = "heuristic"

# What it takes to mend a fault, which the order of the findings divides by: a change without judgement, a look at each
# page, or words that somebody must write.
MECHANICAL, A_LOOK, WORDS = EFFORTS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a page, as a rule finds it.

    Args:
        message (str): What is wrong, with the values that show it: one sentence without a full stop.
        evidence (str): What stands in the page, quoted.
        element (Placed | None): The element at fault, one of the page's facts; None if it is the page, or what lacks.
        attribute (str): The attribute of the element whose value the evidence is, as it stands; empty if it is not one.
        severity (str): How bad it is, if not as the rule says.
    """

    message: str
    evidence: str = ""
    element: Placed | None = None
    attribute: str = ""
    severity: str = ""


# A rule's limits by their names, such as `pixels`.
Thresholds = Mapping[str, float]

# What finds the faults of a page. It uses nothing but its arguments, and keeps nothing.
Check = Callable[[Page, Thresholds], Iterable[Fault]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about one page.

    Args:
        id (str): Its name, `group.fault`.
        gate (PageGate): What a page must be; for any other, the rule is not applicable.
        severity (str): How bad a fault is: `error`, `warning` or `notice`.
        trigger (str): What is a fault: one sentence.
        why (str): Why it matters: one sentence.
        mend (str): How to mend it: one sentence that begins with a verb.
        source (str): The address where the search engine, or a standard, says so; or `heuristic`.
        reviewed (datetime.date): When somebody last compared the rule with its source.
        check (Check): Finds the faults.
        thresholds (Thresholds): Its limits.
        effort (int): What it takes to mend a fault: `MECHANICAL`, `A_LOOK` or `WORDS`.
        is_on (bool): Whether it is on unless somebody switches it on.

    Raises:
        ValueError: If a part is missing or not allowed; the message says which.
    """

    id: str
    gate: PageGate
    severity: str
    trigger: str
    why: str
    mend: str
    source: str
    reviewed: datetime.date
    check: Check
    thresholds: Thresholds = field(default_factory=dict)
    effort: int = A_LOOK
    is_on: bool = True

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"{self.id}: severity must be one of {', '.join(SEVERITIES)}, got {self.severity!r}")
        if self.effort not in EFFORTS:
            raise ValueError(f"{self.id}: effort must be one of {EFFORTS}, got {self.effort!r}")
        group, dot, fault = self.id.partition(".")
        if not (group and dot and fault and self.id == self.id.lower() and self.id.isprintable()):
            raise ValueError(f"a rule needs an id like group.fault in lower case, got {self.id!r}")
        for name in ("trigger", "why", "mend", "source"):
            if not getattr(self, name).strip():
                raise ValueError(f"{self.id}: {name} is empty")

    @property
    def is_heuristic(self) -> bool:
        """bool: Whether no search engine or standard says so."""
        return self.source == HEURISTIC


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A rule as the configuration wants it: its severity and its limits are those of the rule unless it says others."""

    rule: Rule
    severity: str
    thresholds: Thresholds
