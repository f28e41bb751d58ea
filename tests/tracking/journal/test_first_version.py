"""The journal of one process, version 1: a committed one is read, recovered, replayed and resumed for ever."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.delivery.replay import replay_run
from seo_engine.tracking.history.summary import read_run
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.read_views import read_journal, read_tensorboard

COMMITTED = Path(__file__).parent.parent / "golden" / "journal.jsonl"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "runs" / "old"
    directory.mkdir(parents=True)
    shutil.copy(COMMITTED, directory / "journal.jsonl")
    return directory


def test_its_records_are_numbered_by_line(directory: Path) -> None:
    lines = COMMITTED.read_bytes().splitlines()
    assert b'"version":1' in lines[0]
    assert read_run(directory).records == len(read_journal(directory))
    recover_run(directory, ["tensorboard"])
    shown = {number for number, *_ in read_tensorboard(directory).points}
    assert shown and shown <= {number for number, _ in read_journal(directory)}
    # The same numbers in a view that is made later.
    _, states = replay_run(directory, "tensorboard")
    assert states["tensorboard"].number == (directory / "journal.jsonl").read_bytes().count(b"\n")


def test_it_goes_on_in_the_same_file(directory: Path) -> None:
    before = COMMITTED.read_bytes()
    config = TrackingConfig(tensorboard_log_dir=str(directory.parent), wandb_logging=False, **ONLY_WHAT_IS_LOGGED)
    with ExperimentTracker(config, resume="old") as tracker:
        tracker.log_metrics({"loss": 0.5})
    after = (directory / "journal.jsonl").read_bytes()
    assert after.startswith(before) and sorted(path.name for path in directory.glob("*.jsonl")) == ["journal.jsonl"]
    kinds = [record["kind"] for _, record in read_journal(directory)][-3:]
    assert kinds == ["resume", "training", "end"]
