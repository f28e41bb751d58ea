"""`seo-engine runs` as people type it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cli.commands import command


def test_runs_list_and_show(trained: subprocess.CompletedProcess[str], place: Path) -> None:
    listed = command("runs", "list", cwd=place)
    assert listed.returncode == 0 and "first" in listed.stdout and "finished" in listed.stdout
    shown = command("runs", "show", "first", cwd=place)
    for words in ("training/loss", "lora_rank", "fine_tune", "tensorboard", "pending"):
        assert words in shown.stdout, words
    by_path = json.loads(command("runs", "show", "runs/first", "--json", cwd=place).stdout)
    assert by_path["metrics"]["training/loss"]["count"] == 4 and by_path["status"] == "finished"
    assert any(run["name"] == "first" for run in json.loads(command("runs", "list", "--json", cwd=place).stdout))


def test_an_unknown_run_and_an_empty_list_are_told_plainly(tmp_path: Path) -> None:
    unknown = command("runs", "show", "nothing", cwd=tmp_path)
    assert unknown.returncode == 2 and unknown.stderr.startswith("error: no run 'nothing'")
    assert "no runs in runs yet" in command("runs", "list", cwd=tmp_path).stdout


def test_a_file_in_place_of_the_folder_of_runs_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("no folder")
    for arguments in (["list"], ["recover"]):
        refused = command("runs", *arguments, cwd=tmp_path)
        assert refused.returncode == 2 and refused.stderr.startswith("error: runs: this is a file")
