"""The programs of `docs/records.md`, each of which trains, run."""

from __future__ import annotations

from pathlib import Path

from tests.test_documentation import run_programs_of


def test_python_in_the_document_of_records_runs(tmp_path: Path) -> None:
    run_programs_of("docs/records.md", tmp_path)
