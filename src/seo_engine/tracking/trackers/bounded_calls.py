"""Calls into code of others, for which the training waits only so long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from seo_engine.foundation.texts import one_line

Result = TypeVar("Result")

# What a plug-in does in the training's thread, such as importing, perhaps over a network, takes less.
LONGEST_FOREIGN_SECONDS = 30.0


class ForeignCallError(Exception):
    """Code of others has raised, or has not returned in time; the message says which."""


def call_within(seconds: float, function: Callable[[], Result]) -> Result:
    """Call code of others in a thread, and give it up if it does not return; no other thread works for it meanwhile.

    Args:
        seconds (float): The longest time to wait.
        function (Callable[[], Result]): The code.

    Returns:
        Result: What it returned.

    Raises:
        ForeignCallError: If it raised anything, or has not returned; its thread, a daemon, is then left to itself.

    Example:
        >>> call_within(10, lambda: 6 * 7)
        42
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            results.append(function())
        except BaseException as error:  # `SystemExit`, too: only the training ends itself
            errors.append(error)

    thread = threading.Thread(target=call, name="foreign-call-thread", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise ForeignCallError(str(error)) from None
    thread.join(seconds)
    if errors:
        # An error of others may even fail to say what it is.
        raise ForeignCallError(f"{type(errors[0]).__name__}: {one_line(errors[0])}") from errors[0]
    if not results:
        raise ForeignCallError(f"it has not returned in {seconds:g} s")
    return results[0]
