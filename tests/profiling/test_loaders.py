"""How many workers a loader has, seen through what is wrapped around it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from accelerate import Accelerator
from torch.utils.data import DataLoader
from tqdm import tqdm

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.loaders import describe_loader
from seo_engine.profiling.steps.training_steps import samples_in


class Wrapper:
    """As people write them."""

    def __init__(self, name: str, loader: object) -> None:
        setattr(self, name, loader)


class Endless:
    """Wraps itself."""

    def __init__(self) -> None:
        self.loader = self


class Unwilling:
    """Raises when it is asked."""

    @property
    def num_workers(self) -> int:
        raise RuntimeError("not yet")


def bar(loader: Iterable[Any]) -> Any:
    return tqdm(loader, file=sys.stderr, disable=None)


def generator(loader: Iterable[Any]) -> Iterator[Any]:
    yield from loader


@pytest.mark.parametrize(
    "wrap, seen",
    [
        (lambda loader: loader, True),
        (bar, True),
        (enumerate, True),
        (iter, True),
        (lambda loader: bar(enumerate(loader)), True),
        (lambda loader: CodeProfiler().profile_steps(loader), True),
        (lambda loader: bar(CodeProfiler().profile_steps(bar(loader))), True),
        (lambda loader: Accelerator(cpu=True).prepare(loader), True),
        *[(lambda loader, name=name: Wrapper(name, loader), True) for name in ("dataloader", "loader", "__wrapped__")],
        (generator, False),
        (lambda loader: zip(loader, loader, strict=True), False),
        (lambda loader: itertools.islice(loader, 3), False),
        (lambda loader: Endless(), False),
        (lambda loader: Unwilling(), False),
        (lambda loader: [1, 2], False),
    ],
)
def test_workers_are_seen_through_wrappers(wrap: Any, seen: bool) -> None:
    loader = DataLoader([1.0] * 8, batch_size=2, num_workers=0)
    assert describe_loader(wrap(loader)) == {"workers": 0 if seen else None}


def test_samples_are_those_of_the_batch_that_enumerate_numbers() -> None:
    loader = DataLoader([1.0] * 8, batch_size=4)
    assert [samples_in(batch) for batch in enumerate(loader)] == [4, 4]
