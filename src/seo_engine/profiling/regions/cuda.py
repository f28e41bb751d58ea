"""GPU memory and GPU time as torch reports them, read only if CUDA is already in use."""

from __future__ import annotations

import logging
import sys
from typing import Any

from seo_engine.profiling.statistics.operation_statistics import GPU_ALLOCATED, GPU_PEAK, GPU_RESERVED

logger = logging.getLogger(__name__)

# Reading GPU memory takes tens of microseconds, so it is read only in regions that take hundreds of times as long.
GPU_MEMORY_SECONDS = 0.02


def cuda_in_use() -> Any:
    """Return `torch.cuda` if this process uses it already, else None; nothing is imported or initialized."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    try:
        return cuda if cuda is not None and cuda.is_initialized() else None
    except Exception:  # torch is only partly imported
        return None


def gpu_clock() -> Any:
    """Return `torch.cuda` if events may be recorded and queried now, else None.

    During the capture of a CUDA graph they may not, and a query from any thread would break the capture. So only the
    timed code calls this, which can tell, and never a background thread.
    """
    cuda = cuda_in_use()
    try:
        return None if cuda is None or cuda.is_current_stream_capturing() else cuda
    except Exception as error:
        warn_once("GPU time", error)
        return None


def read_gpu_memory() -> dict[str, int]:
    """Return the memory of torch's allocator on the current GPU, in bytes by kind; empty if no GPU is in use."""
    cuda = cuda_in_use()
    if cuda is None:
        return {}
    try:
        statistics = cuda.memory_stats_as_nested_dict()
        allocated, reserved = statistics["allocated_bytes"]["all"], statistics["reserved_bytes"]["all"]
        return {
            GPU_ALLOCATED: allocated["current"],
            GPU_RESERVED: reserved["current"],
            GPU_PEAK: allocated["peak"],
        }
    except Exception as error:
        warn_once("GPU memory", error)
        return {}


def record_event() -> Any:
    """Record a CUDA event in the current stream, and return it; None if no GPU is in use."""
    cuda = gpu_clock()
    if cuda is None:
        return None
    try:
        event = cuda.Event(enable_timing=True)
        event.record()
    except Exception as error:
        warn_once("GPU time", error)
        return None
    return event


_said: set[str] = set()


def warn_once(subject: str, error: Exception) -> None:
    """Warn, the first time, that something cannot be profiled."""
    if subject not in _said:
        _said.add(subject)
        logger.warning("⚠️ %s cannot be profiled: %s", subject, error)
