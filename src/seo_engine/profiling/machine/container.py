"""The limits of the container, or of any other control group of Linux, that holds this process: cgroup v1 and v2."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple


class MemoryLimit(NamedTuple):
    """How much memory the processes of a group may use, and do use, in bytes.

    Cached files that the kernel can drop at once do not count as used.
    """

    limit: int
    used: int

    @property
    def percent(self) -> float:
        """float: The used share."""
        return 100 * self.used / self.limit


class ProcessorLimit(NamedTuple):
    """How many processors the processes of a group may keep busy, and their processor time so far, if known."""

    processors: float
    used_seconds: float | None


class ControlGroups:
    """The groups that hold this process, from its own outwards. Limits of any of them hold, so the smallest counts.

    A container sees its own group as the outermost. Everything is read anew each time, because limits may be changed.

    Args:
        root (Path): The root of the file system.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> for name, text in (("proc/self/cgroup", "0::/"), ("sys/fs/cgroup/cpu.max", "150000 100000")):
        ...     (root / name).parent.mkdir(parents=True)
        ...     _ = (root / name).write_text(text)
        >>> ControlGroups(root).processors()
        ProcessorLimit(processors=1.5, used_seconds=None)
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._memberships = root / "proc" / "self" / "cgroup"
        self._mounts = root / "sys" / "fs" / "cgroup"

    def memory(self) -> MemoryLimit | None:
        """Return the smallest limit of memory; None if there is no limit, or it cannot be read."""
        limits = []
        for group in self._groups("memory"):
            limit = _number(group, "memory.max", "memory.limit_in_bytes")
            used = _number(group, "memory.current", "memory.usage_in_bytes")
            if limit and used is not None:
                statistics = _fields(group, "memory.stat")
                # In the first version, only the names with `total_` include the groups within this one.
                cached = statistics.get("total_inactive_file", statistics.get("inactive_file", 0))
                limits.append(MemoryLimit(limit, max(0, used - cached)))
        return min(limits, default=None)

    def processors(self) -> ProcessorLimit | None:
        """Return the smallest limit of processor time; None if there is no limit, or it cannot be read."""
        limits = []
        for group in self._groups("cpu"):
            written_apart = f"{_text(group, 'cpu.cfs_quota_us')} {_text(group, 'cpu.cfs_period_us')}"
            quota, _, period = (_text(group, "cpu.max") or written_apart).partition(" ")
            # Without a limit the quota is `max` or, in the first version, -1.
            if quota.isdecimal() and period.isdecimal() and int(period):
                limits.append(ProcessorLimit(int(quota) / int(period), _used_seconds(group)))
        return min(limits, key=lambda limit: limit.processors, default=None)

    def processor_numbers(self) -> set[int] | None:
        """Return the numbers of the processors on which this process may run; None if that cannot be read."""
        for group in self._groups("cpuset"):
            for name in ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"):
                with contextlib.suppress(ValueError):
                    if numbers := _ranges(_text(group, name)):
                        return numbers
        return None

    def _groups(self, controller: str) -> Iterator[Path]:
        """Yield the folders of the groups that control something, such as `memory`, from the innermost outwards."""
        mount, group = None, "/"
        for line in _text(self._memberships.parent, self._memberships.name).splitlines():
            _, _, membership = line.partition(":")
            controllers, is_complete, path = membership.partition(":")
            if not is_complete:
                continue
            if controller in controllers.split(","):
                together = self._mounts / controllers
                mount, group = together if together.is_dir() else self._mounts / controller, path
                break
            if not controllers:
                mount, group = self._mounts, path
        if mount is None:
            return
        # The path may be one of the host, which a container cannot see: then only the mount itself holds files.
        inner = PurePosixPath(group.lstrip("/"))
        if ".." not in inner.parts:
            for each in (inner, *inner.parents)[: len(inner.parts)]:
                yield mount / each
        yield mount


def _used_seconds(group: Path) -> float | None:
    microseconds = _fields(group, "cpu.stat").get("usage_usec")
    if microseconds is not None:
        return microseconds / 1e6
    nanoseconds = _number(group, "cpuacct.usage")
    return None if nanoseconds is None else nanoseconds / 1e9


def _text(group: Path, name: str) -> str:
    try:
        return (group / name).read_text(encoding="ascii").strip()
    except (OSError, ValueError):  # there is no such group, file or limit
        return ""


def _number(group: Path, *names: str) -> int | None:
    """Return the number in the first of these files that holds one."""
    return next((int(text) for name in names if (text := _text(group, name)).isdecimal()), None)


def _fields(group: Path, name: str) -> dict[str, int]:
    lines = [line.split() for line in _text(group, name).splitlines()]
    return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdecimal()}


def _ranges(text: str) -> set[int]:
    """Return the numbers in a list such as `0-3,7`."""
    numbers: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers
