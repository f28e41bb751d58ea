"""What an audit writes for machines and for people, of pages that say anything."""

from __future__ import annotations

import csv
import io
import json

import pytest

from seo_engine.engine.audit.audit import Audit, audit_pages
from seo_engine.engine.audit.finding import Finding
from seo_engine.reports.audit.csv_table import as_csv
from seo_engine.reports.audit.json_lines import as_json_lines
from seo_engine.reports.audit.markdown import as_markdown
from seo_engine.reports.audit.sarif import as_sarif
from tests.engine.audit.auditing import in_head, page_of

HOSTILE = "<script>alert(1)</script> | [x](javascript:1) `=cmd()` @everyone <!-- \u202e &amp;"


@pytest.fixture(scope="module")
def audit() -> Audit:
    import html

    title = html.escape(HOSTILE)
    hostile = page_of(in_head("<title>Pots</title>", f"<title>{title}</title>"), path="a b/<i>.html", address="")
    formula = page_of(in_head("<title>=1+1</title>"), path="c.html", address="")
    return audit_pages([hostile, formula])


def test_json_lines_hold_every_finding_with_every_field(audit: Audit) -> None:
    read = [json.loads(line) for line in as_json_lines(audit).splitlines()]
    assert [each["fingerprint"] for each in read] == [finding.fingerprint for finding in audit.findings]
    assert all(set(each) == set(Finding.__dataclass_fields__) for each in read)


def test_a_spreadsheet_takes_nothing_for_a_formula(audit: Audit) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(audit))))
    assert len(rows) == len(audit.findings) and {row["rule"] for row in rows} >= {"title.multiple", "title.too-short"}
    assert "'=1+1" in {row["evidence"] for row in rows}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_sarif_has_a_rule_a_level_a_place_and_a_fingerprint_for_each_result(audit: Audit) -> None:
    sarif = json.loads(as_sarif(audit))
    (run,) = sarif["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert sarif["version"] == "2.1.0" and len(run["results"]) == len(audit.findings)
    for result, finding in zip(run["results"], audit.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.rule
        assert result["level"] in ("error", "warning", "note") and result["message"]["text"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] in ("a%20b/%3Ci%3E.html", "c.html")
        assert list(result["partialFingerprints"].values()) == [finding.fingerprint]
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)


def test_markdown_shows_what_a_page_says_and_does_nothing_of_it(audit: Audit) -> None:
    text = as_markdown(audit)
    assert "### warning: `title.multiple` on 1 page" in text
    quoted = next(line for line in text.splitlines() if "there are 2 titles" in line)
    assert "<script" not in quoted.replace("\\<script", "") and "](" not in quoted.replace("\\]", "").replace("\\(", "")
    assert "@everyone" not in quoted and "\u202e" not in quoted and "<!--" not in quoted.replace("\\<", "")


def test_markdown_is_short_and_says_how_many_more_there_are() -> None:
    pages = [page_of(in_head(), path=f"{number}.html", address="") for number in range(20)]
    text = as_markdown(audit_pages(pages))
    assert "### error: `title.missing` on 20 pages" in text and "- … and 17 more" in text
    assert len(text.splitlines()) < 80
