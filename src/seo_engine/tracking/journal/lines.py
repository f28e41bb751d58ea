"""The records: what one line of the journal holds, as plain data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any, TypedDict

import orjson

from seo_engine.foundation.texts import as_unicode

if TYPE_CHECKING:
    import torch

JOURNAL_VERSION = 1

# A line beyond this is not written: bulky payloads belong in files that a record refers to.
MAXIMUM_RECORD_BYTES = 1_000_000

# Kinds whose `metrics` are numbers by hierarchical name.
METRIC_KINDS = ("training", "evaluation", "performance")

# Begins every record that this package writes, and stands nowhere within one: quotation marks in texts are escaped.
_BEGINNING = b'{"kind":'

_METRIC_BEGINNINGS = tuple(f'{_BEGINNING.decode()}"{kind}",'.encode() for kind in METRIC_KINDS)

# JSON has no such numbers: they stand beside the others, as words.
NONFINITE_WORDS = ("NaN", "Infinity", "-Infinity")

# How a run can end.
STATUSES = ("finished", "failed", "interrupted", "killed")

Record = dict[str, Any]


class ModelArchitecture(TypedDict):
    """A model as plain data: its printed form and its numbers of parameters."""

    text: str
    parameters: int
    trainable_parameters: int


_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def encode_record(record: Mapping[str, Any]) -> bytes:
    """Return the record as one line of the journal.

    Args:
        record (Mapping[str, Any]): Plain data. What JSON does not know is written as its `str`.

    Returns:
        bytes: JSON and a newline. What no Unicode text can hold is written as `\\udcff`.

    Raises:
        ValueError: If the line would be larger than `MAXIMUM_RECORD_BYTES`.
        TypeError: If the record holds something that cannot be written at all.
    """
    try:
        line = orjson.dumps(record, default=str, option=_OPTIONS)
    except orjson.JSONEncodeError:
        # Python has texts that are no Unicode: file names and arguments in another encoding.
        line = orjson.dumps(as_unicode(record), default=_as_text, option=_OPTIONS)
    if len(line) > MAXIMUM_RECORD_BYTES:
        raise ValueError(f"a record of {len(line)} bytes is larger than the limit of {MAXIMUM_RECORD_BYTES}")
    return line


def _as_text(value: object) -> str:
    text: str = as_unicode(str(value))
    return text


def encode_plain_metrics(
    kind: str, epoch: float, step: int, metrics: Mapping[str, Any], names: Mapping[str, str], rank: int
) -> bytes | None:
    """Return the line of a record of metrics, if they are what they nearly always are: known names and finite floats.

    Args:
        kind (str): One of `METRIC_KINDS`.
        epoch (float): Epoch of the metrics.
        step (int): Step of the metrics.
        metrics (Mapping[str, Any]): As the caller gave them.
        names (Mapping[str, str]): The hierarchical name of each name seen before.
        rank (int): Rank of this process among those of a distributed training.

    Returns:
        bytes | None: JSON and a newline; None if the metrics need a closer look.
    """
    if type(step) is not int:
        return None
    values = {}
    try:
        # JSON has no NaN and no infinities; any of them makes the sum one, which costs less than to look at each.
        total = epoch * 0.0
        for name, value in metrics.items():
            if type(value) is not float:
                return None
            values[names[name]] = value
            total += value
        if total - total != 0.0:
            return None
        line = orjson.dumps(
            {"kind": kind, "epoch": epoch, "step": step, "time": time.time(), "rank": rank, "metrics": values},
            option=orjson.OPT_APPEND_NEWLINE,
        )
    except (AttributeError, KeyError, OverflowError, TypeError):
        return None
    return None if len(line) > MAXIMUM_RECORD_BYTES else line


def _is_error(error: object) -> bool:
    return isinstance(error, dict) and all(
        isinstance(error.get(name), str) for name in ("type", "message", "traceback")
    )


def plain_record(record: Mapping[str, Any]) -> Record:
    """Return a record as its readers will see it.

    Args:
        record (Mapping[str, Any]): As for `encode_record`.

    Returns:
        Record: Dictionaries, lists, texts, numbers and None.

    Raises:
        ValueError: If it is larger than `MAXIMUM_RECORD_BYTES`.
        TypeError: If the record holds something that cannot be written at all.
    """
    plain: Record = orjson.loads(encode_record(record))
    return plain


def decode_record(line: bytes) -> Record | None:
    """Return the record of a line, or None if the line is torn, blank or no record.

    A writer that was killed, or whose disk was full, leaves a part of a line without its end; what another process
    appended behind it is a record all the same.

    Args:
        line (bytes): One line of the journal.

    Returns:
        Record | None: The record, with the fields that its kind has, of the right types.

    Example:
        >>> decode_record(b'{"kind": "end", "time": 1.0, "status": "finished"}')["status"]
        'finished'
        >>> decode_record(b'{"kind": "tex') is None
        True
        >>> decode_record(b'{"kind":"tex{"kind":"end","time":1.0,"status":"killed"}')["status"]
        'killed'
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        behind_torn_part = line.rfind(_BEGINNING)
        return decode_record(line[behind_torn_part:]) if behind_torn_part > 0 else None
    return record if _is_record(record) else None


def is_metric_line(line: bytes) -> bool:
    """Return whether a line is one of metrics, by how it begins; it need not be whole, but no other record is on it.

    By far the most lines are of metrics. Who looks for other records passes over them without reading them.

    Example:
        >>> is_metric_line(b'{"kind":"training","epoch":1,"step":1')
        True
        >>> is_metric_line(b'{"kind":"training","epo{"kind":"end","time":1.0,"status":"killed"}')
        False
    """
    return line.startswith(_METRIC_BEGINNINGS) and line.rfind(_BEGINNING) == 0


_ABSENT = object()
_NUMBER = (int, float)
_MOMENT: dict[str, Any] = {"epoch": _NUMBER, "step": int}
_METRICS = {**_MOMENT, "metrics": dict}

# The fields that readers rely on, by kind; `kind` and `time` stand in all. Kinds of a later version are no fault.
_FIELDS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(METRIC_KINDS, _METRICS),
    "start": {"configuration": dict},
    "resume": {"configuration": dict, "step": (int, NoneType)},
    "profiling": {**_MOMENT, "profiling_data": dict},
    "text": {**_MOMENT, "name": str, "text": str},
    "hyperparameters": {"hyperparameters": dict},
    "model_architecture": {"architecture": dict},
    "last_values": {},
    "end": {"status": str},
}


def _is_record(record: object) -> bool:
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return False
    nonfinite = record.get("nonfinite", {})
    if not isinstance(nonfinite, dict) or not all(word in NONFINITE_WORDS for word in nonfinite.values()):
        return False
    if not isinstance(record.get("time"), _NUMBER):
        return False
    if "error" in record and not _is_error(record["error"]):
        return False
    fields = _FIELDS.get(record["kind"], {})
    # An absent field is no None.
    if not all(isinstance(record.get(name, _ABSENT), type_) for name, type_ in fields.items()):
        return False
    return all(isinstance(value, _NUMBER) for value in record["metrics"].values()) if "metrics" in fields else True


def new_record(kind: str, **contents: Any) -> Record:
    """Return a record of this moment.

    Args:
        kind (str): What it holds.
        **contents (Any): The rest of it.

    Returns:
        Record: Plain data.
    """
    return {"kind": kind, "time": time.time(), **contents}


def describe_model(model: torch.nn.Module) -> ModelArchitecture:
    """Describe a model as plain data.

    Args:
        model (torch.nn.Module): Any module.

    Returns:
        ModelArchitecture: Its printed form, at most 100,000 characters, and its numbers of parameters.
    """
    return {
        "text": str(model)[:100_000],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }
