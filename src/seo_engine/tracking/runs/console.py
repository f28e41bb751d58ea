"""The console of a run: messages on standard error, unless logging is set up elsewhere."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading

_PACKAGE_LOGGER = logging.getLogger("seo_engine")

# For `logging`'s `extra`: what people need only when they look for something.
IN_FILES_ONLY = {"in_files_only": True}

_PREFIX = "seo-engine "

# The emojis of the message style in words, for a console that is not a terminal.
_PLAIN_WORDS = {"✅ ": "", "⚠️ ": "warning: ", "❌ ": "error: "}


class ConsoleHandler(logging.Handler):
    """Shows messages on standard error: with their emojis on a terminal, in plain words elsewhere.

    Each says that it is ours. Some are for the log files alone, see `IN_FILES_ONLY`. Standard error is looked up at
    each message, because a progress bar may replace it for a while.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        if sys.stderr is None or getattr(record, "in_files_only", False):
            return
        # Standard error may be closed, on a full disk, or a user's object that only has `write`: that must not stop
        # the thread that logs.
        with contextlib.suppress(Exception):
            message = "\n".join(f"{_PREFIX}{line}" for line in self.format(record).split("\n"))
            on_terminal = getattr(sys.stderr, "isatty", bool)()
            # One write, so that lines of other threads and processes do not fall between a message and its end.
            print((message if on_terminal else plain_message(message)) + "\n", end="", file=sys.stderr, flush=True)


class SharedConsole:
    """The console of all open runs of this process, unless one is set up elsewhere, and the level of messages."""

    def __init__(self) -> None:
        self._users = 0
        self._handler: ConsoleHandler | None = None
        self._level_before = logging.NOTSET
        self._lock = threading.Lock()

    def join(self) -> None:
        """Show messages; the first run to join sets the console up."""
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            self._level_before = _PACKAGE_LOGGER.level
            if _PACKAGE_LOGGER.level == logging.NOTSET:
                _PACKAGE_LOGGER.setLevel(logging.INFO)
            # Our log files silence logging's handler of last resort, so the console is up to us.
            if not logging.getLogger().handlers and not _PACKAGE_LOGGER.handlers:
                self._handler = ConsoleHandler()
                _PACKAGE_LOGGER.addHandler(self._handler)

    def leave(self) -> None:
        """Stop showing messages; the last run to leave removes the console and restores logging."""
        with self._lock:
            self._users -= 1
            if self._users > 0:
                return
            _PACKAGE_LOGGER.setLevel(self._level_before)
            if self._handler is not None:
                _PACKAGE_LOGGER.removeHandler(self._handler)
                self._handler = None

    def renew_after_fork(self) -> None:
        """Replace the lock: a thread of the parent process may hold it."""
        self._lock = threading.Lock()


CONSOLE = SharedConsole()
os.register_at_fork(after_in_child=CONSOLE.renew_after_fork)


def plain_message(message: str) -> str:
    """Return a message with its emoji put into plain words.

    Example:
        >>> plain_message("❌ TensorBoard setup failed: disk full")
        'error: TensorBoard setup failed: disk full'
    """
    for emoji, words in _PLAIN_WORDS.items():
        message = message.replace(emoji, words)
    return message
