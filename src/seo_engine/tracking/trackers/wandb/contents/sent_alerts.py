"""SentAlerts: which alerts of a run were sent, so that none is sent twice."""

from __future__ import annotations

import logging
from pathlib import Path

import orjson

from seo_engine.foundation.whole_files import open_regular, write_whole

logger = logging.getLogger(__name__)

NAME = "sent_alerts.jsonl"

LARGEST_BYTES = 10_000_000

# When it was logged, and the rank that logged it.
_Alert = tuple[float, int]


class SentAlerts:
    """The file `sent_alerts.jsonl` of a run: an alert is in it before it is sent.

    A kill between the two loses the alert, and never doubles it: nobody is told whether a server got it. An alert is
    known by its time and rank, which stay the same in a copy of the run.

    Args:
        run_directory (Path): The run's folder.

    Example:
        >>> import tempfile
        >>> directory = Path(tempfile.mkdtemp())
        >>> SentAlerts(directory).mark(1.5, 0), SentAlerts(directory).mark(1.5, 0)
        (True, False)
    """

    def __init__(self, run_directory: Path) -> None:
        self._path = run_directory / NAME
        self._is_usable = True
        self._sent: set[_Alert] = set()
        try:
            self._sent = _read(self._path)
        except OSError as error:
            # Somebody may have sent the run.
            self._is_usable = False
            logger.warning("⚠️ No alert of this run is sent: %s; remove it to send them", error)

    def mark(self, time: float, rank: int) -> bool:
        """Note that an alert is about to be sent, and return whether it was not sent before.

        Args:
            time (float): When it was logged, in seconds since 1970.
            rank (int): Who logged it.

        Raises:
            OSError: If that cannot be noted; it must not be sent then.
        """
        if not self._is_usable or (time, rank) in self._sent:
            return False
        # Whole, because the folder of the run may have been deleted since.
        _write(self._path, self._sent | {(time, rank)})
        self._sent.add((time, rank))
        return True


def copy_sent_alerts(source: Path, target: Path) -> None:
    """Have a copy of a run know which alerts the run has sent.

    Args:
        source (Path): The run's folder.
        target (Path): The folder of the copy.

    Raises:
        OSError: If they cannot be read or written.
    """
    if sent := _read(source / NAME):
        _write(target / NAME, sent)


def _write(path: Path, sent: set[_Alert]) -> None:
    lines = (orjson.dumps({"time": time, "rank": rank}) + b"\n" for time, rank in sorted(sent))
    write_whole(path, lines, synced=True)


def _read(path: Path) -> set[_Alert]:
    try:
        with open(open_regular(path), "rb") as file:
            lines = file.read(LARGEST_BYTES).splitlines()
    except FileNotFoundError:
        return set()
    sent = set()
    for line in lines:
        try:
            entry = orjson.loads(line)
            sent.add((float(entry["time"]), int(entry["rank"])))
        except (ValueError, TypeError, KeyError):
            # The folder may come from somebody else.
            continue
    return sent
