"""Hosts without a shared folder keep a part each, and `runs merge` makes one run of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seo_engine.tracking.delivery.merging import merge_runs
from seo_engine.tracking.delivery.recovery import unfinished_runs
from seo_engine.tracking.delivery.replay import replay_run
from seo_engine.tracking.history.listing import list_parts, list_runs
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.journal.lines import Record, encode_record
from seo_engine.tracking.journal.rank_files import journal_name
from seo_engine.tracking.runs.run_lock import RUN_LOCK, RunLock
from seo_engine.tracking.views import rank_reduction
from tests.cli.commands import command
from tests.tracking.job.launching import Rank, ends, launch, logged, losses, torchrun_variables
from tests.tracking.job.test_views_of_ranks import as_float32, in_tensorboard, in_wandb, means_in_journal

RANKS = 4


def train(folder: Path, ranks: dict[int, tuple[str, ...]], attempt: int = 0, returncode: int = 0) -> Path:
    """Run some ranks of a job on a host of their own, and return the folder that they have there."""
    folder.mkdir(exist_ok=True)
    variables = {"TORCHELASTIC_RUN_ID": "job", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
    done = launch(
        folder,
        *(Rank(rank, torchrun_variables(rank, RANKS, **variables), arguments) for rank, arguments in ranks.items()),
    )
    assert done.returncode == returncode, done.stderr
    return folder / "runs" / "r"


def train_on_two_hosts(folder: Path, *arguments: str, failing: bool = False) -> tuple[Path, Path]:
    steps = ("1", "21", *arguments)
    of_rank_3 = (*steps, "fail") if failing else steps
    second = train(folder / "two", {2: steps, 3: of_rank_3}, returncode=int(failing))
    return train(folder / "one", {0: steps, 1: steps}), second


def test_parts_of_two_hosts_become_one_run_once(tmp_path: Path) -> None:
    one, two = train_on_two_hosts(tmp_path, "tensorboard", "wandb", "all")
    assert read_run(one).status == "finished"
    assert ends(one)[-1]["missing_ranks"] == [2, 3]
    merged = merge_runs([two, one])
    assert (merged.directory, merged.ranks) == (one, [0, 1, 2, 3])
    assert all(state.is_complete for state in merged.delivery.values())
    assert losses(one) == {rank: logged(rank) for rank in range(RANKS)}
    expected = sorted(
        (step, f"rank_{rank}/training/loss", value) for rank in range(RANKS) for step, value in logged(rank)
    )
    assert in_wandb(one) == expected
    assert in_tensorboard(one) == as_float32(expected)
    assert len({path.name for path in (one / "wandb").glob("*run-*")}) >= 1
    assert ends(one)[-1]["missing_ranks"] == []
    before = {path: path.read_bytes() for path in one.rglob("*") if path.is_file()}
    again = merge_runs([one, two, one])
    assert (again.bytes_added, merged.bytes_added > 0) == (0, True)
    # Not even another file of events.
    assert {path: path.read_bytes() for path in one.rglob("*") if path.is_file()} == before
    assert in_wandb(one) == expected


def test_a_part_is_not_shown_as_a_run_and_says_what_to_type(tmp_path: Path) -> None:
    steps = ("1", "3")
    folder = tmp_path / "two"
    folder.mkdir()
    variables = torchrun_variables(3, RANKS, TORCHELASTIC_RUN_ID="job")
    said = launch(folder, Rank(3, variables, steps)).stderr
    assert "Rank 0 has not come to" in said
    assert "which holds rank 3" in said
    assert "seo-engine runs merge FOLDER_OF_RANK_0 r" in said
    runs = folder / "runs"
    assert list_runs(runs) == []
    assert list_parts(runs) == [runs / "r"]
    assert unfinished_runs(runs) == []
    listed = command("runs", "list", cwd=folder)
    assert listed.returncode == 0
    assert "Not listed, because each is a part of a run without its rank 0: runs/r" in listed.stderr


def test_the_error_of_a_rank_on_another_host_is_that_of_the_merged_run(tmp_path: Path) -> None:
    one, two = train_on_two_hosts(tmp_path, failing=True)
    merge_runs([one, two])
    run = read_run(one)
    assert run.status == "failed"
    assert run.error is not None and "rank 3 cannot go on" in run.error["message"]
    assert [each.status for each in run.ranks] == ["finished", "finished", "finished", "failed"]
    assert len(list((one / "logs").glob("*rank-00003*"))) == 2


def test_a_part_that_has_grown_adds_only_what_is_new(tmp_path: Path) -> None:
    one, two = train_on_two_hosts(tmp_path)
    merge_runs([one, two])
    train(tmp_path / "two", {2: ("21", "31"), 3: ("21", "31")}, attempt=1)
    merged = merge_runs([one, two])
    assert merged.bytes_added > 0
    assert losses(one) == {
        **{rank: logged(rank) for rank in (0, 1)},
        **{rank: logged(rank, range(1, 31)) for rank in (2, 3)},
    }


def test_reduced_curves_stay_as_they_are_and_those_of_all_hosts_are_made_by_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a long run, it is not remembered for ever which ranks a step lacked.
    monkeypatch.setattr(rank_reduction, "MOST_OPEN_VALUES", 20)
    one, two = train_on_two_hosts(tmp_path, "tensorboard", "reduced")
    alone = as_float32([(step, "training/loss", 500.0 + step) for step in range(1, 21)])
    assert in_tensorboard(one) == alone
    order = (one / "order.jsonl").read_bytes()
    merge_runs([one, two])
    # What a view shows stays.
    assert in_tensorboard(one) == alone
    added = (one / "order.jsonl").read_bytes().removeprefix(order)
    assert added and b"incomplete_step" not in added
    monkeypatch.undo()
    copy, _ = replay_run(one, "tensorboard", show_all=True)
    assert in_tensorboard(copy) == as_float32(means_in_journal(one))
    assert [value for *_, value in in_tensorboard(copy)] == [1500.0 + step for step in range(1, 21)]


def write_part(
    directory: Path, *ranks: int, world_size: int = RANKS, job: str = "a", records: int = 1, began: float = 1.0
) -> Path:
    """Write a part by hand, as if it had just been copied from another host."""
    (directory / "locks").mkdir(parents=True)
    for rank in ranks:
        start: Record = {"kind": "start", "time": began, "rank": rank, "wandb_run_id": "abc12345", "configuration": {}}
        start |= {"world_size": world_size, "attempt": [0, 0, 0]}
        log: Record = {
            "kind": "text",
            "time": 1.0,
            "rank": rank,
            "epoch": 0,
            "step": 1,
            "name": "text/job",
            "text": job,
        }
        end: Record = {"kind": "end", "time": 2.0, "rank": rank, "status": "finished", "ends": "rank"}
        contents = b"".join(map(encode_record, [start, *[log] * records, end]))
        (directory / journal_name(rank)).write_bytes(contents)
        signature: dict[str, Any] = {"host": "h", "process": 1, "attempt": [0, 0, 0], "job": job or None}
        signature |= dict.fromkeys(("launcher", "agent", "launched", "wandb_run_id"))
        path = directory / "locks" / f".rank-{rank:05}"
        path.write_text(json.dumps(signature))
    return directory


def with_file(directory: Path, name: str) -> Path:
    (directory / name).write_bytes(b"{}\n")
    return directory


def renamed(directory: Path, rank: int, other: int) -> Path:
    (directory / journal_name(rank)).rename(directory / journal_name(other))
    (directory / "locks" / f".rank-{rank:05}").unlink()
    return directory


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: [write_part(f / "a", 2), write_part(f / "b", 3)], "one has rank 0; none of them has it"),
        (lambda f: [write_part(f / "a", 0), write_part(f / "b", 0, 3)], "one has rank 0; .* and .* have it"),
        (lambda f: [write_part(f / n, *r) for n, r in (("a", [0]), ("b", [1]), ("c", [1]))], "rank 1 is in .*b and in"),
        (lambda f: [write_part(f / "a", 0), write_part(f / "b", 1, world_size=8)], "of 8 ranks, and .* of 4"),
        (lambda f: [write_part(f / "a", 0), write_part(f / "b", 7)], "has rank 7 of a run of 4 ranks"),
        (lambda f: [write_part(f / "a", 0), write_part(f / "b", 1, job="b")], r"another job \(b\)"),
        (lambda f: [write_part(f / "a", 0, 1, job="x"), write_part(f / "b", 1, job="")], "not the beginning of"),
        (lambda f: [write_part(f / "a", 0), write_part(f / "b", 1, job="", began=1e5)], "28 hours apart from"),
        (lambda f: [write_part(f / "a", 0), with_file(write_part(f / "b", 1), "journal.jsonl")], "of one process"),
        (lambda f: [write_part(f / "a", 0), renamed(write_part(f / "b", 1), 1, 2)], "holds what rank 1 has logged"),
    ],
)
def test_what_are_no_parts_of_one_run_is_refused_before_anything_is_written(
    make: Callable[[Path], list[Path]], message: str, tmp_path: Path
) -> None:
    parts = make(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")}
    with pytest.raises(ValueError, match=message):
        merge_runs(parts)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")} == before


def test_a_run_of_one_process_and_one_that_is_open_are_refused(tmp_path: Path) -> None:
    first, part = write_part(tmp_path / "a", 0), write_part(tmp_path / "b", 1)
    single = tmp_path / "c"
    single.mkdir()
    (single / "journal.jsonl").write_bytes(b"{}\n")
    with pytest.raises(ValueError, match="a run of one process, which has no parts"):
        merge_runs([first, single])
    lock = RunLock(part, RUN_LOCK)
    assert lock.acquire()
    with pytest.raises(ValueError, match="is still running"):
        merge_runs([first, part])
    lock.release()


def test_merge_as_people_type_it(tmp_path: Path) -> None:
    write_part(tmp_path / "runs" / "a", 0, 1)
    write_part(tmp_path / "runs" / "b", 2)
    typed = ["runs", "merge", "a", "runs/b"]
    done = command(*typed, cwd=tmp_path)
    assert "runs/a has ranks 0 to 2; " in done.stdout, done.stderr
    again = command(*typed, "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["ranks"] == [0, 1, 2]
    assert json.loads(again.stdout)["bytes_added"] == 0
    wrong = command("runs", "merge", "b", cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert wrong.stderr.startswith("error: of the parts of a run, one has rank 0")


def test_a_copy_that_was_cut_off_is_completed_by_a_later_one(tmp_path: Path) -> None:
    run, part = write_part(tmp_path / "a", 0, world_size=2), write_part(tmp_path / "b", 1, world_size=2, records=3)
    whole = (part / journal_name(1)).read_bytes()
    (part / journal_name(1)).write_bytes(whole[:-30])
    # So that it does not seem to be alive: it has no end.
    os.utime(part / "locks" / ".rank-00001", (0, 0))
    merge_runs([run, part])
    assert read_run(run).status == "killed"
    (part / journal_name(1)).write_bytes(whole)
    merge_runs([run, part])
    assert (run / journal_name(1)).read_bytes() == whole
    assert read_run(run).status == "finished"
    assert ends(run)[-1]["vanished_ranks"] == []
    order = (run / "order.jsonl").read_bytes()
    merge_runs([run, part])
    assert (run / "order.jsonl").read_bytes() == order


def test_a_rank_of_another_host_without_an_end_may_be_alive(tmp_path: Path) -> None:
    run, part = write_part(tmp_path / "a", 0), write_part(tmp_path / "b", 1)
    path = part / journal_name(1)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(ValueError, match="b is still running: rank 1; if it was killed and just copied"):
        merge_runs([run, part])


def test_merging_reads_and_writes_nothing_outside_of_its_folders(tmp_path: Path) -> None:
    run, part = write_part(tmp_path / "a", 0), write_part(tmp_path / "b", 1, 2)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "config.json").write_text("secret")
    (outside / "victim.log").write_text("mine")
    (part / "profile").mkdir()
    (part / "profile" / "rank-00001").symlink_to(outside)
    for directory in (run, part):
        (directory / "logs").mkdir()
    (part / "logs" / "x_rank-00001_1.log").write_text("theirs")
    (run / "logs" / "x_rank-00001_1.log").symlink_to(outside / "victim.log")
    merge_runs([run, part])
    assert (outside / "victim.log").read_text() == "mine"
    assert not (run / "profile" / "rank-00001" / "config.json").exists()


def test_a_pipe_in_place_of_a_journal_blocks_nothing(tmp_path: Path) -> None:
    part = write_part(tmp_path / "runs" / "a", 1)
    os.mkfifo(part / journal_name(0))
    assert list_parts(tmp_path / "runs") == [part]
    assert list_runs(tmp_path / "runs") == []


def test_a_copy_that_shows_all_is_not_taken_for_that_of_a_run_that_has_grown(tmp_path: Path) -> None:
    run, part = write_part(tmp_path / "a", 0), write_part(tmp_path / "b", 1)
    copy, _ = replay_run(run, "tensorboard", show_all=True)
    assert replay_run(run, "tensorboard", show_all=True)[0] == copy
    merge_runs([run, part])
    with pytest.raises(ValueError, match="a_all lacks what the run has logged since; remove that folder"):
        replay_run(run, "tensorboard", show_all=True)
