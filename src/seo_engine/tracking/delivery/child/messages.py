"""The messages between a training process and its child: one JSON line each, typed at both ends."""

from __future__ import annotations

import typing
from typing import Any, NamedTuple

import orjson

from seo_engine.tracking.journal.lines import encode_record
from seo_engine.tracking.runs.ledger import DeliveryState

LONGEST_MESSAGE_CHARACTERS = 10_000


class Begin(NamedTuple):
    """To the child, first: its settings, and the ledger that an earlier child left."""

    configuration: dict[str, Any]
    previous: DeliveryState


class Flush(NamedTuple):
    """To the child: deliver at once."""


class Close(NamedTuple):
    """To the child: deliver the backlog, and close the tracker."""

    status: str


class Leave(NamedTuple):
    """To the child, last: the training ends normally, and nobody needs to complete its run."""


class Alive(NamedTuple):
    """From the child, once a second: it is not stuck."""


class Ledger(NamedTuple):
    """From the child: the progress of its tracker."""

    state: DeliveryState


class LogMessage(NamedTuple):
    """From the child: a message to be logged in the training process."""

    logger: str
    level: int
    text: str
    in_files_only: bool = False


class Operations(NamedTuple):
    """From the child, at the end: what its profiler measured."""

    operations: list[dict[str, Any]]


Request = Begin | Flush | Close | Leave
Report = Alive | Ledger | LogMessage | Operations

_TYPES: dict[str, type[Request | Report]] = {
    each.__name__: each for each in (Begin, Flush, Close, Leave, Alive, Ledger, LogMessage, Operations)
}


def encode_message(message: Request | Report) -> bytes:
    """Return a message as one line.

    Example:
        >>> encode_message(Close("finished"))
        b'{"message":"Close","status":"finished"}\\n'
    """
    return encode_record({"message": type(message).__name__, **message._asdict()})


def decode_message(line: bytes) -> Request | Report:
    """Return the message in a line.

    Args:
        line (bytes): As `encode_message` returns it.

    Raises:
        ValueError: If it is not a message.

    Example:
        >>> decode_message(b'{"message":"Close","status":"finished"}')
        Close(status='finished')
    """
    try:
        contents = orjson.loads(line)
        message_type = _TYPES[contents.pop("message")]
        for name, field_type in typing.get_type_hints(message_type).items():
            if field_type is DeliveryState:
                contents[name] = DeliveryState.from_dictionary(contents[name])
        return message_type(**contents)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a message: {error!r}") from None
