"""The examples of docs/journal.md, run on a journal with a torn line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.records.run_marks import JOURNAL_VERSION
from tests.tracking.read_views import read_journal

DOCUMENT = (Path(__file__).parent.parent / "docs" / "journal.md").read_text(encoding="utf-8")
STEPS = [(step, step / 4) for step in range(1, 6)]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), tensorboard_logging=False, wandb_logging=False, experiment_name="r"
    )
    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters({"learning_rate": 0.1})
        with (tmp_path / "r" / "journal.jsonl").open("ab") as file:
            file.write(b'{"kind":"training","epo\n')
        for step, loss in STEPS:
            tracker.log_training_metrics(1, step, {"loss": loss, "accuracy": 0.5})
        tracker.log_evaluation_metrics(1, 5, {"loss": 0.25})
    return tmp_path / "r" / "journal.jsonl"


def example(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    return str(block)


def test_the_example_for_jq(journal: Path) -> None:
    import jq

    comment, program = example("jq").splitlines()
    assert comment == f"# jq -R -c '{program}' journal.jsonl"
    compiled = jq.compile(program)
    lines = journal.read_text(encoding="utf-8").splitlines()
    assert [tuple(found) for line in lines for found in compiled.input_value(line)] == STEPS


def test_the_example_for_duckdb(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    monkeypatch.chdir(journal.parent)
    assert duckdb.sql(example("sql")).fetchall() == STEPS


def test_the_example_for_polars(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(journal.parent)
    names: dict[str, Any] = {}
    exec(example("python"), names)  # noqa: S102
    assert names["losses"].rows() == STEPS


def test_the_version_is_the_documented_one(journal: Path) -> None:
    assert f"**version {JOURNAL_VERSION}**" in DOCUMENT
    assert read_journal(journal.parent)[0][1]["version"] == JOURNAL_VERSION


def test_every_kind_and_field_of_a_journal_is_documented(tmp_path: Path) -> None:
    import torch

    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), tensorboard_logging=False, wandb_logging=False, experiment_name="r"
    )
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
    table = {
        kind: row
        for row in DOCUMENT.splitlines()
        if row.startswith("| `")
        for kind in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    seen = set()
    for _, record in read_journal(tmp_path / "r"):
        seen.add(record["kind"])
        for field in record.keys() - {"kind", "time", "rank"}:
            assert f"`{field}`" in table[record["kind"]], (record["kind"], field)
    assert seen == table.keys()
