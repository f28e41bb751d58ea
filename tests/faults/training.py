"""A training that something happens to: a process of its own, and what it knows of its calls when it is gone."""

from __future__ import annotations

import hashlib
import mmap
import multiprocessing
import os
import struct
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy

# Before the fork, so that each training begins at once.
import torch.utils.tensorboard  # noqa: F401

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.delivery.child import supervised_child as process_worker
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.journal.rank_files import JOURNAL
from seo_engine.tracking.runs.ledger import DeliveryState, read_delivery
from tests.tracking.killing import PATIENCE_SECONDS, kill_tree, wait_until
from tests.tracking.read_views import read_journal

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])

RUN = "r"

# The only artifact; each number that it is logged with is a version.
ARTIFACT = "record"

# Called in the training before each step, with its number.
Interference = Callable[[int], None]

# Every eleventh record is of an earlier step.
LATE_EVERY, LATE_BY = 11, 6

# What is rarer than metrics of the training.
EVALUATION_EVERY = 50

# Height, width and colours of a picture.
PICTURE = (40, 60, 3)

# The only hyperparameter, logged before the first record.
BATCH_SIZE = 64


class Given(NamedTuple):
    """What one logging call is given."""

    kind: str
    epoch: float
    step: int
    contents: dict[str, float | str]


def given(number: int) -> list[Given]:
    """Return what a training logs with one number, for those who look for it afterwards too."""
    epoch, step = number / 100, number - (LATE_BY if number % LATE_EVERY == 0 else 0)
    calls = [Given("training", epoch, step, {"record": float(number), "loss": 1 / number})]
    if number % EVALUATION_EVERY == 1:
        calls += [Given(kind, epoch, step, {"record": float(number)}) for kind in ("evaluation", "performance")]
        calls.append(Given("text", epoch, step, {"record": f"record {number}"}))
        calls.append(Given("image", epoch, step, {"record": colour_in_words(number)}))
        calls.append(Given("table", epoch, step, {"record": table_in_words([[number]])}))
        calls.append(Given("file", epoch, step, {f"record-{number}.txt": file_in_words(str(number).encode())}))
        calls.append(Given("alert", epoch, step, {"alerts": alert_in_words(number)}))
        calls.append(Given("artifact", epoch, step, {ARTIFACT: content_in_words(number)}))
    return calls


def colour_in_words(colour: int) -> str:
    """Return what is said here of a picture of one colour."""
    return f"a picture of colour {colour % 256}"


def table_in_words(rows: list[list[int]]) -> str:
    """Return a table of one column as TensorBoard shows it."""
    return "\n".join(["| number |", "|---|", *(f"| {number} |" for (number,) in rows)])


def file_in_words(contents: bytes) -> str:
    """Return what TensorBoard says of a file that is kept with the run."""
    return f"A file, in the folder of the run: `media/{hashlib.sha256(contents).hexdigest()}.bin`"


def alert_in_words(number: int) -> str:
    """Return an alert as TensorBoard shows it."""
    return f"**record {number}** (info)"


def content_in_words(number: int) -> str:
    """Return how a version of the artifact is described, which holds this number."""
    return f"It holds {number}."


class Calls:
    """How many logging calls have returned, and how long the worst took, in memory that outlives the process.

    Args:
        path (Path): The file behind it.
    """

    _layout = struct.Struct("<qq")

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(self._layout.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), self._layout.size)

    def note(self, returned: int, nanoseconds: int) -> None:
        """Keep that a call has returned."""
        self._layout.pack_into(self._memory, 0, returned, max(nanoseconds, self.worst_nanoseconds))

    @property
    def returned(self) -> int:
        """The newest record whose call has returned."""
        return int(self._layout.unpack_from(self._memory)[0])

    @property
    def worst_nanoseconds(self) -> int:
        """The longest that a call took."""
        return int(self._layout.unpack_from(self._memory)[1])


class Training:
    """A training in a process of its own, in a folder of its own; several may go on with one run, one after the other.

    Its records are numbered, and all that is logged with a number follows from it: see `given`.

    Args:
        folder (Path): Where it runs.
        interference (Interference | None): Called in the training before each step.
        pause_seconds (float): Between two steps.
        environment (Mapping[str, str]): Beside the one of the tests.
        **settings (Any): Of its `TrackingConfig`.
    """

    def __init__(
        self,
        folder: Path,
        interference: Interference | None = None,
        *,
        pause_seconds: float = 0.001,
        environment: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.calls = Calls(folder / "calls")
        self._settings = {
            "experiment_name": RUN, "wandb_mode": "offline", "selective_logging": False, "close_timeout_seconds": 60,
            # So often that whatever happens meets the run while it logs load and profile, and writes the latter.
            "system_metrics_interval_seconds": 0.2, "profiling_interval_seconds": 0.3,
        } | settings  # fmt: skip
        self._environment = {"HOME": str(folder), **(environment or {})}
        self._interference = interference
        self._pause_seconds = pause_seconds
        self._process: Any = None

    @property
    def directory(self) -> Path:
        """The run's folder."""
        return self.folder / "runs" / RUN

    @property
    def left_out(self) -> set[int]:
        """Numbers of records that may be there or not, because a kill met their call."""
        path = self.folder / "left_out"
        return {int(line) for line in path.read_text().split()} if path.exists() else set()

    @property
    def has_begun(self) -> bool:
        """Whether the journal says how the run began."""
        path = self.directory / JOURNAL
        return path.exists() and any(record["kind"] == "start" for _, record in read_journal(self.directory))

    @property
    def failures(self) -> list[str]:
        """The error that ended the training, which none may; what other threads print is no such error."""
        path = self.folder / "failure"
        return [f"the training failed: {path.read_text()}; {self.folder}"] if path.exists() else []

    @property
    def process_id(self) -> int:
        return int(self._process.pid)

    def start(self) -> Self:
        """Begin, or go on with the run."""
        arguments = (self.folder, self._settings, self._environment, self._interference, self._pause_seconds)
        self._process = _processes.Process(target=_train, args=arguments)
        self._process.start()
        return self

    def wait_for_calls(self, returned: int) -> None:
        """Wait until so many calls have returned."""
        wait_until(lambda: self.calls.returned >= returned or not self._process.is_alive())
        assert self.calls.returned >= returned, self.output()

    def kill(self) -> None:
        """Kill the training's process, and nothing else."""
        self._process.kill()
        self._process.join()

    def kill_everything(self) -> None:
        """Kill the training, its child and wandb-core."""
        kill_tree(self.process_id)
        self._process.join()

    def ask_to_stop(self) -> None:
        """Have the training end in order."""
        (self.folder / "stop").touch()

    def finish(self) -> str:
        """Have the training end in order, and return what it said."""
        self.ask_to_stop()
        self._process.join(PATIENCE_SECONDS)
        assert self._process.exitcode == 0, (self._process.exitcode, self.output())
        return self.output()

    def recover(self) -> dict[str, DeliveryState]:
        """Do what `runs recover` does, in a process of its own, and return the ledgers."""
        self.start_recovery()
        self._process.join()
        assert self._process.exitcode == 0, self.output()
        return read_delivery(self.directory / "delivery.json")

    def start_recovery(self) -> None:
        """Begin to do what `runs recover` does."""
        self._process = _processes.Process(target=_recover, args=(self.folder, self.directory, self._environment))
        self._process.start()

    def output(self) -> str:
        """What the training's process has printed."""
        path = self.folder / "output"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        if self._process.is_alive():
            self.kill_everything()


def _settle_in(folder: Path, environment: Mapping[str, str]) -> None:
    os.chdir(folder)
    os.environ.update(environment)
    output = (folder / "output").open("ab", buffering=0)
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    # What the child says not for so long means that it is stuck; a campaign need not wait as long as a user.
    process_worker.LONGEST_SILENCE_SECONDS = 3.0


def _train(
    folder: Path,
    settings: Mapping[str, Any],
    environment: Mapping[str, str],
    interference: Interference | None,
    pause_seconds: float,
) -> None:
    _settle_in(folder, environment)
    try:
        _log_until_stopped(folder, settings, interference, pause_seconds)
    except Exception:
        (folder / "failure").write_text(traceback.format_exc())
        raise


def _log_until_stopped(
    folder: Path, settings: Mapping[str, Any], interference: Interference | None, pause_seconds: float
) -> None:
    calls, stop = Calls(folder / "calls"), folder / "stop"
    resume = RUN if (folder / "runs" / RUN / JOURNAL).exists() else None
    try:
        tracker = ExperimentTracker(TrackingConfig(**settings), resume=resume)
    except ValueError as error:
        if "does not say how the run began" not in str(error):
            raise
        # Killed before its journal said how it began: there is nothing to go on with.
        return
    number = calls.returned
    if number == 0:
        tracker.log_hyperparameters({"batch_size": BATCH_SIZE})
    if resume is not None:
        # The call that the kill met may have left its record, or not; its number is not given again.
        number += 1
        with (folder / "left_out").open("a") as file:
            file.write(f"{number}\n")
    while not os.path.exists(stop):  # noqa: PTH110
        number += 1
        if interference is not None:
            interference(number)
        calls.note(number, max(_log(tracker, call) for call in given(number)))
        if pause_seconds:
            time.sleep(pause_seconds)
    tracker.close()


def _log(tracker: ExperimentTracker, call: Given) -> int:
    """Log, and return how many nanoseconds it took."""
    kind, epoch, step, contents = call
    started = time.perf_counter_ns()
    match kind:
        case "training":
            tracker.log_training_metrics(epoch, step, contents)
        case "evaluation":
            tracker.log_evaluation_metrics(epoch, step, contents)
        case "performance":
            tracker.log_performance_metrics(contents, epoch, step)
        case "text":
            for name, text in contents.items():
                tracker.log_text(name, str(text), epoch, step)
        case "image":
            for name, words in contents.items():
                pixels = numpy.full(PICTURE, int(str(words).rpartition(" ")[2]), dtype="uint8")
                tracker.log_image(name, pixels, epoch, step)
        case "table":
            for name, words in contents.items():
                number = int(str(words).rpartition("| ")[2].removesuffix(" |"))
                tracker.log_table(name, [[number]], epoch, step, columns=["number"])
        case "file":
            for name in contents:
                tracker.log_file(name, name.removeprefix("record-").removesuffix(".txt").encode(), epoch, step)
        case "artifact":
            for name, words in contents.items():
                path = Path("content.txt")
                path.write_text(str(words), encoding="utf-8")
                tracker.log_artifact(name, path, "result", epoch=epoch, step=step, description=str(words))
        case "alert":
            for words in contents.values():
                tracker.log_alert(str(words).split("**")[1], "", epoch, step)
    return time.perf_counter_ns() - started


def _recover(folder: Path, directory: Path, environment: Mapping[str, str]) -> None:
    _settle_in(folder, environment)
    recover_run(directory)
