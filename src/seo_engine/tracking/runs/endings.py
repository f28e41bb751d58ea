"""What an exception says of how the training ended, and what of it is kept in the run."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.records.run_marks import ErrorDescription

# The end of a traceback tells where it happened; one of a deep recursion is long.
_MOST_TRACEBACK_CHARACTERS = 20_000
_MOST_MESSAGE_CHARACTERS = 2_000

# Looked through for secrets beside what is kept, so that no half of one is left at the cut.
_MARGIN_CHARACTERS = 50_000


def status_after(error: BaseException | None) -> str:
    """Return how a training ended that was left by an exception.

    Args:
        error (BaseException | None): The exception; None means that there was none.

    Returns:
        str: finished, failed or interrupted.

    Example:
        >>> [status_after(error) for error in (None, SystemExit(0), SystemExit(1), KeyboardInterrupt())]
        ['finished', 'finished', 'failed', 'interrupted']
    """
    if error is None:
        return "finished"
    # Where a training ends by an exception, this import is late enough.
    from asyncio import CancelledError

    match error:
        # A generator that is not read to its end is closed by this exception.
        case SystemExit(code=None | 0) | GeneratorExit():
            return "finished"
        # Within a coroutine Ctrl-C arrives as the end of its task.
        case KeyboardInterrupt() | CancelledError():
            return "interrupted"
    return "failed"


def describe_error(error: BaseException) -> ErrorDescription:
    """Describe an exception as plain data.

    Args:
        error (BaseException): What ended the training.

    Returns:
        ErrorDescription: Without secrets, and of bounded size.

    Example:
        >>> describe_error(ValueError("the loss is no number"))["message"]
        'ValueError: the loss is no number'
    """
    name = type(error).__qualname__
    message = _described(error, traceback.format_exception_only) or name
    where = _described(error, traceback.format_exception)
    return {
        "type": name,
        "message": redact_text(message[: _MOST_MESSAGE_CHARACTERS + _MARGIN_CHARACTERS])[:_MOST_MESSAGE_CHARACTERS],
        "traceback": redact_text(where[-_MOST_TRACEBACK_CHARACTERS - _MARGIN_CHARACTERS :])[
            -_MOST_TRACEBACK_CHARACTERS:
        ],
    }


def _described(error: BaseException, describe: Callable[[BaseException], list[str]]) -> str:
    try:
        return "".join(describe(error)).strip()
    except Exception:  # what stands in an exception, its notes among it, may raise anything
        return ""


def uncaught_error() -> BaseException | None:
    """Return the exception that ends this interpreter, if it ends by one.

    The interpreter keeps what it printed last for debuggers. Where a person types, in a shell or a notebook, that is
    the error of some line before, and the session went on. An exit by `sys.exit` leaves no trace.
    """
    if hasattr(sys, "ps1"):
        return None
    return getattr(sys, "last_value", None)
