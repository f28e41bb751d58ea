"""The console of real programs: recorded, and shown as it would be without us."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.records.kinds import KINDS
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.killing import PATIENCE_SECONDS, children, cmdline, kill_tree, wait_until
from tests.tracking.read_views import read_journal

BEGINNING = """
import ctypes, dataclasses, os, subprocess, sys, signal
from seo_engine import ExperimentTracker, TrackingConfig
config = TrackingConfig(
    experiment_name="r", wandb_logging=False, tensorboard_logging=False, enable_code_profiling=False,
    system_metrics_interval_seconds=0, record_surroundings=False, print_summary=False, capture_console="{way}",
)
tracker = ExperimentTracker(config)
# It keeps the interpreter's lock while it writes, as many libraries in C do.
library = ctypes.PyDLL(None)
"""


@contextmanager
def program(way: str, text: str, folder: Path, output: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", BEGINNING.replace("{way}", way) + textwrap.dedent(text)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        kill_tree(process.pid)
        process.communicate()


def run(way: str, text: str, folder: Path, name: str = "r") -> tuple[str, list[str]]:
    """Run a program to its end; return what was seen, and the lines that the run of a name has recorded."""
    with program(way, text, folder) as process:
        seen, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, seen.decode()
    return seen.decode(), recorded(folder, name)


def recorded(folder: Path, name: str = "r") -> list[str]:
    return [line for text in records(folder, name) for line in text.split("\n")]


def records(folder: Path, name: str = "r") -> list[str]:
    return [record["text"] for _, record in read_journal(folder / "runs" / name) if record["kind"] == "console"]


def processes_of_the_console(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the guard and the reader, once both are there."""
    return wait_until(
        lambda: (
            found
            if len(found := [each for each in children(process.pid) if "console_process" in " ".join(cmdline(each))])
            == 2
            else None
        )
    )


def test_what_python_prints_is_recorded_and_shown_unchanged_without_secrets_in_the_record(tmp_path: Path) -> None:
    seen, lines = run(
        "python",
        """
        print("to the output", sys.stdout.isatty())
        print("to the errors", file=sys.stderr)
        sys.stdout.writelines(["in ", "pieces\\n"])
        print("https://me:hunter2@h")
        os.write(1, b"from C\\n")
        if os.fork() == 0:
            print("from a fork", flush=True)
            os._exit(0)
        os.wait()
        print("no end", end="")
        tracker.close()
        print("after the run")
        """,
        tmp_path,
    )
    assert "https://me:hunter2@h" in seen and "from C" in seen and "after the run" in seen
    wanted = ["to the output False", "to the errors", "in pieces", "https://[redacted]@h", "from a fork", "no end"]
    assert [line for line in lines if not line.startswith("seo-engine")] == wanted


def test_the_streams_are_as_before_when_the_last_run_is_closed(tmp_path: Path) -> None:
    own = {**ONLY_WHAT_IS_LOGGED, "capture_console": "python", "tensorboard_log_dir": str(tmp_path)}
    before = sys.stdout, sys.stdout.write, sys.stderr.write
    first = ExperimentTracker(TrackingConfig(**own, tensorboard_logging=False, wandb_logging=False))
    second = ExperimentTracker(TrackingConfig(**own, tensorboard_logging=False, wandb_logging=False))
    print("to both")
    first.close()
    print("to the second")
    second.close()
    assert (sys.stdout, sys.stdout.write, sys.stderr.write) == before
    for tracker, lines in ((first, ["to both"]), (second, ["to both", "to the second"])):
        assert tracker.run_directory is not None
        console = [record for _, record in read_journal(tracker.run_directory) if record["kind"] == "console"]
        assert [record["text"] for record in console if record["stream"] == "stdout"] == lines


def test_threads_that_print_and_log_at_once_neither_wait_for_each_other_nor_lose_a_line(tmp_path: Path) -> None:
    _, lines = run(
        "python",
        """
        import logging, threading
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
        def work(number):
            for each in range(300):
                print(f"{number} prints {each}\\n", end="")
                logging.info("%d logs %d", number, each)
                tracker.log_metrics("this is a mistake, of which a warning is logged")
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for each in threads: each.start()
        for each in threads: each.join()
        tracker.close()
        """,
        tmp_path,
    )
    for number in range(4):
        for what in ("prints", "logs"):
            assert [line for line in lines if line.startswith(f"{number} {what}")] == [
                f"{number} {what} {each}" for each in range(300)
            ]


def test_a_signal_handler_may_close_the_run_while_a_line_is_recorded(tmp_path: Path) -> None:
    _, lines = run(
        "python",
        """
        from seo_engine.tracking.observers.console.records import ConsoleRecords
        feed = ConsoleRecords.feed
        def interrupted(self, stream, text):
            feed(self, stream, text)
            if "interrupt" in text:
                os.kill(os.getpid(), signal.SIGUSR1)
        ConsoleRecords.feed = interrupted
        signal.signal(signal.SIGUSR1, lambda *_: tracker.close())
        print("interrupt here")
        print("the end")
        """,
        tmp_path,
    )
    assert "interrupt here" in lines


def test_a_console_without_end_is_recorded_up_to_a_limit_and_the_rest_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("seo_engine.tracking.observers.console.records.MOST_BYTES", 1_000)
    own = {**ONLY_WHAT_IS_LOGGED, "capture_console": "python", "tensorboard_log_dir": str(tmp_path)}
    with ExperimentTracker(TrackingConfig(**own, tensorboard_logging=False, wandb_logging=False)) as tracker:
        for _ in range(300):
            print("0123456789")
    assert tracker.run_directory is not None
    kept = [record for _, record in read_journal(tracker.run_directory) if record.get("stream") == "stdout"]
    end = read_journal(tracker.run_directory)[-1][1]
    assert len(kept) <= 1_000 // 11 and end["dropped"]["console too long"] >= 300 - len(kept)
    assert caplog.text.count("is recorded only up to") == 1


PRINTS_BY_ALL_MEANS = """
    print("from Python", sys.stdout.isatty(), sys.stderr.isatty(), flush=True)
    library.printf(b"from C\\n")
    library.fflush(None)
    subprocess.run(["echo", "from a process"])
    os.system("echo https://me:hunter2@h >&2")
    sys.stderr.write("half a line")
    tracker.close()
    os.write(1, b"after the run")
"""


def test_what_anything_prints_to_a_pipe_is_recorded_and_passed_on_in_its_order(tmp_path: Path) -> None:
    seen, lines = run("descriptors", PRINTS_BY_ALL_MEANS, tmp_path)
    wanted = ["from Python False False", "from C", "from a process", "https://{}@h", "half a line"]
    assert seen.split("\n", 1)[1] == "\n".join(wanted).format("me:hunter2") + "after the run"
    assert lines == [line.format("[redacted]") for line in wanted]


def test_what_anything_prints_to_a_terminal_is_recorded_and_passed_on_byte_for_byte(tmp_path: Path) -> None:
    terminal, other_end = pty.openpty()
    with program("descriptors", PRINTS_BY_ALL_MEANS, tmp_path, other_end) as process:
        os.close(other_end)
        seen = read_to_the_end(terminal)
        process.wait(PATIENCE_SECONDS)
    wanted = ["from Python True True", "from C", "from a process", "https://{}@h", "half a line"]
    # The terminal itself makes two characters of the end of a line, once.
    assert seen.split("\r\n", 1)[1] == "\r\n".join(wanted).format("me:hunter2") + "after the run"
    assert recorded(tmp_path) == [line.format("[redacted]") for line in wanted]


def read_to_the_end(terminal: int) -> str:
    data = b""
    with contextlib.suppress(OSError):
        while read := os.read(terminal, 65_536):
            data += read
    os.close(terminal)
    return data.decode()


# More than any buffer on the way holds.
FLOOD = """
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(4):
        line = b"%d" % number * 99 + b"\\n"
        for _ in range(5_000):
            {write}
    print("the end", flush=True)
    tracker.log_metrics({"loss": 1.0})
    tracker.close()
"""
FROM_C = "library.write(1, line, len(line))"
FROM_PYTHON = "os.write(1, line)"
WHOLE_FLOOD = "".join(f"{number}" * 99 + "\n" for number in range(4) for _ in range(5_000)) + "the end\n"


@pytest.mark.parametrize("stopping", [signal.SIGSTOP, signal.SIGKILL])
def test_a_reader_that_is_stopped_or_killed_is_replaced_and_nobody_who_prints_hears_of_it(
    tmp_path: Path, stopping: signal.Signals
) -> None:
    seen, lines = flooded(tmp_path, FROM_C, lambda guard, reader: os.kill(reader, stopping))
    assert seen == WHOLE_FLOOD
    assert lines == WHOLE_FLOOD.splitlines()


@pytest.mark.parametrize("stopping", [signal.SIGSTOP, signal.SIGKILL])
def test_a_reader_and_its_guard_that_are_both_stopped_or_killed_neither_block_nor_end_the_training(
    tmp_path: Path, stopping: signal.Signals
) -> None:
    def stop(guard: int, reader: int) -> None:
        os.kill(guard, stopping)
        os.kill(reader, stopping)

    seen, _ = flooded(tmp_path, FROM_PYTHON, stop)
    # Where the training takes over, two threads print at once: nothing is missing, but it may be seen in another order.
    seen, warnings = re.subn(r"seo-engine warning: [^\n]*is not recorded[^\n]*\n", "", seen)
    assert warnings == 1 and Counter(seen) == Counter(WHOLE_FLOOD)


def flooded(folder: Path, write: str, stop: object) -> tuple[str, list[str]]:
    """Run a program that prints more than anybody reads; return what was seen and recorded since `ready`."""
    with program("descriptors", FLOOD.replace("{write}", write), folder) as process:
        assert process.stdout is not None and process.stdin is not None
        for line in process.stdout:
            if line == b"ready\n":
                break
        guard, reader = (each.pid for each in sorted(processes_of_the_console(process), key=lambda each: each.pid))
        stop(guard, reader)  # type: ignore[operator]
        seen, _ = process.communicate(b"\n", timeout=PATIENCE_SECONDS)
        assert process.returncode == 0
    kinds = [record["kind"] for _, record in read_journal(folder / "runs" / "r")]
    assert "training" in kinds and kinds[-1] == "end"
    return seen.decode(), [line for line in recorded(folder) if line != "ready"]


def test_what_was_printed_before_a_kill_is_recorded(tmp_path: Path) -> None:
    with program(
        "descriptors", 'os.write(1, b"the last words\\n"); os.kill(os.getpid(), signal.SIGKILL)', tmp_path
    ) as process:
        process.wait(PATIENCE_SECONDS)
        wait_until(lambda: "the last words" in recorded(tmp_path) or None)


def test_what_of_a_console_a_full_disk_does_not_take_is_seen_and_counted(tmp_path: Path) -> None:
    fills = """
        for number in range(300):
            os.write(1, b"%d" % number * 99 + b"\\n")
        tracker.close()
    """
    # As much as a full disk: the file of a process cannot grow beyond this.
    with program(
        "descriptors", 'print("ready", flush=True); sys.stdin.readline()\n' + textwrap.dedent(fills), tmp_path
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == b"ready\n":
                break
        for each in processes_of_the_console(process):
            each.rlimit(psutil.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        seen, _ = process.communicate(b"\n", timeout=PATIENCE_SECONDS)
    assert seen.decode().splitlines()[:300] == [f"{number}" * 99 for number in range(300)]
    (said,) = re.findall(r"(\d+) records of the console are lost", seen.decode())
    assert int(said) > 0


def test_a_process_that_outlives_the_training_prints_on(tmp_path: Path) -> None:
    with program(
        "descriptors",
        """
        subprocess.Popen(["sh", "-c", "read line; echo later; sleep 0"], stdin=subprocess.PIPE, start_new_session=True)
        tracker.close()
        """,
        tmp_path,
    ) as process:
        seen, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert seen.decode().endswith("later\n")


def test_the_console_of_a_run_can_be_left_alone(tmp_path: Path) -> None:
    seen, lines = run("off", 'print("seen"); tracker.close()', tmp_path)
    assert seen.endswith("seen\n") and not lines


def test_what_is_recorded_is_in_a_log_file_of_the_run_and_in_none_if_nothing_was_printed(tmp_path: Path) -> None:
    run("python", 'print("a line"); print("https://me:hunter2@h"); tracker.close()', tmp_path)
    (log,) = (tmp_path / "runs" / "r" / "logs").glob("console_*.log")
    assert [line.split(" ", 2)[2] for line in log.read_text().splitlines()] == ["a line", "https://[redacted]@h"]
    run("off", "tracker.close()", Path(tmp_path, "other").mkdir() or tmp_path / "other")
    assert not [*(tmp_path / "other" / "runs" / "r" / "logs").glob("console_*")]


def test_a_process_that_shows_a_console_of_a_foreign_journal_finds_only_text() -> None:
    kind = KINDS["console"]
    assert not kind.matches({"kind": "console", "time": 1.0, "stream": "stdout", "text": ["a", "b"]})


def test_printing_from_many_threads_in_two_runs_at_once(tmp_path: Path) -> None:
    own = {**ONLY_WHAT_IS_LOGGED, "capture_console": "python", "tensorboard_log_dir": str(tmp_path)}
    with (
        ExperimentTracker(TrackingConfig(**own, tensorboard_logging=False, wandb_logging=False)) as first,
        ExperimentTracker(TrackingConfig(**own, tensorboard_logging=False, wandb_logging=False)) as second,
    ):
        threads = [
            threading.Thread(target=print, args=(f"line {number}\n",), kwargs={"end": ""}) for number in range(9)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    for tracker in (first, second):
        assert tracker.run_directory is not None
        texts = [
            record["text"] for _, record in read_journal(tracker.run_directory) if record.get("stream") == "stdout"
        ]
        assert sorted("\n".join(texts).split("\n")) == [f"line {number}" for number in range(9)]


def test_what_a_tracker_prints_of_what_it_is_shown_is_not_recorded(tmp_path: Path) -> None:
    class PrintingTracker(DestinationTracker):
        name = "printing"

        def setup(self) -> None:
            self.available = True

        def show(self, shown: Shown, recorded: Recorded) -> None:
            print("shown", recorded.number)

    for settings in ({}, {"asynchronous_logging": False}):
        own = {**ONLY_WHAT_IS_LOGGED, "capture_console": "python", "tensorboard_log_dir": str(tmp_path), **settings}
        config = TrackingConfig(**own, tensorboard_logging=False, wandb_logging=False)
        with ExperimentTracker(config, extra_trackers=[PrintingTracker()]) as tracker:
            print("by the training")
            tracker.log_metrics({"loss": 0.5})
            assert tracker.flush()
        assert tracker.run_directory is not None
        console = [each for _, each in read_journal(tracker.run_directory) if each.get("stream") == "stdout"]
        assert [record["text"] for record in console] == ["by the training"]


def test_a_folder_of_log_files_that_was_removed_is_made_again_for_the_console(tmp_path: Path) -> None:
    own = {**ONLY_WHAT_IS_LOGGED, "capture_console": "python", "tensorboard_log_dir": str(tmp_path)}
    with ExperimentTracker(TrackingConfig(**own, tensorboard_logging=False, wandb_logging=False)) as tracker:
        tracker.log_metrics({"loss": 0.5})
        assert tracker.flush() and tracker.run_directory is not None
        shutil.rmtree(tracker.run_directory / "logs")
        print("a line")
    assert tracker.delivery["run_logs"].is_complete
    (log,) = (tracker.run_directory / "logs").glob("console_*.log")
    assert log.read_text().endswith(" a line\n")


def test_a_stream_that_somebody_wraps_while_a_run_is_open_is_recorded_once_by_the_next_run(tmp_path: Path) -> None:
    _, lines = run(
        "python",
        """
        ours = sys.stdout.write
        sys.stdout.write = lambda text: ours(text)
        tracker.close()
        print("between")
        tracker = ExperimentTracker(dataclasses.replace(config, experiment_name="next"))
        print("once")
        tracker.close()
        """,
        tmp_path,
        "next",
    )
    assert [line for line in lines if not line.startswith("seo-engine")] == ["once"]


def test_a_stream_of_a_user_is_written_to_as_before_whatever_it_takes_and_refuses(tmp_path: Path) -> None:
    _, lines = run(
        "python",
        """
        class Colored:
            seen = []
            def write(self, text, color=None): self.seen.append((text, color))
            def flush(self): pass
        class Closed(Colored):
            def __setattr__(self, name, value): raise RuntimeError("closed to changes")
        class Odd(str):
            def __bool__(self): raise RuntimeError("odd")
        tracker.close()
        before, sys.stdout, sys.stderr = (sys.stdout, sys.stderr), Colored(), Closed()
        tracker = ExperimentTracker(dataclasses.replace(config, experiment_name="next"))
        sys.stdout.write("in color", color="red")
        sys.stdout.write(text="by its name")
        sys.stdout.write(Odd("odd"))
        tracker.close()
        sys.stdout, sys.stderr = before
        seen = [text for text, color in Colored.seen]
        assert seen[-3:] == ["in color", "by its name", "odd"], seen
        """,
        tmp_path,
        "next",
    )
    assert lines[-1] == "in color"


def test_a_descriptor_that_the_program_leads_elsewhere_stays_there_when_the_run_is_closed(tmp_path: Path) -> None:
    seen, _ = run(
        "descriptors",
        """
        os.dup2(os.open("own.log", os.O_CREAT | os.O_WRONLY), 1)
        os.close(2)
        tracker.close()
        os.write(1, b"mine")
        os.write(2, b"of nobody")
        """,
        tmp_path,
    )
    assert (tmp_path / "own.log").read_text() == "mine"
    assert "mine" not in seen and "of nobody" not in seen


def test_of_two_runs_the_second_records_what_is_printed_after_the_end_of_the_first(tmp_path: Path) -> None:
    seen, lines = run(
        "descriptors",
        """
        second = ExperimentTracker(dataclasses.replace(config, experiment_name="next"))
        os.write(1, b"to both\\n")
        tracker.close()
        os.write(1, b"to one\\n")
        second.close()
        os.write(1, b"to none\\n")
        """,
        tmp_path,
        "next",
    )
    assert seen.endswith("to both\nto one\nto none\n")
    assert lines == ["to both", "to one"]
