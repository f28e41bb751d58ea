"""The machine that a run ran on: its processors, memory, GPUs and operating system."""

from __future__ import annotations

import importlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seo_engine.profiling.machine.container import ControlGroups


def describe_machine() -> dict[str, Any]:
    """Return what this machine has, and what of it this process may use.

    Returns:
        dict[str, Any]: Names, counts, and sizes in bytes; what cannot be read is left out.
    """
    described: dict[str, Any] = {}
    for name, read in _FACTS.items():
        try:
            value = read()
        except Exception:  # a system hides what it likes, and each library has errors of its own
            continue
        if value not in (None, "", []):
            described[name] = value
    return described | _graphics()


def _physical_cores() -> int | None:
    import psutil

    return psutil.cpu_count(logical=False)


def _usable_threads() -> float | None:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = ControlGroups().processors()
    return min(usable or 0, limit.processors) if limit is not None else usable


def _memory() -> int:
    import psutil

    return psutil.virtual_memory().total


def _usable_memory() -> float | None:
    limit = ControlGroups().memory()
    # A group without a limit of its own may say a huge one.
    return limit.limit if limit is not None and limit.limit < _memory() else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _graphics() -> dict[str, Any]:
    """Return the GPUs of this machine and their driver; nothing where there is none that NVIDIA's library knows."""
    try:
        nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # the library, the driver or the GPU is missing: it raises an error of its own for each
        return {}
    try:
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        return {
            "gpus": [
                {"name": nvml.nvmlDeviceGetName(each), "memory_bytes": nvml.nvmlDeviceGetMemoryInfo(each).total}
                for each in handles
            ],
            "gpu_driver": nvml.nvmlSystemGetDriverVersion(),
        }
    except Exception:  # a GPU that is lost, or that this user may not ask
        return {}
    finally:
        nvml.nvmlShutdown()


_FACTS: dict[str, Callable[[], Any]] = {
    "host": platform.node,
    "system": platform.platform,
    "processor": _processor,
    "cores": _physical_cores,
    "threads": os.cpu_count,
    "usable_threads": _usable_threads,
    "memory_bytes": _memory,
    "usable_memory_bytes": _usable_memory,
}
