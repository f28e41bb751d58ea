"""Notes and tags that a run gets while it is open, or after it has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from seo_engine import ExperimentTracker
from seo_engine.tracking import mark_run, read_run
from tests.tracking.logged_media import config
from tests.tracking.read_views import read_journal, read_tensorboard, wandb_messages


def test_a_run_that_has_ended_gets_a_note_and_tags_in_both_views(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, wandb_mode="offline", wandb_tags=["own"])) as tracker:
        tracker.log_metrics({"loss": 0.5}, step=7, epoch=2)
        tracker.log_note("At first.")
    run = tmp_path / "r"
    before = read_run(run)
    mark_run(run, "tags", {"tags": ["baseline"]})
    states = mark_run(run, "note", {"text": "The key was https://me:hunter2@h"})
    assert states is not None and all(state.is_complete for state in states.values())
    texts = read_tensorboard(run).texts
    assert texts["experiment/notes"] == ["At first.", "The key was https://[redacted]@h"]
    newest = wandb_messages(run / "wandb", "run")[-1]
    assert newest.notes == "At first.\n\nThe key was https://[redacted]@h" and list(newest.tags) == ["own", "baseline"]
    after = read_run(run)
    assert after.tags == ["baseline"] and after.notes == ["At first.", "The key was https://[redacted]@h"]
    assert (after.status, after.seconds, after.ended) == ("finished", before.seconds, before.ended)
    assert read_journal(run)[-1][1]["step"] == 7 and read_journal(run)[-1][1]["epoch"] == 2


def test_an_open_run_shows_it_itself(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, wandb_logging=False)) as tracker:
        tracker.log_metrics({"loss": 0.5}, step=1)
        assert mark_run(tmp_path / "r", "tags", {"tags": ["late"]}) is None
    assert read_tensorboard(tmp_path / "r").texts["experiment/tags"] == ["late"]


def test_what_is_wrong_is_said_and_not_recorded(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, wandb_logging=False, tensorboard_logging=False)):
        pass
    before = read_journal(tmp_path / "r")
    with pytest.raises(ValueError, match="a note must be a text that is not empty"):
        mark_run(tmp_path / "r", "note", {"text": ""})
    assert read_journal(tmp_path / "r") == before
