"""RankPresence: which ranks of a run there are, and which of their processes are alive."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import time
from pathlib import Path
from typing import NamedTuple

import orjson

from seo_engine.foundation.texts import number_in
from seo_engine.foundation.whole_files import read_small_json
from seo_engine.tracking.journal.rank_files import rank_name
from seo_engine.tracking.records.marks.run_marks import Attempt
from seo_engine.tracking.runs.places import LOCKS
from seo_engine.tracking.runs.run_lock import RunLock, is_locked

logger = logging.getLogger(__name__)

# Where a lock says nothing, a process is alive if its last sign of life is younger than this.
LONGEST_WITHOUT_SIGN_SECONDS = 60.0
_SIGN_SECONDS = 10.0

_MOST_ATTEMPTS = 1_000_000

# A tracker's name, which its lock has, does not begin with a dot.
_PREFIX = ".rank-"
_CLOCK = ".clock"


class Signature(NamedTuple):
    """What a rank's process leaves in the file of its lock.

    `job` is what all processes of its job have in common, as far as it is known, and `launcher` the process that has
    started all of them, if they are on one host. `agent` is the process of torchrun on this host, and `launched` the
    process that it has started as this rank. `wandb_run_id` is the run's, so that every rank can note it.
    """

    host: str
    process: int
    attempt: Attempt
    job: str | None = None
    launcher: str | None = None
    agent: str | None = None
    launched: str | None = None
    wandb_run_id: str | None = None


class RankPresence:
    """Shows that a rank's process is alive: by a lock, and by a sign of life where locks do not reach.

    Args:
        run_directory (Path): The run's folder.
        rank (int): The rank.

    Example:
        >>> import tempfile
        >>> directory = Path(tempfile.mkdtemp())
        >>> presence = RankPresence(directory, 3)
        >>> presence.begin(Signature(platform.node(), os.getpid(), (0, 0, 0))), present_ranks(directory)
        (True, {3})
        >>> presence.end()
        >>> present_ranks(directory), sorted(signatures(directory))
        (set(), [3])
    """

    def __init__(self, run_directory: Path, rank: int) -> None:
        self._lock = rank_lock(run_directory, rank)
        self._path = run_directory / LOCKS / _lock_name(rank)
        self._sign_at = 0.0
        # Who is there; None if nobody is.
        self._signature: Signature | None = None
        self._is_signed = False

    def begin(self, signature: Signature, wait_seconds: float = 0.0) -> bool:
        """Announce this process as the rank.

        Args:
            signature (Signature): Who this is.
            wait_seconds (float): How long to wait if another process is this rank.

        Returns:
            bool: Whether this process is the rank now.

        Raises:
            OSError: If its file cannot be written.
        """
        if not self._lock.acquire(wait_seconds):
            return False
        self._signature, self._is_signed = signature, False
        self._sign(signature)
        return True

    def _sign(self, signature: Signature) -> None:
        try:
            self._lock.sign(orjson.dumps(signature._asdict()))
            self._is_signed = True
        except OSError as error:
            # A full disk: the lock itself says that somebody is there.
            logger.debug("It cannot be written down who this rank is: %s", error)

    def keep_up(self) -> None:
        """Give a sign of life, now and then, for those whom the lock does not tell; begin again in a new folder."""
        signature = self._signature
        if signature is None:
            return
        with contextlib.suppress(OSError):
            if not self._path.exists():
                self._lock.release()
                self.begin(signature)
            elif not self._is_signed:
                self._sign(signature)
            elif time.monotonic() >= self._sign_at:
                self._sign_at = time.monotonic() + _SIGN_SECONDS
                os.utime(self._path)

    def end(self) -> None:
        """Withdraw; a second call does nothing."""
        if self._signature is None:
            return
        self._signature = None
        with contextlib.suppress(OSError):
            # Long ago, so that nobody waits for another sign of life.
            os.utime(self._path, (0, 0))
        self._lock.release()


def rank_lock(run_directory: Path, rank: int) -> RunLock:
    """Return the lock that a rank's process holds.

    Args:
        run_directory (Path): The run's folder.
        rank (int): The rank.
    """
    return RunLock(run_directory, _lock_name(rank))


def signatures(run_directory: Path) -> dict[int, Signature]:
    """Return who has been, or is, which rank.

    Args:
        run_directory (Path): The run's folder.

    Returns:
        dict[int, Signature]: The last one of each rank.
    """
    ranks = _ranks_with_lock(run_directory)
    return {rank: signature for rank in ranks if (signature := signature_of(run_directory, rank)) is not None}


def _ranks_with_lock(run_directory: Path) -> list[int]:
    numbers = [path.name.removeprefix(_PREFIX) for path in (run_directory / LOCKS).glob(f"{_PREFIX}*")]
    return sorted(number for each in numbers if (number := number_in(each)) is not None)


def signature_of(run_directory: Path, rank: int) -> Signature | None:
    """Return who has been, or is, a rank; None if nobody has.

    Args:
        run_directory (Path): The run's folder.
        rank (int): The rank.
    """
    path = run_directory / LOCKS / _lock_name(rank)
    try:
        contents = read_small_json(path)
        if contents is None:
            return None
        resumed, scheduler, launcher = contents["attempt"]
        attempt = int(resumed), int(scheduler), int(launcher)
        if not all(0 <= count < _MOST_ATTEMPTS for count in attempt):
            return None
        host, process = str(contents["host"]), int(contents["process"])
        names = (contents[name] for name in ("job", "launcher", "agent", "launched", "wandb_run_id"))
        return Signature(host, process, attempt, *(str(name) if name is not None else None for name in names))
    except (OSError, ValueError, TypeError, KeyError):
        # It is being written, or is none of ours.
        return None


def present_ranks(run_directory: Path) -> set[int]:
    """Return the ranks whose process is alive.

    Args:
        run_directory (Path): The run's folder.
    """
    return {rank for rank in _ranks_with_lock(run_directory) if _is_there(run_directory, rank)}


def _is_there(run_directory: Path, rank: int) -> bool:
    signature = signature_of(run_directory, rank)
    if signature is None:
        # The disk may have taken the lock, but not who holds it.
        return is_locked(run_directory, _lock_name(rank))
    return is_present(run_directory, rank, signature)


def is_present(run_directory: Path, rank: int, signature: Signature) -> bool:
    """Return whether the process of a rank is alive.

    Args:
        run_directory (Path): The run's folder.
        rank (int): The rank.
        signature (Signature): As `signatures` returns it.
    """
    lock = rank_lock(run_directory, rank)
    is_held = False
    try:
        is_held = not lock.acquire(shared=True)
        if not is_held and signature.host == platform.node() and not lock.is_without_effect:
            return False
    except OSError as error:
        # A read-only folder: only the sign of life is left.
        logger.debug("The lock of rank %d cannot be tried: %s", rank, error)
    finally:
        lock.release()
    # A lock of another host may not reach this one.
    try:
        last_sign = (run_directory / LOCKS / _lock_name(rank)).stat().st_mtime
    except OSError:
        return False
    # A rank that has ended sets its sign to 0. If the lock is held all the same, the deliverer is ending the run.
    return last_sign > 0 if is_held else _time_there(run_directory) - last_sign < LONGEST_WITHOUT_SIGN_SECONDS


def _time_there(run_directory: Path) -> float:
    """Return the time of the file system, which may be another host's."""
    path = run_directory / LOCKS / _CLOCK
    try:
        path.touch()
        return path.stat().st_mtime
    except OSError:
        # A read-only folder.
        return time.time()


def _lock_name(rank: int) -> str:
    return f".{rank_name(rank)}"
