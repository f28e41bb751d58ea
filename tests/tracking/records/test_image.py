"""Pictures of every type and shape that programs log, and what is refused."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image

from seo_engine.tracking.payloads.run_payloads import HeldPayloads
from seo_engine.tracking.records.forms import Picture
from seo_engine.tracking.records.kinds import KINDS

MOMENT = {"epoch": 1, "step": 5}

# As the configuration has it.
MOST_BYTES = 256_000_000
CORNERS = {"x_minimum": 0, "y_minimum": 0, "x_maximum": 3, "y_maximum": 4}
PIXELS = numpy.arange(4 * 5 * 3, dtype="uint8").reshape(4, 5, 3) * 4


def pictures(tmp_path: Path, image: Any, **further: Any) -> list[Picture]:
    """Return the pictures that views show of an image that is logged."""
    made = KINDS["image"].make_records({"name": "sample", "image": image, **MOMENT, **further}, most_bytes=MOST_BYTES)
    payloads = HeldPayloads(tmp_path, made.payloads)
    made.refer_to(payloads.references)
    shown = KINDS["image"].shown(made.records[0], payloads)
    assert shown is not None
    ((form,),) = shown.media
    assert form.name == "images/sample"
    return list(form.draw())


def pixels(picture: Picture) -> Any:
    opened = numpy.asarray(Image.open(io.BytesIO(picture.data)))
    assert (picture.height, picture.width) == opened.shape[:2]
    return opened


def refusal(image: Any, **further: Any) -> str:
    with pytest.raises((TypeError, ValueError, OSError)) as caught:
        KINDS["image"].make_records({"name": "sample", "image": image, **MOMENT, **further}, most_bytes=MOST_BYTES)
    return str(caught.value)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (PIXELS, PIXELS),
        (PIXELS.transpose(2, 0, 1), PIXELS),
        (torch.tensor(PIXELS.transpose(2, 0, 1)), PIXELS),
        (PIXELS[::-1, ::2], PIXELS[::-1, ::2]),
        (PIXELS.astype(">u2"), PIXELS),
        (PIXELS / 255, PIXELS),
        ((PIXELS / 255).astype("float16"), PIXELS),
        (torch.tensor(PIXELS.transpose(2, 0, 1) / 255, requires_grad=True), PIXELS),
        (PIXELS.astype("int64"), PIXELS),
        (PIXELS[:, :, 0], PIXELS[:, :, 0]),
        (PIXELS[:, :, :1], PIXELS[:, :, 0]),
        (PIXELS[:, :, 0] > 100, (PIXELS[:, :, 0] > 100) * 255),
        (Image.fromarray(PIXELS), PIXELS),
        (Image.fromarray(PIXELS[:, :, 0]), PIXELS[:, :, 0]),
        (Image.fromarray(PIXELS[:, :, 0]).convert("P"), PIXELS[:, :, [0, 0, 0]]),
        (Image.new("CMYK", (5, 4), (0, 255, 255, 0)), numpy.full((4, 5, 3), (255, 0, 0))),
        (Image.fromarray(PIXELS[:, :, 0].astype("uint16") * 257), PIXELS[:, :, 0]),
        (Image.fromarray((PIXELS[:, :, 0] / 255).astype("float32")), PIXELS[:, :, 0]),
        (numpy.dstack([PIXELS, PIXELS[:, :, 0]]), numpy.dstack([PIXELS, PIXELS[:, :, 0]])),
    ],
)
def test_pixels_are_shown_as_they_are(tmp_path: Path, image: Any, expected: Any) -> None:
    (picture,) = pictures(tmp_path, image)
    shown = pixels(picture)
    # Floats of 16 bits, and integers that are scaled, are this far from what they stand for.
    is_exact = "float16" not in str(getattr(image, "dtype", "")) and getattr(image, "mode", "") != "I;16"
    assert numpy.abs(shown.astype(int) - expected.astype(int)).max() <= (not is_exact)


def test_the_range_of_floats_follows_from_their_values(tmp_path: Path) -> None:
    ranges = {(0.0, 1.0): [0, 255], (-1.0, 1.0): [0, 255], (0.0, 200.0): [0, 200], (-5.0, 300.0): [0, 255]}
    for values, expected in ranges.items():
        (picture,) = pictures(tmp_path, numpy.array([values]))
        assert pixels(picture).ravel().tolist() == expected


@pytest.mark.parametrize(
    ("shape", "layout", "is_tensor", "size"),
    [
        ((3, 7, 3), None, False, (3, 7)),
        ((3, 7, 3), None, True, (7, 3)),
        ((3, 7, 3), "CHW", False, (7, 3)),
        ((3, 7, 3), "HWC", True, (3, 7)),
        ((1, 8, 9), None, False, (8, 9)),
        ((8, 9, 1), None, True, (8, 9)),
    ],
)
def test_a_layout_is_told_by_the_shape_or_said(
    tmp_path: Path, shape: tuple[int, ...], layout: str | None, is_tensor: bool, size: tuple[int, int]
) -> None:
    array = numpy.zeros(shape, dtype="uint8")
    (picture,) = pictures(tmp_path, torch.tensor(array) if is_tensor else array, layout=layout)
    assert (picture.height, picture.width) == size


@pytest.mark.parametrize("extension", ["png", "jpeg", "gif", "webp"])
@pytest.mark.parametrize("given", ["path", "text", "bytes", "file"])
def test_a_file_is_shown_byte_for_byte(tmp_path: Path, extension: str, given: str) -> None:
    path = tmp_path / f"picture.{extension}"
    Image.fromarray(PIXELS).save(path)
    data = path.read_bytes()
    image = {"path": path, "text": str(path), "bytes": data, "file": io.BytesIO(data)}[given]
    (picture,) = pictures(tmp_path, image)
    assert picture.data == data and (picture.width, picture.height) == (5, 4)
    assert picture.file is not None and picture.file.read_bytes() == data


def test_several_pictures_have_their_captions_masks_and_boxes(tmp_path: Path) -> None:
    mask = numpy.zeros((4, 5), dtype="int64")
    mask[1] = 2
    box = {"x_minimum": 0, "y_minimum": 1.5, "x_maximum": 3, "y_maximum": 4, "class_number": 2, "score": 0.9}
    first, second = pictures(
        tmp_path,
        [PIXELS, Image.new("RGB", (7, 6))],
        caption=["one", None],
        masks=[{"truth": mask}, None],
        boxes=[None, {"found": [box | {"label": "cat"}]}],
        class_labels={2: "cat"},
    )
    assert (first.caption, second.caption) == ("one", "")
    assert numpy.asarray(Image.open(first.masks["truth"])).tolist() == mask.tolist() and not second.masks
    assert second.boxes["found"] == [box | {"label": "cat"}] and not first.boxes
    assert first.class_labels == second.class_labels == {2: "cat"}


def test_a_layout_that_the_shape_does_not_have_is_refused() -> None:
    assert "got the shape (5, 4, 3) for the layout CHW" in refusal(numpy.zeros((5, 4, 3)), layout="CHW")


def test_boxes_without_numbers_have_those_of_their_labels(tmp_path: Path) -> None:
    boxes = {"found": [CORNERS | {"label": label} for label in ("cat", "dog", "cat")], "other": [CORNERS]}
    (picture,) = pictures(tmp_path, PIXELS, boxes=boxes)
    assert [box["class_number"] for box in (*picture.boxes["found"], *picture.boxes["other"])] == [1, 2, 1, 3]


def test_an_array_with_a_dimension_more_is_several_pictures(tmp_path: Path) -> None:
    assert len(pictures(tmp_path, numpy.zeros((6, 4, 5, 3), dtype="uint8"))) == 6
    assert len(pictures(tmp_path, torch.zeros(6, 3, 4, 5))) == 6
    assert len(pictures(tmp_path, numpy.zeros((6, 4, 5), dtype="uint8"), layout="HW")) == 6


def closed_file() -> io.BytesIO:
    file = io.BytesIO(b"picture")
    file.close()
    return file


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (numpy.zeros((0, 4, 3)), "image must not be empty, got the shape (0, 4, 3)"),
        ([], "image must not be empty"),
        (Image.new("RGB", (0, 3)), "image must not be empty"),
        (numpy.full((2, 2), numpy.nan), "image must have finite pixels, got 4 that are NaN or infinite"),
        (torch.tensor([[0.5, float("inf")]]), "image must have finite pixels, got 1 that are NaN or infinite"),
        ((row for row in PIXELS), "image must be an array, got a value of type generator"),
        (closed_file(), "I/O operation on closed file."),
        (numpy.zeros((2, 2, 2, 2, 2)), "channels first or last, got the shape (2, 2, 2, 2, 2)"),
        (numpy.zeros((5, 4, 7)), "channels first or last, got the shape (5, 4, 7)"),
        (numpy.zeros(7), "channels first or last, got the shape (7,)"),
        (numpy.array([["a"]]), "image must hold numbers, got elements of type str"),
        (numpy.zeros((2, 2), dtype="complex64"), "image must hold numbers, got elements of type complex64"),
        (object(), "image must be an array, got a value of type object"),
        (None, "image must be an array, got a value of type NoneType"),
        (b"text", "image must be a PNG, JPEG, GIF or WebP file, or an array of pixels"),
        ("/nowhere/picture.png", "image cannot be read from '/nowhere/picture.png': No such file or directory"),
        ([PIXELS] * 101, "image must be at most 100 pictures, got 101"),
    ],
)
def test_what_is_no_picture_is_refused_with_one_reason(image: Any, reason: str) -> None:
    assert reason in refusal(image)


@pytest.mark.parametrize(
    ("further", "reason"),
    [
        ({"layout": "WH"}, "layout must be one of HW, HWC, CHW, got 'WH' (str)"),
        ({"caption": ["one", "two"]}, "caption must have one entry for each of 1 pictures"),
        ({"masks": {"truth": numpy.zeros((4, 5))}}, "a mask must be an array of height × width whole numbers"),
        ({"masks": {"truth": numpy.full((4, 5), 256)}}, "a mask must hold numbers of classes from 0 to 255"),
        ({"masks": numpy.zeros((4, 5))}, "masks must have one entry for each of 1 pictures"),
        ({"boxes": {"found": [{"x_minimum": 1}]}}, "a box must have x_minimum, y_minimum, x_maximum, y_maximum"),
        ({"boxes": {"found": [{"left": 1}]}}, "a box must have only x_minimum"),
        ({"boxes": {"found": 5}}, "boxes must be lists of dictionaries by name, got 5 (int)"),
        ({"boxes": {"found": [CORNERS | {"score": float("nan")}]}}, "the score of a box must be a finite number"),
        ({"boxes": {"found": [CORNERS] * 3_001}}, "boxes must be at most 3,000 in one call"),
        ({"class_labels": ["cat"]}, "class_labels must be a dictionary of names by number, got a list"),
        ({"name": "\n"}, "a name must be 1 to 512 printable characters"),
        ({"step": "five"}, "step must be a whole number, got 'five' (str)"),
    ],
)
def test_what_is_said_of_a_picture_wrongly_is_refused(further: dict[str, Any], reason: str) -> None:
    assert reason in refusal(PIXELS, **further)


def test_what_is_too_large_is_refused_before_it_is_copied_or_read(tmp_path: Path) -> None:
    large = numpy.broadcast_to(numpy.uint8(7), (100_000, 100_000, 3))
    assert "larger than maximum_payload_bytes (256,000,000), got 30,000,000,000 bytes" in refusal(large)
    with Path("/dev/zero").open("rb") as endless:
        assert "larger than maximum_payload_bytes (256,000,000), got 256,000,001 bytes" in refusal(endless)


def test_a_pipe_and_a_device_block_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        assert "image cannot be read from" in refusal(path)


def test_an_address_in_place_of_a_file_is_said_without_its_secret() -> None:
    assert refusal("https://me:hunter2@h/a.png").startswith("image cannot be read from 'https://[redacted]@h/a.png'")


def test_captions_and_labels_are_without_secrets(tmp_path: Path) -> None:
    secret = "https://me:hunter2@h"
    box = {"x_minimum": 0, "y_minimum": 0, "x_maximum": 3, "y_maximum": 4, "label": secret}
    made = KINDS["image"].make_records(
        {"name": secret, "image": PIXELS, **MOMENT, "caption": secret, "class_labels": {1: secret}}
        | {"boxes": {secret: [box]}, "masks": {secret: numpy.zeros((4, 5), dtype="uint8")}},
        most_bytes=MOST_BYTES,
    )
    assert "hunter2" not in str(made.records)
    assert str(made.records).count("[redacted]") == 6
