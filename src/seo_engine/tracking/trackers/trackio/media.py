"""Media as trackio keeps them: values of a row, with a file beside the database if they need one."""

from __future__ import annotations

import importlib
import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seo_engine.tracking.records.forms import (
    Audio,
    File,
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
from seo_engine.tracking.records.pictures.marks import with_marks
from seo_engine.tracking.trackers.sdk_tracker import Convert

# By the first bytes; a browser shows no others.
_PICTURES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp"}


class RowMedia:
    """Makes the media of one row.

    The names of their files hold the record's number: a record that is shown again makes the same files.

    Args:
        project (str): The project.
        run (str): The name of the run.
        step (int): The step of the row.
        number (int): The number of the record.
    """

    def __init__(self, project: str, run: str, step: int, number: int) -> None:
        self._project = project
        self._run = run
        self._step = step
        self._number = number
        self._files = itertools.count()
        self._media: Any = importlib.import_module("trackio.media")
        self._root = Path(importlib.import_module("trackio.utils").MEDIA_DIR)

    def forms(self) -> Mapping[type, Convert]:
        """Return what turns each form into values of a row, by name."""
        return {
            Image: self._image,
            Table: self._table,
            Histogram: self._histogram,
            Html: lambda page: {page.name: self._file("trackio.html", page.file(), "")},
            PlotlyFigure: self._plotly,
            Audio: lambda audio: {audio.name: self._file("trackio.audio", audio.file(), audio.caption)},
            Video: lambda video: {video.name: self._file("trackio.video", video.file(), video.caption)},
            Points: self._points,
            ObjectFile: lambda thing: {thing.name: self._object(thing.file(), thing.caption)},
            File: self._kept,
            Markdown: self._markdown,
        }

    @staticmethod
    def text(text: str) -> dict[str, Any]:
        """Return a text as a value of a row."""
        return {"_type": "trackio.markdown", "_value": text}

    def _target(self, suffix: str) -> Path:
        folder: Path = self._media.get_project_media_path(self._project, self._run, self._step)
        return folder / f"record_{self._number}_{next(self._files)}{suffix}"

    def _value(self, medium: str, file: Path, caption: str) -> dict[str, Any]:
        return {"_type": medium, "file_path": str(file.relative_to(self._root)), "caption": caption or None}

    def _file(self, medium: str, file: Path, caption: str) -> dict[str, Any]:
        return self._value(medium, shutil.copyfile(file, self._target(file.suffix)), caption)

    def _data(self, medium: str, data: bytes, suffix: str, caption: str) -> dict[str, Any]:
        target = self._target(suffix)
        target.write_bytes(data)
        return self._value(medium, target, caption)

    def _image(self, image: Image) -> dict[str, Any] | None:
        pictures = [self._picture(picture) for picture in image.draw()]
        if not pictures:
            return None
        return {image.name: pictures[0] if len(pictures) == 1 else pictures}

    def _picture(self, picture: Picture) -> dict[str, Any]:
        data = with_marks(picture).data
        suffix = next((suffix for start, suffix in _PICTURES.items() if data.startswith(start)), ".png")
        return self._data("trackio.image", data, suffix, picture.caption)

    def _table(self, table: Table) -> dict[str, Any] | None:
        rows = [
            {column: self._cell(cell) for column, cell in zip(table.columns, row, strict=True)} for row in table.rows()
        ]
        return {table.name: {"_type": "trackio.table", "_value": rows}} if rows else None

    def _cell(self, cell: Any) -> Any:
        return self._picture(cell) if isinstance(cell, Picture) else cell

    def _histogram(self, histogram: Histogram) -> dict[str, Any]:
        edges, counts = histogram.read()
        return {histogram.name: {"_type": "trackio.histogram", "bins": edges, "values": counts}}

    def _plotly(self, figure: PlotlyFigure) -> dict[str, Any]:
        made = importlib.import_module("plotly.io").from_json(figure.file().read_text(encoding="utf-8"))
        page = made.to_html(include_plotlyjs="cdn").encode()
        return {figure.name: self._data("trackio.html", page, ".html", figure.caption)}

    def _points(self, points: Points) -> dict[str, Any]:
        cloud = points.read()
        if cloud.faces is not None:
            return {points.name: self._data("trackio.object3d", cloud.as_obj(), ".obj", points.caption) | _mesh(".obj")}
        # trackio itself leaves out points of which it cannot draw all.
        numpy: Any = importlib.import_module("numpy")
        array = cloud.vertices if cloud.colors is None else numpy.hstack([cloud.vertices, cloud.colors])
        made, target = self._media.TrackioObject3D(array, points.caption or None), self._target(".ply")
        made._save_media(target)
        made._file_path = target.relative_to(self._root)
        return {points.name: made._to_dict()}

    def _object(self, file: Path, caption: str) -> dict[str, Any]:
        return self._file("trackio.object3d", file, caption) | _mesh(file.suffix)

    def _kept(self, file: File) -> dict[str, Any]:
        # Among the files of the project, which has them of all its runs.
        name = Path(file.name)
        folder = self._media.get_project_media_path(self._project, relative_path=Path(self._run) / name.parent)
        shutil.copyfile(file.file(), folder / name.name)
        return {}

    def _markdown(self, markdown: Markdown) -> dict[str, Any]:
        values: dict[str, Any] = {markdown.name: self.text(markdown.write())}
        if pictures := [self._picture(picture) for picture in markdown.draw()]:
            values[f"{markdown.name}/pictures"] = pictures
        return values


def _mesh(suffix: str) -> dict[str, str]:
    return {"format": suffix[1:].lower(), "kind": "mesh"}
