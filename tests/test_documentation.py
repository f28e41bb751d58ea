"""What the documents say is what the program does."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate import DOCUMENTS, OFTEN_CHANGED, PARTS, renewed
from seo_engine import SEOConfig
from seo_engine.engine.audit.configuration import AuditConfig
from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.tracking.records.kinds import KINDS
from tests.document_programs import programs_of, run_programs_of

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_generated_parts_are_what_the_code_and_the_results_say(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert renewed(text) == text, f"{path.name} is out of date: run `make docs`"


def test_every_generated_part_is_in_a_document() -> None:
    documents = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    shown = [name for text in documents for name in re.findall(r"<!-- generated: ([a-z-]+) -->", text)]
    assert set(shown) == set(PARTS)


def test_the_configuration_guide_is_complete_and_says_each_setting_once() -> None:
    guide = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    fields = [*dataclasses.fields(SEOConfig), *dataclasses.fields(CrawlConfig), *dataclasses.fields(AuditConfig)]
    assert sorted(settings_in(guide)) == sorted(field.name for field in fields)


def test_the_readmes_section_on_experiment_tracking_is_a_configuration_guide() -> None:
    _, _, section = README.partition("\n## Experiment Tracking\n")
    assert settings_in(section.partition("\n## ")[0]) == list(OFTEN_CHANGED)


def settings_in(text: str) -> list[str]:
    """Return the settings whose default and meaning a document says, in its order."""
    return re.findall(r"^\| `(\w+)` \| `[^`]+` \| \S.*\|$", text, re.MULTILINE)


def test_the_readme_is_a_front_page() -> None:
    assert len(README.splitlines()) <= 170


# That of README.md runs in `test_the_console_says_what_the_front_page_shows`.
@pytest.mark.parametrize(
    "document",
    [
        "docs/migration.md",
        "docs/experiment_tracking.md",
        "docs/artifacts.md",
        "docs/plug_ins.md",
        "docs/code_profiling.md",
        "docs/reading.md",
        "docs/crawling.md",
        "docs/configuration.md",
    ],
)
def test_python_in_the_documents_runs(document: str, tmp_path: Path) -> None:
    run_programs_of(ROOT / document, tmp_path)


def test_links_and_pictures_of_the_documents_are_there() -> None:
    for path in DOCUMENTS:
        for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", path.read_text(encoding="utf-8")):
            if target.startswith(("http://", "https://")):
                continue
            linked = path.parent / target if target else path
            assert linked.exists(), f"{path.name}: {target}"
            if anchor:
                assert anchor in anchors(linked), f"{path.name}: {target}#{anchor}"


def anchors(path: Path) -> set[str]:
    """Return the names under which the headings of a document can be linked to."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_test_that_the_guarantees_name_is_there() -> None:
    documents = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("guarantees.md", "artifacts.md")]
    named = {name for text in documents for name in re.findall(r"`(test_\w+)`", text)}
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named and named <= there, named - there


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


def test_the_architecture_names_every_module_exactly_once() -> None:
    source = ROOT / "src" / "seo_engine"
    named: list[str] = []
    room = ""
    for line in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"#+ (?:`(.+/)`)?", line):
            room = heading[1] or ""
        elif room and (module := re.match(r"\| `(\w+\.py)` \|", line)):
            named.append(room + module[1])
    there = [
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if path.name != "__init__.py" and path.parent != source
    ]
    assert sorted(named) == sorted(there)


def test_the_journals_document_says_every_kind_of_record() -> None:
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs" / "journal.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {kind for row in rows for kind in re.findall(r"`(\w+)`", row)} == set(KINDS)


def test_no_room_has_more_modules_than_a_newcomer_takes_in() -> None:
    for folder in {path.parent for path in (ROOT / "src").rglob("*.py")}:
        assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 12, folder


def test_no_other_room_reaches_into_tracking_or_profiling() -> None:
    source = ROOT / "src" / "seo_engine"
    for path in [
        source / "config.py",
        *(p for r in ("cli", "reports", "engine", "integrations") for p in (source / r).rglob("*.py")),
    ]:
        assert not re.search(r"seo_engine\.(tracking|profiling)\.", path.read_text(encoding="utf-8")), path


def test_sdks_that_are_imported_by_name_are_imported_in_their_own_rooms() -> None:
    # import-linter does not see these imports.
    tracking = ROOT / "src" / "seo_engine" / "tracking"
    tensorboard, wandb = tracking / "trackers" / "tensorboard", tracking / "trackers" / "wandb"
    homes = {"wandb": [wandb], "tensorboard": [tensorboard], "torch": [tensorboard]}
    # A torch model is traced where its graph is logged, and watched where its optimizer steps.
    homes["torch"] += [tracking / "records" / "charts" / "graph.py", tracking / "observers" / "model_watch.py"]
    for path in (ROOT / "src").rglob("*.py"):
        for sdk in re.findall(r"import_(?:module|of_extra)\(\"(\w+)", path.read_text(encoding="utf-8")):
            assert sdk not in homes or {path, *path.parents} & set(homes[sdk]), f"{path} imports {sdk}"


def test_the_console_says_what_the_front_page_shows(tmp_path: Path) -> None:
    (program,) = programs_of(README)
    said = re.findall(r"```python\n.*?```.*?```\n(.*?)```", README, re.DOTALL)[0]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**environment, "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    # On a busy machine a run also says what was slow, and that it waits.
    lines = [line for line in finished.stderr.splitlines() if "slow" not in line.lower() and "Waiting" not in line]
    assert [without_numbers(line) for line in said.splitlines() if line.startswith("seo-engine ")] == [
        without_numbers(line) for line in lines
    ]


def without_numbers(line: str) -> str:
    return re.sub(r"\d[\d.:e-]*", "#", line)


def test_no_document_holds_a_place_to_be_filled_in() -> None:
    for path in DOCUMENTS:
        assert "@@" not in path.read_text(encoding="utf-8"), path
