from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from seo_engine.profiling.machine import process_memory, transfer_rates
from seo_engine.profiling.machine.metric_names import is_of_machine
from seo_engine.profiling.machine.process_memory import process_memory_bytes
from seo_engine.profiling.machine.system_metrics import SystemMetrics
from seo_engine.profiling.machine.transfer_rates import TransferRates, network_rates

ALWAYS = {"cpu_usage_percent", "memory_usage_mb", "system_memory_usage_percent"}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(autouse=True)
def no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    # None is how Python marks a module that is not to be found.
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def run_program(program: str) -> str:
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def burn_processor_time(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


# ---- the process and its machine


def test_importing_loads_no_heavy_library() -> None:
    run_program(
        "import sys, seo_engine.profiling.machine.system_metrics\n"
        "assert not {'torch', 'wandb', 'pynvml'} & sys.modules.keys(), sys.modules.keys()"
    )


def test_processor_time_is_that_of_this_process_since_the_last_reading() -> None:
    metrics = SystemMetrics()
    start = time.monotonic()
    metrics.read()
    burn_processor_time(0.1)
    reading = metrics.read()
    elapsed_at_most = time.monotonic() - start
    assert reading.keys() >= ALWAYS | {"system_cpu_usage_percent"}
    # However busy the machine is: at least 0.1 s were used in at most this time.
    assert reading["cpu_usage_percent"] >= 100 * 0.1 / elapsed_at_most
    assert 0 < reading["system_cpu_usage_percent"] <= 100
    assert 0 < reading["system_memory_usage_percent"] <= 100


def test_a_reading_in_another_thread_has_the_load_since_the_last_one() -> None:
    metrics = SystemMetrics()
    readings: list[dict[str, float]] = []
    burn_processor_time(0.1)
    thread = threading.Thread(target=lambda: readings.append(metrics.read()))
    thread.start()
    thread.join()
    assert readings[0]["cpu_usage_percent"] > 0 and readings[0]["system_cpu_usage_percent"] > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_measures_itself() -> None:
    program = """
import os, time
from seo_engine.profiling.machine.system_metrics import SystemMetrics
from seo_engine.profiling.machine.process_memory import process_memory_bytes
metrics = SystemMetrics()
metrics.read()
before = process_memory_bytes()
child = os.fork()
if child == 0:
    assert "cpu_usage_percent" not in metrics.read()
    assert metrics.read()["cpu_usage_percent"] >= 0
    at_first = process_memory_bytes()
    ballast = b"x" * 50_000_000
    assert process_memory_bytes() - at_first > 45e6, (at_first, process_memory_bytes())
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0
assert abs(process_memory_bytes() - before) < 20e6
"""
    run_program(program)


def test_memory_is_the_resident_memory_of_this_process() -> None:
    program = """
import psutil
from seo_engine.profiling.machine.system_metrics import SystemMetrics
from seo_engine.profiling.machine.process_memory import process_memory_bytes
metrics = SystemMetrics()
before, metric_before = process_memory_bytes(), metrics.read()["memory_usage_mb"]
ballast = b"x" * 50_000_000
after, metric_after = process_memory_bytes(), metrics.read()["memory_usage_mb"]
assert 48e6 < after - before < 80e6, (before, after)
assert 45 < metric_after - metric_before < 80, (metric_before, metric_after)
assert abs(after - psutil.Process().memory_info().rss) < 10e6
"""
    run_program(program)


def test_memory_without_linux_is_what_psutil_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_memory, "_memory_source", None)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert abs(process_memory_bytes() - psutil.Process().memory_info().rss) < 10e6
    assert process_memory._memory_source is not None and process_memory._memory_source[1] is None


@LINUX
def test_memory_is_right_after_all_descriptors_were_closed_and_their_numbers_given_to_others() -> None:
    program = """
import os, psutil, tempfile
from seo_engine.profiling.machine.process_memory import process_memory_bytes
def right():
    return abs(process_memory_bytes() - psutil.Process().memory_info().rss) < 10e6
assert right()
os.closerange(3, 100)
with tempfile.TemporaryFile() as strange:
    strange.write(b"1 2 3")
    strange.flush()
    assert strange.fileno() == 3
    assert right() and right()
    strange.seek(0)
    assert strange.read() == b"1 2 3"
    count = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        process_memory_bytes()
    assert len(os.listdir("/proc/self/fd")) == count
"""
    run_program(program)


# ---- rates


def test_writing_a_file_is_seen_in_the_disks_write_rate(tmp_path: Path) -> None:
    def bytes_written() -> int:
        counters = psutil.disk_io_counters(nowrap=False)
        return counters.write_bytes if counters else 0

    metrics = SystemMetrics()
    assert not any(name.endswith("per_second") for name in metrics.read())
    before = bytes_written()
    with (tmp_path / "ballast").open("wb") as file:
        file.write(os.urandom(8_000_000))
        file.flush()
        os.fsync(file.fileno())
    written = bytes_written() - before
    reading = metrics.read()
    if not written:
        pytest.skip("there is no disk with counters behind the tests' folder")
    assert reading["disk_write_mb_per_second"] > 0


def test_network_rates_are_there_where_the_system_counts() -> None:
    rates = network_rates()
    rates.read()
    if not any(not name.startswith("lo") for name in psutil.net_io_counters(pernic=True)):
        pytest.skip("there is no network interface")
    reading = rates.read()
    assert reading["network_received_mb_per_second"] >= 0 and reading["network_sent_mb_per_second"] >= 0


def test_a_rate_is_left_out_until_something_has_moved_and_there_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    readings: list[dict[str, float]] = [{}, *({"disk_read_mb_per_second": rate} for rate in (0.0, 2.0, 0.0))]
    rates = iter(readings)
    metrics = SystemMetrics()
    monkeypatch.setitem(metrics._sources, "disk rates", lambda: next(rates))
    monkeypatch.setitem(metrics._sources, "network rates", dict)
    assert [metrics.read().get("disk_read_mb_per_second") for _ in range(4)] == [None, None, 2.0, 0.0]


def test_only_the_main_metrics_are_read_if_no_more_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = SystemMetrics(only_main=True)
    names = ("gpu_utilization_percent", "gpu_memory_used_mb", "gpu_power_watts", "gpu_1_temperature_celsius")
    monkeypatch.setitem(metrics._sources, "GPU metrics", lambda: dict.fromkeys(names, 1.0))
    assert set(metrics.read()) <= {
        "cpu_usage_percent", "memory_usage_mb", "system_cpu_usage_percent", "system_memory_usage_percent",
        "gpu_utilization_percent", "gpu_memory_used_mb",
    }  # fmt: skip
    assert {"memory_usage_mb", "gpu_memory_used_mb"} <= set(metrics.read())


@pytest.mark.parametrize(
    ("before", "now", "rates"),
    [
        ({"sda": (0, 0)}, {"sda": (6_000_000, 2_000_000)}, {"in": 3.0, "out": 1.0}),
        ({"sda": (0, 0), "sdb": (5, 5)}, {"sda": (6_000_000, 0), "sdb": (2_000_005, 5)}, {"in": 4.0, "out": 0.0}),
        ({"sda": (0, 0)}, {"sda": (0, 4_000_000), "new": (9_000_000, 9_000_000)}, {"in": 0.0, "out": 2.0}),
        ({"sda": (0, 0), "gone": (9, 9)}, {"sda": (2_000_000, 0)}, {"in": 1.0, "out": 0.0}),
        ({"sda": (2**32 - 1, 0)}, {"sda": (5, 9)}, {}),
        ({"sda": (5, 5), "sdb": (5, 5)}, {"sda": (9, 9), "sdb": (9, 4)}, {}),
        ({}, {}, {}),
        ({"gone": (1, 1)}, {"new": (2, 2)}, {}),
    ],
)
def test_rates_are_what_known_devices_have_moved_a_second(
    before: dict[str, Any], now: dict[str, Any], rates: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    readings, moments = iter([before, now]), iter([100.0, 102.0])
    monkeypatch.setattr(transfer_rates, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    reader = TransferRates("in", "out", lambda: next(readings))
    assert reader.read() == {}
    assert reader.read() == rates


def test_only_hardware_is_counted_where_the_system_tells_it_from_what_lies_above(tmp_path: Path) -> None:
    for name in ("sda/device", "cciss!c0d0/device", "dm-0", "loop0"):
        (tmp_path / name).mkdir(parents=True)
    hardware = transfer_rates._Hardware(str(tmp_path))
    names = ["sda", "sda1", "cciss/c0d0", "dm-0", "loop0"]
    assert hardware.only(dict.fromkeys(names, (0, 0))).keys() == {"sda", "cciss/c0d0"}
    # As in a container, where none is hardware.
    assert hardware.only({"eth0": (0, 0)}).keys() == {"eth0"}


def test_loopback_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = {"bytes_recv": 0}

    def net_io_counters(**options: bool) -> dict[str, Any]:
        counted["bytes_recv"] += 1_000_000
        loopback = SimpleNamespace(bytes_recv=counted["bytes_recv"], bytes_sent=0)
        still = SimpleNamespace(bytes_recv=0, bytes_sent=0)
        return {"lo": loopback, "lo0": loopback, "Loopback Pseudo-Interface 1": loopback, "Local Area": still}

    monkeypatch.setattr(psutil, "net_io_counters", net_io_counters)
    rates = network_rates()
    rates.read()
    assert rates.read() == {"network_received_mb_per_second": 0.0, "network_sent_mb_per_second": 0.0}


# ---- what cannot be read

FAILURES = [
    ("psutil.cpu_times", PermissionError("/proc/stat"), "system_cpu_usage_percent"),
    ("psutil.virtual_memory", FileNotFoundError("/proc/meminfo"), "system_memory_usage_percent"),
    ("psutil.disk_io_counters", NotImplementedError("no /proc/diskstats"), "disk_read_mb_per_second"),
    ("psutil.net_io_counters", psutil.AccessDenied(1), "network_sent_mb_per_second"),
    ("seo_engine.profiling.machine.system_metrics.process_memory_bytes", psutil.AccessDenied(1), "memory_usage_mb"),
]


@pytest.mark.parametrize(("function", "error", "missing"), FAILURES)
def test_a_failing_source_leaves_out_its_own_metrics_and_says_so_once(
    function: str,
    error: Exception,
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    caplog.set_level(logging.DEBUG, "seo_engine.profiling.machine.system_metrics")
    monkeypatch.setattr(function, fail)
    metrics = SystemMetrics()
    for _ in range(3):
        reading = metrics.read()
        assert missing not in reading and reading.keys() >= ALWAYS - {missing}
    said = [record for record in caplog.records if type(error).__name__ in record.getMessage()]
    assert len(said) == 1 and said[0].levelno == logging.DEBUG


# ---- torch, whose GPU this machine need not have


def stand_in_torch(initialized: bool) -> SimpleNamespace:
    statistics = {
        "allocated_bytes.all.current": 1_000_000,
        "allocated_bytes.all.peak": 3_000_000,
        "reserved_bytes.all.current": 2_000_000,
    }
    # The second GPU has never been used: torch then returns nothing for it.
    cuda = SimpleNamespace(
        is_initialized=lambda: initialized, device_count=lambda: 2, memory_stats=lambda gpu: {} if gpu else statistics
    )
    return SimpleNamespace(cuda=cuda)


def test_gpu_memory_of_torch_is_there_once_cuda_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = SystemMetrics()
    monkeypatch.setitem(sys.modules, "torch", stand_in_torch(initialized=True))
    reading = metrics.read()
    assert reading["gpu_memory_allocated_mb"] == 1
    assert reading["gpu_memory_reserved_mb"] == 2
    assert reading["gpu_peak_memory_allocated_mb"] == 3


@pytest.mark.parametrize("torch", [stand_in_torch(initialized=False), SimpleNamespace()], ids=["unused", "half loaded"])
def test_torch_without_cuda_in_use_has_no_gpu_memory(torch: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch)
    reading = SystemMetrics().read()
    assert reading.keys() >= ALWAYS and not any("gpu_memory" in name for name in reading)


# ---- NVML, whose GPUs this machine need not have

UUIDS = ("GPU-aaaa1111", "GPU-aabb2222", "GPU-cccc3333")
MEASURED = ("utilization_percent", "memory_used_mb", "power_watts", "temperature_celsius")
Utilization = namedtuple("Utilization", "gpu memory")
Memory = namedtuple("Memory", "total free used")


class NotSupported(Exception):
    pass


class StandInNVML:
    """Answers as pynvml does; `failing` names functions that raise, for all GPUs or for one."""

    NVML_TEMPERATURE_GPU = 0

    def __init__(self, gpus: int, failing: dict[tuple[str, int | None], Exception] | None = None) -> None:
        self.gpus = gpus
        self.failing = failing or {}
        self.starts = 0

    def _answer(self, function: str, gpu: int | None) -> None:
        for key in ((function, gpu), (function, None)):
            if key in self.failing:
                raise self.failing[key]

    def nvmlInit(self) -> None:
        self.starts += 1
        self._answer("nvmlInit", None)

    def nvmlDeviceGetCount(self) -> int:
        self._answer("nvmlDeviceGetCount", None)
        return self.gpus

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._answer("nvmlDeviceGetHandleByIndex", index)
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:
        if uuid != "MIG-dddd4444":
            raise NotSupported("no such GPU")
        return 7

    def nvmlDeviceGetMinorNumber(self, gpu: int) -> int:
        self._answer("nvmlDeviceGetMinorNumber", gpu)
        return 4 + gpu

    def nvmlDeviceGetUUID(self, gpu: int) -> str | bytes:
        self._answer("nvmlDeviceGetUUID", gpu)
        # Versions of the library differ here.
        if gpu == 7:
            return "MIG-dddd4444-5555"
        return UUIDS[gpu].encode() if gpu == 2 else UUIDS[gpu]

    def nvmlDeviceGetUtilizationRates(self, gpu: int) -> Utilization:
        self._answer("nvmlDeviceGetUtilizationRates", gpu)
        return Utilization(gpu=90 + gpu, memory=1)

    def nvmlDeviceGetMemoryInfo(self, gpu: int) -> Memory:
        self._answer("nvmlDeviceGetMemoryInfo", gpu)
        return Memory(total=80_000_000_000, free=0, used=2_500_000 + gpu)

    def nvmlDeviceGetPowerUsage(self, gpu: int) -> int:
        self._answer("nvmlDeviceGetPowerUsage", gpu)
        return 350_000 + 1000 * gpu

    def nvmlDeviceGetTemperature(self, gpu: int, sensor: int) -> int:
        assert sensor == self.NVML_TEMPERATURE_GPU
        self._answer("nvmlDeviceGetTemperature", gpu)
        return 60 + gpu


@pytest.fixture
def debug_lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "seo_engine.profiling.machine.nvml")
    return caplog


def use_nvml(monkeypatch: pytest.MonkeyPatch, nvml: StandInNVML) -> StandInNVML:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    return nvml


def gpu_part(reading: dict[str, float]) -> dict[str, float]:
    assert reading.keys() >= ALWAYS
    return {name: value for name, value in reading.items() if name.startswith("gpu_")}


def test_one_gpu_has_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    use_nvml(monkeypatch, StandInNVML(1))
    assert gpu_part(SystemMetrics().read()) == {
        "gpu_utilization_percent": 90,
        "gpu_memory_used_mb": 2.5,
        "gpu_power_watts": 350,
        "gpu_temperature_celsius": 60,
    }


@pytest.mark.parametrize(("visible", "devices"), [("1", [5]), ("2,0", [6, 4])])
def test_ranks_that_see_different_gpus_call_each_by_its_device(
    visible: str, devices: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_nvml(monkeypatch, StandInNVML(3))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    reading = gpu_part(SystemMetrics(names_devices=True).read())
    assert reading.keys() == {f"gpu_{device}_{name}" for device in devices for name in MEASURED}
    only_main = SystemMetrics(only_main=True, names_devices=True).read()
    assert {name for name in only_main if name.startswith("gpu_")} == {
        f"gpu_{device}_{name}" for device in devices for name in ("utilization_percent", "memory_used_mb")
    }


@pytest.mark.parametrize(("visible", "name"), [("0", "aaaa1111"), ("MIG-dddd4444", "dddd4444")])
def test_a_gpu_without_a_device_number_is_called_by_its_uuid(
    visible: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_nvml(monkeypatch, StandInNVML(1, {("nvmlDeviceGetMinorNumber", None): NotSupported("MIG")}))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    reading = gpu_part(SystemMetrics(names_devices=True).read())
    assert reading.keys() == {f"gpu_{name}_{each}" for each in MEASURED}
    assert all(is_of_machine(each) for each in reading)


def test_several_gpus_are_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    use_nvml(monkeypatch, StandInNVML(2))
    reading = gpu_part(SystemMetrics().read())
    assert reading.keys() == {f"gpu_{number}_{name}" for number in (0, 1) for name in MEASURED}
    assert (reading["gpu_0_power_watts"], reading["gpu_1_power_watts"]) == (350, 351)


@pytest.mark.parametrize(
    ("visible", "temperatures"),
    [
        ("1", {"": 61}),
        ("2, 0", {"0_": 62, "1_": 60}),
        ("GPU-cccc3333", {"": 62}),
        ("GPU-aab,GPU-c", {"0_": 61, "1_": 62}),
        ("MIG-dddd4444", {"": 67}),
        ("", {}),
        ("-1", {}),
        ("NoDevFiles", {}),
        ("1,3,0", {"": 61}),
        ("1,-1,0", {"": 61}),
        ("GPU-aa", {}),
        ("0,MIG-unknown,1", {"": 60}),
        ("0,0", {}),
    ],
)
def test_only_gpus_that_the_process_can_see_are_read(
    visible: str, temperatures: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    use_nvml(monkeypatch, StandInNVML(3))
    reading = gpu_part(SystemMetrics().read())
    found = {name: value for name, value in reading.items() if name.endswith("temperature_celsius")}
    assert found == {f"gpu_{number}temperature_celsius": value for number, value in temperatures.items()}


def test_a_choice_made_after_the_first_reading_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    use_nvml(monkeypatch, StandInNVML(3))
    metrics = SystemMetrics()
    assert "gpu_2_power_watts" in metrics.read()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert metrics.read()["gpu_power_watts"] == 352


def test_what_a_gpu_does_not_support_is_left_out_and_said_once(
    monkeypatch: pytest.MonkeyPatch, debug_lines: pytest.LogCaptureFixture
) -> None:
    use_nvml(monkeypatch, StandInNVML(2, {("nvmlDeviceGetPowerUsage", 1): NotSupported("Not Supported")}))
    metrics = SystemMetrics()
    for _ in range(3):
        reading = gpu_part(metrics.read())
        assert "gpu_1_power_watts" not in reading and len(reading) == 2 * len(MEASURED) - 1
    assert [record.getMessage() for record in debug_lines.records] == [
        "gpu_1_power_watts left out: NotSupported: Not Supported"
    ]


def test_a_gpu_that_is_lost_later_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, debug_lines: pytest.LogCaptureFixture
) -> None:
    nvml = use_nvml(monkeypatch, StandInNVML(2))
    metrics = SystemMetrics()
    assert len(gpu_part(metrics.read())) == 2 * len(MEASURED)
    for function in ("UtilizationRates", "MemoryInfo", "PowerUsage", "Temperature"):
        nvml.failing[f"nvmlDeviceGet{function}", 1] = RuntimeError("GPU is lost")
    for _ in range(3):
        assert gpu_part(metrics.read()).keys() == {f"gpu_0_{name}" for name in MEASURED}
    assert len(debug_lines.records) == len(MEASURED) and nvml.starts == 1


def test_a_gpu_that_is_lost_from_the_start_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = use_nvml(monkeypatch, StandInNVML(3, {("nvmlDeviceGetHandleByIndex", 0): RuntimeError("GPU is lost")}))
    metrics = SystemMetrics()
    assert gpu_part(metrics.read()).keys() == {f"gpu_{number}_{name}" for number in (1, 2) for name in MEASURED}
    nvml.failing["nvmlDeviceGetUUID", 1] = RuntimeError("GPU is lost")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-cccc3333")
    assert metrics.read()["gpu_power_watts"] == 352


@pytest.mark.parametrize("function", ["nvmlInit", "nvmlDeviceGetCount"])
def test_an_nvml_that_does_not_start_is_said_once_and_not_started_again(
    function: str, monkeypatch: pytest.MonkeyPatch, debug_lines: pytest.LogCaptureFixture
) -> None:
    nvml = use_nvml(monkeypatch, StandInNVML(1, {(function, None): OSError("Driver Not Loaded")}))
    metrics = SystemMetrics()
    assert nvml.starts == 0
    for _ in range(3):
        assert gpu_part(metrics.read()) == {}
    assert nvml.starts == 1
    assert [record.getMessage() for record in debug_lines.records] == [
        "GPU metrics left out: OSError: Driver Not Loaded"
    ]


def test_a_missing_nvml_is_looked_for_once(
    monkeypatch: pytest.MonkeyPatch, debug_lines: pytest.LogCaptureFixture
) -> None:
    metrics = SystemMetrics()
    assert gpu_part(metrics.read()) == {}
    nvml = use_nvml(monkeypatch, StandInNVML(1))
    assert gpu_part(metrics.read()) == {} and nvml.starts == 0
    assert len(debug_lines.records) == 1


@pytest.mark.skipif(not Path("/proc/driver/nvidia").exists(), reason="there is no NVIDIA driver")
def test_a_real_gpu_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pynvml")
    pytest.importorskip("pynvml")
    reading = gpu_part(SystemMetrics().read())
    assert reading and all(value >= 0 for value in reading.values())
