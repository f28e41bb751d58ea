"""What is left to read of what programs write to a terminal."""

from __future__ import annotations

import io

import pytest
from tqdm import tqdm

from seo_engine.tracking.observers.console.lines import LONGEST_LINE_CHARACTERS, ConsoleLines


class Terminal(io.StringIO):
    """Takes what a library writes to a terminal, in the pieces in which it writes it."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = ConsoleLines()
        self.finished: list[str] = []

    def write(self, text: str) -> int:
        self.finished += self._lines.feed(text)
        return len(text)

    def isatty(self) -> bool:
        return True

    def close(self) -> None:
        self.finished += self._lines.close()


@pytest.mark.parametrize(
    ("pieces", "finished", "rest"),
    [
        (["a\nb", "c\n"], ["a", "bc"], []),
        (["no end"], [], ["no end"]),
        (["a\r\nb\r\n"], ["a", "b"], []),
        (["\n\na\n"], ["", "", "a"], []),
        (["column\tcolumn  \n"], ["column\tcolumn"], []),
        (["10%\r20%\r30%\n", "done\n"], ["30%", "done"], []),
        (["loading...\r", "done      \n", "next\n"], ["done", "next"], []),
        (["long bar\rab\x1b[K\n", "x\n"], ["ab", "x"], []),
        (["1/9\b\b\b2/9\n", "x\n"], ["2/9", "x"], []),
        (["\x1b[1;31mred\x1b[0m \x1b]0;a title\x07and \x1b(Bplain\n"], ["red and plain"], []),
        (["\x1b[3", "1mred\x1b", "[0m\n"], ["red"], []),
        (["one\ntwo\n\x1b[2Aten\n\x1b[K\n"], ["one", "two"], ["ten"]),
        (["\x1b[2J\x1b[H\x1b[999999999999999999Ahome\n"], ["home"], []),
        (["\x00bell\x07 and null\n"], ["bell and null"], []),
    ],
)
def test_what_is_finished_is_returned_once_as_it_is_seen(
    pieces: list[str], finished: list[str], rest: list[str]
) -> None:
    lines = ConsoleLines()
    assert [line for piece in pieces for line in lines.feed(piece)] == finished
    assert lines.close() == rest
    assert lines.close() == []


def test_nested_progress_bars_leave_their_last_state_among_the_lines_that_are_printed_meanwhile() -> None:
    terminal = Terminal()
    for number in tqdm(range(3), file=terminal, desc="epochs", mininterval=0):
        for _ in tqdm(range(20), file=terminal, desc="batches", leave=False, mininterval=0):
            pass
        tqdm.write(f"loss {number}", file=terminal)
    print("the end", file=terminal)
    terminal.close()
    *losses, bar, end = terminal.finished
    assert losses == ["loss 0", "loss 1", "loss 2"] and end == "the end"
    assert bar.startswith("epochs: 100%") and "3/3" in bar


def test_a_line_without_an_end_is_bounded_in_memory_and_in_what_is_returned() -> None:
    lines = ConsoleLines()
    for _ in range(200):
        assert lines.feed("x" * 1_000) == []
    assert sum(len(row.text) for row in lines._rows) <= LONGEST_LINE_CHARACTERS + 1
    (line,) = lines.feed("\n")
    assert line == "x" * LONGEST_LINE_CHARACTERS + "…"


def test_rows_that_are_out_of_reach_are_returned_and_forgotten() -> None:
    lines = ConsoleLines()
    returned = [line for number in range(1_000) for line in lines.feed(f"\rbar {number}\n")]
    assert len(lines._rows) <= 100
    returned += lines.close()
    assert returned == [f"bar {number}" for number in range(1_000)]


def test_a_control_sequence_without_an_end_is_bounded_in_memory() -> None:
    lines = ConsoleLines()
    for text in ("\x1b[", *["0" * 1_000] * 50):
        lines.feed(text)
    assert len(lines._unfinished) < 1_000
    assert lines.feed("\n") == ["[" + "0" * (LONGEST_LINE_CHARACTERS - 1) + "…"]
