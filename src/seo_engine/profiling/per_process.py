"""What becomes of a profiler in a forked child, in a copy, and in another process."""

from __future__ import annotations

import os
import weakref
from typing import Any

from seo_engine.profiling.recorder import Recorder


class PerProcess:
    """A process has one of each profiler.

    A copy is the profiler itself: a copied model goes on reporting to the profiler of its process. So is what comes
    back from another process. In a process that does not have it, such as a spawned worker, an empty one with the same
    settings begins, because times of one process mean nothing in another; `merge` brings them together. A forked child
    begins anew with the profiler that it has inherited.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._begin()
        _profilers.add(self)

    def _begin(self) -> None:
        """Begin anew: nothing has been measured."""

    def _renew_after_fork(self) -> None:
        self._recorder.renew_after_fork()
        self._begin()

    def __reduce__(self) -> tuple[Any, ...]:
        return _profiler_of_this_process, (type(self), self._recorder)


_profilers: weakref.WeakSet[PerProcess] = weakref.WeakSet()


def _profiler_of_this_process(kind: type[PerProcess], recorder: Recorder) -> PerProcess:
    for profiler in list(_profilers):
        if profiler._recorder is recorder:
            return profiler
    profiler = kind.__new__(kind)
    # Not the constructor of the profiler, which makes a recorder of its own.
    PerProcess.__init__(profiler, recorder)
    return profiler


def _renew_profilers_after_fork() -> None:
    for profiler in list(_profilers):
        profiler._renew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_profilers_after_fork)
