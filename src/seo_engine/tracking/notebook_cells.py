"""Cells of IPython: its memory of earlier outputs does not keep a tracker open whose variable is bound anew."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable
from typing import Any

# What IPython remembers of outputs, as attributes of the shell's display hook.
_NEWEST_OUTPUTS = ("_", "__", "___")

_watched_shells: weakref.WeakSet[Any] = weakref.WeakSet()


def watch_cells(trackers: Iterable[Any]) -> None:
    """Look after each cell which trackers have lost their variable; do nothing outside of IPython.

    Such a tracker ends as any that nothing refers to: running a cell again does not leave a run behind.

    Args:
        trackers (Iterable[Any]): Those that are open, whenever this is iterated over.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or shell in _watched_shells:
        return
    _watched_shells.add(shell)
    had_variable: weakref.WeakSet[Any] = weakref.WeakSet()

    def after_cell(*result: object) -> None:
        for tracker in list(trackers):
            if _has_variable(shell.user_ns, tracker):
                had_variable.add(tracker)
            elif tracker in had_variable:
                _forget_output(shell, tracker)

    shell.events.register("post_run_cell", after_cell)


def _has_variable(names: dict[str, Any], value: object) -> bool:
    return any(each is value for name, each in list(names.items()) if not name.startswith("_"))


def _forget_output(shell: Any, value: object) -> None:
    """Remove a value from what IPython remembers of outputs."""
    for memory in (shell.user_ns, shell.user_ns_hidden, shell.user_ns.get("Out", {})):
        for name in [name for name, each in list(memory.items()) if each is value]:
            del memory[name]
    for name in _NEWEST_OUTPUTS:
        if getattr(shell.displayhook, name, None) is value:
            setattr(shell.displayhook, name, None)
