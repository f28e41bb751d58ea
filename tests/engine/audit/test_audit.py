"""Audits of several pages: what is found, in which order, what is ignored, and what could not be judged."""

from __future__ import annotations

import datetime
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seo_engine.engine.audit import registry
from seo_engine.engine.audit.audit import Audit, audit_pages
from seo_engine.engine.audit.baseline import BaselineError, compare, known_of, read_baseline, write_baseline
from seo_engine.engine.audit.configuration import AuditConfig
from seo_engine.engine.audit.gate import is_failed
from seo_engine.engine.audit.page_audit import MOST_FAULTS
from seo_engine.engine.audit.positions import with_positions
from seo_engine.engine.audit.rule import Fault
from seo_engine.engine.site.exports.advertools import read_advertools
from seo_engine.engine.site.folder import SAMPLE_SITE, read_site
from seo_engine.engine.site.page import Page
from tests.engine.audit.auditing import in_body, in_head, page_of

TODAY = datetime.date(2026, 12, 1)
ONLY = ["title.missing", "title.too-short", "h1.missing", "lang.missing"]


def audited(*pages: Page, **settings: object) -> Audit:
    others = [rule.id for rule in registry.own_rules() if rule.id not in ONLY]
    return audit_pages(pages, AuditConfig(switched_off=others, **settings), today=TODAY)  # type: ignore[arg-type]


def page(path: str, html: str) -> Page:
    return page_of(html, path=path, address="")


def test_the_worst_comes_first_and_of_the_same_severity_what_most_pages_have() -> None:
    bare = "<html><head><title>Our pots, thrown by hand in Kent</title></head><body><p>Pots.</p></body></html>"
    audit = audited(page("c.html", in_head()), page("b.html", bare), page("a.html", bare))
    assert [(each.severity, each.rule, each.path) for each in audit.findings] == [
        ("error", "title.missing", "c.html"),
        ("warning", "lang.missing", "a.html"),
        ("warning", "lang.missing", "b.html"),
        ("warning", "h1.missing", "a.html"),
        ("warning", "h1.missing", "b.html"),
    ]
    assert audit.severities == {"error": 1, "warning": 4, "notice": 0} and audit.pages == 3


@pytest.mark.parametrize(("fail_on", "fails"), [("error", False), ("warning", True), ("never", False)])
def test_a_gate_fails_at_its_severity_and_at_worse_ones(fail_on: str, fails: bool) -> None:
    audit = audited(page("a.html", in_body("<p>Pots.</p>")))
    assert is_failed(audit.findings, fail_on) is fails


def test_what_is_ignored_is_counted_until_its_day_is_over() -> None:
    entry = {"rule": "title.*", "pages": "tags/*", "reason": "they are generated", "until": "2026-12-01"}
    pages = page("tags/red.html", in_head()), page("pots.html", in_head())
    audit = audited(*pages, ignore=[entry])
    assert [finding.path for finding in audit.findings] == ["pots.html"] and list(audit.ignored.values()) == [1]
    expired = audited(*pages, ignore=[entry | {"until": "2026-11-30"}])
    assert len(expired.findings) == 2 and not expired.ignored and expired.expired[0].rule == "title.*"


def test_a_page_with_endless_faults_is_listed_up_to_a_limit_and_the_rest_is_counted() -> None:
    audit = audit_pages([page("a.html", in_body("<img src=a.png>" * (MOST_FAULTS + 7)))], AuditConfig())
    assert sum(finding.rule == "img.alt-missing" for finding in audit.findings) == MOST_FAULTS
    tally = audit.tallies["img.alt-missing"]
    assert (tally.faults, tally.not_listed) == (MOST_FAULTS + 7, 7)


def stumble(page: Page, thresholds: object) -> list[object]:
    raise ZeroDivisionError("no pages")


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (stumble, "ZeroDivisionError: no pages"),
        (lambda page, thresholds: ["a text"], "AttributeError: 'str' object has no attribute 'severity'"),
        (lambda page, thresholds: None, "TypeError: 'NoneType' object is not iterable"),
        (
            lambda page, thresholds: [Fault("x", severity="bad")],
            "a fault must be one of error, warning, notice, got 'bad'",
        ),
    ],
)
def test_a_rule_that_fails_costs_no_other_and_is_said_once(
    check: Any, message: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rules = tuple(replace(rule, check=check) if rule.id == "title.missing" else rule for rule in registry.own_rules())
    monkeypatch.setattr("seo_engine.engine.audit.audit.all_rules", lambda: rules)
    with caplog.at_level(logging.ERROR):
        audit = audited(page("a.html", in_head()), page("b.html", in_head()))
    assert audit.tallies["title.missing"].states == {"error": 2}
    assert audit.tallies["h1.missing"].states == {"pass": 2}
    (said,) = caplog.messages
    assert (
        said.startswith("❌ The rule title.missing has failed: ") and message in said and said.endswith(", on a.html")
    )


def test_of_an_export_a_rule_judges_what_it_has_and_says_of_the_rest_that_it_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "crawl.jl"
    file.write_text('{"url": "https://a.example/", "title": "Pots", "h1": "Our pots", "status": 200}\n')
    audit = audit_pages(read_advertools(file, {}, {}), AuditConfig())  # type: ignore[arg-type]
    states = {rule: dict(tally.states) for rule, tally in audit.tallies.items()}
    assert states["img.alt-missing"] == {"unknown": 1} and audit.tallies["img.alt-missing"].reason
    assert {"unknown", "fail", "pass", "not applicable"} >= {state for each in states.values() for state in each}
    assert not any("error" in each for each in states.values())


def test_the_bundled_site_has_nothing_to_mend() -> None:
    audit = audit_pages(read_site(SAMPLE_SITE).pages)
    assert audit.findings == ()
    assert not any(tally.states["error"] for tally in audit.tallies.values())


def test_a_baseline_lets_only_new_findings_fail_and_shrinks(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    old = page("old.html", in_head())
    write_baseline(file, known_of(audited(old, page("both.html", in_body("<p>Pots.</p>"))).findings))
    # Lines move, one fault is mended, and one is new.
    moved = page("old.html", "\n\n<!-- moved -->" + in_head())
    audit = audited(moved, page("both.html", in_body("<h1>Pots</h1>")), page("new.html", in_body("<p>Jars.</p>")))
    comparison = compare(audit, read_baseline(file))
    assert [(each.rule, each.path) for each in comparison.new] == [("h1.missing", "new.html")]
    assert [(each.rule, each.path) for each in comparison.remaining] == [("title.missing", "old.html")]
    assert [(each.rule, each.path) for each in comparison.mended] == [("h1.missing", "both.html")]
    write_baseline(file, comparison.kept)
    assert read_baseline(file) == dict(comparison.kept) and len(comparison.kept) == 1


def test_what_could_not_be_judged_this_time_stays_in_the_baseline(tmp_path: Path) -> None:
    known = known_of(audited(page("a.html", in_head())).findings)
    binary = Page.unread("a.html", "a.html", "binary")
    audit = audited(binary)
    audit.tallies["title.missing"].states["unknown"] = 1
    assert not compare(audit, known).mended


@pytest.mark.parametrize("contents", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "findings": []}', "\xff"])
def test_a_file_that_is_no_baseline_is_said(contents: str, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(contents, encoding="latin-1")
    with pytest.raises(BaselineError, match="this is not a baseline; --make-baseline makes one"):
        read_baseline(file)


def test_a_baseline_of_a_later_version_or_none_is_said(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    with pytest.raises(BaselineError, match="No such file or directory; --make-baseline makes one"):
        read_baseline(file)
    file.write_text('{"version": 2, "findings": {}}')
    with pytest.raises(BaselineError, match="this program knows version 1 of the format, not 2"):
        read_baseline(file)


def test_findings_get_the_place_of_their_element_in_the_file(tmp_path: Path) -> None:
    html = (
        "<!doctype html>\n<html lang=en><head>\n<title>Our pots, thrown by hand</title></head>\n<body><h1>Pots</h1>\n"
    )
    (tmp_path / "a.html").write_text(
        html + "  <a href=/>Home</a>\n  <a href='http://localhost/'>Jars</a></body></html>"
    )
    audit = audit_pages(read_site(tmp_path).pages, AuditConfig())
    (finding,) = [each for each in with_positions(audit.findings, tmp_path) if each.rule == "link.localhost"]
    assert (finding.line, finding.column) == (6, 3)
    missing = next(each for each in with_positions(audit.findings, tmp_path) if each.rule == "description.missing")
    assert (missing.line, missing.column) == (0, 0)


def test_a_path_that_leads_out_of_the_site_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.html").write_text(in_body("<a href=http://localhost/>Jars</a>"))
    (tmp_path / "site").mkdir()
    audit = audit_pages([page("../secret.html", in_body("<a href=http://localhost/>Jars</a>"))], AuditConfig())
    assert not any(each.line for each in with_positions(audit.findings, tmp_path / "site"))
