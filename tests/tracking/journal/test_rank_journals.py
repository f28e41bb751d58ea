"""The journals of several ranks, read as one in an order that is written down."""

import os
import random
from pathlib import Path

import pytest

from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.order import JournalOrder
from seo_engine.tracking.journal.rank_files import ORDER, journal_name
from seo_engine.tracking.journal.rank_journals import PlacedLines, RankJournals, every_line
from seo_engine.tracking.journal.reader import Position


def write(directory: Path, rank: int | None, *texts: str) -> None:
    with LoggingQueue(directory / journal_name(rank)) as queue:
        for text in texts:
            queue.append(text.encode() + b"\n")


def contents(journals: RankJournals) -> list[str]:
    return [line.content.decode() for line in journals.lines()]


def test_each_line_of_each_rank_has_one_place(tmp_path: Path) -> None:
    chance = random.Random(7)
    written: dict[int, list[str]] = {rank: [] for rank in range(4)}
    with JournalOrder(tmp_path) as order, RankJournals(tmp_path) as journals:
        position, read = Position(), []
        for turn in range(50):
            for rank in chance.sample(range(4), chance.randrange(5)):
                texts = [f"{rank}:{turn}:{n}" + "x" * chance.randrange(300) for n in range(chance.randrange(40))]
                write(tmp_path, rank, *texts)
                written[rank] += texts
            order.take_in()
            while lines := journals.read(position):
                read += [line.content.decode() for line in lines]
                position = lines[-1].end
        assert journals.size() == position.number == position.offset == sum(map(len, written.values()))
    for rank, texts in written.items():
        assert [text for text in read if text.startswith(f"{rank}:")] == texts
    with RankJournals(tmp_path) as again:
        assert contents(again) == read


def test_an_order_that_is_opened_again_goes_on_where_it_was(tmp_path: Path) -> None:
    write(tmp_path, 0, "a", "b")
    with JournalOrder(tmp_path) as order:
        assert order.take_in() == 2
    write(tmp_path, 0, "c")
    write(tmp_path, 3, "d")
    with JournalOrder(tmp_path) as order:
        assert order.take_in() == 2
        assert order.take_in() == 0
    with RankJournals(tmp_path) as journals:
        assert contents(journals) == ["a", "b", "c", "d"]


def test_what_a_single_process_wrote_comes_first(tmp_path: Path) -> None:
    write(tmp_path, 1, "later")
    write(tmp_path, None, "alone")
    with JournalOrder(tmp_path) as order:
        order.take_in()
    with RankJournals(tmp_path) as journals:
        assert contents(journals) == ["alone", "later"]


def test_a_torn_line_gets_its_place_when_it_is_ended(tmp_path: Path) -> None:
    (tmp_path / journal_name(0)).write_bytes(b"whole\ntor")
    with JournalOrder(tmp_path) as order:
        assert order.take_in() == 1
        write(tmp_path, 0, "next")
        assert order.take_in() == 2
    with RankJournals(tmp_path) as journals:
        assert contents(journals) == ["whole", "tor", "next"]


def test_a_torn_line_of_the_order_is_not_a_batch(tmp_path: Path) -> None:
    write(tmp_path, 0, "a")
    with JournalOrder(tmp_path) as order:
        order.take_in()
    with (tmp_path / ORDER).open("ab") as file:
        file.write(b'{"rank":0,"first_li')
    write(tmp_path, 0, "b")
    with JournalOrder(tmp_path) as order:
        order.take_in()
    with RankJournals(tmp_path) as journals:
        assert contents(journals) == ["a", "b"] and journals.size() == 2


def test_reading_from_an_earlier_position_gives_the_same_lines(tmp_path: Path) -> None:
    for rank in range(3):
        write(tmp_path, rank, *(f"{rank}:{n}" for n in range(10)))
    with JournalOrder(tmp_path) as order:
        order.take_in()
    with RankJournals(tmp_path) as journals:
        everything = list(journals.lines())
        for number in (0, 5, 10, 25):
            assert journals.read(Position(number, number))[0] == everything[number]


def test_a_file_that_is_shorter_than_its_order_is_said(tmp_path: Path) -> None:
    write(tmp_path, 0, "a", "b")
    with JournalOrder(tmp_path) as order:
        order.take_in()
    (tmp_path / journal_name(0)).write_bytes(b"")
    with RankJournals(tmp_path) as journals, pytest.raises(OSError, match=r"has fewer lines than .*order\.jsonl says"):
        contents(journals)


def test_many_small_batches_are_read_together(tmp_path: Path) -> None:
    with JournalOrder(tmp_path) as order:
        for step in range(50):
            for rank in range(4):
                write(tmp_path, rank, f"{rank}:{step}")
            order.take_in()
    with RankJournals(tmp_path) as journals:
        assert len(journals.read(Position())) == 200


def test_a_file_that_was_written_again_with_blank_lines_is_read_on(tmp_path: Path) -> None:
    write(tmp_path, 0, "a", "b", "c")
    write(tmp_path, 1, "d")
    with JournalOrder(tmp_path) as order, RankJournals(tmp_path) as journals:
        order.take_in()
        # How each rank begins comes first.
        assert contents(journals) == ["a", "d", "b", "c"]
        (tmp_path / journal_name(0)).unlink()
        order.fill_gaps()
        write(tmp_path, 0, "e")
        assert order.take_in() == 1
        assert [line.content for line in journals.read(Position(4, 4))] == [b"e"]


def test_an_order_that_somebody_sent_fills_no_disk(tmp_path: Path) -> None:
    write(tmp_path, 0, "a")
    with (tmp_path / ORDER).open("wb") as file:
        for rank in range(9):
            file.write(b'{"rank":%d,"first_line":1,"last_line":8000000}\n' % rank)
    with JournalOrder(tmp_path) as order, pytest.raises(OSError, match="lines that are not there"):
        order.fill_gaps()
    assert sorted(path.name for path in tmp_path.iterdir()) == [journal_name(0), ORDER]


def test_an_order_that_is_a_pipe_hangs_nobody(tmp_path: Path) -> None:
    write(tmp_path, 0, "a")
    os.mkfifo(tmp_path / ORDER)
    assert [line.content for line in every_line(tmp_path)] == [b"a"]


def test_a_decision_has_a_place_of_its_own_in_the_order(tmp_path: Path) -> None:
    write(tmp_path, 0, "a", "b")
    with JournalOrder(tmp_path) as order, RankJournals(tmp_path) as journals:
        order.take_in()
        order.decide({"kind": "incomplete_step", "time": 1.0})
        write(tmp_path, 0, "c")
        order.take_in()
        expected = ["a", "b", '{"kind":"incomplete_step","time":1.0}', "c"]
        assert contents(journals) == expected
        assert journals.size() == 4
        assert [line.end.number for line in journals.lines()] == [1, 2, 3, 4]
    assert PlacedLines(tmp_path, 0).read() == (3, 4)
    with RankJournals(tmp_path) as again:
        assert contents(again) == [line.content.decode() for line in every_line(tmp_path)] == expected
        # From the middle.
        assert [line.content for line in again.read(Position(3, 3))] == [b"c"]


def test_a_torn_or_foreign_line_of_the_order_has_no_place(tmp_path: Path) -> None:
    write(tmp_path, 0, "a")
    lines = [b'{"kind":"incomplete_st', b'{"kind":7}', b"[]", b"7", b"{}", b"", b"\0\0", b'{"first_line":1}']
    (tmp_path / ORDER).write_bytes(b"\n".join(lines) + b"\n")
    with JournalOrder(tmp_path) as order, RankJournals(tmp_path) as journals:
        assert order.take_in() == 1
        assert contents(journals) == ["a"]
        assert journals.size() == 1
