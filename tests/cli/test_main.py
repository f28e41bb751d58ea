"""The command itself: its help, and that a command's module is imported only when it is needed."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import click
import pytest

from seo_engine.cli import COMMANDS, LazyGroup, main
from tests.cli.commands import command


def test_help_has_examples() -> None:
    for arguments in ([], ["train"], ["runs"]):
        finished = command(*arguments, "--help")
        assert finished.returncode == 0 and "Examples:" in finished.stdout


@pytest.mark.parametrize("arguments", [["--version"], ["crawl", "--help"], ["runs", "list"]])
def test_a_full_disk_behind_standard_output_is_told_in_one_line(tmp_path: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "seo_engine.cli", *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, timeout=60, check=False,
        )  # fmt: skip
    assert finished.returncode == 2
    assert finished.stderr == "error: standard output: No space left on device\n"


def test_a_full_disk_elsewhere_is_not_blamed_on_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LazyGroup, "invoke", fail)
    with pytest.raises(OSError, match="No space left"):
        main(["runs", "list"])


def test_every_command_of_the_table_is_there() -> None:
    context = click.Context(main)
    for name in COMMANDS:
        found = main.get_command(context, name)
        assert found is not None and found.name == name
    assert main.get_command(context, "no-such-command") is None


@pytest.mark.parametrize(
    ("arguments", "imported"),
    [(["--version"], set()), (["runs", "list"], {"runs"}), (["train", "--help"], {"train"})],
)
def test_a_module_is_imported_only_when_its_command_is_run(
    tmp_path: Path, arguments: list[str], imported: set[str]
) -> None:
    program = (
        "import sys\nfrom seo_engine.cli import COMMANDS, LazyGroup, main\nmain(sys.argv[1:], standalone_mode=False)\n"
        "print(*(name for name in COMMANDS if f'seo_engine.cli.{name}' in sys.modules))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert set(finished.stdout.splitlines()[-1].split()) == imported
