"""The examples of docs/journal.md, run on a journal with a torn line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.records.marks.run_marks import INCOMPLETE_STEP, JOURNAL_VERSION, RANKS_VERSION
from tests.tracking.job.launching import Rank, launch, torchrun_variables
from tests.tracking.logged_kinds import log_further_kinds
from tests.tracking.logged_media import log_everything
from tests.tracking.read_views import read_journal

DOCUMENT = (Path(__file__).parent.parent / "docs" / "journal.md").read_text(encoding="utf-8")
STEPS = [(step, step / 4) for step in range(1, 6)]

# What each of the examples finds, in its order.
FOUND = {"one process": [(0, *each) for each in STEPS], "two ranks": [(r, *each) for r in range(2) for each in STEPS]}

PROGRAM = """
import os
from pathlib import Path
from seo_engine import ExperimentTracker, TrackingConfig

config = TrackingConfig(
    tensorboard_log_dir=".", tensorboard_logging=False, wandb_logging=False, experiment_name="r", rank_metrics="reduced"
)
with ExperimentTracker(config) as tracker:
    tracker.log_hyperparameters({"learning_rate": 0.1})
    with tracker.logging_queue.path.open("ab") as file:
        file.write(b'{"kind":"training","epo\\n')
    for step in range(1, 6):
        tracker.log_training_metrics(1, step, {"loss": step / 4, "accuracy": 0.5})
    if os.environ.get("RANK", "0") == "0":
        tracker.log_evaluation_metrics(1, 5, {"loss": 0.25})
"""


@pytest.fixture(scope="module", params=FOUND)
def journal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    folder = tmp_path_factory.mktemp("run")
    processes = 2 if request.param == "two ranks" else 1
    environments = [torchrun_variables(rank, 2) if processes > 1 else {} for rank in range(processes)]
    done = launch(folder, *(Rank(rank, each, (), 0.0, PROGRAM) for rank, each in enumerate(environments)))
    assert done.returncode == 0, done.stderr
    return folder / "r", FOUND[request.param]


def example(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    return str(block)


def test_the_example_for_jq(journal: tuple[Path, list[Any]]) -> None:
    import jq

    directory, expected = journal
    comment, program = example("jq").splitlines()
    assert comment == f"# jq -R -c '{program}' journal*.jsonl"
    compiled = jq.compile(program)
    lines = [line for path in sorted(directory.glob("journal*.jsonl")) for line in path.read_text().splitlines()]
    assert [tuple(found) for line in lines for found in compiled.input_value(line)] == expected


def test_the_example_for_duckdb(journal: tuple[Path, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    directory, expected = journal
    monkeypatch.chdir(directory)
    assert duckdb.sql(example("sql")).fetchall() == expected


def test_the_example_for_polars(journal: tuple[Path, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    directory, expected = journal
    monkeypatch.chdir(directory)
    names: dict[str, Any] = {}
    exec(example("python"), names)  # noqa: S102
    assert names["losses"].rows() == expected


def test_the_version_is_the_documented_one(journal: tuple[Path, list[Any]]) -> None:
    directory, _ = journal
    assert f"**version {JOURNAL_VERSION}**" in DOCUMENT and f": version {RANKS_VERSION}\n" in DOCUMENT
    expected = RANKS_VERSION if (directory / "order.jsonl").exists() else JOURNAL_VERSION
    assert read_journal(directory)[0][1]["version"] == expected


def test_every_kind_and_field_of_a_journal_is_documented(tmp_path: Path) -> None:
    import torch

    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path / "runs"), artifact_dir=str(tmp_path / "artifacts"), tensorboard_logging=False,
        wandb_logging=False, experiment_name="r", record_program_source=True,
    )  # fmt: skip
    for resume in (None, "r"):
        with ExperimentTracker(config, resume=resume, step=resume and 1) as tracker:
            tracker.log_training_metrics(1, 1, {"weight_norm": 1.0, "loss": float("nan")})
            tracker.log_training_metrics(1, 2, {"weight_norm": 1.0})
            tracker.log_evaluation_metrics(1, 2, {"loss": 1.0})
            tracker.log_performance_metrics({"cpu_usage_percent": 1.0})
            tracker.log_profiling_data(config.code_profiler.profiling_data())
            tracker.log_training_metrics(1, 2, {"weight_norm": 2.0}, thinned=False)
            tracker.log_hyperparameters({"a": 1})
            tracker.log_settings({"b": {"c": 2}})
            tracker.log_model_architecture(torch.nn.Linear(1, 1))
            tracker.log_text("note", "hello")
            log_everything(tracker)
            log_further_kinds(tracker)
            tracker.log_artifact("labels", __file__, "dataset", epoch=1, step=2)
            tracker.use_artifact("labels")
            print("a line")
            tracker.log_histogram("values", [1.0, float("nan")])
    table = _table()
    seen = set()
    for _, record in read_journal(tmp_path / "runs" / "r"):
        seen.add(record["kind"])
        for field in record.keys() - {"kind", "time", "rank"}:
            assert f"`{field}`" in table[record["kind"]], (record["kind"], field)
    # Only several ranks have the other.
    assert seen == table.keys() - {INCOMPLETE_STEP.name}


def test_every_field_of_the_journals_of_several_ranks_is_documented(journal: tuple[Path, list[Any]]) -> None:
    directory, table = journal[0], _table()
    records = [record for _, record in read_journal(directory)]
    for record in records:
        for field in record.keys() - {"kind", "time", "rank"}:
            assert f"`{field}`" in table[record["kind"]], (record["kind"], field)
    assert (directory / "order.jsonl").exists() == (INCOMPLETE_STEP.name in {record["kind"] for record in records})


def _table() -> dict[str, str]:
    return {
        kind: row
        for row in DOCUMENT.splitlines()
        if row.startswith("| `")
        for kind in re.findall(r"`(\w+)`", row.split("|")[1])
    }
