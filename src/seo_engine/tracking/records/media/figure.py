"""Figures: of matplotlib, which are drawn at once because they may change, and of Plotly."""

from __future__ import annotations

import io
import itertools
from functools import partial
from typing import Any

import orjson

from seo_engine.foundation.redaction import redact
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.encodings import PLOTLY, PNG
from seo_engine.tracking.payloads.payload import MEDIA, Payload, Payloads
from seo_engine.tracking.records.forms import Image, Markdown, Medium, PlotlyFigure
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, captioned, described
from seo_engine.tracking.records.media.image import drawn_pictures
from seo_engine.tracking.records.metrics import metric_name


def _contents(
    name: str, figure: Any, epoch: float, step: int, caption: str | None = None, *, most_bytes: int
) -> Record:
    contents = {"name": metric_name("figures", name), "epoch": epoch, "step": step, "images": [captioned(caption)]}
    if hasattr(figure, "to_json") and hasattr(figure, "to_plotly_json"):
        data = _without_secrets(orjson.loads(figure.to_json()))
        return contents | {PAYLOADS: [Payload(orjson.dumps(data), PLOTLY)]}
    figure = _whole_figure(figure)
    file = io.BytesIO()
    figure.savefig(file, format=PNG)
    return contents | {PAYLOADS: [Payload(file.getvalue(), PNG)]}


def _without_secrets(figure: Any) -> Any:
    """Return a figure of Plotly without secrets; a table in it has names of columns, as one that is logged."""
    shown = redact(figure)
    for trace in shown.get("data", ()):
        if trace.get("type") == "table":
            names, columns = (trace.get(part, {}).get("values") for part in ("header", "cells"))
            if isinstance(names, list) and isinstance(columns, list):
                trace["cells"]["values"] = [
                    redact(cells, str(name)) for name, cells in itertools.zip_longest(names, columns, fillvalue="")
                ][: len(columns)]
    return shown


def _whole_figure(figure: Any) -> Any:
    """Return the figure of `pyplot`, which stands for the current one, or the one that an artist is in."""
    if hasattr(figure, "gcf"):
        figure = figure.gcf()
    # An artist may be in a part of a figure.
    while not hasattr(figure, "savefig"):
        within = getattr(figure, "figure", None)
        if within is None or within is figure:
            raise TypeError(f"figure must be one of matplotlib or Plotly, got {described(figure)}")
        figure = within
    return figure


def _shown(record: Record, payloads: Payloads) -> Shown:
    name, reference = record["name"], record[PAYLOADS][0]
    forms: tuple[Medium, ...]
    if reference.get("encoding") == PLOTLY:
        caption = record["images"][0].get("caption", "")
        figure = PlotlyFigure(name, partial(payloads.file, reference), caption)
        forms = (figure, Markdown(name, partial(_where_it_is, figure)))
    else:
        forms = (Image(name, partial(drawn_pictures, record, payloads)),)
    return Shown(FIGURE, record, record["epoch"], record["step"], media=(forms,))


def _where_it_is(figure: PlotlyFigure) -> str:
    # From the run's folder, which may be moved.
    command = f'plotly.io.read_json("{MEDIA}/{figure.file().name}").show()'
    return f"{figure.caption}\n\nAn interactive figure, which Plotly shows: `{command}`".strip()


FIGURE = Kind("figure", "log_figure", {**MOMENT, "name": str, "images": list, PAYLOADS: list}, _shown, _contents)
