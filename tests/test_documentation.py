"""What the documents say is what the program does."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report import (
    as_markdown,
    budget_table,
    cost_table,
    fine_tune_line,
    loss_table,
    regions_budget_table,
    regions_table,
)
from seo_engine import SEOConfig

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def settings_table() -> str:
    """Return the configuration guide as the README must hold it."""
    rows = []
    for field in dataclasses.fields(SEOConfig):
        has_factory = field.default_factory is not dataclasses.MISSING
        default = field.default_factory() if has_factory else field.default  # type: ignore[misc]
        shown = repr(default).replace("'", '"')
        rows.append(f"| `{field.name}` | `{shown}` | {field.metadata['meaning']} |")
    return "\n".join(["| field | default | meaning |", "|---|---|---|", *sorted(rows)])


def test_the_readmes_configuration_guide_is_complete_and_right() -> None:
    assert settings_table() in README, f"put this into README.md:\n{settings_table()}"


@pytest.mark.parametrize("document", ["README.md", "docs/experiment_tracking.md"])
def test_python_in_the_documents_runs(document: str, tmp_path: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    programs = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "Trainer(..." not in block]
    assert programs
    for program in programs:
        finished = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished.stderr


def test_links_and_pictures_of_the_documents_are_there() -> None:
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_test_that_the_guarantees_name_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named and named <= there, named - there


def test_the_readmes_benchmark_tables_are_the_results() -> None:
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    shown = [cost_table, loss_table, budget_table]
    if "regions" in results:
        shown += [regions_table, regions_budget_table]
    tables = (as_markdown(table(results)) for table in shown)
    for part in (*tables, fine_tune_line(results)):
        assert part in README, f"put this into README.md:\n{part}"


def test_every_direct_dependency_is_explained_and_pinned() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    explained = (ROOT / "docs" / "dependencies.md").read_text()
    pinned = {
        line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    extras = project["optional-dependencies"]
    tools = {requirement for extra in ("test", "fuzz", "benchmark") for requirement in extras[extra]}
    for requirement in [*project["dependencies"], *(each for extra in extras.values() for each in extra)]:
        name = re.split(r"[\[<>=]", requirement)[0]
        if name == project["name"]:
            # A reference to other extras of ours.
            continue
        assert name in pinned, name
        # What is installed to use the program has a row; what is installed to work on it is named.
        assert (name if requirement in tools else f"| {name} |") in explained, name


def test_no_module_is_longer_than_a_newcomer_reads_at_once() -> None:
    for path in sorted((ROOT / "src").rglob("*.py")):
        assert len(path.read_text().splitlines()) <= 400, path
