"""The processes of a training, and what an earlier attempt of them has left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seo_engine.engine.training import processes
from seo_engine.engine.training.processes import Processes
from seo_engine.engine.training.snippet_trainer import newest_checkpoint
from tests.cli.commands import command


def test_a_launcher_and_processes_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    environment = os.environ | {"RANK": "0", "WORLD_SIZE": "2"}
    done = command("train", "--processes", "3", cwd=tmp_path, env=environment)
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == "error: --processes 3: the launcher has already started 2 processes"


def test_a_checkpoint_that_a_kill_has_left_half_written_is_not_the_newest(tmp_path: Path) -> None:
    for name, state in (
        ("checkpoint-4", "{}"),
        ("checkpoint-20", '{"epoch"'),
        ("checkpoint-30", None),
        ("checkpoint-x", "{}"),
    ):
        (tmp_path / name).mkdir()
        if state is not None:
            (tmp_path / name / "trainer_state.json").write_text(state)
    assert newest_checkpoint(tmp_path) == str(tmp_path / "checkpoint-4")
    assert newest_checkpoint(tmp_path / "nothing") is None


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shares_are_gathered_in_their_order(count: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    items = list(range(7))
    shares = [items[rank::count] for rank in range(count)]
    alone = Processes(tmp_path)
    assert alone.share(items) == items
    monkeypatch.setattr(alone, "all", lambda results: shares)
    assert alone.gather(shares[0]) == items


def test_a_process_that_does_not_come_is_waited_for_not_without_end_and_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(processes, "_LONGEST_MEETING_SECONDS", 0.3)
    monkeypatch.setattr(processes, "_PATIENT_SECONDS", 0.1)
    (tmp_path / ".meeting_left_by_a_kill").touch()
    with pytest.raises(ValueError, match=r"process 1 of 2 did not come within"), Processes(tmp_path):
        pass
    assert [each.getMessage() for each in caplog.records] == ["⚠️ Waiting for process 1 of 2"]
    assert not (tmp_path / ".meeting_left_by_a_kill").exists()
