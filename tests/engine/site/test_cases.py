"""Small documents that other readers get wrong, each for one of a kind; `decided` says why, where one could differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seo_engine.engine.site.parsing import read_document

CASES = Path(__file__).parent / "cases"
LISTED = [json.loads(line) for line in (CASES / "cases.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", LISTED, ids=lambda case: f"{case['file']}-{case['field']}")
def test_a_document_is_read_as_a_browser_and_a_search_engine_would(case: dict[str, str]) -> None:
    page = read_document((CASES / case["file"]).read_bytes(), f"p{Path(case['file']).suffix}")
    assert str(getattr(page, case["field"])) == case["expected"]


def test_each_document_has_a_case() -> None:
    assert {path.name for path in CASES.iterdir()} == {case["file"] for case in LISTED} | {"cases.jsonl"}
