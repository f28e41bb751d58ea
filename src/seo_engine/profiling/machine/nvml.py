"""Load, memory, power and temperature of the NVIDIA GPUs that this process can see, read through NVML."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from typing import Any

from seo_engine.profiling.machine.missing_metrics import MissingMetrics

logger = logging.getLogger(__name__)

# Each takes the library and the handle of one GPU.
_READINGS: dict[str, Callable[[Any, Any], float]] = {
    "utilization_percent": lambda nvml, gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu,
    "memory_used_mb": lambda nvml, gpu: nvml.nvmlDeviceGetMemoryInfo(gpu).used / 1e6,
    "power_watts": lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu) / 1e3,
    "temperature_celsius": lambda nvml, gpu: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
}


_BEGINNING_OF_UUID = re.compile(r"(?:GPU|MIG)-([0-9a-f]{8})")


class GPUMetrics:
    """Reads GPU metrics with the extra `gpu`; without it, or without the driver, there is nothing to read.

    NVML is initialized at the first reading, and only tried once. It does not start CUDA, so the process can fork.

    Args:
        names_devices (bool): Whether names always contain the number of the device on the machine, such as that of
            `/dev/nvidia3`, or the beginning of its UUID if it has no number: for processes that see different GPUs.

    Example:
        >>> all(name.startswith("gpu_") for name in GPUMetrics().read())
        True
    """

    def __init__(self, names_devices: bool = False) -> None:
        self._names_devices = names_devices
        self._missing = MissingMetrics(logger)
        self._started = False
        # Imported here, because a thread may do the readings while the training imports too.
        self._nvml = self._import_nvml()
        self._visible: str | None = None
        self._gpus: list[Any] | None = None

    def read(self) -> dict[str, float]:
        """Return the current metrics; never raises.

        Returns:
            dict[str, float]: For each GPU, whichever process uses it: `gpu_utilization_percent` (share of time with
            work), `gpu_memory_used_mb` (10^6 bytes), `gpu_power_watts` and `gpu_temperature_celsius`, if the GPU
            supports them. With several GPUs, the names contain the GPU's CUDA number in this process:
            `gpu_1_power_watts` for `cuda:1`. With `names_devices` they contain the number of the device instead.
        """
        if not self._started:
            self._started = True
            self._start_nvml()
        if self._nvml is None:
            return {}
        metrics = {}
        gpus = self._visible_gpus()
        for number, gpu in enumerate(gpus):
            if gpu is None:
                continue
            prefix = self._prefix(number, gpu, len(gpus))
            for name, reading in _READINGS.items():
                value = self._attempt(prefix + name, reading, self._nvml, gpu)
                if value is not None:
                    metrics[prefix + name] = float(value)
        return metrics

    def _prefix(self, number: int, gpu: Any, count: int) -> str:
        if self._names_devices:
            device = self._attempt("device number of a GPU", self._nvml.nvmlDeviceGetMinorNumber, gpu)
            # A part of a GPU has no number of its own.
            uuid = _BEGINNING_OF_UUID.match(self._uuid(gpu)) if device is None else None
            return f"gpu_{uuid[1] if uuid else number if device is None else device}_"
        return f"gpu_{number}_" if count > 1 else "gpu_"

    def _attempt(self, name: str, reading: Callable[..., Any], *arguments: Any) -> Any:
        """Return NVML's answer, or None if it fails: not supported, the GPU is lost, the driver is gone."""
        try:
            return reading(*arguments)
        except Exception as error:
            self._missing.explain(name, error)
            return None

    def _import_nvml(self) -> Any:
        try:
            import pynvml
        except Exception as error:
            self._missing.explain("GPU metrics", error)
            return None
        return pynvml

    def _start_nvml(self) -> None:
        try:
            if self._nvml is not None:
                self._nvml.nvmlInit()
        except Exception as error:
            self._missing.explain("GPU metrics", error)
            self._nvml = None

    def _visible_gpus(self) -> list[Any]:
        # A script may choose its GPU after tracking starts and before CUDA does.
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if self._gpus is None or visible != self._visible:
            count = self._attempt("GPU metrics", self._nvml.nvmlDeviceGetCount)
            if count is None:
                return []
            self._visible = visible
            self._gpus = self._find_gpus(visible, range(count))
        return self._gpus

    def _find_gpus(self, visible: str | None, indices: range) -> list[Any]:
        handles = [self._attempt(f"GPU {index}", self._nvml.nvmlDeviceGetHandleByIndex, index) for index in indices]
        if visible is None:
            return handles
        found: dict[str, Any] = {}
        for entry in map(str.strip, visible.split(",")):
            if entry in found:
                # CUDA then shows no GPU at all.
                return []
            gpu = self._find_gpu(entry, handles)
            if gpu is None:
                # As in CUDA, GPUs listed after one that does not exist are not visible.
                break
            found[entry] = gpu
        return list(found.values())

    def _find_gpu(self, entry: str, handles: list[Any]) -> Any:
        """Return the handle for one entry of CUDA_VISIBLE_DEVICES, or None."""
        if entry.startswith("MIG-"):
            return self._attempt(entry, self._nvml.nvmlDeviceGetHandleByUUID, entry)
        if entry.startswith("GPU-"):
            # A prefix of the UUID is enough if it matches only one GPU.
            named = [gpu for gpu in handles if gpu is not None and self._uuid(gpu).startswith(entry)]
            return named[0] if len(named) == 1 else None
        # NVML counts by the place on the PCI bus; so does CUDA, unless GPUs of different speed are mixed.
        return handles[int(entry)] if entry.isdecimal() and int(entry) < len(handles) else None

    def _uuid(self, gpu: Any) -> str:
        uuid = self._attempt("UUID of a GPU", self._nvml.nvmlDeviceGetUUID, gpu)
        return uuid.decode() if isinstance(uuid, bytes) else str(uuid)
