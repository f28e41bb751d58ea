"""Every view of one kept journal is, byte for byte, what it was."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from seo_engine.tracking.records.kinds import KINDS
from tests.tracking.golden.views import FOLDER, JOURNAL, make_views, views_as_text


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_utc")
def test_views_of_the_golden_journal_are_byte_for_byte_what_is_kept(tmp_path: Path) -> None:
    views = views_as_text(make_views(tmp_path))
    for name, text in views.items():
        kept = (FOLDER / name).read_text(encoding="utf-8")
        assert text.splitlines() == kept.splitlines(), (
            f"{name} has changed; if on purpose: python -m tests.tracking.golden, in a commit that says why"
        )


def test_the_golden_journal_has_every_kind_of_record_and_what_is_odd() -> None:
    lines = JOURNAL.read_bytes().splitlines()
    records = []
    torn = 0
    for line in lines:
        try:
            records.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            torn += bool(line)
    kinds = {record["kind"] for record in records}
    assert kinds >= set(KINDS)
    assert torn >= 2 and b"" in lines and "kind_of_a_later_version" in kinds
    steps = [record["step"] for record in records if record["kind"] == "training" and isinstance(record["step"], int)]
    assert any(later < earlier for earlier, later in itertools.pairwise(steps))
    assert any("nonfinite" in record for record in records)
    assert any(not name.isascii() for record in records for name in record.get("metrics", {}))
