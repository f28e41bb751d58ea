"""RunPage: what W&B shows of a run as a whole, beside its rows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.records.forms import File
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.records.marks.alert import LONGEST_TITLE
from seo_engine.tracking.records.marks.run_marks import rank_of
from seo_engine.tracking.records.marks.tags import LONGEST_TAG
from seo_engine.tracking.records.settings import merged_settings
from seo_engine.tracking.trackers.wandb.contents.sent_alerts import SentAlerts

if TYPE_CHECKING:
    import wandb

# Their texts are shown there, and are no pages.
SHOWN_WITH_THE_RUN = ("note", "tags", "alert")

# In the summary of a run that failed.
_ERROR_FIELDS = ("experiment/error", "experiment/traceback")

_PARAGRAPH = "\n\n"

_LEVELS = {"info": "INFO", "warning": "WARN", "error": "ERROR"}


class RunPage:
    """Shows configuration, summary, notes, tags and alerts. All but alerts may be shown again: nothing is doubled.

    Args:
        run (wandb.Run): The run.
        sent_alerts (SentAlerts): Which alerts were sent.
    """

    def __init__(self, run: wandb.Run, sent_alerts: SentAlerts) -> None:
        # `config` and `summary` are untyped in wandb.
        self._run: Any = run
        self._sent_alerts = sent_alerts
        # What was logged as configuration so far: a later record adds to nested dictionaries, too.
        self._settings: dict[str, Any] = {}
        self._had_error = False
        # Those that the journal has so far.
        self._notes: list[str] = []

    def show(self, shown: Shown, recorded: Recorded, *, is_held: bool) -> None:
        """Show what a record says of the run.

        Args:
            shown (Shown): The record.
            recorded (Recorded): Where it is in the journal.
            is_held (bool): Whether the view holds its row, and so its alert.
        """
        if shown.settings:
            self._settings = merged_settings(self._settings, shown.settings)
            values = {name: self._settings[name] for name in shown.settings}
            self._run.config.update(values, allow_val_change=True)
        if shown.summary:
            self._run.summary.update(dict(shown.summary))
        match shown.kind.name:
            case "end":
                self._end(shown.record)
            case "note":
                self._note(shown.record["text"])
            case "tags":
                self._tags(shown.record["tags"])
            case "alert" if not is_held:
                self._alert(shown.record, recorded)

    def _end(self, record: Record) -> None:
        summary = self._run.summary
        summary.update({"experiment/status": record["status"]})
        error = record.get("error")
        if error is not None:
            summary.update(dict(zip(_ERROR_FIELDS, (error["message"], error["traceback"]), strict=True)))
        elif self._had_error:
            # A resumed run has the end of its last part.
            for name in _ERROR_FIELDS:
                del summary[name]
        self._had_error = error is not None

    def _note(self, text: str) -> None:
        notes, before = self._run.notes or "", _PARAGRAPH.join(self._notes)
        self._notes.append(text)
        together = _PARAGRAPH.join(self._notes)
        # A run that is resumed may have them all.
        if _holds(notes, together):
            return
        if before and _holds(notes, before):
            self._run.notes = notes.replace(before, together, 1)
        else:
            self._run.notes = f"{notes}{_PARAGRAPH}{text}".strip()

    def _tags(self, further: Sequence[str]) -> None:
        tags = tuple(self._run.tags or ())
        if new := [tag for tag in (str(tag)[:LONGEST_TAG] for tag in further) if tag not in tags]:
            self._run.tags = (*tags, *new)

    def _alert(self, record: Record, recorded: Recorded) -> None:
        # Of a later version, or of somebody else, it may be another word.
        title, level = record["title"][:LONGEST_TITLE], _LEVELS.get(record["level"], "INFO")
        if self._sent_alerts.mark(recorded.time, rank_of(record)):
            self._run.alert(title, record["text"], level)


def _holds(notes: str, part: str) -> bool:
    return f"{_PARAGRAPH}{part}{_PARAGRAPH}" in f"{_PARAGRAPH}{notes}{_PARAGRAPH}"


def keep_file(run: wandb.Run, file: File) -> None:
    """Have a run keep a file under its name.

    Args:
        run (wandb.Run): The run.
        file (File): The file; a plain relative path is its name.

    Raises:
        OSError: If it cannot be copied.
    """
    folder = Path(run.dir)
    copy = folder / file.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    partial = copy.with_name(f".{copy.name}.partial")
    shutil.copyfile(file.file(), partial)
    partial.replace(copy)
    run.save(str(copy), base_path=str(folder), policy="now", glob=False)
