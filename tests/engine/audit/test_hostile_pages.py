"""Pages that say anything: no rule stumbles over one, and every fault is found beside all others."""

from __future__ import annotations

import random

import pytest

from seo_engine.engine.audit.audit import audit_pages
from seo_engine.engine.audit.configuration import AuditConfig
from seo_engine.engine.audit.page_audit import PageAudit
from seo_engine.engine.audit.registry import applied_rules, own_rules
from seo_engine.engine.site.folder import SAMPLE_SITE
from seo_engine.engine.site.parsing import read_document
from seo_engine.engine.site.response import Response
from tests.engine.audit.rules.page.test_gates_of_rules import FAULTY, faulty_page

EVERY_RULE = AuditConfig(switched_on=[rule.id for rule in own_rules()])

# What people, programs and attackers write where something else should stand.
ODD = [
    b'<meta name=robots content="', b'hreflang="', b'<link rel=canonical href="//[', b"http://[::1", b"\xff\xfe",
    b'<script type="application/ld+json">{"@type":["Product",1],"@graph":[{"@type":1,"@id":{}}],"offers":"',
    "²".encode() * 9, b'<meta http-equiv=refresh content="99999999999999;url=', b'<img src="http://[" alt=',
    b'lang="en--x-', b"unavailable_after: \xef\xbc\x92", b'<base href="http://[">', b'<a href="http://[::">x</a>',
    b'<meta property="og:image:width" content="' + b"9" * 5_000, b"<h1><h1><title><svg><title>", b"\0", b"{{ x }}",
]  # fmt: skip
ADDRESSES = [
    "",
    "https://a.example/x?a=1&sid=2",
    "http://[::1]/",
    "http://a b/%zz?;;;",
    "https://a.example/" + "x" * 300,
]
RESPONSES = [
    Response(),
    Response(
        200, (("content-type", "text/html"), ("link", "<//[>; rel=canonical"), ("x-robots-tag", "googlebot: : ,"))
    ),
]


@pytest.mark.parametrize("seed", range(3))
def test_no_rule_stumbles_over_a_page(seed: int) -> None:
    chance = random.Random(seed)
    documents = [path.read_bytes()[:9_000] for path in sorted(SAMPLE_SITE.rglob("*.html"))[:9]]
    audit = PageAudit(applied_rules(EVERY_RULE, own_rules()))
    for _ in range(200):
        document = bytearray(chance.choice(documents))
        for _ in range(chance.randint(1, 12)):
            start = chance.randrange(len(document) + 1)
            document[start : start + chance.randint(0, 40)] = chance.choice(ODD)
        own_address, response = chance.choice(ADDRESSES), chance.choice(RESPONSES)
        audit.findings(read_document(bytes(document), "x.html", own_address=own_address, response=response))
    failed = {rule: tally.reason for rule, tally in audit.tallies.items() if tally.states["error"]}
    assert failed == {}


def test_each_planted_fault_is_found_among_all_others() -> None:
    audit = audit_pages([faulty_page(rule) for rule in FAULTY], EVERY_RULE)
    assert {finding.rule for finding in audit.findings} == FAULTY.keys()
    assert not any(tally.states["error"] for tally in audit.tallies.values())
