"""`seo-engine runs` as people type it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from tests.cli.commands import command


def make_run(runs: Path, run_name: str, values: list[float], *, name: str = "loss", status: str = "finished") -> None:
    """Make a run of one metric, which costs little."""
    config = TrackingConfig(
        experiment_name=run_name,
        tensorboard_log_dir=str(runs),
        tensorboard_logging=False,
        wandb_logging=False,
        print_summary=False,
        system_metrics_interval_seconds=0,
    )
    tracker = ExperimentTracker(config)
    for value in values:
        tracker.log_metrics({name: value})
    tracker.close(status)


def test_runs_list_and_show(trained: subprocess.CompletedProcess[str], place: Path) -> None:
    listed = command("runs", "list", cwd=place)
    assert listed.returncode == 0 and "first" in listed.stdout and "finished" in listed.stdout
    shown = command("runs", "show", "first", cwd=place)
    for words in ("training/loss", "lora_rank", "fine_tune", "tensorboard", "pending"):
        assert words in shown.stdout, words
    by_path = json.loads(command("runs", "show", "runs/first", "--json", cwd=place).stdout)
    assert by_path["metrics"]["training/loss"]["count"] == 4 and by_path["status"] == "finished"
    assert any(run["name"] == "first" for run in json.loads(command("runs", "list", "--json", cwd=place).stdout))


def test_a_run_that_is_not_there_and_a_folder_without_runs_are_told_with_the_way_to_another_folder(
    tmp_path: Path,
) -> None:
    another = "another folder: --log-dir, or SEO_ENGINE_TENSORBOARD_LOG_DIR"
    unknown = command("runs", "show", "nothing", cwd=tmp_path)
    assert unknown.returncode == 2 and unknown.stderr.startswith("error: no run 'nothing' in runs")
    assert unknown.stderr.rstrip().endswith(another)
    for arguments in (["list"], ["recover"]):
        assert command("runs", *arguments, cwd=tmp_path).stdout == f"No runs in runs; {another}\n"


def test_the_folder_of_runs_may_stand_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "elsewhere", "cnn", [0.5])
    monkeypatch.setenv("SEO_ENGINE_TENSORBOARD_LOG_DIR", str(tmp_path / "elsewhere"))
    assert "cnn" in command("runs", "list", cwd=tmp_path).stdout
    assert "training/loss" in command("runs", "show", "cnn", cwd=tmp_path).stdout
    # An option wins, and a program takes what its configuration says.
    assert command("runs", "list", "--log-dir", "none", cwd=tmp_path).stdout.startswith("No runs in none;")
    assert TrackingConfig().tensorboard_log_dir == "runs"


def test_runs_are_filtered_and_sorted_and_show_last_and_best_of_any_group(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    make_run(runs, "cnn-small", [0.9, 0.4, 0.5], name="val/loss")
    make_run(runs, "cnn-large", [0.8, 0.2, 0.3], name="val/loss", status="failed")
    make_run(runs, "transformer", [0.1, 0.7], name="test/acc")
    make_run(runs, "empty", [])

    def names(*options: str) -> list[str]:
        listed = command("runs", "list", "--json", *options, cwd=tmp_path)
        return [run["name"] for run in json.loads(listed.stdout)]

    table = command("runs", "list", cwd=tmp_path).stdout
    assert "0.5, best 0.4" in table and "0.3, best 0.2" in table and "0.7, best 0.7" in table
    assert "val/loss" in table and "test/acc" in table
    assert names() == ["empty", "transformer", "cnn-large", "cnn-small"]
    assert names("--sort", "name") == ["cnn-large", "cnn-small", "empty", "transformer"]
    assert names("--sort", "val/loss") == ["cnn-large", "cnn-small", "empty", "transformer"]
    assert names("--sort", "steps")[0] in ("cnn-small", "cnn-large")
    assert names("--status", "failed") == ["cnn-large"]
    assert names("--name", "cnn-*", "--name", "emp*") == ["empty", "cnn-large", "cnn-small"]
    assert "None of the 4 runs" in command("runs", "list", "--status", "killed", cwd=tmp_path).stdout
    columns = command("runs", "list", "--metric", "test/acc", cwd=tmp_path).stdout.splitlines()[0]
    assert "test/acc" in columns and "val/loss" not in columns
    refused = command("runs", "list", "--sort", "los", cwd=tmp_path)
    assert refused.returncode == 2 and "no run has a metric 'los'" in refused.stderr and "val/loss" in refused.stderr


def test_one_run_is_shown_with_its_configuration_texts_and_profile(tmp_path: Path) -> None:
    config = TrackingConfig(
        experiment_name="r", tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, wandb_tags=["a", "b"]
    )
    with ExperimentTracker(config) as tracker:
        tracker.log_settings({"model": {"layers": 12}})
        tracker.log_text("sample", "a first text")
        tracker.log_text("sample", "one\x1b[31m two\nthree [bold]four[/bold] " + "word " * 100)
        for number, _ in enumerate(config.code_profiler.profile_steps(range(30))):
            for part in range(12):
                with config.code_profiler.profile_operation(f"part_{part}"):
                    pass
            tracker.log_metrics({"loss": abs(number - 17)})
    shown = command("runs", "show", "r", cwd=tmp_path).stdout
    lines = shown.splitlines()
    assert lines[0] == "r  finished" and not any(line.rstrip().endswith(",") for line in lines)
    assert "running time 0:0" in lines[1] and lines[1].endswith("step 30")
    (loss,) = [line.split() for line in lines if line.strip().startswith("training/loss")]
    assert loss == ["training/loss", "30", "17", "12", "0", "18", "0", "17"]
    assert "{'layers': 12}" in shown and "['a', 'b']" in shown
    assert "one [31m two three [bold]four[/bold] word" in shown and "\x1b" not in shown and "a first text" not in shown
    assert "p99" in shown and 0 < shown.count("part_") < 12 and "training steps: median" in shown
    assert "Not ranked: the tracker's " in shown
    profile = command("runs", "show", "r", "--profile", cwd=tmp_path).stdout
    assert profile.count("part_") == 12 and "training steps: median" in profile and "training/loss" not in profile
    assert len(json.loads(command("runs", "show", "r", "--profile", "--json", cwd=tmp_path).stdout)["operations"]) >= 12


def test_a_damaged_or_foreign_profile_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    config = TrackingConfig(
        experiment_name="r",
        tensorboard_log_dir=str(tmp_path / "runs"),
        wandb_logging=False,
        tensorboard_logging=False,
        enable_code_profiling=False,
    )
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5})
    none = command("runs", "show", "r", "--profile", cwd=tmp_path)
    assert none.returncode == 2 and "runs/r has no profile" in none.stderr and "Traceback" not in none.stderr
    operation = {"operation": "mm", "category": "c", "calls": 1, "self_seconds": 1.0, "share_percent": 1.0}
    foreign: dict[str, Any] = {
        "timings": {"aten::mm": 0.25},
        "operations": ["aten::mm", operation, {**operation, "p50_seconds": "1", "p99_seconds": None}],
        "training": {"steps": [1]},
        "recommendations": "none",
        "bottlenecks": 5,
    }
    with ExperimentTracker(config, resume="r") as tracker:
        tracker.log_profiling_data(foreign)
    assert "aten::mm   0.250000" in command("runs", "show", "r", cwd=tmp_path).stdout
    not_ours = command("runs", "show", "r", "--profile", cwd=tmp_path)
    assert not_ours.returncode == 2 and "not a profile of CodeProfiler" in not_ours.stderr
    profile = tmp_path / "runs" / "r" / "profile"
    profile.mkdir()
    for damaged in (b"{", b"[]", b"[" * 100_000):
        (profile / "profiling_data.json").write_bytes(damaged)
        assert command("runs", "show", "r", "--profile", cwd=tmp_path).stderr == not_ours.stderr


def test_a_file_in_place_of_the_folder_of_runs_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("no folder")
    for arguments in (["list"], ["recover"]):
        refused = command("runs", *arguments, cwd=tmp_path)
        assert refused.returncode == 2 and refused.stderr.startswith("error: runs: this is a file")
