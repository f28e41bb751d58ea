"""How a training ends: what its exception says, what of that is kept in the run, and who hears of it at the exit."""

from __future__ import annotations

import atexit
import sys
import traceback
import weakref
from collections.abc import Callable

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.records.marks.run_marks import ErrorDescription
from seo_engine.tracking.runs.rank_ends import is_of_a_collective

# The end of a traceback tells where the error happened; deep recursion makes a traceback long.
_MOST_TRACEBACK_CHARACTERS = 20_000
_MOST_MESSAGE_CHARACTERS = 2_000

# Others may end what closing needs, such as the processes that this one has started.
_BEFORE_ALL_OTHERS = 1_000

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

    match behind_exit(error):
        # In a coroutine, Ctrl-C arrives as the cancellation of its task.
        case KeyboardInterrupt() | CancelledError():
            return "interrupted"
    match error:
        # A generator that is not read to its end is closed by GeneratorExit.
        case SystemExit(code=None | 0) | GeneratorExit():
            return "finished"
    return "failed"


def behind_exit(error: BaseException) -> BaseException:
    """Return the exception that a framework turned into an exit, as torch's workers do; any other as it is."""
    if not isinstance(error, SystemExit):
        return error
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__) or error


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
    cause = behind_exit(error)
    name = type(cause).__qualname__
    message = _described(cause, traceback.format_exception_only) or name
    where = _described(error, traceback.format_exception)
    return {
        "type": name,
        "message": redact_text(message[: _MOST_MESSAGE_CHARACTERS + _MARGIN_CHARACTERS])[:_MOST_MESSAGE_CHARACTERS],
        "traceback": redact_text(where[-_MOST_TRACEBACK_CHARACTERS - _MARGIN_CHARACTERS :])[
            -_MOST_TRACEBACK_CHARACTERS:
        ],
    }


def lost_another_rank(error: BaseException) -> bool:
    """Return whether an exception only says that another process of the training is gone.

    Args:
        error (BaseException): What ended this process.

    Example:
        >>> lost_another_rank(RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer"))
        True
    """
    return is_of_a_collective(describe_error(error))


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


def call_at_exit(method: Callable[[BaseException | None], None]) -> Callable[[], None]:
    """Have a method called when this process ends by itself; it does not keep its object alive.

    The interpreter calls it at its exit. In a process of `multiprocessing`, where that does not happen or comes too
    late to know the exception, the process calls it.

    Args:
        method (Callable[[BaseException | None], None]): Gets the exception that ends the process, if there is one.

    Returns:
        Callable[[], None]: Call it when the method need not be called any more.
    """
    reference = weakref.WeakMethod(method)

    def at_exit() -> None:
        call = reference()
        if call is not None:
            call(sys.exception() or uncaught_error())

    atexit.register(at_exit)
    finalizer = None
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.parent_process() is not None:
        from multiprocessing.util import Finalize

        finalizer = Finalize(None, at_exit, exitpriority=_BEFORE_ALL_OTHERS)

    def cancel() -> None:
        atexit.unregister(at_exit)
        if finalizer is not None:
            finalizer.cancel()

    return cancel
