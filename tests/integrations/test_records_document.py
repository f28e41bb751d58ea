"""The programs of `docs/records.md`, each of which trains, run."""

from __future__ import annotations

from pathlib import Path

from tests.document_programs import run_programs_of

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "records.md"


def test_python_in_the_document_of_records_runs(tmp_path: Path) -> None:
    run_programs_of(DOCUMENT, tmp_path)
