"""What payloads are, and how each becomes the file that is kept: arrays are encoded, the others stay as they are."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.foundation.extras import import_of_extra
from seo_engine.tracking.payloads.payload import ARRAY, FRAMES, PIXELS, SAMPLES, SCORES, VALUES, Reference
from seo_engine.tracking.payloads.score_curves import count_classes

PNG = "png"
HTML = "html"
TABLE = "table"
PLOTLY = "plotly"
PLOT = "plot"
GRAPH = "graph"
FILE = "file"

# What is kept as it was given, by its extension.
SOUND_FILES = ("wav", "mp3", "ogg", "flac", "m4a")
VIDEO_FILES = ("mp4", "webm", "gif")
OBJECT_FILES = ("glb", "gltf", "obj", "stl")

MOST_FRAMES = 5_000
MOST_SECONDS = 600

_COMPRESSION = 3

# As many as W&B draws unless it is told otherwise.
_BINS = 64


class Encoding(NamedTuple):
    """How a payload becomes a file.

    Args:
        extension (str): Of the file.
        encode (Callable[[bytes, Reference], bytes]): Returns its contents; None if they are those of the payload.
    """

    extension: str
    encode: Callable[[bytes, Reference], bytes] | None = None


def encoded(raw: bytes, reference: Reference) -> bytes:
    """Return the contents of the file of a payload.

    Args:
        raw (bytes): The payload.
        reference (Reference): What it is.

    Raises:
        ValueError: If it is not what the reference says.
    """
    encode = ENCODINGS[reference.encoding].encode
    return raw if encode is None else encode(raw, reference)


def as_array(raw: bytes, reference: Reference) -> Any:
    """Return the array that a payload holds; it cannot be written to."""
    numpy = import_of_extra("numpy", extra="tracking", needed_by="an array")
    return numpy.frombuffer(raw, dtype=reference.type).reshape(reference.shape)


def _pixels_as_png(raw: bytes, reference: Reference) -> bytes:
    image = import_of_extra("PIL.Image", extra="tracking", needed_by="a picture")
    file = io.BytesIO()
    image.fromarray(_seen(as_uint8(as_array(raw, reference)))).save(file, PNG, compress_level=_COMPRESSION)
    return file.getvalue()


def as_uint8(pixels: Any) -> Any:
    """Return pixels as one byte a channel.

    Bytes stay as they are. Of other integers those from 0 to 255 do, and if there are larger ones, all are scaled by
    what their type can hold. Floats are from 0 to 1, or, if one is negative, from -1 to 1; if one is larger than 1,
    from 0 to 255. What is still outside is cut off.

    Args:
        pixels (numpy.ndarray): Of any shape, and of any type in `ITEM_BYTES`.

    Returns:
        numpy.ndarray: The same shape, uint8.

    Example:
        >>> import numpy
        >>> as_uint8(numpy.array([[[0.0], [0.5], [1.0]]])).tolist()
        [[[0], [128], [255]]]
        >>> as_uint8(numpy.array([[[0], [255], [65535]]], dtype="uint16")).tolist()
        [[[0], [1], [255]]]
    """
    kind = pixels.dtype.kind
    if pixels.dtype.name == "uint8":
        return pixels
    if kind == "b":
        return pixels.astype("uint8") * 255
    scaled = pixels.astype("float64")
    smallest, largest = float(scaled.min()), float(scaled.max())
    if kind == "f":
        if smallest < 0 and largest <= 1:
            scaled = (scaled + 1) / 2 * 255
        elif largest <= 1:
            scaled *= 255
    elif largest > 255:
        bits = pixels.dtype.itemsize * 8 - (kind == "i")
        scaled /= 2 ** (bits - 8)
    return scaled.clip(0, 255).round().astype("uint8")


def _values_as_histogram(raw: bytes, reference: Reference) -> bytes:
    import orjson

    numpy = import_of_extra("numpy", extra="tracking", needed_by="a histogram")
    values = as_array(raw, reference)
    if values.dtype.kind == "b":
        values = values.astype("uint8")
    if values.dtype.kind == "f":
        values = values[numpy.isfinite(values)]
    if not values.size:
        raise ValueError("none of the values is a finite number")
    values = values.astype("float64")
    # So that their span is a number, too.
    scale = 4.0 if max(abs(values.min()), abs(values.max())) > 1e300 else 1.0
    low, high = float(values.min() / scale), float(values.max() / scale)
    # So far apart that a bin is more than the distance of two floats.
    least = max(abs(low), abs(high), 1.0) * 1e-9
    if high - low < least:
        low, high = low - least, high + least
    counts, edges = numpy.histogram(values / scale, bins=_BINS, range=(low, high))
    edges = edges * scale
    return orjson.dumps({"edges": edges.tolist(), "counts": counts.tolist()})


def _frames_as_gif(raw: bytes, reference: Reference) -> bytes:
    image = import_of_extra("PIL.Image", extra="tracking", needed_by="a video")
    pixels = as_uint8(as_array(raw, reference))
    check_length(len(pixels), reference.rate)
    # One after the other, so that a long video takes no more memory; octrees are ten times faster than the default.
    octree = image.Quantize.FASTOCTREE
    frames = (image.fromarray(_seen(frame)).convert("RGB").quantize(method=octree) for frame in pixels)
    file = io.BytesIO()
    # GIF counts in hundredths of a second, and Pillow expects thousandths.
    milliseconds = 10 * max(2, round(100 / reference.rate))
    first = next(frames)
    first.save(file, "gif", save_all=True, append_images=frames, duration=milliseconds, loop=0, optimize=False)
    return file.getvalue()


def check_length(frames: int, rate: float) -> None:
    """Refuse a video that a GIF cannot hold: the time of one picture has a limit, and equal ones become one.

    Args:
        frames (int): How many frames it has.
        rate (float): How many there are in a second.

    Raises:
        ValueError: If it is too long.
    """
    if frames > MOST_FRAMES or frames > MOST_SECONDS * rate:
        raise ValueError(
            f"a video of frames must have at most {MOST_FRAMES:,} of them, and last at most {MOST_SECONDS} seconds, "
            f"got {frames:,} at {rate:g} a second"
        )


def _seen(pixels: Any) -> Any:
    """Return pixels as Pillow takes them: one channel is no dimension of its own."""
    return pixels[:, :, 0] if pixels.shape[2] == 1 else pixels


def _samples_as_wav(raw: bytes, reference: Reference) -> bytes:
    numpy = import_of_extra("numpy", extra="tracking", needed_by="sound")
    samples = as_array(raw, reference)
    kind, bits = samples.dtype.kind, 8 * samples.dtype.itemsize
    if kind == "f":
        samples = samples.astype("float64").clip(-1, 1) * 32_767
    elif kind == "u":
        # Silence is in the middle.
        samples = (samples.astype("float64") - 2 ** (bits - 1)) / 2.0 ** (bits - 16)
    elif bits != 16:
        samples = samples.astype("float64") / 2.0 ** (bits - 16)
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(samples.shape[1])
        written.setsampwidth(2)
        written.setframerate(round(reference.rate))
        written.writeframes(numpy.ascontiguousarray(samples.round().clip(-32_768, 32_767).astype("<i2")).tobytes())
    return file.getvalue()


def _scores_as_counts(raw: bytes, reference: Reference) -> bytes:
    import orjson

    import_of_extra("numpy", extra="tracking", needed_by="a curve")
    # The first row says to which class each sample belongs.
    truth, *scores = as_array(raw, reference).astype("float64")
    counted = count_classes(truth, scores)
    if not counted:
        raise ValueError("none of the classes has both samples of its own and others")
    return orjson.dumps({"classes": counted})


def read_array(file: Path) -> Any:
    """Return the array in a file that an `ARRAY` became."""
    numpy = import_of_extra("numpy", extra="tracking", needed_by="an array")
    return numpy.load(file, allow_pickle=False)


def _array_as_npy(raw: bytes, reference: Reference) -> bytes:
    numpy = import_of_extra("numpy", extra="tracking", needed_by="an array")
    file = io.BytesIO()
    numpy.save(file, as_array(raw, reference), allow_pickle=False)
    return file.getvalue()


ENCODINGS = {
    PIXELS: Encoding("png", _pixels_as_png),
    VALUES: Encoding("json", _values_as_histogram),
    FRAMES: Encoding("gif", _frames_as_gif),
    SAMPLES: Encoding("wav", _samples_as_wav),
    SCORES: Encoding("json", _scores_as_counts),
    ARRAY: Encoding("npy", _array_as_npy),
    PNG: Encoding("png"),
    "jpeg": Encoding("jpg"),
    "webp": Encoding("webp"),
    HTML: Encoding("html"),
    TABLE: Encoding("json"),
    PLOTLY: Encoding("json"),
    PLOT: Encoding("json"),
    GRAPH: Encoding("json"),
    FILE: Encoding("bin"),
    **{extension: Encoding(extension) for extension in (*SOUND_FILES, *VIDEO_FILES, *OBJECT_FILES)},
    # Ogg, too, but with pictures.
    "ogv": Encoding("ogg"),
}
