"""The note of which run a job has, on file systems that are not like others."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from seo_engine import TrackingConfig
from seo_engine.tracking.job.job_member import JobMember
from seo_engine.tracking.job.job_runs import JobRun, JobRuns
from seo_engine.tracking.job.joining import _Joining
from seo_engine.tracking.job.launcher import LaunchedProcess

RUN = JobRun("cnn", 1)


def test_a_link_that_was_made_and_said_to_be_there_already_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def make_twice(source: Path, target: Path) -> None:
        link(source, target)
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(os, "link", make_twice)
    assert JobRuns(tmp_path, "job").decide(RUN)
    assert not JobRuns(tmp_path, "job").decide(RUN._replace(name="other"))


def test_a_note_that_is_being_written_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = JobRuns(tmp_path, "job")
    assert runs.decide(RUN)
    (note,) = (tmp_path / ".jobs").glob("*.json")
    whole = note.read_bytes()
    note.write_bytes(whole[:5])
    writer = threading.Timer(0.2, note.write_bytes, [whole])
    writer.start()
    assert runs.newest() == RUN
    writer.join()


def test_where_there_are_no_links_the_note_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    runs = JobRuns(tmp_path, "job")
    assert runs.decide(RUN) and not runs.decide(RUN._replace(name="other"))
    assert runs.newest() == RUN


def test_whoever_may_begin_runs_may_note_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    JobRuns(tmp_path, "job").decide(RUN)
    assert (tmp_path / ".jobs").stat().st_mode & 0o777 == 0o775


def test_a_run_whose_name_no_file_can_have_is_none(tmp_path: Path) -> None:
    assert JobRuns(tmp_path, "job").directory_of(RUN._replace(name="x" * 300)) is None


def test_of_a_name_that_is_used_for_years_only_the_newest_runs_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = JobRuns(tmp_path, "job")
    for number in range(1, 31):
        (tmp_path / f"cnn_{number}").mkdir()
        (tmp_path / f"cnn_{number}" / "journal.rank-00000.jsonl").touch()
        assert runs.decide(JobRun(f"cnn_{number}", number))
    looked_at: list[str] = []
    monkeypatch.setattr(JobMember, "attempt_in", lambda member, directory: looked_at.append(directory.name))
    joining = _Joining(TrackingConfig(), LaunchedProcess(0, 2, 2), "job")
    assert joining._find(runs) is None
    assert looked_at == [f"cnn_{number}" for number in range(30, 20, -1)]
