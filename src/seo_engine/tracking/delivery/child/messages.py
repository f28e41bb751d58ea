"""The messages between a training process and its child: one JSON line each, typed at both ends."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson

from seo_engine.tracking.journal.lines import encode_record
from seo_engine.tracking.runs.ledger import DeliveryState

LONGEST_MESSAGE_CHARACTERS = 10_000


@dataclass(frozen=True)
class Begin:
    """To the child, first: its settings, and the ledger that an earlier child left."""

    kind: ClassVar[str] = "begin"
    configuration: dict[str, Any]
    previous: DeliveryState


@dataclass(frozen=True)
class Flush:
    """To the child: deliver at once."""

    kind: ClassVar[str] = "flush"


@dataclass(frozen=True)
class Close:
    """To the child: deliver the backlog, and close the tracker."""

    kind: ClassVar[str] = "close"
    status: str


@dataclass(frozen=True)
class Leave:
    """To the child, last: the training ends normally, and nobody needs to complete its run."""

    kind: ClassVar[str] = "leave"


@dataclass(frozen=True)
class Alive:
    """From the child, once a second: it is not stuck."""

    kind: ClassVar[str] = "alive"


@dataclass(frozen=True)
class Ledger:
    """From the child: the progress of its tracker."""

    kind: ClassVar[str] = "ledger"
    state: DeliveryState


@dataclass(frozen=True)
class LogMessage:
    """From the child: a message to be logged in the training process."""

    kind: ClassVar[str] = "log_message"
    logger: str
    level: int
    text: str


@dataclass(frozen=True)
class Operations:
    """From the child, at the end: what its profiler measured."""

    kind: ClassVar[str] = "operations"
    operations: list[dict[str, Any]] = field(default_factory=list)


Request = Begin | Flush | Close | Leave
Report = Alive | Ledger | LogMessage | Operations

_TYPES: dict[str, type[Request | Report]] = {
    each.kind: each for each in (Begin, Flush, Close, Leave, Alive, Ledger, LogMessage, Operations)
}


def encode_message(message: Request | Report) -> bytes:
    """Return a message as one line.

    Example:
        >>> encode_message(Close("finished"))
        b'{"kind":"close","status":"finished"}\\n'
    """
    return encode_record({"kind": message.kind, **dataclasses.asdict(message)})


def decode_message(line: bytes) -> Request | Report:
    """Return the message in a line.

    Args:
        line (bytes): As `encode_message` returns it.

    Raises:
        ValueError: If it is not a message.

    Example:
        >>> decode_message(b'{"kind":"close","status":"finished"}')
        Close(status='finished')
    """
    try:
        contents = orjson.loads(line)
        message_type = _TYPES[contents.pop("kind")]
        for name in ("previous", "state"):
            if name in contents:
                contents[name] = DeliveryState.from_dictionary(contents[name])
        return message_type(**contents)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a message: {error!r}") from None
