"""What an exception says of how the training ended, and what of it is kept in the run."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.records.run_marks import ErrorDescription

# The end of a traceback tells where the error happened; deep recursion makes a traceback long.
_MOST_TRACEBACK_CHARACTERS = 20_000
_MOST_MESSAGE_CHARACTERS = 2_000

# Searched for secrets in addition to what is kept, so that the cut does not leave half of one.
_MARGIN_CHARACTERS = 50_000


def status_after(error: BaseException | None) -> str:
    """Return how the training ended, given the exception that ended it.

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
    # Imported late: it is needed only if the training ends with an exception.
    from asyncio import CancelledError

    match error:
        # A generator that is not read to its end is closed by GeneratorExit.
        case SystemExit(code=None | 0) | GeneratorExit():
            return "finished"
        # In a coroutine, Ctrl-C arrives as the cancellation of its task.
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
        >>> describe_error(ValueError("the loss is not a number"))["message"]
        'ValueError: the loss is not a number'
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
    except Exception:  # an exception's own text or notes may raise anything
        return ""


def uncaught_error() -> BaseException | None:
    """Return the uncaught exception that ends this interpreter, if there is one.

    The interpreter keeps the last exception that it printed, for debuggers. In a shell or a notebook, that is the error
    of an earlier line, after which the session continued. An exit by `sys.exit` leaves no trace.
    """
    if hasattr(sys, "ps1"):
        return None
    return getattr(sys, "last_value", None)
