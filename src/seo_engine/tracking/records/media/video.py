"""Video: frames, which become an animated GIF, or a file."""

from __future__ import annotations

from functools import partial
from typing import Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.arrays import array_payload, as_host_array, require_finite
from seo_engine.tracking.payloads.encodings import check_length
from seo_engine.tracking.payloads.given_file import file_payload, is_file
from seo_engine.tracking.payloads.payload import FRAMES, Payload, Payloads
from seo_engine.tracking.records.forms import Image, Markdown, Medium, Picture, Video
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, captioned, described
from seo_engine.tracking.records.media.audio import checked_rate
from seo_engine.tracking.records.media.image import channels_last, read_picture
from seo_engine.tracking.records.media.kept_file import where_it_is
from seo_engine.tracking.records.metrics import metric_name

# Browsers play a GIF no faster.
MOST_FRAMES_PER_SECOND = 50

# A second, as W&B has it.
_USUAL = 4
_LAYOUTS = ("THW", "THWC", "TCHW")


def _contents(
    name: str,
    video: Any,
    epoch: float,
    step: int,
    frames_per_second: Any = None,
    caption: str | None = None,
    layout: str | None = None,
    *,
    most_bytes: int,
) -> Record:
    contents: Record = {"name": metric_name("video", name), "epoch": epoch, "step": step, **captioned(caption)}
    if is_file(video):
        if frames_per_second is not None or layout is not None:
            raise ValueError("frames_per_second and layout must be given only with frames: a file has its own")
        return contents | {PAYLOADS: [file_payload(video, "video", most_bytes, _encoding_of)]}
    rate = checked_rate("frames_per_second", _USUAL if frames_per_second is None else frames_per_second, least=0.01)
    if rate > MOST_FRAMES_PER_SECOND:
        raise ValueError(f"frames_per_second must be at most {MOST_FRAMES_PER_SECOND}, got {rate:g}")
    return contents | {PAYLOADS: [_frames(video, layout, rate, most_bytes)]}


def _frames(video: Any, layout: str | None, rate: float, most_bytes: int) -> Payload:
    if layout is not None and layout not in _LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(_LAYOUTS)}, got {described(layout)}")
    is_tensor = hasattr(video, "detach")
    if isinstance(video, list | tuple) and video:
        import numpy

        is_tensor = hasattr(video[0], "detach")
        # Pictures of Pillow may have a palette.
        pictures = [frame.convert("RGB") if hasattr(frame, "convert") else frame for frame in video]
        frames = [as_host_array(frame, "a frame", most_bytes // len(video)) for frame in pictures]
        if len({frame.shape for frame in frames}) > 1:
            raise ValueError(
                f"all frames must have the same shape, got {sorted({frame.shape for frame in frames})[:5]}"
            )
        video = numpy.stack(frames)
    array = as_host_array(video, "video", most_bytes)
    if array.ndim not in (3, 4) or not array.size:
        raise ValueError(f"video must be frames, each a picture, got the shape {array.shape}")
    require_finite(array, "video must have finite pixels")
    pixels = channels_last(array, None if layout is None else layout[1:], is_tensor=is_tensor, before=1)
    check_length(len(pixels), rate)
    return array_payload(pixels, FRAMES, rate)


def _encoding_of(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return "mp4"
    for beginning, encoding in {b"\x1aE\xdf\xa3": "webm", b"GIF8": "gif", b"OggS": "ogv"}.items():
        if data.startswith(beginning):
            return encoding
    raise ValueError("video must be an MP4, WebM, Ogg or GIF file, or an array of frames")


def _shown(record: Record, payloads: Payloads) -> Shown:
    name, reference, caption = record["name"], record[PAYLOADS][0], str(record.get("caption", ""))
    file = partial(payloads.file, reference)

    def draw() -> list[Picture]:
        return [read_picture(file())._replace(caption=caption)]

    # A tool without video shows a moving picture.
    is_picture = reference.get("encoding") in (FRAMES, "gif")
    other: Medium = Image(name, draw) if is_picture else Markdown(name, partial(where_it_is, "A video", file, caption))
    return Shown(VIDEO, record, record["epoch"], record["step"], media=((Video(name, file, caption), other),))


VIDEO = Kind("video", "log_video", {**MOMENT, "name": str, PAYLOADS: list}, _shown, _contents)
