"""JournalSelection: what a view shows of the journal, line by line."""

from __future__ import annotations

import logging
from typing import NamedTuple

from seo_engine.foundation.redaction import redact
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.journal.reader import JournalLine, Position
from seo_engine.tracking.records.kind import Shown
from seo_engine.tracking.records.kinds import KINDS, decode_record
from seo_engine.tracking.records.metrics import with_nonfinite
from seo_engine.tracking.records.run_marks import LAST_VALUES, RESUME
from seo_engine.tracking.views.metric_selection import MetricSelection

logger = logging.getLogger(__name__)

UNREADABLE = "unreadable"


class SelectedLine(NamedTuple):
    """One line of the journal: what the view shows of it, or why it shows nothing.

    A line without a record only ends a torn one: no record is missing.
    """

    end: Position
    time: float = 0.0
    shown: Shown | None = None
    is_record: bool = True
    drop_reason: str | None = None


class JournalSelection:
    """Selects, line by line from the journal's beginning, what a view shows.

    The same lines always give the same selection, so a view that was lost half-way can be completed from the beginning.

    Args:
        config (TrackingConfig): The selection's settings.
    """

    def __init__(self, config: TrackingConfig) -> None:
        self.values_not_shown = self.values_thinned = 0
        # Records of kinds that this version does not know, and the names of those kinds.
        self.unknown_records = 0
        self.unknown_kinds: set[str] = set()
        # Of several ranks, the views show the first.
        self._shows_rank_0_alone = False
        self._skip_nonfinite = config.skip_nonfinite_metrics
        self._selection = MetricSelection(config)

    @property
    def withheld(self) -> int:
        """int: Number of records that hold the last value of a metric and are not shown yet."""
        return self._selection.withheld

    def take(self, line: JournalLine) -> SelectedLine:
        """Return what the view shows of the next line.

        Args:
            line (JournalLine): The line.

        Returns:
            SelectedLine: Call this once per line and keep the result, so that a retry shows the same.
        """
        record = decode_record(line.content)
        if record is None:
            is_blank = not line.content.strip()
            return SelectedLine(line.end, is_record=not is_blank, drop_reason=None if is_blank else UNREADABLE)
        self._shows_rank_0_alone = self._shows_rank_0_alone or "world_size" in record
        if self._shows_rank_0_alone and record.get("rank", 0) != 0:
            return SelectedLine(line.end)
        kind = KINDS.get(record["kind"])
        if kind is None:
            self._note_unknown(record["kind"])
            return SelectedLine(line.end)
        try:
            selected = self._select(record)
            shown = KINDS[selected["kind"]].shown(selected)
        except Exception as error:  # a foreign or damaged line may have the right fields with any contents
            logger.warning("⚠️ A record of kind %s cannot be shown: %r", kind.name, error)
            return SelectedLine(line.end, drop_reason=UNREADABLE)
        return SelectedLine(line.end, float(selected["time"]), shown)

    def _select(self, record: Record) -> Record:
        if KINDS[record["kind"]].is_metrics:
            return self._select_metrics(record)
        if record["kind"] == LAST_VALUES.name:
            # Room that the end of a run leaves for values that the selection had withheld until then.
            last_values = self._selection.take_last_values()
            shown_at_last = len(last_values["metrics"]) if last_values else 0
            self.values_not_shown -= shown_at_last
            self.values_thinned -= shown_at_last
            return last_values or record
        if record["kind"] == RESUME.name and record["step"] is not None:
            self._selection.rewind(record["step"])
        # A journal may be older than a rule of redaction, or come from elsewhere.
        redacted: Record = redact(record)
        return redacted

    def _select_metrics(self, record: Record) -> Record:
        if self._skip_nonfinite:
            self.values_not_shown += len(record.get("nonfinite", {}))
        record = with_nonfinite(record, self._skip_nonfinite)
        selected = self._selection.select(record)
        thinned = len(record["metrics"]) - len(selected)
        self.values_not_shown += thinned
        self.values_thinned += thinned
        return {**record, "metrics": selected}

    def _note_unknown(self, kind: str) -> None:
        self.unknown_records += 1
        # Bounded: a foreign journal may hold any number of them.
        if len(self.unknown_kinds) < 100:
            self.unknown_kinds.add(kind)
