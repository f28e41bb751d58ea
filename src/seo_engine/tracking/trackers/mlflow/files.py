"""RecordFiles: the media of one record as files, where MLflow's page shows them."""

from __future__ import annotations

import importlib
import io
import itertools
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from seo_engine.tracking.records.forms import (
    Artifact,
    Audio,
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
from seo_engine.tracking.records.pictures.axes import Titles
from seo_engine.tracking.records.pictures.bar_picture import bar_picture
from seo_engine.tracking.records.pictures.marks import with_marks
from seo_engine.tracking.trackers.mlflow.names import image_key, path_of
from seo_engine.tracking.trackers.sdk_tracker import Convert

# As MLflow makes the small pictures of its page.
_SMALL_PIXELS = 256

# Makes the same name of a picture of the same record, so that a file that is sent again takes the place of the first.
_NAMESPACE = uuid.UUID("6f1c7a52-5f0e-4a53-9d58-0d3f0c0b8f2e")

_JSON_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_INDENT_2


class RecordFiles:
    """Writes the files of one record into a folder, as the run is to have them.

    Each name holds step and record number: a record that is sent again makes the same files.

    Args:
        folder (Path): An empty folder.
        step (int): The step.
        time (float): When the record was logged, in seconds since 1970.
        number (int): Its number.
    """

    def __init__(self, folder: Path, step: int, time: float, number: int) -> None:
        self._folder = folder
        self._step = step
        self._time = time
        self._number = number
        self._pictures = itertools.count()
        self.has_images = False
        # Paths of those that MLflow's page shows as tables.
        self.tables: list[str] = []

    @property
    def is_empty(self) -> bool:
        """bool: Whether there is no file."""
        return not any(self._folder.iterdir())

    def forms(self) -> Mapping[type, Convert]:
        """Return what writes the files of each form; of a chart, MLflow gets the picture or the table beside it."""
        return {
            Image: self._image,
            Table: self._table,
            Histogram: self._histogram,
            Html: self._html,
            PlotlyFigure: self._plotly,
            Audio: lambda audio: self._copy(audio.name, audio.file(), audio.caption),
            Video: lambda video: self._copy(video.name, video.file(), video.caption),
            ObjectFile: lambda thing: self._copy(thing.name, thing.file(), thing.caption),
            Points: self._points,
            Graph: lambda graph: self.write_json(self._path(graph.name, ".json"), graph.read()),
            File: self._file,
            Artifact: self._artifact,
            Markdown: self._markdown,
        }

    def write_text(self, name: str, text: str) -> None:
        """Write a text of the record."""
        self._write(self._path(name, ".txt"), text.encode())

    def write_json(self, path: str, value: Any) -> None:
        """Write plain data.

        Args:
            path (str): Where it is among the files of the run.
            value (Any): The data.
        """
        self._write(path, orjson.dumps(value, option=_JSON_OPTIONS))

    def _path(self, name: str, suffix: str) -> str:
        return f"{path_of(name)}/step_{self._step}_record_{self._number}{suffix}"

    def _target(self, path: str) -> Path:
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _write(self, path: str, data: bytes) -> None:
        self._target(path).write_bytes(data)

    def _copy(self, name: str, file: Path, caption: str = "") -> None:
        shutil.copyfile(file, self._target(self._path(name, file.suffix)))
        if caption:
            self.write_text(name, caption)

    def _image(self, image: Image) -> None:
        pictures = [with_marks(picture) for picture in image.draw()]
        for picture in pictures:
            self._picture(image.name, picture)
        captions = [f"{place}. {each.caption}" for place, each in enumerate(pictures, start=1) if each.caption]
        if captions:
            # Not in the folder in which MLflow's page looks for pictures.
            self.write_text(f"captions/{image.name}", "\n".join(captions))

    def _picture(self, name: str, picture: Picture) -> None:
        """Write a picture under a name by which MLflow's page tells its step."""
        identity = uuid.uuid5(_NAMESPACE, f"{self._number} {next(self._pictures)}")
        parts = (image_key(name), "step", str(self._step), "timestamp", str(int(self._time * 1000)), str(identity))
        self._both_sizes(f"images/{'+'.join(parts)}", picture, compressed="+compressed")
        self.has_images = True

    def _both_sizes(self, path: str, picture: Picture, compressed: str = "") -> None:
        image = importlib.import_module("PIL.Image").open(io.BytesIO(picture.data))
        if image.format == "PNG":
            self._write(f"{path}.png", picture.data)
        else:
            image.convert("RGBA").save(self._target(f"{path}.png"), "PNG")
        small = image.convert("RGBA")
        small.thumbnail((_SMALL_PIXELS, _SMALL_PIXELS))
        small.save(self._target(f"{path}{compressed}.webp"), "WEBP")

    def _table(self, table: Table) -> None:
        rows = table.rows()
        if not rows:
            return
        path = self._path(table.name, ".json")
        cells = [
            [self._cell(cell, f"table_images/{path.removesuffix('.json')}_{place}_{column}") for column, cell in row]
            for place, row in enumerate(map(enumerate, rows))
        ]
        self._write_table(path, table.columns, cells)

    def _cell(self, cell: Any, path: str) -> Any:
        if not isinstance(cell, Picture):
            return cell
        self._both_sizes(path, with_marks(cell))
        return {"type": "image", "filepath": f"{path}.png", "compressed_filepath": f"{path}.webp"}

    def _write_table(self, path: str, columns: Sequence[str], rows: list[list[Any]]) -> None:
        # As `mlflow.log_table` writes it.
        self._write(path, orjson.dumps({"columns": list(columns), "data": rows}, option=orjson.OPT_NON_STR_KEYS))
        self.tables.append(path)

    def _histogram(self, histogram: Histogram) -> None:
        edges, counts = histogram.read()
        bins = [[low, high, count] for (low, high), count in zip(itertools.pairwise(edges), counts, strict=True)]
        self._write_table(self._path(histogram.name, ".json"), ("from", "to", "count"), bins)
        labels = [f"{low:.3g}" for low, _, _ in bins]
        self._picture(histogram.name, bar_picture(labels, counts, Titles(histogram.name)))

    def _html(self, page: Html) -> None:
        self._copy(page.name, page.file())

    def _plotly(self, figure: PlotlyFigure) -> None:
        made = importlib.import_module("plotly.io").from_json(figure.file().read_text(encoding="utf-8"))
        # As `mlflow.log_figure` writes it.
        page = made.to_html(include_plotlyjs="cdn")
        self._write(self._path(figure.name, ".html"), page.encode())
        if figure.caption:
            self.write_text(figure.name, figure.caption)

    def _points(self, points: Points) -> None:
        self._write(self._path(points.name, ".obj"), points.read().as_obj())
        if points.caption:
            self.write_text(points.name, points.caption)

    def _file(self, file: File) -> None:
        shutil.copyfile(file.file(), self._target(path_of(file.name)))

    def _artifact(self, artifact: Artifact) -> None:
        """Write what a version holds, not its files: MLflow would keep all of them anew for each version."""
        version = artifact.version()
        manifest = {
            "version": version.label,
            "type": version.type,
            "is_used": artifact.is_used,
            "aliases": list(artifact.aliases),
            "description": version.description,
            "metadata": dict(version.metadata),
            "files": [{"path": each.path, "size": each.size, "sha256": each.sha256} for each in version.files],
            "references": [
                {"uri": each.uri, "checksum": each.checksum, "size": each.size} for each in version.references
            ],
        }
        self.write_json(self._path(artifact.name, ".json"), manifest)

    def _markdown(self, markdown: Markdown) -> None:
        self._write(self._path(markdown.name, ".md"), markdown.write().encode())
        for picture in markdown.draw():
            self._picture(markdown.name, picture)
