"""RecordTaker: what the calls that log hand their arguments to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


class RecordTaker(ABC):
    """Takes what each call is given, and knows the moment to which it belongs if the call does not say it."""

    current_epoch: float = 0
    global_step: int = 0

    @abstractmethod
    def _take(self, kind: str, **arguments: Any) -> None:
        """Take one logged thing.

        Args:
            kind (str): The name of the kind of record.
            **arguments (Any): As the caller gave them.
        """

    def _take_at(self, epoch: float | None, step: int | None, kind: str, **arguments: Any) -> None:
        epoch, step = self._moment(epoch, step)
        self._take(kind, **arguments, epoch=epoch, step=step)

    def _moment(self, epoch: float | None, step: int | None) -> tuple[float, int]:
        return self.current_epoch if epoch is None else epoch, self.global_step if step is None else step


def given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a caller gave: those that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}
