"""Every input of the corpus, findings of earlier fuzzing among them, and some new ones; `make fuzz` makes many more."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing.fuzz import CORPUS
from tests.fuzzing.targets import TARGETS

INPUTS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


def test_every_target_has_inputs_to_begin_with() -> None:
    assert {path.parent.name for path in INPUTS} == TARGETS.keys()


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}_{path.name}")
def test_an_input_of_the_corpus_is_taken(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_changed_inputs_are_taken(name: str, data: st.DataObject) -> None:
    seeds = [path.read_bytes() for path in INPUTS if path.parent.name == name]
    seed = data.draw(st.sampled_from(seeds))
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, len(seed)))
    TARGETS[name](seed[:start] + data.draw(st.binary()) + seed[end:])
