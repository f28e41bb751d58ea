"""CPU, memory and GPU of the process, as metrics."""

from __future__ import annotations

import sys

import psutil


def process_memory_bytes() -> int:
    """Return the resident memory of this process in bytes."""
    return int(psutil.Process().memory_info().rss)


class SystemMetrics:
    """Reads the load of the process and its machine; cheap enough for once a second.

    Example:
        >>> sorted(SystemMetrics().read())[:2]
        ['cpu_usage_percent', 'memory_usage_mb']
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        # psutil measures from one call to the next; the first has nothing to compare with and returns 0.
        self._process.cpu_percent()

    def read(self) -> dict[str, float]:
        """Return the metrics of this moment.

        Returns:
            dict[str, float]: CPU of the process in percent of one core since the last reading, resident memory in
            MB, memory of the machine in percent; with CUDA in use, allocated and reserved GPU memory in MB.
        """
        metrics = {
            "cpu_usage_percent": float(self._process.cpu_percent()),
            "memory_usage_mb": self._process.memory_info().rss / 1e6,
            "system_memory_usage_percent": float(psutil.virtual_memory().percent),
        }
        # Looked up, not imported: a process that has not loaded torch has no GPU memory of torch's to report.
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
            metrics["gpu_memory_allocated_mb"] = torch.cuda.memory_allocated() / 1e6
            metrics["gpu_memory_reserved_mb"] = torch.cuda.memory_reserved() / 1e6
        return metrics
