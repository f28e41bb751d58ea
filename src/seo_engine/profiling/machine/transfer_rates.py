"""Counters of disks and network interfaces -> MB a second between two readings."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

# Bytes in and out of one device since the machine started.
Counters = tuple[int, int]

_LOOPBACK = re.compile(r"lo\d*|Loopback .*")


class TransferRates:
    """Turns two counters of each device into two rates of the machine.

    Args:
        incoming (str): Name of the rate of the first counter.
        outgoing (str): Name of the rate of the second one.
        read_counters (Callable[[], Mapping[str, Counters]]): Returns bytes in and out by device.

    Example:
        >>> readings = iter([{"sda": (0, 0)}, {"sda": (5_000_000, 0)}])
        >>> rates = TransferRates("in", "out", lambda: next(readings))
        >>> rates.read()
        {}
        >>> sorted(rates.read())
        ['in', 'out']
    """

    def __init__(self, incoming: str, outgoing: str, read_counters: Callable[[], Mapping[str, Counters]]) -> None:
        self._names = (incoming, outgoing)
        self._read_counters = read_counters
        self._moment = 0.0
        self._counters: Mapping[str, Counters] = {}

    def read(self) -> dict[str, float]:
        """Return the rates since the last reading.

        Returns:
            dict[str, float]: Both in MB (10^6 bytes) a second; empty at the first reading, without devices, and when a
            counter went back, because its growth before that is not known.
        """
        counters = self._read_counters()
        moment = time.monotonic()
        before, elapsed = self._counters, moment - self._moment
        self._counters, self._moment = counters, moment
        # A new device's counters include its past; it counts from the next reading on.
        grown = [
            (now[0] - before[name][0], now[1] - before[name][1]) for name, now in counters.items() if name in before
        ]
        if not grown or elapsed <= 0 or min(map(min, grown)) < 0:
            return {}
        return {
            name: sum(each[direction] for each in grown) / 1e6 / elapsed for direction, name in enumerate(self._names)
        }


def disk_rates() -> TransferRates:
    """Return a reader of `disk_read_mb_per_second` and `disk_write_mb_per_second`."""
    hardware = _Hardware("/sys/block")

    def read_counters() -> Mapping[str, Counters]:
        disks = psutil.disk_io_counters(perdisk=True, nowrap=False)
        return hardware.only({name: (disk.read_bytes, disk.write_bytes) for name, disk in disks.items()})

    return TransferRates("disk_read_mb_per_second", "disk_write_mb_per_second", read_counters)


def network_rates() -> TransferRates:
    """Return a reader of `network_received_mb_per_second` and `network_sent_mb_per_second`, loopback left out."""
    hardware = _Hardware("/sys/class/net")

    def read_counters() -> Mapping[str, Counters]:
        interfaces = psutil.net_io_counters(pernic=True, nowrap=False)
        return hardware.only(
            {
                name: (interface.bytes_recv, interface.bytes_sent)
                for name, interface in interfaces.items()
                if not _LOOPBACK.fullmatch(name)
            }
        )

    return TransferRates("network_received_mb_per_second", "network_sent_mb_per_second", read_counters)


class _Hardware:
    """Knows which devices are hardware, if Linux says so.

    Partitions, RAID, encryption and bonds count the bytes of the hardware below them a second time.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._known: dict[str, bool] = {}

    def only(self, counters: dict[str, Counters]) -> dict[str, Counters]:
        found = {name: value for name, value in counters.items() if self._is_hardware(name)}
        # Other systems list only hardware, and a container has only a virtual interface.
        return found or counters

    def _is_hardware(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            # In these paths, the kernel writes a slash in a name, as in cciss/c0d0, as an exclamation mark.
            known = self._known[name] = Path(self._folder, name.replace("/", "!"), "device").exists()
        return known
