"""Whose load a metric of the machine is: that of this process, or of what processes share."""

from __future__ import annotations

import re

# With a number, or the beginning of a UUID.
_GPU = r"gpu_([0-9a-f]+_)?"

_OF_THE_MACHINE = re.compile(
    r"system_(cpu|memory)_usage_percent|disk_(read|write)_mb_per_second|network_(received|sent)_mb_per_second|"
    rf"{_GPU}(utilization_percent|memory_used_mb|power_watts|temperature_celsius)"
)
_OF_THE_PROCESS = re.compile(r"cpu_usage_percent|memory_usage_mb|gpu_(peak_)?memory_(allocated|reserved)_mb")
_MAIN_OF_A_GPU = re.compile(rf"{_GPU}(utilization_percent|memory_used_mb|memory_allocated_mb)")


def is_of_machine(name: str) -> bool:
    """Return whether `SystemMetrics` reads a metric for the whole machine, or for a GPU: each process reads the same.

    Example:
        >>> [is_of_machine(name) for name in ("system_cpu_usage_percent", "gpu_3_power_watts", "cpu_usage_percent")]
        [True, True, False]
    """
    return _OF_THE_MACHINE.fullmatch(name) is not None


def is_of_process(name: str) -> bool:
    """Return whether `SystemMetrics` reads a metric for this process alone.

    Example:
        >>> [is_of_process(name) for name in ("cpu_usage_percent", "gpu_memory_allocated_mb", "gpu_memory_used_mb")]
        [True, True, False]
    """
    return _OF_THE_PROCESS.fullmatch(name) is not None


def is_main_of_a_gpu(name: str) -> bool:
    """Return whether a metric of a GPU belongs to its load.

    Example:
        >>> is_main_of_a_gpu("gpu_3_memory_used_mb"), is_main_of_a_gpu("gpu_3_power_watts")
        (True, False)
    """
    return _MAIN_OF_A_GPU.fullmatch(name) is not None
