"""Classes of samples: as numbers, or by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seo_engine.tracking.payloads.arrays import as_host_array
from seo_engine.tracking.records.kind import described, plain_text

# So that a record fits into a line.
MOST_CLASSES = 1_000

# Of numpy's arrays that hold texts, or objects that may be texts.
_TEXT_KINDS = ("U", "O", "T")


def checked_names(class_names: Any) -> list[str] | None:
    """Return the names of classes without secrets; None if there are none.

    Raises:
        TypeError: If they are not a list.
        ValueError: If they are too many, or not all different.
    """
    if class_names is None:
        return None
    if hasattr(class_names, "tolist"):
        class_names = class_names.tolist()
    if isinstance(class_names, str) or not isinstance(class_names, Sequence):
        raise TypeError(f"class_names must be a list of names, got {described(class_names)}")
    if len(class_names) > MOST_CLASSES:
        raise ValueError(f"class_names must be at most {MOST_CLASSES:,}, got {len(class_names):,}")
    if len(set(map(str, class_names))) < len(class_names):
        raise ValueError("class_names must all be different")
    return [plain_text(name) for name in class_names]


def class_numbers(classes: Any, what: str, names: Sequence[Any] | None, most_bytes: int) -> Any:
    """Return the number of the class of each sample.

    Args:
        classes (Any): Numbers, or, if the classes have names, names.
        what (str): What they are called in an error.
        names (Sequence[Any] | None): The names of the classes, as they were given.
        most_bytes (int): How large they may be.

    Returns:
        numpy.ndarray: One int64 for each sample.

    Raises:
        TypeError: If they are neither.
        ValueError: If there are none, or a name is not among the names.
    """
    import numpy

    if hasattr(classes, "tolist") and getattr(getattr(classes, "dtype", None), "kind", "") in _TEXT_KINDS:
        classes = classes.tolist()
    if isinstance(classes, list | tuple) and any(isinstance(each, str) for each in classes):
        numbers = {name: number for number, name in enumerate(() if names is None else names)}
        unknown = [each for each in classes if each not in numbers]
        if unknown:
            raise ValueError(f"{what} must be numbers, or names in class_names, got {described(unknown[0])}")
        classes = [numbers[each] for each in classes]
    array = as_host_array(classes, what, most_bytes)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or not array.size:
        raise ValueError(f"{what} must be one class for each sample, got the shape {array.shape}")
    whole = array.astype("int64") if numpy.isfinite(array).all() else array
    if not (whole == array).all() or whole.min() < 0:
        raise ValueError(f"{what} must be numbers of classes, from 0 on")
    return whole
