"""Limits of containers, from made-up file systems as both versions of Linux's control groups show them."""

from __future__ import annotations

import os
from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from seo_engine.profiling.machine import system_metrics
from seo_engine.profiling.machine.container import ControlGroups, MemoryLimit, ProcessorLimit
from seo_engine.profiling.machine.system_metrics import SystemMetrics
from seo_engine.profiling.reports.measurements import usable_processors

GROUPS = "sys/fs/cgroup"


def control_groups(root: Path, memberships: str, files: Mapping[str, str]) -> ControlGroups:
    written = {"proc/self/cgroup": memberships} | {f"{GROUPS}/{name}": text for name, text in files.items()}
    for name, text in written.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return ControlGroups(root)


def test_a_container_of_the_second_version_sees_its_limits_at_the_root_of_the_mount(tmp_path: Path) -> None:
    groups = control_groups(
        tmp_path,
        "0::/",
        {
            "memory.max": "1000",
            "memory.current": "700",
            "memory.stat": "anon 100\ninactive_file 300\nactive_file 5",
            "cpu.max": "250000 100000",
            "cpu.stat": "usage_usec 4000000\nuser_usec 1",
            "cpuset.cpus.effective": "0-2,8",
        },
    )
    assert groups.memory() == MemoryLimit(1000, 400)
    assert groups.processors() == ProcessorLimit(2.5, 4.0)
    assert groups.processor_numbers() == {0, 1, 2, 8}


def test_the_smallest_limit_from_the_own_group_outwards_counts(tmp_path: Path) -> None:
    groups = control_groups(
        tmp_path,
        "0::/kube/pod/container",
        {
            "kube/memory.max": "5000",
            "kube/memory.current": "10",
            "kube/pod/memory.max": "2000",
            "kube/pod/memory.current": "1500",
            "kube/pod/container/memory.max": "max",
            "kube/pod/container/memory.current": "20",
            "kube/cpu.max": "100000 100000",
            "kube/pod/cpu.max": "max 100000",
            "kube/pod/container/cpu.max": "200000 100000",
            "other/memory.max": "1",
            "other/memory.current": "1",
        },
    )
    assert groups.memory() == MemoryLimit(2000, 1500)
    assert groups.processors() == ProcessorLimit(1.0, None)


def test_a_container_of_the_first_version_has_limits_though_its_path_is_the_host_s(tmp_path: Path) -> None:
    groups = control_groups(
        tmp_path,
        "12:cpuset:/docker/abc\n5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/system.slice",
        {
            "memory/memory.limit_in_bytes": "4000",
            "memory/memory.usage_in_bytes": "3000",
            "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 1000",
            "cpu,cpuacct/cpu.cfs_quota_us": "50000",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
            "cpu,cpuacct/cpuacct.usage": "7000000000",
            "cpuset/cpuset.cpus": "3",
            "unified/cgroup.procs": "1",
        },
    )
    assert groups.memory() == MemoryLimit(4000, 2000)
    assert groups.processors() == ProcessorLimit(0.5, 7.0)
    assert groups.processor_numbers() == {3}


@pytest.mark.parametrize(
    ("memberships", "files"),
    [
        ("0::/user.slice", {"user.slice/memory.max": "max", "user.slice/memory.current": "1", "cpu.max": "max 100000"}),
        ("4:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}),
        ("0::/../elsewhere", {"../../sys/fs/elsewhere/cpu.max": "100000 100000"}),
        ("no groups", {}),
        ("", {"cpu.max": "100000 100000"}),
        ("0::/", {"cpu.max": "nonsense", "memory.max": "¼", "memory.current": "", "cpuset.cpus.effective": "a-b"}),
        ("0::/", {"cpu.max": "100000 0", "memory.max": "0", "memory.current": "0"}),
    ],
)
def test_without_limits_or_with_unreadable_ones_there_is_none(
    tmp_path: Path, memberships: str, files: dict[str, str]
) -> None:
    groups = control_groups(tmp_path, memberships, files)
    assert (groups.memory(), groups.processors(), groups.processor_numbers()) == (None, None, None)
    assert usable_processors(groups) == usable_processors(ControlGroups(tmp_path / "nowhere"))


def test_a_system_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    groups = ControlGroups(tmp_path)
    assert (groups.memory(), groups.processors(), groups.processor_numbers()) == (None, None, None)


@pytest.mark.parametrize(("quota", "expected"), [("150000", 2), ("20000", 1), ("6400000", 8)])
def test_a_quota_bounds_the_processors_that_advice_counts_on(
    tmp_path: Path, quota: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert usable_processors(control_groups(tmp_path, "0::/", {"cpu.max": f"{quota} 100000"})) == expected


def test_shares_of_the_machine_are_shares_of_what_the_container_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=lambda: 0.0, process_time=lambda: 0.0)
    monkeypatch.setattr(system_metrics, "time", clock)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    files = {"memory.max": "1000000", "memory.current": "250000", "cpu.max": "200000 100000"}
    groups = control_groups(tmp_path, "0::/", files | {"cpu.stat": "usage_usec 0"})
    metrics = SystemMetrics(control_groups=groups)
    (tmp_path / GROUPS / "cpu.stat").write_text("usage_usec 5000000")
    clock.monotonic = lambda: 10.0
    reading = metrics.read()
    assert (reading["system_cpu_usage_percent"], reading["system_memory_usage_percent"]) == (25, 25)


def test_the_load_is_that_of_the_processors_on_which_the_container_may_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = namedtuple("times", "user idle")
    readings = iter([[times(0, 0)] * 4, [times(0, 10), times(10, 0), times(5, 5), times(0, 10)]])
    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: next(readings))
    groups = control_groups(tmp_path, "0::/", {"cpuset.cpus.effective": "1-2"})
    assert SystemMetrics(control_groups=groups).read()["system_cpu_usage_percent"] == 75


def test_a_limit_beyond_the_memory_of_the_machine_is_none(tmp_path: Path) -> None:
    files = {"memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": "1"}
    metrics = SystemMetrics(control_groups=control_groups(tmp_path, "5:memory:/", files))
    assert metrics.read()["system_memory_usage_percent"] > 1e-6
