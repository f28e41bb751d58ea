"""Tables for W&B: each is a file of the run."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from seo_engine.tracking.records.forms import Table

if TYPE_CHECKING:
    import wandb


def make_table(run: wandb.Run, number: int, table: Table) -> Any:
    """Return a table for a row of W&B.

    Args:
        run (wandb.Run): Gets the table's file at once.
        number (int): Number of the row; the file is named after it.
        table (Table): The table to convert.

    Returns:
        Any: A `wandb.Table`; None if there are no rows, or the run has no folder.

    Raises:
        OSError: If the file cannot be written.
    """
    rows = table.rows()
    # A disabled run has no folder.
    if not rows or not isinstance(run.dir, str) or run.disabled:
        return None
    # Untyped in wandb.
    made: Any = importlib.import_module("wandb").Table(columns=list(table.columns), data=rows, allow_mixed_types=True)
    # Bound here, because `run.log` would also make an artifact of it: that asks the server, raises while it is down,
    # and leaves copies in the user's folders outside the run.
    made.bind_to_run(run, table.name, number)
    return made
