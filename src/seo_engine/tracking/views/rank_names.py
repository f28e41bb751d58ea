"""Under which names the views show what each of several ranks logs."""

from __future__ import annotations

import re
from collections.abc import Collection

from seo_engine.profiling.machine.metric_names import is_of_machine, is_of_process
from seo_engine.tracking.journal.lines import Record

# A journal that somebody sent may name any rank.
MOST_RANKS = 10_000

_PERFORMANCE = "performance"
_GROUP = f"{_PERFORMANCE}/"

_LONGEST_HOST = 64
_NOT_IN_HOSTS = re.compile(r"[^A-Za-z0-9._-]")


def rank_prefix(rank: int) -> str:
    """Return what the names of a rank begin with.

    Example:
        >>> rank_prefix(3)
        'rank_3/'
    """
    return f"rank_{rank}/"


def host_name(host: object) -> str:
    """Return a host as it stands in names; a journal that somebody sent may hold anything.

    Example:
        >>> host_name("node-7.example"), host_name("a/b"), host_name(None)
        ('node-7.example', 'a_b', 'host')
    """
    name = host[:_LONGEST_HOST] if isinstance(host, str) else ""
    return _NOT_IN_HOSTS.sub("_", name) or "host"


def is_shared_by_ranks(kind: str, name: str) -> bool:
    """Return whether a metric is of a host or of one of its GPUs: all ranks there measure the same.

    Args:
        kind (str): The kind of its record.
        name (str): Its full name.

    Example:
        >>> is_shared_by_ranks("performance", "performance/system_cpu_usage_percent")
        True
    """
    return kind == _PERFORMANCE and name.startswith(_GROUP) and is_of_machine(name.removeprefix(_GROUP))


def is_of_one_rank(kind: str, name: str) -> bool:
    """Return whether a metric is a measurement of the rank's own process, which each takes in its own time.

    Args:
        kind (str): The kind of its record.
        name (str): Its full name.

    Example:
        >>> is_of_one_rank("performance", "performance/memory_usage_mb"), is_of_one_rank("training", "training/loss")
        (True, False)
    """
    return kind == _PERFORMANCE and name.startswith(_GROUP) and is_of_process(name.removeprefix(_GROUP))


def names_in(record: Record) -> list[str]:
    """Return the names of all metrics of a record."""
    return [*record["metrics"], *record.get("nonfinite", {})]


def with_only(record: Record, names: Collection[str]) -> Record:
    """Return a record of metrics with only some of them.

    Args:
        record (Record): Of metrics.
        names (Collection[str]): Which.

    Example:
        >>> with_only({"kind": "training", "metrics": {"a": 1.0, "b": 2.0}}, ["b"])
        {'kind': 'training', 'metrics': {'b': 2.0}}
    """
    if len(names) == len(names_in(record)):
        return record
    return record | {
        part: {name: value for name, value in record[part].items() if name in names}
        for part in ("metrics", "nonfinite")
        if part in record
    }


class SharedMetrics:
    """Gives each metric of a host to one of its ranks, so that no curve has the points of two.

    Example:
        >>> shared = SharedMetrics()
        >>> shared.begin(0, "node-7"), shared.begin(1, "node-7")
        (None, None)
        >>> shared.name_of(0, "performance/gpu_0_power_watts"), shared.name_of(1, "performance/gpu_0_power_watts")
        ('performance/node-7/gpu_0_power_watts', None)
        >>> shared.end(0)
        >>> shared.name_of(1, "performance/gpu_0_power_watts")
        'performance/node-7/gpu_0_power_watts'
    """

    def __init__(self) -> None:
        self._hosts: dict[int, str] = {}
        self._owners: dict[str, int] = {}

    def begin(self, rank: int, host: object) -> None:
        """Note on which host a rank is.

        Args:
            rank (int): The rank.
            host (object): The host, as its record has it.
        """
        self.end(rank)
        self._hosts[rank] = host_name(host)

    def end(self, rank: int) -> None:
        """Note that a rank measures nothing any more."""
        self._owners = {name: owner for name, owner in self._owners.items() if owner != rank}

    def name_of(self, rank: int, name: str) -> str | None:
        """Return under which name a rank's measurement is shown; None if another rank's is.

        Args:
            rank (int): The rank.
            name (str): The name of a metric for which `is_shared_by_ranks` is true.
        """
        shown = f"{_GROUP}{self._hosts.get(rank, host_name(None))}/{name.removeprefix(_GROUP)}"
        return shown if self._owners.setdefault(shown, rank) == rank else None
