"""The calls that log media."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seo_engine.tracking.records.record_taker import RecordTaker, given

if TYPE_CHECKING:
    from seo_engine.tracking.records.forms import Box


class MediaCalls(RecordTaker):
    """One call for each medium; all are named alike, and belong to an epoch and a step."""

    def log_image(
        self,
        name: str,
        image: Any,
        epoch: float | None = None,
        step: int | None = None,
        caption: str | Sequence[str] | None = None,
        *,
        masks: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, Sequence[Box]] | Sequence[Mapping[str, Sequence[Box]]] | None = None,
        class_labels: Mapping[int, str] | None = None,
        layout: str | None = None,
    ) -> None:
        """Log a picture, or up to 100 of them.

        Args:
            name (str): A name without a slash becomes `images/<name>`.
            image (Any): Pixels as an array or tensor, height × width, perhaps with 1, 3 or 4 channels first or last;
                a Pillow image; the path or the bytes of a PNG, JPEG, GIF or WebP file; an open file; or a list of
                these, or one array of them with a dimension more. Floats are from 0 to 1, or, if one is negative, from
                -1 to 1, or, if one is larger than 1, from 0 to 255; integers from 0 to 255, or to what their type can
                hold.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            caption (str | Sequence[str] | None): What it shows, in words; of several pictures, a list.
            masks (Mapping[str, Any] | Sequence[Mapping[str, Any]] | None): By name, arrays of height × width whole
                numbers from 0 to 255, the class of each pixel; of several pictures, a list.
            boxes (Mapping[str, Sequence[Box]] | Sequence[Mapping[str, Sequence[Box]]] | None): By name, rectangles in
                pixels: dictionaries with `x_minimum`, `y_minimum`, `x_maximum`, `y_maximum`, and perhaps
                `class_number`, `label` and `score`; of several pictures, a list.
            class_labels (Mapping[int, str] | None): What the numbers of classes in masks and boxes mean.
            layout (str | None): `HW`, `HWC` or `CHW`, if the shape does not say it. Of a shape such as 3 × 64 × 3, a
                tensor has its channels first, another array last.

        Example:
            >>> import numpy
            >>> from seo_engine import MemoryTracker
            >>> tracker = MemoryTracker()
            >>> tracker.log_image("sample", numpy.zeros((32, 32, 3), dtype="uint8"), step=100, caption="all black")
        """
        further = {
            "caption": caption, "masks": masks, "boxes": boxes, "class_labels": class_labels, "layout": layout,
        }  # fmt: skip
        self._take_at(epoch, step, "image", name=name, image=image, **given(further))

    def log_figure(
        self,
        name: str,
        figure: Any,
        epoch: float | None = None,
        step: int | None = None,
        caption: str | None = None,
    ) -> None:
        """Log a figure. A matplotlib figure is drawn at once, because the program may change it; it stays open.

        Args:
            name (str): A name without a slash becomes `figures/<name>`.
            figure (Any): A matplotlib figure, an artist in one, or `matplotlib.pyplot` for the current one; or a
                Plotly figure.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            caption (str | None): What it shows, in words.
        """
        self._take_at(epoch, step, "figure", name=name, figure=figure, **given({"caption": caption}))

    def log_html(self, name: str, html: Any, epoch: float | None = None, step: int | None = None) -> None:
        """Log a page, or a part of one.

        Args:
            name (str): A name without a slash becomes `html/<name>`.
            html (Any): The HTML as a text, the Path of a file, or an open file.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_html("report", "<h1>Report</h1><p>All is well.</p>", step=100)
        """
        self._take_at(epoch, step, "html", name=name, html=html)

    def log_audio(
        self,
        name: str,
        audio: Any,
        epoch: float | None = None,
        step: int | None = None,
        sample_rate: float | None = None,
        caption: str | None = None,
    ) -> None:
        """Log sound.

        Args:
            name (str): A name without a slash becomes `audio/<name>`.
            audio (Any): Samples: an array or tensor of shape (samples,), or with up to 8 channels, (samples, channels)
                or (channels, samples). Floats are from -1 to 1, and what is outside is cut off; whole numbers are
                what their type can hold. Or the path, the bytes or an open file of WAV, MP3, Ogg, FLAC or M4A.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            sample_rate (float | None): Of samples, how many there are in a second.
            caption (str | None): What it is, in words.

        Example:
            >>> import numpy
            >>> from seo_engine import MemoryTracker
            >>> tone = numpy.sin(numpy.arange(16_000) * 440 * 2 * numpy.pi / 16_000)
            >>> MemoryTracker().log_audio("tone", tone, step=100, sample_rate=16_000)
        """
        further = {"sample_rate": sample_rate, "caption": caption}
        self._take_at(epoch, step, "audio", name=name, audio=audio, **given(further))

    def log_video(
        self,
        name: str,
        video: Any,
        epoch: float | None = None,
        step: int | None = None,
        frames_per_second: float | None = None,
        caption: str | None = None,
        layout: str | None = None,
    ) -> None:
        """Log a video.

        Args:
            name (str): A name without a slash becomes `video/<name>`.
            video (Any): Frames: an array or tensor of shape (time, height, width, channels), (time, channels, height,
                width) or (time, height, width), of any type of numbers as for `log_image`, or a list of such pictures;
                they become an animated GIF. Or the path, the bytes or an open file of GIF, MP4, WebM or Ogg.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            frames_per_second (float | None): Of frames, at most 50; None means 4.
            caption (str | None): What it shows, in words.
            layout (str | None): `THW`, `THWC` or `TCHW`; None means that the shape tells.

        Example:
            >>> import numpy
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_video("episode", numpy.zeros((8, 32, 32, 3), dtype="uint8"), step=100)
        """
        further = {"frames_per_second": frames_per_second, "caption": caption, "layout": layout}
        self._take_at(epoch, step, "video", name=name, video=video, **given(further))

    def log_points(
        self,
        name: str,
        points: Any,
        epoch: float | None = None,
        step: int | None = None,
        colors: Any = None,
        faces: Any = None,
        caption: str | None = None,
    ) -> None:
        """Log points in three dimensions, or a mesh.

        Args:
            name (str): A name without a slash becomes `points/<name>`.
            points (Any): An array or tensor of shape (points, 3); with a fourth column, the number of a category; with
                six columns, the last are red, green and blue. Or the path or an open file of GLB, glTF, OBJ or STL.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            colors (Any): Red, green and blue of each point, (points, 3): floats from 0 to 1, or from 0 to 255.
            faces (Any): The triangles of a mesh, (triangles, 3): the numbers of three points each, from 0 on.
            caption (str | None): What they are, in words.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> corners = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
            >>> MemoryTracker().log_points("triangle", corners, step=100, faces=[[0, 1, 2]])
        """
        further = {"colors": colors, "faces": faces, "caption": caption}
        self._take_at(epoch, step, "points", name=name, points=points, **given(further))
