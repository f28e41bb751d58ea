"""Tables of every sort that programs log, without secrets, and as texts and pictures."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy
import pandas
import polars
import pytest
from PIL import Image

from seo_engine.foundation.redaction import redact
from seo_engine.tracking.payloads.run_payloads import HeldPayloads
from seo_engine.tracking.records.charts.table import MOST_MARKDOWN_ROWS
from seo_engine.tracking.records.forms import Markdown, Picture, Table
from seo_engine.tracking.records.kinds import KINDS

MOMENT = {"epoch": 1, "step": 5}

# As the configuration has it.
MOST_BYTES = 256_000_000
SECRET = "https://me:hunter2@h"


def forms(tmp_path: Path, table: Any, columns: Any = None) -> tuple[Table, Markdown]:
    made = KINDS["table"].make_records(
        {"name": "answers", "table": table, **MOMENT, "columns": columns}, most_bytes=MOST_BYTES
    )
    payloads = HeldPayloads(tmp_path, made.payloads)
    made.refer_to(payloads.references)
    shown = KINDS["table"].shown(made.records[0], payloads)
    assert shown is not None
    (found,) = shown.media
    assert isinstance(found[0], Table) and isinstance(found[1], Markdown)
    return found[0], found[1]


def cells(tmp_path: Path, table: Any, columns: Any = None) -> tuple[tuple[str, ...], list[list[Any]]]:
    form, _ = forms(tmp_path, table, columns)
    return form.columns, form.rows()


@pytest.mark.parametrize(
    "table",
    [
        [{"a": 1, "b": "x"}, {"b": "y", "a": 2}],
        {"a": [1, 2], "b": ("x", "y")},
        {"a": numpy.array([1, 2]), "b": ["x", "y"]},
        polars.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
    ],
    ids=lambda table: type(table).__module__,
)
def test_every_form_of_a_table_is_the_same_table(tmp_path: Path, table: Any) -> None:
    assert cells(tmp_path, table) == (("a", "b"), [[1, "x"], [2, "y"]])
    assert cells(tmp_path, [[1, "x"], [2, "y"]], ["a", "b"]) == (("a", "b"), [[1, "x"], [2, "y"]])


def test_cells_that_json_does_not_know_are_words(tmp_path: Path) -> None:
    rows = [[float("nan"), 2**70, None], [float("-inf"), 1, True], [0.5, numpy.float32(0.25), {"deep": [1, (2, 3)]}]]
    assert cells(tmp_path, rows, ["a", "b", "c"])[1] == [
        ["NaN", str(2**70), None],
        ["-Infinity", 1, True],
        [0.5, 0.25, {"deep": [1, [2, 3]]}],
    ]
    assert cells(tmp_path, [["\udcff"]])[1] == [["\\udcff"]]


@pytest.mark.parametrize("cell", [{"picture": 0}, {"picture": 1}, {"picture": "cat.png"}, ["picture", 1]])
def test_a_cell_is_never_taken_for_a_picture_that_it_is_not(tmp_path: Path, cell: Any) -> None:
    rows = [[1, cell], [2, numpy.zeros((4, 5), dtype="uint8")]]
    (_, first), (_, second) = cells(tmp_path, rows, ["number", "cell"])[1]
    assert first == cell and isinstance(second, Picture)


def test_pictures_are_cells(tmp_path: Path) -> None:
    rows = [
        {"number": 1, "picture": numpy.zeros((4, 5, 3), dtype="uint8")},
        {"number": 2, "picture": Image.new("RGB", (7, 6))},
        {"number": 3, "picture": None},
    ]
    table, markdown = forms(tmp_path, rows)
    first, second, third = (row[1] for row in table.rows())
    assert isinstance(first, Picture) and (first.width, first.height) == (5, 4)
    assert isinstance(second, Picture) and (second.width, second.height) == (7, 6)
    assert third is None
    assert "| 1 | (5 × 4 pixels) |" in markdown.write()
    (drawn,) = markdown.draw()
    assert drawn.data.startswith(b"\x89PNG") and drawn.height > 2 * 72


@pytest.mark.parametrize(
    ("table", "columns", "reason"),
    [
        (5, None, "table must be rows, columns by name, or a data frame, got 5 (int)"),
        ("text", None, "table must be rows, columns by name, or a data frame, got 'text' (str)"),
        ((row for row in [[1]]), None, "table must be rows, columns by name, or a data frame, got a generator"),
        ([], None, "table must have at least one column and one row"),
        ([[]], None, "table must have at least one column and one row"),
        ({"a": []}, None, "table must have at least one column and one row"),
        ({"a": [1], "b": [1, 2]}, None, "the columns of a table must be of equal length"),
        ([[1], [1, 2]], None, "every row of a table must have one cell per column, got [1, 2] cells"),
        ([[1, 2]], ["a"], "every row of a table must have one cell per column, got [2] cells"),
        ([[1, 2]], ["a", "a"], "the columns of a table must have different names"),
        ([["a", "b"]], [SECRET, "https://[redacted]@h"], "the columns of a table must have different names"),
        ({"a": "text"}, None, "every column of a table must be a list or an array"),
        ({"a": 5}, None, "every column of a table must be a list or an array"),
        ({"a": [1]}, ["b"], "columns must be given only for rows"),
        (polars.DataFrame({"a": [1]}), ["b"], "columns must be given only for rows"),
        ([[1]], "a", "columns must be a list of names, got 'a' (str)"),
        ([1, 2], None, "the rows of a table must be lists or dictionaries"),
        ([list(range(1_001))], None, "table must have at most 1,000 columns, got 1,001"),
        ([[numpy.zeros((5, 5, 7))]], None, "channels first or last, got the shape (5, 5, 7)"),
    ],
)
def test_what_is_no_table_is_refused_with_one_reason(table: Any, columns: Any, reason: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        KINDS["table"].make_records(
            {"name": "answers", "table": table, **MOMENT, "columns": columns}, most_bytes=MOST_BYTES
        )
    assert reason in str(caught.value)


def test_cells_and_columns_are_without_secrets_as_each_would_be_alone(tmp_path: Path) -> None:
    parts = [
        "api_key=hunter2abc", "--api-key", "hunter22", "password:", "token", "https://me:hunter2@h", "--verbose",
        "Authorization: Bearer abcdef0123456789", "export DB_PASSWORD=correcthorse", "?sig=abcdef0123456789ab", "=", "",
        "hf_abcdefghijklmnopqrstuvwxyzabcdefgh", "plain", "\n", "'", '"', "&key=", "\0", "a b c", "12345678",
    ]  # fmt: skip
    generator = random.Random(7)
    for _ in range(300):
        rows = [
            ["".join(generator.choices(parts, k=generator.randint(1, 3))) for _ in range(2)]
            for _ in range(generator.randint(1, 6))
        ]
        assert cells(tmp_path, rows, ["prompt", "answer"])[1] == [[redact(cell) for cell in row] for row in rows]


def test_a_column_with_the_name_of_a_secret_shows_none(tmp_path: Path) -> None:
    rows = [[1, "hunter2"], [2, "correcthorse"]]
    assert cells(tmp_path, rows, ["number", "password"])[1] == [[1, "[redacted]"], [2, "[redacted]"]]


def test_a_list_in_a_column_with_the_name_of_a_secret_is_one(tmp_path: Path) -> None:
    rows = [[["hunter2"], ("hunter2",)], [None, {"deep": "hunter2"}]]
    assert "hunter2" not in str(cells(tmp_path, rows, ["api_key", "password"]))


def test_a_long_table_is_shown_in_part_and_says_so(tmp_path: Path) -> None:
    _, markdown = forms(tmp_path, [[number, "a|b\nc<d", 1 / 3] for number in range(1_000)], ["n", "text", "third"])
    lines = markdown.write().splitlines()
    assert lines[:3] == ["| n | text | third |", "|---|---|---|", "| 0 | a\\|b c&lt;d | 0.333333 |"]
    assert lines[-1] == f"… and {1_000 - MOST_MARKDOWN_ROWS} more rows"
    assert len(lines) == MOST_MARKDOWN_ROWS + 4
