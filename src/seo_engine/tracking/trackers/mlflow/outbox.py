"""Outbox: metrics, parameters and tags on their way to an MLflow run, in as few requests as possible."""

from __future__ import annotations

import importlib
import itertools
import logging
import math
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from seo_engine.foundation.texts import one_line

logger = logging.getLogger(__name__)

# One request takes 1,000 things, and of them no more than 100 parameters, or tags.
MOST_METRICS = 999
MOST_VALUES = 100

# Every MLflow 3 takes values of this length.
LONGEST_PARAMETER = 6_000
LONGEST_TAG = 5_000

MOST_SAID = 1_000

# The tag that says which record is the newest that the run holds.
DELIVERED = "seo_engine.delivered"

_CUT = " …"


class Outbox:
    """Collects what a run is to hold, and sends it. What the run holds already is not sent again.

    The number of the newest record goes along as a tag, which MLflow writes last. If this process is killed between
    the two, the same points are sent once more: a database takes them once, as they are the same down to their time.
    Any other store is asked which of them it holds.

    Args:
        client (Any): The `MlflowClient`.
        run (Any): The MLflow run, as the client has just read it.
        asks_for_points (bool): Whether the store may keep a point twice.
    """

    def __init__(self, client: Any, run: Any, *, asks_for_points: bool) -> None:
        self._entities: Any = importlib.import_module("mlflow.entities")
        self._client = client
        self._run_id = run.info.run_id
        # As the run has them.
        self._parameters: dict[str, str] = dict(run.data.params)
        self._tags: dict[str, str] = dict(run.data.tags)
        held = self._tags.get(DELIVERED, "")
        self.delivered = int(held) if held.isdecimal() else 0
        self._number = self.delivered
        self._points: deque[tuple[int, Any]] = deque()
        self._new_parameters: dict[str, str] = {}
        self._new_tags: dict[str, str] = {}
        # A request that was on its way when this run was left held no more points.
        self._doubtful = MOST_METRICS if asks_for_points and run.data.metrics else 0
        self._held_points: dict[str, set[tuple[int, int, str]]] = {}
        self._said_refused: set[str] = set()
        self._said_changed = False

    @property
    def is_full(self) -> bool:
        """bool: Whether there is enough for a request."""
        return len(self._points) >= MOST_METRICS

    def tag(self, name: str) -> str | None:
        """Return the value of a tag, as it will be."""
        return self._new_tags.get(name, self._tags.get(name))

    def add_point(self, name: str, value: float, step: int, time: float, number: int) -> None:
        """Add a point of a metric; of a record that the run holds, nothing is added.

        Args:
            name (str): A name that MLflow takes.
            value (float): The value.
            step (int): Its step.
            time (float): In seconds since 1970.
            number (int): Number of the record.
        """
        if number > self.delivered:
            milliseconds = max(0, int(time * 1000))
            self._points.append((number, self._entities.Metric(name, float(value), milliseconds, step)))

    def set_parameter(self, name: str, value: str) -> None:
        """Set a parameter. MLflow lets nobody change one: the first value stays.

        Args:
            name (str): A name that MLflow takes.
            value (str): Its value; of a long one the end is cut.
        """
        value = _cut(value, LONGEST_PARAMETER)
        held = self._new_parameters.get(name, self._parameters.get(name))
        if held is None:
            self._new_parameters[name] = value
        elif held != value and not self._said_changed:
            self._said_changed = True
            logger.warning(
                "⚠️ MLflow lets no parameter change: %s stays %s there; hyperparameters.json has the newest values",
                name,
                one_line(held)[:50],
            )

    def set_tag(self, name: str, value: str) -> None:
        """Set a tag; of a long value the end is cut."""
        value = _cut(value, LONGEST_TAG)
        if self.tag(name) != value:
            self._new_tags[name] = value

    def complete(self, number: int) -> None:
        """Note that all of a record is in here, or is with the run.

        Args:
            number (int): Number of the record.
        """
        self._number = max(self._number, number)

    def send(self) -> None:
        """Send everything.

        Raises:
            Exception: Whatever MLflow raises if the store does not take it now.
        """
        make_parameter, make_tag = self._entities.Param, self._entities.RunTag
        self._send_values(self._new_parameters, self._parameters, make_parameter)
        self._send_values(self._new_tags, self._tags, make_tag)
        while self._points or self._number > self.delivered:
            points = list(itertools.islice(self._points, MOST_METRICS))
            # Of the last record in a request, more points may follow in the next one.
            number = self._number if len(points) == len(self._points) else points[-1][0] - 1
            self._log([*self._unheld([point for _, point in points]), make_tag(DELIVERED, str(number))])
            for _ in points:
                self._points.popleft()
            self.delivered = number

    def _send_values(self, new: dict[str, str], held: dict[str, str], make: Callable[[str, str], Any]) -> None:
        while new:
            some = dict(itertools.islice(new.items(), MOST_VALUES))
            self._log([make(name, value) for name, value in some.items()])
            held |= some
            for name in some:
                del new[name]

    def _log(self, things: Sequence[Any]) -> None:
        """Send some in one request; of what the store refuses, whatever else it takes."""
        of_type = {
            each: [thing for thing in things if isinstance(thing, each)]
            for each in (self._entities.Metric, self._entities.Param, self._entities.RunTag)
        }
        refusal: type[Exception] = importlib.import_module("mlflow.exceptions").MlflowException
        try:
            self._client.log_batch(self._run_id, *of_type.values(), synchronous=True)
        except refusal as error:
            if getattr(error, "error_code", "") != "INVALID_PARAMETER_VALUE":
                raise
            if len(things) == 1:
                self._leave_out(things[0].key, error)
                return
            middle = len(things) // 2
            self._log(things[:middle])
            self._log(things[middle:])

    def _leave_out(self, name: str, error: Exception) -> None:
        if self._client.get_run(self._run_id).info.lifecycle_stage != "active":
            raise error
        if len(self._said_refused) < MOST_SAID and name not in self._said_refused:
            self._said_refused.add(name)
            logger.warning("⚠️ MLflow does not take %s: %s", name, one_line(error)[:300])

    def _unheld(self, points: list[Any]) -> list[Any]:
        """Return those points that the run does not hold yet."""
        if self._doubtful <= 0:
            return points
        self._doubtful -= len(points)
        for name in {point.key for point in points} - self._held_points.keys():
            history = self._client.get_metric_history(self._run_id, name)
            self._held_points[name] = {_identity(point) for point in history}
        unheld = [point for point in points if _identity(point) not in self._held_points[point.key]]
        if self._doubtful <= 0:
            self._held_points.clear()
        return unheld


def _identity(point: Any) -> tuple[int, int, str]:
    # As text, in which one NaN is like another; a database has the largest number in the place of infinity.
    value = min(max(point.value, -sys.float_info.max), sys.float_info.max) if math.isinf(point.value) else point.value
    return point.timestamp, point.step, repr(float(value))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT
