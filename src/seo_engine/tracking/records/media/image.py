"""Images: pixels of any type, pictures of Pillow, or files; with captions, masks and boxes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from seo_engine.foundation.extras import import_of_extra
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.arrays import array_payload, as_host_array, require_finite
from seo_engine.tracking.payloads.given_file import file_payload, is_file
from seo_engine.tracking.payloads.payload import PIXELS, Payload, Payloads, check_size
from seo_engine.tracking.records.forms import Box, Image, Picture
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, described, plain_text
from seo_engine.tracking.records.metrics import metric_name

# W&B shows no more of one name and step.
MOST_PICTURES = 100

# So that a record fits into a line.
MOST_BOXES = 3_000

_CHANNELS = (1, 3, 4)
_LAYOUTS = ("HW", "HWC", "CHW")
_PILLOW_CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
# Of more than a byte a pixel.
_DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "F")
_LARGEST_CLASS = 255

# How a file begins, and what it is: https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern
_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF87a": "gif", b"GIF89a": "gif"}

_CORNERS = ("x_minimum", "y_minimum", "x_maximum", "y_maximum")


def _contents(
    name: str,
    image: Any,
    epoch: float,
    step: int,
    caption: Any = None,
    masks: Any = None,
    boxes: Any = None,
    class_labels: Mapping[int, str] | None = None,
    layout: str | None = None,
    *,
    most_bytes: int,
) -> Record:
    if layout is not None and layout not in _LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(_LAYOUTS)}, got {described(layout)}")
    images = _separate(image, layout)
    if not images:
        raise ValueError("image must not be empty")
    if len(images) > MOST_PICTURES:
        raise ValueError(f"image must be at most {MOST_PICTURES} pictures, got {len(images)}")
    payloads = [image_payload(each, most_bytes, layout) for each in images]
    entries: list[Record] = [{} for _ in images]
    contents: Record = {"name": metric_name("images", name), "epoch": epoch, "step": step, "images": entries}
    for entry, text in _for_each(entries, "caption", caption, str):
        entry["caption"] = plain_text(text)
    numbers: dict[str, int] = {}
    for entry, drawn in _for_each(entries, "boxes", boxes, Mapping):
        entry["boxes"] = {plain_text(each): _checked_boxes(rectangles, numbers) for each, rectangles in drawn.items()}
    if sum(len(boxes) for entry in entries for boxes in entry.get("boxes", {}).values()) > MOST_BOXES:
        raise ValueError(f"boxes must be at most {MOST_BOXES:,} in one call")
    for entry, painted in _for_each(entries, "masks", masks, Mapping):
        entry["masks"] = {plain_text(each): len(payloads) + place for place, each in enumerate(painted)}
        payloads += [_mask_payload(mask, most_bytes) for mask in painted.values()]
    if class_labels is not None:
        if not isinstance(class_labels, Mapping):
            raise TypeError(f"class_labels must be a dictionary of names by number, got {described(class_labels)}")
        contents["class_labels"] = {str(int(number)): plain_text(label) for number, label in class_labels.items()}
    contents[PAYLOADS] = payloads
    return contents


def _separate(image: Any, layout: str | None) -> Sequence[Any]:
    """Return the pictures of a list or of an array of them."""
    if isinstance(image, list | tuple):
        return image
    return list(image) if getattr(image, "ndim", 0) == (3 if layout == "HW" else 4) else (image,)


def _for_each(entries: Sequence[Record], name: str, given: Any, single: type) -> Iterator[tuple[Record, Any]]:
    """Yield what is said of each picture, which may be said of the only one without a list."""
    if given is None:
        return
    if isinstance(given, single) and len(entries) == 1:
        given = [given]
    if not isinstance(given, list | tuple) or len(given) != len(entries):
        raise ValueError(f"{name} must have one entry for each of {len(entries)} pictures, got {described(given)}")
    if not all(each is None or isinstance(each, single) for each in given):
        what = "texts" if single is str else "dictionaries"
        raise TypeError(f"{name} must be a list of {what}, got {described(given)}")
    for entry, each in zip(entries, given, strict=True):
        if each is not None:
            yield entry, each


def image_payload(image: Any, most_bytes: int, layout: str | None = None) -> Payload:
    """Return one picture as a payload.

    Args:
        image (Any): As for `log_image`.
        most_bytes (int): How large it may be.
        layout (str | None): As for `log_image`.

    Raises:
        TypeError: If it is no picture.
        ValueError: If it is empty, too large, has another shape, or pixels that are not finite.
        OSError: If it is a file that cannot be read.
    """
    if hasattr(image, "dtype"):
        return _array_payload(image, most_bytes, layout)
    if is_file(image):
        return file_payload(image, "image", most_bytes, _encoding_of)
    if hasattr(image, "tobytes") and hasattr(image, "mode") and hasattr(image, "size"):
        return _pillow_payload(image, most_bytes)
    if hasattr(image, "savefig"):
        raise TypeError("image must be a picture, got a figure: log_figure takes it")
    return _array_payload(image, most_bytes, layout)


def _array_payload(image: Any, most_bytes: int, layout: str | None) -> Payload:
    array = as_host_array(image, "image", most_bytes)
    if not array.size:
        raise ValueError(f"image must not be empty, got the shape {array.shape}")
    require_finite(array, "image must have finite pixels")
    return array_payload(channels_last(array, layout, is_tensor=hasattr(image, "detach")), PIXELS)


def _encoding_of(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    for beginning, encoding in _BEGINNINGS.items():
        if data.startswith(beginning):
            return encoding
    raise ValueError("image must be a PNG, JPEG, GIF or WebP file, or an array of pixels")


def _pillow_payload(image: Any, most_bytes: int) -> Payload:
    check_size(image.size[0] * image.size[1] * len(image.getbands()), most_bytes)
    if image.mode in _DEEP_MODES:
        import numpy

        return _array_payload(numpy.asarray(image), most_bytes, "HW")
    if image.mode not in _PILLOW_CHANNELS:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    width, height = image.size
    if not width or not height:
        raise ValueError("image must not be empty")
    return Payload(image.tobytes(), PIXELS, (height, width, _PILLOW_CHANNELS[image.mode]), "uint8")


def channels_last(array: Any, layout: str | None, *, is_tensor: bool, before: int = 0) -> Any:
    """Return pixels as height × width × channels.

    Args:
        array (numpy.ndarray): Pixels, with or without channels.
        layout (str | None): `HW`, `HWC` or `CHW`; None means that the shape tells. If channels may be first or last, a
            tensor has them first, and another array last.
        is_tensor (bool): Whether it was a tensor.
        before (int): How many dimensions come before those of a picture.

    Raises:
        ValueError: If it has another shape.
    """
    shape = array.shape[before:]
    if len(shape) == 2 and layout in (None, "HW"):
        return array[..., None]
    if len(shape) == 3 and layout != "HW":
        may_be_first = shape[0] in _CHANNELS and layout != "HWC"
        may_be_last = shape[2] in _CHANNELS and layout != "CHW"
        if may_be_last and not (may_be_first and is_tensor):
            return array
        if may_be_first:
            return array.swapaxes(-3, -2).swapaxes(-2, -1)
    raise ValueError(
        f"{'each frame' if before else 'image'} must be height × width, or that with 1, 3 or 4 channels first or last, "
        f"got the shape {array.shape}" + (f" for the layout {layout}" if layout else "")
    )


def _mask_payload(mask: Any, most_bytes: int) -> Payload:
    array = as_host_array(mask, "a mask", most_bytes)
    if array.ndim != 2 or not array.size or array.dtype.kind not in "biu":
        raise ValueError(
            f"a mask must be an array of height × width whole numbers, got the shape {array.shape} of {array.dtype}"
        )
    if array.min() < 0 or array.max() > _LARGEST_CLASS:
        raise ValueError(f"a mask must hold numbers of classes from 0 to {_LARGEST_CLASS}")
    return array_payload(array.astype("uint8")[:, :, None], PIXELS)


def _checked_boxes(boxes: Any, numbers: dict[str, int]) -> list[Record]:
    if not isinstance(boxes, list | tuple) or not all(isinstance(box, Mapping) for box in boxes):
        raise TypeError(f"boxes must be lists of dictionaries by name, got {described(boxes)}")
    return [_checked_box(box, numbers) for box in boxes]


def _checked_box(box: Mapping[str, Any], numbers: dict[str, int]) -> Record:
    """Return a box as plain data; one without a number gets that of its label, which no other label has."""
    if unknown := box.keys() - Box.__annotations__.keys():
        raise ValueError(f"a box must have only {', '.join(Box.__annotations__)}, got {described(min(unknown))}")
    corners = {name: float(box[name]) for name in _CORNERS if name in box}
    if len(corners) < len(_CORNERS) or not all(math.isfinite(corner) for corner in corners.values()):
        raise ValueError(f"a box must have {', '.join(_CORNERS)} in pixels")
    if corners["x_minimum"] > corners["x_maximum"] or corners["y_minimum"] > corners["y_maximum"]:
        raise ValueError("a box must have minimums that are not greater than its maximums")
    checked: Record = dict(corners)
    label = plain_text(box.get("label", ""))
    number = box["class_number"] if "class_number" in box else numbers.setdefault(label, len(numbers) + 1)
    checked["class_number"] = int(number)
    if "score" in box:
        checked["score"] = float(box["score"])
        if not math.isfinite(checked["score"]):
            raise ValueError("the score of a box must be a finite number")
    return checked | ({"label": label} if label else {})


def _shown(record: Record, payloads: Payloads) -> Shown:
    image = Image(record["name"], partial(drawn_pictures, record, payloads))
    return Shown(IMAGE, record, record["epoch"], record["step"], media=((image,),))


def drawn_pictures(record: Record, payloads: Payloads) -> list[Picture]:
    """Return the pictures of a record.

    Args:
        record (Record): With `images` and their payloads.
        payloads (Payloads): Those of its run.

    Raises:
        OSError: If they are gone.
        ValueError: If they are not pictures.
    """
    labels = {int(number): str(label) for number, label in record.get("class_labels", {}).items()}
    references = record[PAYLOADS]
    return [
        read_picture(payloads.file(references[place]))._replace(
            caption=entry.get("caption", ""),
            masks={name: payloads.file(references[number]) for name, number in entry.get("masks", {}).items()},
            boxes=entry.get("boxes", {}),
            class_labels=labels,
        )
        # A journal that somebody sent may name one picture again and again.
        for place, entry in enumerate(record["images"][:MOST_PICTURES])
    ]


def read_picture(file: Path) -> Picture:
    """Return a picture in a file, which is read only where it is shown.

    Args:
        file (Path): PNG, JPEG, GIF or WebP.

    Raises:
        OSError: If it cannot be read, or is no picture.
    """
    # Reads the beginning alone, whatever the picture is.
    with import_of_extra("PIL.Image", extra="tracking", needed_by="a picture").open(file) as opened:
        width, height = opened.size
    return Picture(b"", width, height, file)


IMAGE = Kind("image", "log_image", {**MOMENT, "name": str, "images": list, PAYLOADS: list}, _shown, _contents)
