"""What the command does that starts the processes of a training, when they do not end as they should."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from seo_engine import SEOConfig
from seo_engine.cli import launching
from tests.tracking.killing import wait_until

# As a process that waits for another within torch: no signal reaches Python.
DEAF = "import signal; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; print(flush=True); signal.pause()"


@contextmanager
def processes(*programs: str) -> Iterator[list[psutil.Popen]]:
    started = [psutil.Popen([sys.executable, "-c", each], stdout=-1) for each in programs]
    try:
        yield started
    finally:
        for each in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
            each.wait()


def test_a_process_that_a_signal_has_ended_is_named_and_the_others_are_ended(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with processes("import signal; signal.pause()", "import os, signal; os.kill(os.getpid(), 9)") as started:
        assert launching._wait_for_all(started, []) == 128 + signal.SIGKILL
        assert started[0].wait() == -signal.SIGTERM
    assert capfd.readouterr().err == "error: process 1 ended by a signal (Killed), so the others are ended, too\n"


@pytest.mark.parametrize(
    ("other", "stopped_by", "expected"),
    [
        # A second Ctrl-C.
        (DEAF, [signal.SIGINT, signal.SIGINT], 130),
        # Another process has failed meanwhile, for which it waits.
        ("raise SystemExit(3)", [signal.SIGTERM], 3),
        ("raise SystemExit(3)", [], 3),
    ],
)
def test_a_process_that_no_signal_reaches_is_not_waited_for_without_end(
    other: str, stopped_by: list[int], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_LONGEST_STOPPING_SECONDS", 0.2)
    monkeypatch.setattr(launching, "_LONGEST_ENDING_SECONDS", 0.2)
    with processes(DEAF, other) as started:
        assert started[0].stdout.readline() == b"\n"
        assert launching._wait_for_all(started, stopped_by) == expected
        assert started[0].is_running()


CHILD = """
import os, signal, sys
from seo_engine import SEOConfig
from seo_engine.cli import launching
launching._LONGEST_ALONE_SECONDS = 0.1
os.environ[launching.LAUNCHER] = str(os.getppid())
launching.end_without_launcher()
print(os.getpid(), flush=True)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
signal.pause()
"""


def test_a_process_ends_after_the_command_that_has_started_it_although_no_signal_reaches_it() -> None:
    command = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"
    with processes(command) as (launcher,):
        child = int(launcher.stdout.readline())
        launcher.kill()
        launcher.wait()
        assert wait_until(lambda: not psutil.pid_exists(child))


def test_a_process_that_no_command_has_started_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(launching.LAUNCHER, raising=False)
    assert not launching.is_launcher_gone()
    monkeypatch.setenv(launching.LAUNCHER, str(os.getppid()))
    assert not launching.is_launcher_gone()
    monkeypatch.setenv(launching.LAUNCHER, str(os.getpid()))
    assert launching.is_launcher_gone()


def test_the_processes_get_the_settings_of_the_command_that_starts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    # In the place of Python: it keeps what each process is handed.
    keeping = Path("keeping").absolute()
    keeping.write_text('#!/bin/sh\ncat > "$RANK.json"\n')
    keeping.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(keeping))
    # The value of a default counts as given, too; a long text is no danger to anybody.
    given = {"seed": 0, "wandb_tags": ["shop"], "learning_rate": float("inf"), "wandb_notes": "é" * 200_000}
    assert launching.launch(2, ["train"], SEOConfig(**given)) == 0
    assert [json.loads(Path(f"{rank}.json").read_text()) for rank in (0, 1)] == [given, given]


def test_only_a_process_of_that_command_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"seed": 7}'))
    assert launching.settings_of_launcher() is None
    # A program that such a process starts inherits the variable.
    monkeypatch.setenv(launching.LAUNCHER, "1")
    assert launching.settings_of_launcher() is None
    monkeypatch.setenv(launching.LAUNCHER, str(os.getppid()))
    assert launching.settings_of_launcher() == {"seed": 7}
