"""The hooks of a Trainer's callback: each acts once for an event, and none raises into the training."""

from __future__ import annotations

import functools
import logging
import weakref
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from typing import Any, Self, TypeVar, cast

from transformers import TrainerCallback

logger = logging.getLogger(__name__)

Hook = TypeVar("Hook", bound=Callable[..., None])

# A Trainer calls these once, before any other.
_BEGINNINGS = ("on_init_end", "on_train_begin")

# What no copy gets.
_OF_ONE_TRAINER = frozenset({"_begun", "_times_added", "_calls", "_control", "_first", "_failed"})


def hook(method: Hook) -> Hook:
    """Wrap a hook: it acts once for an event, and what fails in it is reported, not raised."""
    event = method.__name__

    @functools.wraps(method)
    def called(self: TrainerHooks, args: Any, state: Any, control: Any, *others: Any, **named: Any) -> None:
        try:
            if not self._is_repeated(event, state) and self._acts_for_its_run(control):
                method(self, args, state, control, *others, **named)
        except Exception as error:
            if self._is_to_raise(error):
                raise
            self._say_failed(event, error)

    return cast(Hook, called)


class TrainerHooks(TrainerCallback, ABC):
    """A callback that may be added to a Trainer more than once, itself or others with the same run."""

    def __init__(self) -> None:
        # The event and the state with which a Trainer is beginning, and how often this callback was called for it.
        self._begun: tuple[str, Any] | None = None
        self._times_added = 1
        self._calls: Counter[str] = Counter()
        # Only by this can callbacks of one Trainer recognise each other.
        self._control: weakref.ref[Any] | None = None
        self._first: weakref.ref[TrainerHooks] | None = None
        self._failed: set[str] = set()
        _callbacks.add(self)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _OF_ONE_TRAINER}

    @hook
    def on_init_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Do nothing: the hook itself notes how often the Trainer has this callback."""

    @abstractmethod
    def _has_run_of(self, other: Self) -> bool:
        """Return whether another callback logs to the same run."""

    def _join(self, first: Self) -> None:
        """Take over what the callback has that acts instead of this one."""

    def _is_to_raise(self, error: Exception) -> bool:
        return False

    def _is_repeated(self, event: str, state: Any) -> bool:
        """Return whether this callback was called for the same event before, because it was added again."""
        if event in _BEGINNINGS:
            if self._begun is not None and self._begun[0] == event and self._begun[1] is state:
                self._times_added += 1
                return True
            self._begun, self._times_added, self._calls = (event, state), 1, Counter()
            return False
        # What begins again with the same state, because the memory was too small for its batches, is a new beginning.
        self._begun = None
        if self._times_added == 1:
            return False
        self._calls[event] += 1
        return self._calls[event] % self._times_added != 1

    def _acts_for_its_run(self, control: Any) -> bool:
        """Return whether no callback before this one logs to the same run."""
        if self._control is None or self._control() is not control:
            self._control = weakref.ref(control)
            self._first = next((weakref.ref(other) for other in list(_callbacks) if self._comes_after(other)), None)
        first = self._first() if self._first is not None else None
        if first is not None:
            self._join(first)
        return first is None

    def _comes_after(self, other: TrainerHooks) -> bool:
        assert self._control is not None
        return (
            other is not self
            and other._control is not None
            and other._control() is self._control()
            and other._first is None
            and type(other) is type(self)
            and self._has_run_of(other)
        )

    def _say_failed(self, event: str, error: Exception) -> None:
        level = logging.DEBUG if event in self._failed else logging.WARNING
        self._failed.add(event)
        logger.log(level, "⚠️ Tracking failed in %s; the training continues: %s: %s", event, type(error).__name__, error)


_callbacks: weakref.WeakSet[TrainerHooks] = weakref.WeakSet()
