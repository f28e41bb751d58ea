"""Arrays and tensors of any library as numpy arrays in the memory of this machine, ready to be appended."""

from __future__ import annotations

from typing import Any

from seo_engine.tracking.payloads.payload import ITEM_BYTES, Payload, check_size

# By the code that numpy gives at once, while it makes the name each time: `|u1`, `<f4`.
_TYPES = {f"{'b' if name == 'bool' else name[0]}{size}": name for name, size in ITEM_BYTES.items()}


def as_host_array(value: Any, what: str, most_bytes: int) -> Any:
    """Return an array or tensor as a numpy array, without a copy where it is in the memory of this machine.

    Args:
        value (Any): An array of numpy, or what can be seen as one: a tensor of torch on any device, of JAX, a series,
            lists of numbers.
        what (str): What it is called in an error.
        most_bytes (int): How large it may be.

    Returns:
        numpy.ndarray: With elements of a type in `ITEM_BYTES`.

    Raises:
        TypeError: If it is no array, or one of other elements.
        ValueError: If it is lists of different lengths.
        PayloadTooLargeError: If it is larger; it is not copied first.

    Example:
        >>> as_host_array(memoryview(b"abc"), "image", 100).tolist()
        [97, 98, 99]
    """
    # Whoever has an array has numpy.
    import numpy

    if isinstance(value, list | tuple | range):
        value = _of_list(value, what)
    if isinstance(size := getattr(value, "nbytes", None), int):
        check_size(size, most_bytes)
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        value = value.numpy()
    elif not hasattr(value, "__array__") and not hasattr(value, "__array_interface__"):
        try:
            value = memoryview(value)
        except TypeError:
            raise TypeError(f"{what} must be an array, got a value of type {type(value).__name__}") from None
    array = numpy.asarray(value)
    # The usual types first: numpy makes the name of a type each time.
    if array.dtype.str[1:] not in _TYPES and array.dtype.name == "bfloat16":
        array = array.astype("float32")
    if array.dtype.str[1:] not in _TYPES:
        raise TypeError(f"{what} must hold numbers, got elements of type {array.dtype.name}")
    return array


def _of_list(values: Any, what: str) -> Any:
    import numpy

    # Numbers on a device, or whose gradient is followed.
    plain = [value.item() if hasattr(value, "detach") and value.ndim == 0 else value for value in values]
    try:
        return numpy.asarray(plain)
    except ValueError:
        raise ValueError(f"{what} must be lists of equal length") from None


def array_payload(array: Any, encoding: str, rate: float = 0.0) -> Payload:
    """Return an array as a payload; it is copied only if its elements are not one after the other.

    Args:
        array (numpy.ndarray): As `as_host_array` returns it; not empty.
        encoding (str): A name in `ENCODINGS`.
        rate (float): Of sound and video, how many samples or frames there are in a second.
    """
    import numpy

    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    array = numpy.ascontiguousarray(array)
    data = memoryview(array.reshape(-1).view(numpy.uint8))
    return Payload(data, encoding, array.shape, _TYPES[array.dtype.str[1:]], rate)


def as_finite_float32(array: Any, what: str) -> Any:
    """Return numbers as 32-bit floats.

    Args:
        array (numpy.ndarray): As `as_host_array` returns it.
        what (str): What it is called in an error.

    Raises:
        ValueError: If one is not finite, or does not fit.
    """
    import numpy

    with numpy.errstate(over="ignore"):
        plain = array.astype("float32", copy=False)
    if count := count_not_finite(plain):
        raise ValueError(f"{what} must be finite, also as 32-bit floats, got {count} numbers that are not")
    return plain


def require_finite(array: Any, rule: str) -> None:
    """Refuse numbers that are NaN or infinite.

    Args:
        array (numpy.ndarray): Of any type in `ITEM_BYTES`.
        rule (str): What they must be, such as `image must have finite pixels`.

    Raises:
        ValueError: If there are any.
    """
    if count := count_not_finite(array):
        raise ValueError(f"{rule}, got {count} that are NaN or infinite")


def count_not_finite(array: Any) -> int:
    """Return how many elements are NaN or infinite.

    Args:
        array (numpy.ndarray): Of any type in `ITEM_BYTES`.
    """
    import numpy

    if array.dtype.kind != "f":
        return 0
    finite = numpy.isfinite(array)
    return 0 if finite.all() else int(array.size - numpy.count_nonzero(finite))
