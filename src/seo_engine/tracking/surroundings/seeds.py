"""The random seeds of a training, as far as its libraries tell them."""

from __future__ import annotations

import os
import sys
from typing import Any

# torch's generator has it until somebody chooses another.
# Source: https://github.com/pytorch/pytorch/blob/main/c10/core/GeneratorImpl.h, default_rng_seed_val
_TORCH_DEFAULT = 67280421310721

# Where a program says its seed to the processes that it starts.
_VARIABLES = ("PYTHONHASHSEED", "PL_GLOBAL_SEED")


def read_seeds() -> dict[str, int | str]:
    """Return the seeds of the libraries that are imported.

    torch keeps its seed. NumPy keeps none: it is known only until the first number is drawn. Python's `random` never
    tells its own.

    Returns:
        dict[str, int | str]: By library or variable; those that nobody has chosen are left out.
    """
    seeds: dict[str, int | str] = {name: value for name in _VARIABLES if (value := os.environ.get(name, "")).isdigit()}
    for name, read in (("torch", _torch_seed), ("numpy", _numpy_seed)):
        library = sys.modules.get(name)
        try:
            seed = read(library) if library is not None else None
        except Exception:  # the training may be importing it at this moment
            seed = None
        if seed is not None:
            seeds[name] = seed
    return seeds


def _torch_seed(torch: Any) -> int | None:
    seed = int(torch.initial_seed())
    return None if seed == _TORCH_DEFAULT else seed


def _numpy_seed(numpy: Any) -> int | None:
    """Return the seed of NumPy's global generator, if a generator with that seed is in the same state."""
    state = numpy.random.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        return None
    # The first number of the state is the seed, until numbers are drawn.
    seed = int(state["state"]["key"][0])
    fresh = numpy.random.RandomState(seed).get_state(legacy=False)["state"]
    same = state["state"]["pos"] == fresh["pos"] and (state["state"]["key"] == fresh["key"]).all()
    return seed if same else None
