"""The list of kinds of records, and how a line of the journal is read as one of them."""

from __future__ import annotations

from seo_engine.tracking.journal.lines import Record, parse_line
from seo_engine.tracking.records.charts.confusion_matrix import CONFUSION_MATRIX
from seo_engine.tracking.records.charts.curves import PRECISION_RECALL, ROC
from seo_engine.tracking.records.charts.embedding import EMBEDDING
from seo_engine.tracking.records.charts.graph import GRAPH
from seo_engine.tracking.records.charts.histogram import HISTOGRAM
from seo_engine.tracking.records.charts.metric_chart import METRIC_CHART
from seo_engine.tracking.records.charts.plots import BAR_PLOT, LINE_PLOT
from seo_engine.tracking.records.charts.table import TABLE
from seo_engine.tracking.records.hyperparameters import HYPERPARAMETERS
from seo_engine.tracking.records.kind import Kind, is_readable
from seo_engine.tracking.records.marks.alert import ALERT
from seo_engine.tracking.records.marks.artifact import ARTIFACT, ARTIFACT_USE
from seo_engine.tracking.records.marks.console import CONSOLE
from seo_engine.tracking.records.marks.file import FILE
from seo_engine.tracking.records.marks.note import NOTE
from seo_engine.tracking.records.marks.run_marks import RUN_MARKS
from seo_engine.tracking.records.marks.summary import SUMMARY
from seo_engine.tracking.records.marks.surroundings import SURROUNDINGS
from seo_engine.tracking.records.marks.tags import TAGS
from seo_engine.tracking.records.media.audio import AUDIO
from seo_engine.tracking.records.media.figure import FIGURE
from seo_engine.tracking.records.media.html import HTML
from seo_engine.tracking.records.media.image import IMAGE
from seo_engine.tracking.records.media.points import POINTS
from seo_engine.tracking.records.media.video import VIDEO
from seo_engine.tracking.records.metrics import METRICS
from seo_engine.tracking.records.model_architecture import MODEL_ARCHITECTURE
from seo_engine.tracking.records.profiling.profiling import PROFILING
from seo_engine.tracking.records.settings import SETTINGS
from seo_engine.tracking.records.text import TEXT

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        *METRICS,
        PROFILING,
        TEXT,
        IMAGE,
        TABLE,
        FIGURE,
        HISTOGRAM,
        HTML,
        AUDIO,
        VIDEO,
        POINTS,
        CONFUSION_MATRIX,
        PRECISION_RECALL,
        ROC,
        LINE_PLOT,
        BAR_PLOT,
        EMBEDDING,
        GRAPH,
        METRIC_CHART,
        ALERT,
        NOTE,
        TAGS,
        SUMMARY,
        FILE,
        ARTIFACT,
        ARTIFACT_USE,
        SURROUNDINGS,
        CONSOLE,
        HYPERPARAMETERS,
        SETTINGS,
        MODEL_ARCHITECTURE,
        *RUN_MARKS,
    )
}


def decode_record(line: bytes) -> Record | None:
    """Return the record of a line, or None if the line is torn, blank or not a record.

    Args:
        line (bytes): One line of the journal.

    Returns:
        Record | None: The record, with all fields of its kind, of the right types. A record of an unknown kind, from
        a later version, is returned too.

    Example:
        >>> decode_record(b'{"kind": "end", "time": 1.0, "status": "finished"}')["status"]
        'finished'
        >>> decode_record(b'{"kind": "tex') is None
        True
        >>> decode_record(b'{"kind":"tex{"kind":"end","time":1.0,"status":"killed"}')["status"]
        'killed'
    """
    record = parse_line(line)
    if not isinstance(record, dict) or not is_readable(record):
        return None
    kind = KINDS.get(record["kind"])
    return record if kind is None or kind.matches(record) else None
