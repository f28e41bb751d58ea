"""How an object shows itself in a notebook: as a small table of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from seo_engine.foundation.texts import one_line


def as_html_table(title: str, rows: Iterable[Sequence[object]], head: Sequence[str] = ()) -> str:
    """Return a table as HTML; every cell is text, whatever is in it.

    Args:
        title (str): What stands above it; empty for nothing.
        rows (Iterable[Sequence[object]]): The cells of each row.
        head (Sequence[str]): The names of the columns.

    Example:
        >>> as_html_table("Run", [("step", 3), ("name", "<b>")])
        '<b>Run</b><table><tr><td>step</td><td>3</td></tr><tr><td>name</td><td>&lt;b&gt;</td></tr></table>'
    """
    names = f"<tr>{''.join(f'<th>{_in_cell(name)}</th>' for name in head)}</tr>" if head else ""
    lines = "".join(f"<tr>{''.join(f'<td>{_in_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    above = f"<b>{_in_cell(title)}</b>" if title else ""
    return f"{above}<table>{names}{lines}</table>"


def _in_cell(value: object) -> str:
    return escape(one_line(value))
