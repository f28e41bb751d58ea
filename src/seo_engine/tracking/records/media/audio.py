"""Sound: samples of any type, or a file."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.arrays import array_payload, as_host_array, require_finite
from seo_engine.tracking.payloads.given_file import file_payload, is_file
from seo_engine.tracking.payloads.payload import HIGHEST_RATE, SAMPLES, Payload, Payloads
from seo_engine.tracking.records.forms import Audio
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, captioned, described
from seo_engine.tracking.records.metrics import metric_name

MOST_CHANNELS = 8

# How a file begins, and what it is: https://mimesniff.spec.whatwg.org/#matching-an-audio-or-video-type-pattern
_BEGINNINGS = {
    b"ID3": "mp3",
    b"\xff\xfb": "mp3",
    b"\xff\xf3": "mp3",
    b"\xff\xf2": "mp3",
    b"OggS": "ogg",
    b"fLaC": "flac",
}


def _contents(
    name: str,
    audio: Any,
    epoch: float,
    step: int,
    sample_rate: Any = None,
    caption: str | None = None,
    *,
    most_bytes: int,
) -> Record:
    contents: Record = {"name": metric_name("audio", name), "epoch": epoch, "step": step, **captioned(caption)}
    if is_file(audio):
        if sample_rate is not None:
            raise ValueError("sample_rate must be given only with samples: a file has its own")
        return contents | {PAYLOADS: [file_payload(audio, "audio", most_bytes, _encoding_of)]}
    return contents | {PAYLOADS: [_samples(audio, sample_rate, most_bytes)]}


def _samples(audio: Any, sample_rate: Any, most_bytes: int) -> Payload:
    array = as_host_array(audio, "audio", most_bytes)
    if not array.size or array.ndim > 2:
        raise ValueError(f"audio must be samples, or samples × channels, got the shape {array.shape}")
    require_finite(array, "audio must have finite samples")
    if array.dtype.kind == "b":
        raise TypeError("audio must hold numbers, got elements of type bool")
    array = array.reshape(-1, 1) if array.ndim < 2 else array
    # Sound is longer than it has channels, whichever comes first.
    array = array.T if array.shape[0] < array.shape[1] else array
    if array.shape[1] > MOST_CHANNELS:
        raise ValueError(f"audio must have at most {MOST_CHANNELS} channels, got the shape {array.shape}")
    return array_payload(array, SAMPLES, checked_rate("sample_rate", sample_rate, least=1))


def checked_rate(name: str, rate: Any, least: float) -> float:
    """Return how many samples or frames there are in a second.

    Args:
        name (str): What it is called in an error.
        rate (Any): A number.
        least (float): The smallest that is allowed.

    Raises:
        ValueError: If it is not such a number.
    """
    try:
        checked = float(rate)
    except (TypeError, ValueError):
        checked = math.nan
    if not least <= checked <= HIGHEST_RATE:
        raise ValueError(f"{name} must be a number from {least:g} to {HIGHEST_RATE:,}, got {described(rate)}")
    return checked


def _encoding_of(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[4:11] == b"ftypM4A":
        return "m4a"
    for beginning, encoding in _BEGINNINGS.items():
        if data.startswith(beginning):
            return encoding
    raise ValueError("audio must be a WAV, MP3, Ogg, FLAC or M4A file, or an array of samples")


def _shown(record: Record, payloads: Payloads) -> Shown:
    audio = Audio(record["name"], partial(payloads.file, record[PAYLOADS][0]), str(record.get("caption", "")))
    return Shown(AUDIO, record, record["epoch"], record["step"], media=((audio,),))


AUDIO = Kind("audio", "log_audio", {**MOMENT, "name": str, PAYLOADS: list}, _shown, _contents)
