"""Media as W&B shows them: each is a file of the run, beside the row that names it."""

from __future__ import annotations

import dataclasses
import html
import importlib
import io
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seo_engine.tracking.records.forms import (
    MOST_CHART_ROWS,
    Artifact,
    Audio,
    Chart,
    File,
    Graph,
    Histogram,
    Html,
    Image,
    Markdown,
    ObjectFile,
    Picture,
    PlotlyFigure,
    Points,
    Table,
    Video,
)
from seo_engine.tracking.records.kind import Shown
from seo_engine.tracking.trackers.sdk_tracker import Convert
from seo_engine.tracking.trackers.wandb.contents.artifacts import RunArtifacts
from seo_engine.tracking.trackers.wandb.contents.data_types import custom_chart, object_3d, wandb_graph
from seo_engine.tracking.trackers.wandb.contents.run_page import SHOWN_WITH_THE_RUN, keep_file
from seo_engine.tracking.trackers.wandb.server import FileContents, SentFile

if TYPE_CHECKING:
    import wandb

logger = logging.getLogger(__name__)

# Of older ones nobody asks whether the server holds them.
MOST_AWAITED_FILES = 10_000


def with_texts_as_media(shown: Shown) -> Shown:
    """Return what W&B shows of a record: a text that is a value of a row is shown nowhere, so it becomes a page."""
    if not shown.texts or shown.kind.name in SHOWN_WITH_THE_RUN:
        return shown
    name, text = next(iter(shown.texts.items()))
    if len(shown.texts) > 1:
        # One page for all: each is a file of the run.
        name = f"{shown.prefix}{shown.kind.subject}/texts"
        text = "\n\n".join(f"{each}\n{contents}" for each, contents in shown.texts.items())
    return dataclasses.replace(shown, texts={}, media=(*shown.media, (Markdown(name, partial(str, text)),)))


class RunMedia:
    """Makes the media of a run's rows.

    Args:
        run (wandb.Run): Gets the file of each medium at once, before the row.
        is_online (bool): Whether it is sent to a server.
    """

    def __init__(self, run: wandb.Run, *, is_online: bool) -> None:
        self._run = run
        # Number of the row; the files are named after it.
        self._number = 0
        self.artifacts = RunArtifacts(run, is_online=is_online)
        # Untyped in wandb.
        self._wandb: Any = importlib.import_module("wandb")
        self._said_long: set[str] = set()
        # The newest files that were made, and the rows that name them: what the server must hold in the end.
        self.sent: deque[SentFile] = deque(maxlen=MOST_AWAITED_FILES)
        # What the server held when the run was resumed: of rows that it holds too, only the other files are sent.
        self.held: dict[str, FileContents] | None = None

    def for_row(self, number: int) -> Mapping[type, Convert]:
        """Return what turns each form into values of a row, by name.

        Args:
            number (int): The number of the row.
        """
        self._number = number
        # A disabled run has no folder.
        if not isinstance(self._run.dir, str) or self._run.disabled:
            return {}
        return {
            Image: self._image,
            Table: self._table,
            Histogram: self._histogram,
            Html: self._html,
            PlotlyFigure: self._plotly,
            Audio: self._audio,
            Video: self._video,
            Points: self._points,
            ObjectFile: self._object,
            Chart: self._chart,
            Graph: self._graph,
            File: self._file,
            Artifact: self._artifact,
            Markdown: self._markdown,
        }

    def _image(self, image: Image) -> dict[str, Any] | None:
        pictures = [self._picture(picture) for picture in image.draw()]
        if not pictures:
            return None
        kept = [self._kept(image.name, picture) for picture in pictures]
        return {image.name: kept[0] if len(kept) == 1 else kept}

    def _picture(self, picture: Picture) -> Any:
        # One that was drawn has no file, and wandb makes one.
        source: Any = picture.file
        if source is None:
            source = importlib.import_module("PIL.Image").open(io.BytesIO(picture.data))
        labels = dict(picture.class_labels)
        masks = {
            name: {"path": str(file), "class_labels": labels or {number: str(number) for number in range(256)}}
            for name, file in picture.masks.items()
        }
        boxes = {
            name: {"box_data": [_box_data(box) for box in each], "class_labels": labels or _labels_of(each)}
            for name, each in picture.boxes.items()
        }
        return self._wandb.Image(source, caption=picture.caption or None, masks=masks, boxes=boxes)

    def _table(self, table: Table) -> dict[str, Any] | None:
        rows = table.rows()
        if not rows:
            return None
        self._say_long(table.name, len(rows))
        columns = {
            f"{table.name}/{column}": [row[place] for row in rows if isinstance(row[place], Picture)]
            for place, column in enumerate(table.columns)
        }
        plain = [[_plain(cell) for cell in row] for row in rows]
        made = self._wandb.Table(columns=list(table.columns), data=plain, allow_mixed_types=True)
        # A table shows pictures only as an artifact; here they are beside it.
        pictures = {
            name: [self._kept(name, self._picture(each)) for each in cells] for name, cells in columns.items() if cells
        }
        # Bound here, because `run.log` would also make an artifact of it: that asks the server, raises while it is
        # down, and leaves copies in the user's folders outside the run.
        return {table.name: self._kept(table.name, made), **pictures}

    def _say_long(self, name: str, rows: int) -> None:
        if rows > MOST_CHART_ROWS and name not in self._said_long:
            self._said_long.add(name)
            logger.warning("⚠️ W&B shows the first %d of %d rows of %s", MOST_CHART_ROWS, rows, name)

    def _histogram(self, histogram: Histogram) -> dict[str, Any]:
        edges, counts = histogram.read()
        return {histogram.name: self._wandb.Histogram(np_histogram=(counts, edges))}

    def _html(self, page: Html) -> dict[str, Any]:
        return {page.name: self._kept(page.name, self._wandb.Html(str(page.file()), inject=False))}

    def _plotly(self, figure: PlotlyFigure) -> dict[str, Any]:
        made = importlib.import_module("plotly.io").from_json(figure.file().read_text(encoding="utf-8"))
        shown = {figure.name: self._kept(figure.name, self._wandb.Plotly(made))}
        caption = Markdown(f"{figure.name}/caption", lambda: figure.caption)
        return shown | self._markdown(caption) if figure.caption else shown

    def _audio(self, audio: Audio) -> dict[str, Any]:
        made = self._wandb.Audio(str(audio.file()), caption=audio.caption or None)
        return {audio.name: self._kept(audio.name, made)}

    def _video(self, video: Video) -> dict[str, Any]:
        made = self._wandb.Video(str(video.file()), caption=video.caption or None)
        return {video.name: self._kept(video.name, made)}

    def _points(self, points: Points) -> dict[str, Any]:
        made = object_3d(points.read(), points.caption)
        return {points.name: self._kept(points.name, made)}

    def _object(self, thing: ObjectFile) -> dict[str, Any]:
        made = self._wandb.Object3D(str(thing.file()), caption=thing.caption or None)
        return {thing.name: self._kept(thing.name, made)}

    def _chart(self, chart: Chart) -> dict[str, Any]:
        rows = chart.rows()
        self._say_long(chart.name, len(rows))
        made = custom_chart(chart, self._wandb.Table(columns=list(chart.columns), data=rows, allow_mixed_types=True))
        self._kept(made.spec.table_key, made.table)
        return {chart.name: made}

    def _graph(self, graph: Graph) -> dict[str, Any]:
        return {graph.name: self._kept(graph.name, wandb_graph(graph.read()))}

    def _file(self, file: File) -> dict[str, Any]:
        path = file.file()
        held = (self.held or {}).get(file.name)
        if held is None or not held.is_of(path):
            keep_file(self._run, file)
        self.sent.append((self._number, file.name, path))
        # Among the files of the run: the row carries only its number.
        return {}

    def _artifact(self, artifact: Artifact) -> dict[str, Any]:
        self.artifacts.add(artifact, self._number)
        # Beside the rows: this one carries only its number.
        return {}

    def _markdown(self, text: Markdown) -> dict[str, Any]:
        page = f'<pre style="white-space: pre-wrap">{html.escape(text.write(), quote=False)}</pre>'
        return {text.name: self._kept(text.name, self._wandb.Html(page, inject=False, data_is_not_path=True))}

    def _kept(self, name: str, medium: Any) -> Any:
        """Return a medium whose file the run has: what fails here is left out, and the row still goes."""
        if self.held is None or self._file_name(name, medium) not in self.held:
            medium.bind_to_run(self._run, name, self._number)
            self.sent.append((self._number, str(Path(medium._path).relative_to(self._run.dir)), None))
        return medium

    def _file_name(self, name: str, medium: Any) -> str | None:
        """Return the name that a medium's file will have among those of the run; None if it is not made yet."""
        if not medium.file_is_set():
            return None
        extension = medium._extension or Path(medium._path).suffix
        return f"{medium.get_media_subdir()}/{name.lstrip('/')}_{self._number}_{medium._sha256[:20]}{extension}"


def _plain(cell: Any) -> Any:
    return f"{cell.width} × {cell.height} pixels" if isinstance(cell, Picture) else cell


def _box_data(box: Mapping[str, Any]) -> dict[str, Any]:
    corners = {"minX": "x_minimum", "maxX": "x_maximum", "minY": "y_minimum", "maxY": "y_maximum"}
    return {
        "position": {name: box[ours] for name, ours in corners.items()},
        "domain": "pixel",
        "class_id": box["class_number"],
        **({"box_caption": box["label"]} if "label" in box else {}),
        **({"scores": {"score": box["score"]}} if "score" in box else {}),
    }


def _labels_of(boxes: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    return {box["class_number"]: box.get("label", "") for box in boxes}
