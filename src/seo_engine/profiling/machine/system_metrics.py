"""System metrics: CPU, memory, disks, network and GPUs of the process and its machine."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable

import psutil

from seo_engine.profiling.machine.container import ControlGroups
from seo_engine.profiling.machine.metric_names import is_main_of_a_gpu
from seo_engine.profiling.machine.missing_metrics import MissingMetrics
from seo_engine.profiling.machine.nvml import GPUMetrics
from seo_engine.profiling.machine.process_memory import process_memory_bytes
from seo_engine.profiling.machine.transfer_rates import disk_rates, network_rates

logger = logging.getLogger(__name__)


class SystemMetrics:
    """Reads the metrics of the process and its machine; cheap enough to call once a second.

    A metric that cannot be read is left out, and logged once at debug level. Use one object per thread.

    Args:
        only_main (bool): Whether to read only processor and memory of process and machine, and load and memory of GPUs.
        control_groups (ControlGroups): Where limits stand: in a container, the machine is what the container may use.
        names_devices (bool): Whether the names of GPU metrics have the number of the device on the machine, which is
            the same in every process.

    Example:
        >>> sorted(SystemMetrics().read())[:2]
        ['cpu_usage_percent', 'memory_usage_mb']
    """

    def __init__(
        self,
        only_main: bool = False,
        control_groups: ControlGroups = ControlGroups(),  # noqa: B008
        names_devices: bool = False,
    ) -> None:
        self._only_main = only_main
        # A disk or network that never moved says nothing.
        self._moved: set[str] = set()
        self._missing = MissingMetrics(logger)
        self._sources: dict[str, Callable[[], dict[str, float]]] = {
            "CPU of the process": _ProcessCPU().read,
            "memory of the process": _process_memory,
            "CPU of the machine": _MachineCPU(control_groups).read,
            "memory of the machine": _MachineMemory(control_groups).read,
            **({} if only_main else {"disk rates": disk_rates().read, "network rates": network_rates().read}),
            "GPU memory of torch": _torch_memory,
            "GPU metrics": GPUMetrics(names_devices).read,
        }
        # CPU load is measured from here on, so that the first reading has it.
        for name in ("CPU of the process", "CPU of the machine"):
            self._read_source(name)

    def read(self) -> dict[str, float]:
        """Return the current metrics; never raises.

        Rates and CPU load are means since the last reading; 1 MB is 10^6 bytes.

        Returns:
            dict[str, float]: `cpu_usage_percent` (this process, in percent of one core), `memory_usage_mb` (resident,
            this process); `system_cpu_usage_percent` (of all cores) and `system_memory_usage_percent`, both of what the
            container may use, if that is less; from the second reading on, and once there was any traffic,
            `disk_read_mb_per_second`, `disk_write_mb_per_second`, `network_received_mb_per_second`,
            `network_sent_mb_per_second` (the machine's hardware, without loopback); if torch uses CUDA, summed over all
            GPUs, `gpu_memory_allocated_mb`, `gpu_memory_reserved_mb`, `gpu_peak_memory_allocated_mb`; and what
            `GPUMetrics` reads from each GPU.

        Example:
            >>> SystemMetrics().read()["memory_usage_mb"] > 1
            True
        """
        metrics: dict[str, float] = {}
        for name in self._sources:
            metrics.update(self._read_source(name))
        return {name: value for name, value in metrics.items() if self._is_wanted(name, value)}

    def _is_wanted(self, name: str, value: float) -> bool:
        if name.endswith("_mb_per_second"):
            if value:
                self._moved.add(name)
            return name in self._moved
        return not self._only_main or not name.startswith("gpu_") or is_main_of_a_gpu(name)

    def _read_source(self, name: str) -> dict[str, float]:
        try:
            return self._sources[name]()
        except Exception as error:
            self._missing.explain(name, error)
            return {}


class _ProcessCPU:
    def __init__(self) -> None:
        self._process_id = 0
        self._moment = self._busy = 0.0

    def read(self) -> dict[str, float]:
        process_id, moment, busy = os.getpid(), time.monotonic(), time.process_time()
        # A forked process starts at zero again.
        same_process = process_id == self._process_id
        elapsed, used = moment - self._moment, busy - self._busy
        self._process_id, self._moment, self._busy = process_id, moment, busy
        return {"cpu_usage_percent": 100 * used / elapsed} if same_process and elapsed > 0 else {}


class _MachineCPU:
    """Computed from CPU times: psutil's own percentages start over in each thread, and share their last reading."""

    def __init__(self, control_groups: ControlGroups) -> None:
        self._control_groups = control_groups
        self._last: tuple[float, float] | None = None
        self._last_of_container: tuple[float, float] | None = None

    def read(self) -> dict[str, float]:
        limit = self._control_groups.processors()
        if limit is None or limit.used_seconds is None or limit.processors >= (os.cpu_count() or 1):
            self._last_of_container = None
            return self._read_machine()
        moment, last = time.monotonic(), self._last_of_container
        self._last_of_container = (moment, limit.used_seconds)
        if last is None or moment <= last[0]:
            return {}
        return _system_cpu((limit.used_seconds - last[1]) / (moment - last[0]) / limit.processors)

    def _read_machine(self) -> dict[str, float]:
        of_each = psutil.cpu_times(percpu=True)
        numbers = self._control_groups.processor_numbers()
        if numbers is not None and max(numbers) < len(of_each):
            of_each = [of_each[number] for number in numbers]
        # Linux counts the time of guests in that of users as well.
        total = sum(sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0) for times in of_each)
        idle = sum(times.idle + getattr(times, "iowait", 0.0) for times in of_each)
        last, self._last = self._last, (total, idle)
        # Between two readings within one system tick, 10 ms, the counters do not change.
        if last is None or total <= last[0]:
            return {}
        # The time spent waiting for disks may decrease a little, according to the kernel's documentation.
        return _system_cpu(1 - (idle - last[1]) / (total - last[0]))


def _system_cpu(busy_share: float) -> dict[str, float]:
    return {"system_cpu_usage_percent": 100 * min(max(busy_share, 0.0), 1.0)}


class _MachineMemory:
    def __init__(self, control_groups: ControlGroups) -> None:
        self._control_groups = control_groups

    def read(self) -> dict[str, float]:
        machine, container = psutil.virtual_memory(), self._control_groups.memory()
        # A limit beyond the machine's memory is none: in the first version, no limit is written as a huge one.
        percent = machine.percent if container is None or container.limit >= machine.total else container.percent
        return {"system_memory_usage_percent": float(percent)}


def _process_memory() -> dict[str, float]:
    return {"memory_usage_mb": process_memory_bytes() / 1e6}


def _torch_memory() -> dict[str, float]:
    # Looked up, not imported: a process that has not loaded torch has no torch memory to report.
    torch = sys.modules.get("torch")
    # is_available() would start CUDA, and a forked process could then not use it.
    if torch is None or not torch.cuda.is_initialized():
        return {}
    # Of every GPU: each thread has its own current GPU, and this thread's need not be the training's.
    statistics = [torch.cuda.memory_stats(gpu) for gpu in range(torch.cuda.device_count())]
    return {
        name: sum(each.get(key, 0) for each in statistics) / 1e6
        for name, key in (
            ("gpu_memory_allocated_mb", "allocated_bytes.all.current"),
            ("gpu_memory_reserved_mb", "reserved_bytes.all.current"),
            ("gpu_peak_memory_allocated_mb", "allocated_bytes.all.peak"),
        )
    }


def processor_load() -> Callable[[], dict[str, float]]:
    """Return a function that reads `system_cpu_usage_percent` alone, since it was last called; it may raise.

    Example:
        >>> processor_load()().keys() <= {"system_cpu_usage_percent"}
        True
    """
    return _MachineCPU(ControlGroups()).read
