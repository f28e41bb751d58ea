"""Data loaders: how many processes load, also where something else is wrapped around the loader."""

from __future__ import annotations

from typing import TypedDict

# What wrappers call the loader within: tqdm, accelerate and Lightning, ours, decorators.
_WITHIN = ("iterable", "dataloader", "base_dataloader", "loader", "_loader", "batches", "__wrapped__")
_MOST_WRAPPERS = 10


class LoaderDescription(TypedDict):
    """What recommendations about data loading are based on."""

    workers: int | None


def describe_loader(loader: object) -> LoaderDescription:
    """Return what is known about a data loader.

    Args:
        loader (object): torch's DataLoader, or a wrapper of it, such as `tqdm` or `enumerate`. Through a generator
            function, `zip` or `itertools`, nothing is seen.

    Returns:
        LoaderDescription: How many processes load its data; None if that is not known.

    Example:
        >>> describe_loader([1.0, 2.0])
        {'workers': None}
    """
    try:
        workers = _workers(loader)
    except Exception:  # whatever the loader is, the training must continue
        workers = None
    return {"workers": workers}


def _workers(loader: object) -> int | None:
    for _ in range(_MOST_WRAPPERS):
        # An iterator of a loader, which `enumerate` holds, has the second one.
        for name in ("num_workers", "_num_workers"):
            workers = getattr(loader, name, None)
            if isinstance(workers, int):
                return workers
        if isinstance(loader, enumerate):
            # The only way to what it numbers.
            loader = loader.__reduce__()[1][0]
        else:
            loader = next((within for name in _WITHIN if (within := getattr(loader, name, None)) is not None), None)
    return None
