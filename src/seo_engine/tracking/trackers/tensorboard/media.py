"""Media as TensorBoard shows them: pictures, histograms and texts."""

from __future__ import annotations

import importlib
import io
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seo_engine.tracking.records.forms import Box, Histogram, Image, Markdown, Picture
from seo_engine.tracking.records.pictures.drawing import COLOURS, drawable
from seo_engine.tracking.trackers.tensorboard.summaries import text_summary

_RGB = 3

# On a larger picture no masks and boxes are drawn, and no more boxes than this on any.
MOST_MARKED_PIXELS = 50_000_000
MOST_BOXES = 1_000

# How much of a mask covers the picture.
_MASK_OPACITY = 0.45


def image_summary(image: Image) -> Any:
    """Return pictures as a summary, with masks and boxes drawn on them; None if there are none.

    TensorBoard has no captions: they are a text of their own, `<name>/caption`.

    Args:
        image (Image): The pictures.
    """
    pictures = [_with_marks(picture) for picture in image.draw()]
    return _pictures_summary(image.name, pictures) if pictures else None


def histogram_summary(histogram: Histogram) -> Any:
    """Return a histogram as a summary.

    Args:
        histogram (Histogram): Edges and counts.
    """
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    edges, counts = histogram.read()
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    # TensorBoard's own format has the upper edge of each bin; the first one begins at the minimum.
    shown = HistogramProto(
        min=edges[0],
        max=edges[-1],
        num=math.fsum(counts),
        sum=math.fsum(count * middle for count, middle in zip(counts, middles, strict=True)),
        sum_squares=math.fsum(count * middle * middle for count, middle in zip(counts, middles, strict=True)),
        bucket_limit=edges[1:],
        bucket=counts,
    )
    return Summary(value=[Summary.Value(tag=histogram.name, histo=shown)])


def markdown_summary(markdown: Markdown) -> Any:
    """Return a text, and the pictures that belong to it, as a summary.

    Args:
        markdown (Markdown): Text and pictures.
    """
    summary = text_summary(markdown.name, markdown.write())
    if pictures := markdown.draw():
        summary.MergeFrom(_pictures_summary(markdown.name, pictures))
    return summary


FORMS: Mapping[type, Callable[[Any], Any]] = {
    Image: image_summary,
    Histogram: histogram_summary,
    Markdown: markdown_summary,
}


def _pictures_summary(name: str, pictures: Sequence[Picture]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    summary = Summary()
    if len(pictures) == 1:
        (picture,) = pictures
        image = {
            "height": picture.height,
            "width": picture.width,
            "colorspace": _RGB,
            "encoded_image_string": picture.data,
        }
        summary.value.add(tag=name, image=image)
    else:
        summary.value.append(_samples(name, pictures))
    captions = [picture.caption for picture in pictures]
    if any(captions):
        numbered = [f"{number}. {caption}" for number, caption in enumerate(captions, start=1)]
        summary.MergeFrom(text_summary(f"{name}/caption", "\n".join(numbered) if len(captions) > 1 else captions[0]))
    return summary


def _samples(name: str, pictures: Sequence[Picture]) -> Any:
    """Return several pictures as TensorBoard keeps the samples of one name: width, height, and each of them."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.image.metadata import create_summary_metadata

    first = pictures[0]
    texts = [str(first.width).encode(), str(first.height).encode(), *(picture.data for picture in pictures)]
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(texts))])
    tensor = TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=texts)
    return Summary.Value(tag=name, metadata=create_summary_metadata(name, ""), tensor=tensor)


def _with_marks(picture: Picture) -> Picture:
    """Return a picture with its masks and boxes drawn on it."""
    if not (picture.masks or picture.boxes) or picture.width * picture.height > MOST_MARKED_PIXELS:
        return picture
    image_module: Any = importlib.import_module("PIL.Image")
    image = image_module.open(io.BytesIO(picture.data)).convert("RGB")
    for mask in picture.masks.values():
        image = _with_mask(image, image_module.open(mask).convert("L"), image_module)
    draw: Any = importlib.import_module("PIL.ImageDraw").Draw(image)
    boxes = itertools.islice(itertools.chain.from_iterable(picture.boxes.values()), MOST_BOXES)
    for box in boxes:
        _draw_box(draw, box, picture)
    file = io.BytesIO()
    image.save(file, "PNG")
    return picture._replace(drawn=file.getvalue(), file=None)


def _with_mask(image: Any, mask: Any, image_module: Any) -> Any:
    """Return a picture with a colour for each class of a mask; class 0 is the background."""
    colours = [0, 0, 0] + [part for number in range(1, 256) for part in _colour_of(number)]
    coloured = mask.copy()
    coloured.putpalette(colours)
    covered = mask.point([0] + [round(255 * _MASK_OPACITY)] * 255)
    return image_module.composite(coloured.convert("RGB").resize(image.size, 0), image, covered.resize(image.size, 0))


def _draw_box(draw: Any, box: Box, picture: Picture) -> None:
    number = box["class_number"]
    red, green, blue = _colour_of(number)
    # Pillow walks along every pixel of a line, also of one that is far outside.
    left, right = (min(max(side, -2.0), picture.width + 2.0) for side in (box["x_minimum"], box["x_maximum"]))
    top, bottom = (min(max(side, -2.0), picture.height + 2.0) for side in (box["y_minimum"], box["y_maximum"]))
    draw.rectangle((left, top, right, bottom), outline=(red, green, blue), width=2)
    words = [box.get("label") or picture.class_labels.get(number, "")]
    words += [f"{box['score']:.2f}"] if "score" in box else []
    if not any(words):
        return
    font = importlib.import_module("PIL.ImageFont").load_default(12)
    place, text = (left + 2, top + 2), drawable(" ".join(words).strip())
    around = draw.textbbox(place, text, font=font)
    draw.rectangle((around[0] - 2, around[1] - 2, around[2] + 2, around[3] + 2), fill=(red, green, blue))
    draw.text(place, text, font=font, fill="white")


def _colour_of(number: int) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(COLOURS[(number - 1) % len(COLOURS)][1:])
    return red, green, blue
