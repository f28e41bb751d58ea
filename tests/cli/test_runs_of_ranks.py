"""`seo-engine runs show` of a run of several ranks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seo_engine.profiling import CodeProfiler
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.journal.lines import Record, encode_record
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.order import JournalOrder
from seo_engine.tracking.journal.rank_files import journal_name
from seo_engine.tracking.journal.rank_journals import RankJournals, end_of_journal
from tests.cli.commands import command


def make_run(folder: Path, world_size: int, *ranks: list[Record], hosts: Sequence[str] = ()) -> Path:
    """Write the journals of ranks; each begins with its `start`."""
    directory = folder / "runs" / "r"
    directory.mkdir(parents=True)
    for rank, records in enumerate(ranks):
        if not records:
            continue
        start = {"kind": "start", "time": 1.0, "wandb_run_id": "abc12345", "configuration": {}}
        start |= {"world_size": world_size, "attempt": [0, 0, 0], "host": hosts[rank] if hosts else "node"}
        with LoggingQueue(directory / journal_name(rank)) as journal:
            for record in (start, *records):
                journal.append(encode_record({**record, "rank": rank}))
    with JournalOrder(directory) as order:
        order.take_in()
        order.decide(
            {"kind": "incomplete_step", "time": 9_000.0, "metrics_kind": "training", "attempt": [0, 0, 0]}
            | {"step": 2, "ranks": [0]}
        )
    return directory


def logs(step: int, moment: float) -> Record:
    return {"kind": "training", "epoch": 0, "step": step, "time": moment, "metrics": {"training/loss": 1.0}}


def ends(**contents: Any) -> Record:
    return {"kind": "end", "time": 9.0, "status": "finished", "dropped": {}, "nonfinite_counts": {}, **contents}


def test_each_rank_has_a_line_with_records_last_step_skew_and_end(tmp_path: Path) -> None:
    make_run(
        tmp_path,
        4,
        [logs(1, 2.0), logs(2, 3.0), ends(ends="rank"), ends(status="killed", attempt=[0, 0, 0])],
        [logs(1, 2.25), logs(2, 3.75), ends(ends="rank", status="failed")],
        [],
        [logs(1, 2.1)],
    )
    shown = command("runs", "show", "r", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["rank", "records", "last", "step", "skew", "end"] in lines
    assert ["0", "4", "2", "0.0", "ms", "finished"] in lines
    assert ["1", "4", "2", "500.0", "ms", "failed"] in lines
    assert ["2", "0", "0", "–", "missing"] in lines
    assert ["3", "2", "1", "100.0", "ms", "killed"] in lines
    assert "1 step is shown without the values of some ranks" in shown.stdout
    as_json = json.loads(command("runs", "show", "r", "--json", cwd=tmp_path).stdout)
    where = {"host": "node", "clock_offset_seconds": 0.0, "is_in_newest_attempt": True}
    assert as_json["ranks"][1] == {"rank": 1, "records": 4, "step": 2, "skew_seconds": 0.5, "status": "failed"} | where
    assert as_json["incomplete_steps"] == 1
    # Decisions may be written long after the training.
    assert as_json["seconds"] == 8.0


def test_clocks_of_other_hosts_are_aligned_by_the_steps_that_all_have_logged(tmp_path: Path) -> None:
    def on(host: str, offset: float) -> list[Record]:
        return [{**logs(step, offset + step), "host": host} for step in range(2, 12)]

    directory = make_run(tmp_path, 3, on("a", 0.0), on("a", 0.2), on("b", 100.0), hosts=["a", "a", "b"])
    ranks = read_run(directory).ranks
    assert [each.host for each in ranks] == ["a", "a", "b"]
    assert [each.clock_offset_seconds for each in ranks] == [0.0, 0.0, 100.0]
    assert [round(each.skew_seconds or 0.0, 6) for each in ranks] == [0.0, 0.2, 0.0]


def test_a_rank_that_has_not_come_again_is_missing_in_the_newest_attempt(tmp_path: Path) -> None:
    again = {"kind": "resume", "time": 5.0, "configuration": {}, "step": None, "world_size": 2, "attempt": [0, 0, 1]}
    failed = ends(ends="rank", status="failed")
    directory = make_run(tmp_path, 3, [logs(1, 2.0), failed, again, ends(ends="rank")], [failed], [failed])
    assert [(each.rank, each.status) for each in read_run(directory).ranks] == [
        (0, "finished"),
        (1, "missing"),
        (2, "failed"),
    ]


def test_a_complete_run_with_decisions_is_not_complete_any_more_when_somebody_logs(tmp_path: Path) -> None:
    directory = make_run(tmp_path, 2, [logs(1, 2.0)], [logs(1, 2.0)])
    with RankJournals(directory) as journals:
        assert end_of_journal(directory) == journals.size() == 5
    with LoggingQueue(directory / journal_name(1)) as journal:
        journal.append(encode_record({**logs(2, 3.0), "rank": 1}))
    assert end_of_journal(directory) == 6


def test_of_very_many_ranks_those_are_shown_that_stand_out(tmp_path: Path) -> None:
    usual = [logs(1, 2.0), ends(ends="rank")]
    ranks = [usual for _ in range(100)]
    ranks[77] = [logs(1, 2.0), ends(ends="rank", status="failed")]
    ranks[88] = [logs(1, 5.0), ends(ends="rank")]
    make_run(tmp_path, 100, *ranks)
    shown = command("runs", "show", "r", cwd=tmp_path).stdout
    numbers = [line.split()[0] for line in shown.splitlines() if line.split()[-1:] in (["finished"], ["failed"])]
    assert {"0", "77", "88"} <= set(numbers)
    assert len(numbers) == 32
    assert "and 68 more, with --json" in shown
    assert len(json.loads(command("runs", "show", "r", "--json", cwd=tmp_path).stdout)["ranks"]) == 100


def test_a_run_of_one_process_has_no_ranks(tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "r"
    directory.mkdir(parents=True)
    start = {"kind": "start", "time": 1.0, "rank": 0, "wandb_run_id": "abc12345", "configuration": {}}
    with LoggingQueue(directory / journal_name(None)) as journal:
        journal.append(encode_record(start))
    assert json.loads(command("runs", "show", "r", "--json", cwd=tmp_path).stdout)["ranks"] == []
    assert "skew" not in command("runs", "show", "r", cwd=tmp_path).stdout


def test_a_trace_says_how_many_ranks_it_shows_and_not_how_many_were_expected(tmp_path: Path) -> None:
    directory = make_run(tmp_path, 3, [logs(1, 2.0)], [logs(1, 2.0)])
    profiler = CodeProfiler()
    with profiler.profile_operation("work", "training_loop"):
        pass
    profiler.export_trace(directory / "profile" / "trace.json")
    profiler.export_trace(directory / "profile" / "rank-00001" / "trace.json")
    traced = command("runs", "trace", "r", "--output", "all.json", cwd=tmp_path)
    assert traced.stdout == "2 ranks in all.json, which opens in https://ui.perfetto.dev\n", traced.stderr
    assert json.loads((tmp_path / "all.json").read_text())["otherData"]["ranks"] == [0, 1]
