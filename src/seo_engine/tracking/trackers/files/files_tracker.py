"""FilesTracker: a run as CSV or Parquet files, found by its name `files` as the trackers of other packages are."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from typing import Any

from seo_engine.foundation.extras import import_of_extra
from seo_engine.foundation.texts import one_line
from seo_engine.foundation.whole_files import PRIVATE_FOLDER, write_whole
from seo_engine.tracking.records.forms import Chart, Picture, Table
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from seo_engine.tracking.trackers.files.columns import Row, media_rows_of, path_in, rows_of
from seo_engine.tracking.trackers.files.growing_csv import CsvTables, as_csv
from seo_engine.tracking.trackers.files.parquet_parts import ParquetTables, as_parquet
from seo_engine.tracking.trackers.placement import Placement

logger = logging.getLogger(__name__)

FORMATS = ("csv", "parquet")

# In the run's folder.
FOLDER = "tables"

# In that: the tables that were logged.
LOGGED = "logged"

_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_FILE_NAME = 80


class FilesTracker(DestinationTracker):
    """Keeps metrics, texts, hyperparameters, summary and logged tables as files in the run's `tables/`.

    Args:
        placement (Placement): The run.

    Example:
        >>> import tempfile
        >>> from seo_engine.tracking import ExperimentTracker, TrackingConfig
        >>> config = TrackingConfig(
        ...     tensorboard_log_dir=tempfile.mkdtemp(), tensorboard_logging=False, wandb_logging=False,
        ...     enable_code_profiling=False, system_metrics_interval_seconds=0, additional_trackers=["files"],
        ... )
        >>> with ExperimentTracker(config) as tracker:
        ...     tracker.log_training_metrics(epoch=1, step=7, metrics={"loss": 0.5})
        >>> lines = (tracker.run_directory / "tables" / "metrics.csv").read_text().splitlines()
        >>> lines[0], lines[1].split(",")[2:]
        ('number,time,epoch,step,name,value', ['1', '7', 'training/loss', '0.5'])
    """

    name = "files"
    title = "Files"

    def __init__(self, placement: Placement) -> None:
        self._run_directory = placement.run_directory
        self._folder = placement.run_directory / FOLDER
        self._format = str(placement.settings_of(self.name).get("format", FORMATS[0]))
        self._tables: CsvTables | ParquetTables | None = None

    @classmethod
    def check_settings(cls, settings: dict[str, Any]) -> None:
        """Allow `format` alone: csv or parquet.

        Raises:
            ValueError: If there is anything else.

        Example:
            >>> FilesTracker.check_settings({"format": "xlsx"})
            Traceback (most recent call last):
                ...
            ValueError: format must be one of csv, parquet, got 'xlsx'
        """
        if unknown := sorted(settings.keys() - {"format"}):
            raise ValueError(f"there is no setting {unknown[0]!r}; format is the only one")
        if settings.get("format", FORMATS[0]) not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {settings['format']!r}")

    def import_sdk(self) -> None:
        """Import what writes Parquet files, if it is needed."""
        if self._format == "parquet":
            import_of_extra("polars", extra="parquet", needed_by="a Parquet file")

    def setup(self) -> None:
        """Open the files, which may hold records already.

        Raises:
            MissingExtraError: If there is nothing that writes Parquet files.
            OSError: If they cannot be opened.
        """
        self.import_sdk()
        (self._folder / LOGGED).mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        self._tables = CsvTables(self._folder) if self._format == "csv" else ParquetTables(self._folder)
        self.media_left_out = 0
        self.available = True

    def show(self, shown: Shown, recorded: Recorded) -> None:
        """Add the rows of a record, or the file of a table.

        Args:
            shown (Shown): The record.
            recorded (Recorded): Where it is in the journal.

        Raises:
            OSError: If the disk takes no more; the files are then opened again.
        """
        assert self._tables is not None
        # All before the first is added: a record that fails comes again.
        rows = [*rows_of(shown, recorded), *self._media_rows(shown, recorded)]
        with self._opened_again():
            for table, row in rows:
                self._tables.append(table, row)

    def flush(self) -> None:
        """Make the rows visible: in CSV files at once, in Parquet files after an interval."""
        if self._tables is not None:
            with self._opened_again():
                self._tables.flush()
            self.confirmed_record = self._tables.confirmed_record

    def close(self, status: str = "finished") -> None:
        """Write the rest, and close the files."""
        if self._tables is not None:
            with self._opened_again():
                self._tables.close()
        self._tables, self.available = None, False

    def abandon(self) -> None:
        """Let go of files that failed or were deleted."""
        if isinstance(self._tables, CsvTables):
            # What they write now is looked at when they are opened again.
            with contextlib.suppress(OSError):
                self._tables.close()
        self._tables, self.available = None, False

    def details(self) -> dict[str, str]:
        """Return the folder and the format of the files."""
        return {"directory": str(self._folder), "format": self._format}

    @contextlib.contextmanager
    def _opened_again(self) -> Iterator[None]:
        """Have the files opened again if the disk has refused a row: nobody knows how much of it is there."""
        try:
            yield
        except OSError:
            self.abandon()
            raise

    def _media_rows(self, shown: Shown, recorded: Recorded) -> list[tuple[str, Row]]:
        rows: list[tuple[str, Row]] = []
        for forms in shown.media:
            table = next((form for form in forms if isinstance(form, Table | Chart)), None)
            try:
                contents = self._as_file(table) if table is not None else b""
                rows += media_rows_of(forms, shown, recorded, self._run_directory) if table is None else ()
            except Exception as error:  # of a damaged payload, say: the numbers matter more
                self.media_left_out += 1
                logger.warning("⚠️ %s do not hold %s: %s", self.title, one_line(forms[0].name), one_line(error))
                continue
            if table is not None:
                name = _NOT_IN_FILE_NAMES.sub("_", table.name)[:_LONGEST_FILE_NAME]
                path = self._folder / LOGGED / f"{recorded.number:08d}_{name}.{self._format}"
                if not path.exists():
                    write_whole(path, [contents])
        return rows

    def _as_file(self, table: Table | Chart) -> bytes:
        rows = [[self._as_cell(cell) for cell in row] for row in table.rows()]
        return (as_csv if self._format == "csv" else as_parquet)(table.columns, rows)

    def _as_cell(self, cell: Any) -> Any:
        if not isinstance(cell, Picture):
            return cell
        return path_in(self._run_directory, cell.file) if cell.file is not None else None
