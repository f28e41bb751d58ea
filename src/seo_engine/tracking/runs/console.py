"""The console of a run: messages on standard error, while nobody else has set up logging."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading

_PACKAGE_LOGGER = logging.getLogger("seo_engine")

# What the emojis of the message style say, for a console that is no terminal.
_PLAIN_WORDS = {"✅ ": "", "⚠️ ": "warning: ", "❌ ": "error: "}


class ConsoleHandler(logging.Handler):
    """Shows messages on standard error: with their emojis on a terminal, in plain words elsewhere.

    Standard error is looked up at each message, because a progress bar may stand in for it meanwhile.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        if sys.stderr is None:
            return
        # Closed, redirected to a full disk, or replaced by an object of the user's that can hardly more than write:
        # that must not end whoever has something to say.
        with contextlib.suppress(Exception):
            message = self.format(record)
            on_terminal = getattr(sys.stderr, "isatty", bool)()
            print(message if on_terminal else plain_message(message), file=sys.stderr, flush=True)


class SharedConsole:
    """The console of all open runs of this process, while nobody else has set one up, and the level of messages."""

    def __init__(self) -> None:
        self._users = 0
        self._handler: ConsoleHandler | None = None
        self._level_before = logging.NOTSET
        self._lock = threading.Lock()

    def join(self) -> None:
        """Show messages; the first run that joins begins it."""
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            self._level_before = _PACKAGE_LOGGER.level
            if _PACKAGE_LOGGER.level == logging.NOTSET:
                _PACKAGE_LOGGER.setLevel(logging.INFO)
            # With a handler of ours attached, logging's own last resort is silent; so the console is ours to serve.
            if not logging.getLogger().handlers and not _PACKAGE_LOGGER.handlers:
                self._handler = ConsoleHandler()
                _PACKAGE_LOGGER.addHandler(self._handler)

    def leave(self) -> None:
        """Need it no more; the last run that leaves ends it, and leaves logging as it was."""
        with self._lock:
            self._users -= 1
            if self._users > 0:
                return
            _PACKAGE_LOGGER.setLevel(self._level_before)
            if self._handler is not None:
                _PACKAGE_LOGGER.removeHandler(self._handler)
                self._handler = None

    def renew_after_fork(self) -> None:
        """Have a lock that no thread of the parent process holds."""
        self._lock = threading.Lock()


CONSOLE = SharedConsole()
os.register_at_fork(after_in_child=CONSOLE.renew_after_fork)


def plain_message(message: str) -> str:
    """Return a message of the house's style in plain words, without its emoji.

    Example:
        >>> plain_message("❌ TensorBoard setup failed: disk full")
        'error: TensorBoard setup failed: disk full'
    """
    for emoji, words in _PLAIN_WORDS.items():
        message = message.replace(emoji, words)
    return message
