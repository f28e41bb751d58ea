"""Applies rules to one page after another, and counts what each of them says."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from seo_engine.engine.audit.finding import Finding, findings_of
from seo_engine.engine.audit.page_gates import INDEXABLE, PageGate
from seo_engine.engine.audit.rule import AppliedRule
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.unknown import UnknownFactError
from seo_engine.foundation.texts import one_line

logger = logging.getLogger(__name__)

# What a rule says of a page: that it is right or not, that the rule is not for such a page, that the source of the page
# lacks a fact that the rule needs, or that the rule itself has failed.
PASS, FAIL, NOT_APPLICABLE, UNKNOWN, ERROR = ("pass", "fail", "not applicable", "unknown", "error")

# More of one rule on one page are counted, and not listed.
MOST_FAULTS = 100


@dataclass(slots=True)
class Tally:
    """What a rule has said of the pages.

    Args:
        states (Counter[str]): How many pages by state: `pass`, `fail`, `not applicable`, `unknown` or `error`.
        faults (int): How many faults it has found.
        not_listed (int): How many of those are beyond the most that are listed of a page.
        reason (str): Why it was unknown, or what it raised, the first time.
    """

    states: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    not_listed: int = 0
    reason: str = ""


class PageAudit:
    """Applies rules to pages.

    Args:
        rules (Sequence[AppliedRule]): The rules.
    """

    def __init__(self, rules: Sequence[AppliedRule]) -> None:
        self._rules = rules
        self.tallies = {applied.rule.id: Tally() for applied in rules}
        # Why pages are none that a search engine may show: the rules about those are then silent.
        self.not_indexable: Counter[str] = Counter()

    def findings(self, page: Page) -> list[Finding]:
        """Return what the rules find on a page, and count what they say.

        Args:
            page (Page): The page.
        """
        findings: list[Finding] = []
        # Rules of one gate ask it once.
        reasons: dict[PageGate, str | None] = {}
        with contextlib.suppress(UnknownFactError):
            reasons[INDEXABLE] = why_not = INDEXABLE.reason_against(page)
            if why_not:
                self.not_indexable[why_not] += 1
        for applied in self._rules:
            rule, tally = applied.rule, self.tallies[applied.rule.id]
            try:
                if rule.gate not in reasons:
                    reasons[rule.gate] = None
                    reasons[rule.gate] = rule.gate.reason_against(page)
                reason = reasons[rule.gate]
                if reason is None:
                    raise UnknownFactError(f"it is not known whether the page is {rule.gate.name}")
                if reason:
                    tally.states[NOT_APPLICABLE] += 1
                    continue
                faults = list(rule.check(page, applied.thresholds))
                found = findings_of(rule, applied.severity, page, faults[:MOST_FAULTS])
            except UnknownFactError as error:
                tally.states[UNKNOWN] += 1
                tally.reason = tally.reason or one_line(error)
                continue
            except Exception as error:
                # A rule may be anybody's, and any page may be the first that it stumbles over.
                tally.states[ERROR] += 1
                if not tally.reason:
                    tally.reason = one_line(f"{type(error).__name__}: {error}, on {page.path}")
                    logger.error("❌ The rule %s has failed: %s", rule.id, tally.reason)
                continue
            tally.states[FAIL if faults else PASS] += 1
            tally.faults += len(faults)
            tally.not_listed += max(0, len(faults) - MOST_FAULTS)
            findings += found
        return findings
