"""No rule fires outside its gate, and every rule has a faulty page that it finds."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from seo_engine.engine.audit.page_gates import DOCUMENT, INDEXABLE, READABLE, SHOWN
from seo_engine.engine.audit.registry import own_rules
from seo_engine.engine.audit.rule import Rule
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.response import Response
from tests.engine.audit.auditing import answered, judge, page_of

_MODULES = [
    importlib.import_module(f"{__package__}.{path.parent.name}.{path.stem}")
    for path in sorted(Path(__file__).parent.glob("*/test_*.py"))
]
FAULTY: dict[str, str | Page] = {rule: page for module in _MODULES for rule, page in module.FAULTY.items()}

RULES = {rule.id: rule for rule in own_rules()}


def faulty_page(rule: str) -> Page:
    faulty = FAULTY[rule]
    return faulty if isinstance(faulty, Page) else page_of(faulty)


def test_every_rule_has_a_faulty_page_and_no_other_is_claimed() -> None:
    assert FAULTY.keys() == RULES.keys()


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_finds_its_fault_and_not_in_what_is_none_of_its_pages(rule: Rule) -> None:
    page = faulty_page(rule.id)
    assert judge(rule.id, page).state == "fail"
    if rule.gate in (SHOWN, INDEXABLE):
        for status in (301, 404, 410, 503):
            assert (
                judge(rule.id, answered(page, Response(status, page.facts.response.headers))).state == "not applicable"
            )
    if rule.gate == INDEXABLE:
        headers = (*page.facts.response.headers, ("x-robots-tag", "noindex"))
        hidden = answered(page, Response(page.facts.response.status, headers))
        assert judge(rule.id, hidden).state == "not applicable"
    if rule.gate != DOCUMENT:
        assert judge(rule.id, Page.unread("https://a.example/", "", "binary")).state == "not applicable"
    assert rule.gate in (DOCUMENT, READABLE, SHOWN, INDEXABLE)
