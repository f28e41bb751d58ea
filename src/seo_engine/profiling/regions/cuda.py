"""The GPU as torch shows it: its memory and its clock, asked for only where CUDA is in use already."""

from __future__ import annotations

import logging
import sys
from typing import Any

from seo_engine.profiling.statistics.operation_statistics import GPU_ALLOCATED, GPU_PEAK, GPU_RESERVED

logger = logging.getLogger(__name__)

# Reading the GPU's memory takes tens of microseconds: only regions that last hundreds of times as long pay for it.
GPU_MEMORY_SECONDS = 0.02


def cuda_in_use() -> Any:
    """Return `torch.cuda` if this process uses it already, else None; nothing is imported or initialised."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    try:
        return cuda if cuda is not None and cuda.is_initialized() else None
    except Exception:  # a torch that is half imported
        return None


def gpu_clock() -> Any:
    """Return `torch.cuda` if events may be recorded and asked for now; None without a GPU in use.

    While a CUDA graph is captured they may not, and asking for one from any thread would spoil the capture. So it is
    the timed code that asks, which knows, and never a thread in the background.
    """
    cuda = cuda_in_use()
    try:
        return None if cuda is None or cuda.is_current_stream_capturing() else cuda
    except Exception as error:
        warn_once("GPU time", error)
        return None


def read_gpu_memory() -> dict[str, int]:
    """Return the memory of torch's allocator on the current GPU by its kind, in bytes; nothing without one in use."""
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
    """Return a CUDA event put into the current stream, which the GPU passes later; None without a GPU in use."""
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
    """Warn of something that cannot be profiled, the first time."""
    if subject not in _said:
        _said.add(subject)
        logger.warning("⚠️ %s cannot be profiled: %s", subject, error)
