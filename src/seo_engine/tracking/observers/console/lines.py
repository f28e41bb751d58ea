"""ConsoleLines: what is printed to a terminal -> the lines that are left there to read."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_LINE_CHARACTERS = 4_000

# How far back a program may move the cursor to write over a line: several progress bars are this high at most.
_MOST_ROWS = 100

# Control sequences of terminals: those with parameters, those of window titles and the like, and others.
# Source: ECMA-48, https://ecma-international.org/publications-and-standards/standards/ecma-48/
_TOKEN = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<command>[@-~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
    r"|(?P<control>[\x00-\x08\x0a-\x1f\x7f])"
    r"|(?P<plain>[^\x00-\x08\x0a-\x1f\x7f]+)"
)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

# The beginning of a control sequence whose end comes with the next text. What is longer is none: it would be kept
# until the end.
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]{0,200}[ -/]{0,200}|\][^\x07\x1b]{0,200}|[ -/]{0,200})?$")


@dataclass(slots=True)
class _Row:
    text: str = ""
    # Whether a program has written over it, as a progress bar does.
    is_rewritten: bool = False
    # What of it was returned as a line; None if nothing was.
    returned: str | None = None


class ConsoleLines:
    """Takes text as it is printed, and returns each line once it is finished: of a progress bar, its last state.

    A line that a program has written over is finished when the one below it is. What is written over lines that were
    returned already is returned at the end.

    Example:
        >>> lines = ConsoleLines()
        >>> lines.feed("Epoch 1\\n"), lines.feed("\\r 10%"), lines.feed("\\r100%"), lines.feed("\\ndone\\n")
        (['Epoch 1'], [], [], ['100%', 'done'])
    """

    def __init__(self) -> None:
        self._rows = [_Row()]
        self._row = 0
        self._column = 0
        self._has_returned = False
        # Whether something was written since the cursor came to this row, or it is a new one.
        self._is_touched = True
        self._unfinished = ""

    def feed(self, text: str) -> list[str]:
        """Take what was printed.

        Args:
            text (str): Any part of the output.

        Returns:
            list[str]: The lines that are finished now, without control characters.
        """
        text, self._unfinished = self._unfinished + text, ""
        if "\x1b" in text and (unfinished := _UNFINISHED.search(text)):
            text, self._unfinished = text[: unfinished.start()], unfinished[0]
        if self._is_at_the_end() and not _CONTROL.search(text):
            return self._append(text)
        finished: list[str] = []
        for token in _TOKEN.finditer(text):
            if token["plain"]:
                self._write(token["plain"])
            elif token["control"] == "\n":
                finished += self._end_line()
            elif token["control"] == "\r":
                self._column, self._has_returned = 0, True
            elif token["control"] == "\b":
                self._column = max(0, self._column - 1)
            elif token["command"]:
                self._obey(token["command"], token["parameters"])
        return finished

    def close(self) -> list[str]:
        """Return the lines that were not finished, or were written over since; a second call returns none of them."""
        return [line for row in self._rows if row.text and row.text != row.returned for line in _returned(row)]

    def _is_at_the_end(self) -> bool:
        rows = self._rows
        is_last = self._row == len(rows) - 1 and self._column == len(rows[-1].text)
        is_plain = not self._has_returned and not rows[-1].is_rewritten
        return is_last and is_plain and (len(rows) == 1 or rows[-2].returned is not None)

    def _append(self, text: str) -> list[str]:
        """Take text without control characters at the end of what was printed: the usual case."""
        *finished, rest = text.split("\n")
        row = self._rows[-1]
        if not finished:
            self._write(rest)
            return []
        finished[0] = row.text + finished[0]
        row.text = row.returned = finished[0]
        finished = [_cut(line) for line in finished]
        self._rows += [_Row(line, returned=line) for line in finished[1:]]
        self._rows.append(_Row(rest[:LONGEST_LINE_CHARACTERS]))
        del self._rows[:-_MOST_ROWS]
        self._row, self._column, self._is_touched = len(self._rows) - 1, len(self._rows[-1].text), True
        return finished

    def _write(self, text: str) -> None:
        row = self._rows[self._row]
        self._is_touched = True
        row.is_rewritten = row.is_rewritten or self._has_returned or self._column < len(row.text)
        self._has_returned = False
        end = self._column + len(text)
        row.text = (row.text[: self._column].ljust(self._column) + text + row.text[end:])[: LONGEST_LINE_CHARACTERS + 1]
        self._column = min(end, LONGEST_LINE_CHARACTERS + 1)

    def _end_line(self) -> list[str]:
        finished: list[str] = []
        row = self._rows[self._row]
        if self._is_touched:
            # A program that only moves down over its progress bars has not finished them.
            for each in self._rows[: self._row]:
                finished += _returned(each) if each.returned is None else []
            if not row.is_rewritten and row.returned is None:
                finished += _returned(row)
        self._row, self._column, self._has_returned = self._row + 1, 0, False
        self._is_touched = self._row == len(self._rows)
        if self._is_touched:
            self._rows.append(_Row())
        while len(self._rows) > _MOST_ROWS:
            oldest = self._rows.pop(0)
            self._row -= 1
            if oldest.text != oldest.returned:
                finished += _returned(oldest)
        return finished

    def _obey(self, command: str, parameters: str) -> None:
        number = int(parameters) if parameters.isdigit() and len(parameters) < 5 else 0
        count = max(1, number)
        row = self._rows[self._row]
        match command:
            case "A" | "F":
                self._move_to(self._row - count)
            case "B" | "E":
                self._move_to(self._row + count)
            case "C":
                self._column = min(self._column + count, LONGEST_LINE_CHARACTERS)
            case "D":
                self._column = max(0, self._column - count)
            case "G":
                self._column = min(count - 1, LONGEST_LINE_CHARACTERS)
            case "K":
                # Which part of the row is erased.
                row.text = {0: row.text[: self._column], 1: row.text[self._column :].rjust(len(row.text)), 2: ""}.get(
                    number, row.text
                )
                row.is_rewritten = True
            case "J" if number == 0:
                row.text = row.text[: self._column]
                for each in self._rows[self._row + 1 :]:
                    each.text = ""
        if command in "EF":
            self._column = 0

    def _move_to(self, row: int) -> None:
        self._row = min(max(0, row), len(self._rows) - 1)
        self._is_touched = False


def _returned(row: _Row) -> list[str]:
    row.returned = row.text
    return [_cut(row.text)]


def _cut(line: str) -> str:
    line = line.rstrip()
    return line if len(line) <= LONGEST_LINE_CHARACTERS else f"{line[:LONGEST_LINE_CHARACTERS]}…"
