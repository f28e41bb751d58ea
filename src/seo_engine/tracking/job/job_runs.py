"""JobRuns: remembers which run the processes of a job share."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from seo_engine.foundation.texts import number_in
from seo_engine.foundation.whole_files import PRIVATE_FILE, create_like_parent, read_small_json
from seo_engine.tracking.journal.rank_files import ranks_in
from seo_engine.tracking.runs.run_lock import MOMENT_SECONDS, RunLock

_FOLDER = ".jobs"

_LOOK_SECONDS = 0.02


class JobRun(NamedTuple):
    """A run that the processes of a job share; a job that comes again after its end has another, with a next number.

    `restarts` counts those of the scheduler and the launcher when it was decided on.
    """

    name: str
    number: int
    restarts: tuple[int, int] = (0, 0)


class JobRuns:
    """The runs of one job in a folder of runs, each decided by whichever of its processes comes first.

    Args:
        log_directory (Path): The folder of all runs.
        identity (str): What all processes of the job have in common.

    Example:
        >>> import tempfile
        >>> runs = JobRuns(Path(tempfile.mkdtemp()), "torchelastic:7c2f")
        >>> runs.newest(), runs.decide(JobRun("cnn", 1)), runs.decide(JobRun("cnn_2", 1))
        (None, True, False)
        >>> runs.newest()
        JobRun(name='cnn', number=1, restarts=(0, 0))
    """

    def __init__(self, log_directory: Path, identity: str) -> None:
        self._log_directory = log_directory
        self._folder = log_directory / _FOLDER
        self._identity = identity
        # A hash, because an identity may hold characters that no file name can have.
        self._stem = hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:16]

    def newest_first(self) -> Iterator[JobRun]:
        """Yield the job's runs; their notes are read one by one.

        Raises:
            OSError: If the folder cannot be read.
        """
        for number in sorted(self._numbers(), reverse=True):
            run = self._read(number)
            if run is not None:
                yield run

    def newest(self) -> JobRun | None:
        """Return the job's newest run, if it has any.

        Raises:
            OSError: If the folder cannot be read.
        """
        return next(self.newest_first(), None)

    def next_number(self) -> int:
        """Return the number of a run that comes after all others, also after those that cannot be read."""
        return max(self._numbers(), default=0) + 1

    def _numbers(self) -> list[int]:
        numbers = [number_in(path.name.split(".")[1]) for path in self._folder.glob(f"{self._stem}.*.json")]
        return [number for number in numbers if number is not None]

    def directory_of(self, run: JobRun | None) -> Path | None:
        """Return the folder of a run; None if there is none, or no longer.

        Args:
            run (JobRun | None): As `newest` returns it.
        """
        directory = self._log_directory / run.name if run is not None else None
        # What somebody sent may have a name that no file can have.
        with contextlib.suppress(OSError):
            return directory if directory is not None and ranks_in(directory) else None
        return None

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let one process of the job decide after the other, so that no folder is made in vain.

        A process that hangs is not waited for long: `decide` alone is enough for all to have the same run.
        """
        lock = RunLock(self._folder, self._stem)
        try:
            with contextlib.suppress(OSError):
                create_like_parent(self._folder)
                lock.acquire(MOMENT_SECONDS)
            yield
        finally:
            lock.release()

    def decide(self, run: JobRun) -> bool:
        """Make a run the job's newest, unless another process has decided on one of this number.

        Args:
            run (JobRun): The run, whose folder is there.

        Returns:
            bool: Whether it is.

        Raises:
            OSError: If it cannot be written down.
        """
        create_like_parent(self._folder)
        partial = self._folder / f".{uuid.uuid4().hex}"
        described = {"identity": self._identity, "run": run.name, "restarts": run.restarts}
        contents = orjson.dumps(described, option=orjson.OPT_APPEND_NEWLINE)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(contents)
            path = self._folder / f"{self._stem}.{run.number}.json"
            try:
                # Unlike a rename, a link never replaces what another process has written.
                os.link(partial, path)
            except OSError as error:
                if isinstance(error, FileExistsError):
                    raise
                # A file system without links: others wait until it is whole.
                with path.open("xb") as file:
                    file.write(contents)
        except FileExistsError:
            # A network file system may have made the link, and then say that it is there.
            return self._read(run.number) == run
        finally:
            partial.unlink(missing_ok=True)
        return True

    def _read(self, number: int) -> JobRun | None:
        path = self._folder / f"{self._stem}.{number}.json"
        deadline = time.monotonic() + MOMENT_SECONDS
        try:
            while (contents := read_small_json(path)) is None and _is_being_written(path, deadline):
                time.sleep(_LOOK_SECONDS)
            name, identity = contents["run"], contents["identity"]
            scheduler, launcher = map(int, contents["restarts"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        # The folder may come from elsewhere: a name must not lead out of the folder of all runs.
        is_plain = isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name
        is_ours = is_plain and identity == self._identity
        return JobRun(name, number, (scheduler, launcher)) if is_ours else None


def _is_being_written(path: Path, deadline: float) -> bool:
    """Return whether a file that is not whole is so young that it may become so."""
    is_young = path.exists() and abs(time.time() - path.stat().st_mtime) < MOMENT_SECONDS
    return is_young and time.monotonic() < deadline
