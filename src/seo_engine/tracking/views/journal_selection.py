"""JournalSelection: what a view shows of the journal, line by line."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable
from typing import Any, NamedTuple

from seo_engine.foundation.redaction import redact
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.journal.reader import JournalLine, Position
from seo_engine.tracking.payloads.payload import NO_PAYLOADS, Payloads
from seo_engine.tracking.records.kind import Shown
from seo_engine.tracking.records.kinds import KINDS, decode_record
from seo_engine.tracking.records.marks.run_marks import END, INCOMPLETE_STEP, LAST_VALUES, RESUME
from seo_engine.tracking.records.metrics import with_nonfinite
from seo_engine.tracking.views.metric_selection import MetricSelection
from seo_engine.tracking.views.rank_views import ALL_TOGETHER, RankViews, Stream
from seo_engine.tracking.views.summary_values import SummaryValues

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
        payloads (Payloads): Those of the run, which are read where a medium is shown.
    """

    def __init__(self, config: TrackingConfig, payloads: Payloads = NO_PAYLOADS) -> None:
        self._payloads = payloads
        self.values_thinned = 0
        self._values_not_shown = 0
        # Records of kinds that this version does not know, and the names of those kinds.
        self.unknown_records = 0
        self.unknown_kinds: set[str] = set()
        self._config = config
        self._skip_nonfinite = config.skip_nonfinite_metrics
        self._rank_views = RankViews(config)
        # One for each stream of metrics, and the names under which it was last shown.
        self._selections: dict[int, MetricSelection] = {}
        self._names: dict[int, dict[str, str]] = {}
        self._summaries: dict[int, SummaryValues] = {}

    @property
    def values_not_shown(self) -> int:
        """int: Number of values that this view leaves out of what it shows: thinned, not finite, or too late."""
        return self._values_not_shown + self._rank_views.reduction.values_left_out

    @property
    def withheld(self) -> int:
        """int: Number of records that hold the last value of a metric and are not shown yet."""
        return sum(each.withheld for each in self._selections.values())

    def take(self, line: JournalLine) -> SelectedLine:
        """Return what the view shows of the next line.

        Args:
            line (JournalLine): The line.

        Returns:
            SelectedLine: Call this once per line and keep the result, so that a retry shows the same.
        """
        if self._rank_views.leaves_out(line.content):
            return SelectedLine(line.end)
        record = decode_record(line.content)
        if record is None:
            is_blank = not line.content.strip()
            return SelectedLine(line.end, is_record=not is_blank, drop_reason=None if is_blank else UNREADABLE)
        kind = KINDS.get(record["kind"])
        if kind is None:
            self._note_unknown(record["kind"])
            return SelectedLine(line.end)
        try:
            self._rank_views.take_in(record)
            selected = self._select(record)
            shown = KINDS[selected["kind"]].shown(selected, self._payloads)
            if not KINDS[selected["kind"]].is_metrics:
                shown = self._with_summary(self._rank_views.shown(selected, shown))
        except Exception as error:  # a foreign or damaged line may have the right fields with any contents
            logger.warning("⚠️ A record of kind %s cannot be shown: %r", kind.name, error)
            return SelectedLine(line.end, drop_reason=UNREADABLE)
        return SelectedLine(line.end, float(selected["time"]), shown)

    def _select(self, record: Record) -> Record:
        if KINDS[record["kind"]].is_metrics:
            return self._select_metrics(record, self._rank_views.streams(record))
        if record["kind"] == INCOMPLETE_STEP.name:
            return self._select_metrics(record, self._rank_views.given_up(record))
        if record["kind"] == LAST_VALUES.name:
            # Room that the end of a run leaves for values that the selection had withheld until then.
            return self._take_last_values() or record
        if record["kind"] == RESUME.name and record["step"] is not None:
            for number in self._rank_views.rewound(record):
                self._selection_of(number).rewind(record["step"])
                self._summary_of(number).rewind(record["step"])
        # A journal may be older than a rule of redaction, or come from elsewhere.
        redacted: Record = redact(record)
        return redacted

    def _select_metrics(self, record: Record, streams: Iterable[Stream]) -> Record:
        """Return a record of what is shown now; the record itself, without metrics, if that is nothing."""
        shown = {**record, "metrics": {}}
        for stream in streams:
            metrics = self._select_from(stream)
            # All streams of a record have its moment; values of all ranks may have an earlier one.
            shown = {**stream.record, "metrics": shown["metrics"] | metrics}
        return shown

    def _select_from(self, stream: Stream) -> dict[str, Any]:
        """Return the metrics of a stream that are shown, under the names of the view."""
        record = stream.record
        if self._skip_nonfinite:
            self._values_not_shown += len(record.get("nonfinite", {}))
        record = with_nonfinite(record, self._skip_nonfinite)
        self._summary_of(stream.number).take(record["step"], record["metrics"], stream.names)
        selected = self._selection_of(stream.number).select(record)
        thinned = len(record["metrics"]) - len(selected)
        self._values_not_shown += thinned
        self.values_thinned += thinned
        if stream.names is None:
            return selected
        self._names.setdefault(stream.number, {}).update(stream.names)
        return {stream.names[name]: value for name, value in selected.items()}

    def _take_last_values(self) -> Record | None:
        for number, selection in self._selections.items():
            if last_values := selection.take_last_values():
                shown_at_last = len(last_values["metrics"])
                self._values_not_shown -= shown_at_last
                self.values_thinned -= shown_at_last
                names = self._names.get(number, {})
                return last_values | {
                    "metrics": {names.get(n, n): value for n, value in last_values["metrics"].items()}
                }
        return None

    def _with_summary(self, shown: Shown | None) -> Shown | None:
        """Return the end of a run with what the rules make of its metrics."""
        if shown is None or shown.kind is not END:
            return shown
        values = {name: value for each in self._summaries.values() for name, value in each.values().items()}
        return dataclasses.replace(shown, summary=values)

    def _summary_of(self, number: int) -> SummaryValues:
        # Values of all ranks, and those of steps that some have not logged, are of one metric.
        number = max(number, ALL_TOGETHER)
        if number not in self._summaries:
            self._summaries[number] = SummaryValues(self._config)
        return self._summaries[number]

    def _selection_of(self, number: int) -> MetricSelection:
        if number not in self._selections:
            self._selections[number] = MetricSelection(self._config)
        return self._selections[number]

    def _note_unknown(self, kind: str) -> None:
        self.unknown_records += 1
        # Bounded: a foreign journal may hold any number of them.
        if len(self.unknown_kinds) < 100:
            self.unknown_kinds.add(kind)
