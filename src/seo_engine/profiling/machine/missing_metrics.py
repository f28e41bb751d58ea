"""Metrics that cannot be read -> one debug line each."""

from __future__ import annotations

import logging


class MissingMetrics:
    """Logs once why a metric is left out: a machine without GPUs must not log that every second.

    Args:
        logger (logging.Logger): Where to log it, at debug level.

    Example:
        >>> missing = MissingMetrics(logging.getLogger(__name__))
        >>> missing.explain("disk rates", NotImplementedError("no /proc/diskstats"))
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._explained: set[tuple[str, type[Exception]]] = set()

    def explain(self, name: str, error: Exception) -> None:
        """Log that a metric is left out, unless that was logged before.

        Args:
            name (str): The metric, or the source of several.
            error (Exception): The reason; a later error of another class is logged too.
        """
        reason = (name, type(error))
        if reason not in self._explained:
            self._explained.add(reason)
            self._logger.debug("%s left out: %s: %s", name, type(error).__name__, error)
