"""Regions in code that `torch.compile` traces: nothing of them is in the graph, and nothing breaks it.

What a region does when it is entered and left cannot be traced. torch itself says how a function can have another one
traced in its place: by an attribute. So torch need not be imported here, and code that is not compiled pays nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

FunctionType = TypeVar("FunctionType", bound=Callable[..., Any])


def traced_as(stand_in: Callable[..., Any]) -> Callable[[FunctionType], FunctionType]:
    """Have `torch.compile` trace another function in place of the decorated one.

    Args:
        stand_in (Callable): Called with the same arguments.

    Returns:
        Callable: A decorator, which returns the same function.
    """

    def mark(function: FunctionType) -> FunctionType:
        function.__dict__["_torchdynamo_inline"] = stand_in
        return function

    return mark


def no_region(*_: Any, **__: Any) -> contextlib.nullcontext[None]:
    """Return what stands for a region in compiled code."""
    # The only context manager that does nothing and within which torch can end a graph, for example at a `print`.
    return contextlib.nullcontext()
