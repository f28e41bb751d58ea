"""`seo-engine runs` as people type it."""

from __future__ import annotations

import json
import os
import re
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
    # A bare name is what `log_metrics` made of it, and what the runs are sorted by is shown.
    make_run(runs, "bare", [0.25])
    assert names("--sort", "loss")[0] == "bare"
    by_loss = command("runs", "list", "--sort", "loss", cwd=tmp_path).stdout.splitlines()
    assert "training/loss" in by_loss[0] and by_loss[1].split()[:2] == ["bare", "finished"]
    # With too many metrics for columns, each run shows its own.
    make_run(runs, "other", [0.75], name="eval/bleu")
    lines = {line.split()[0]: line for line in command("runs", "list", cwd=tmp_path).stdout.splitlines()}
    assert "last and best" in lines["run"] and "eval/bleu 0.75" in lines["other"]
    assert "val/loss 0.5, best 0.4" in lines["cnn-small"] and "test/acc 0.7, best 0.7" in lines["transformer"]
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
    assert command("runs", "show", ".", cwd=tmp_path / "runs" / "r").stdout == shown
    assert lines[0] == "r  finished" and not any(line.rstrip().endswith(",") for line in lines)
    assert "running time 0:0" in lines[1] and lines[1].endswith("step 30")
    (loss,) = [line.split() for line in lines if line.strip().startswith("training/loss")]
    assert loss == ["training/loss", "30", "17", "12", "0", "18", "0", "17"]
    assert "{'layers': 12}" in shown and "['a', 'b']" in shown
    assert "one [31m two three [bold]four[/bold] word" in shown and "\x1b" not in shown and "a first text" not in shown
    assert "p99" in shown and 0 < len(set(re.findall(r"part_\d+", shown))) < 12 and "training steps: median" in shown
    assert "Not ranked: the tracker's " in shown
    profile = command("runs", "show", "r", "--profile", cwd=tmp_path).stdout
    assert len(set(re.findall(r"part_\d+", profile))) == 12
    assert "training steps: median" in profile and "training/loss" not in profile
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


def test_hostile_runs_are_listed_and_shown_without_a_traceback_and_without_control_characters(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "r"
    (run / "profile").mkdir(parents=True)
    operation = {
        "operation": "mm\x1b]0;PWN\x07", "category": "c", "calls": 1, "self_seconds": 1.0, "share_percent": 1.0,
        "p50_seconds": 1.0, "p99_seconds": float("nan"), "samples": 1,
    }  # fmt: skip
    whole = {**operation, "p99_seconds": 2.0}
    steps = dict.fromkeys(
        ("steps", "steps_per_second", "p50_step_seconds", "p99_step_seconds", "outlier_steps", "outlier_percent"), 1.0
    ) | {f"{part}_percent": 1.0 for part in ("data_loading", "forward", "backward", "optimizer", "logging", "other")}
    profile = {
        "operations": [operation, whole, {**whole, "calls": 10**400}],
        "training": {**steps, "samples_per_second": []},
    }
    lines = [
        {
            "kind": "start",
            "time": 1e300,
            "configuration": {"given_fields": [["x"], "a\x1b[31m"], "a\x1b[31m": "\x1b]0;PWN"},
        },
        {"kind": "training", "time": 1.0, "epoch": 1, "step": 1, "metrics": {"val/acc\x1b]0;PWN": 0.5, "[bold]x": 1.0}},
        {"kind": "hyperparameters", "time": 1.0, "hyperparameters": {"lr\x1b[31m": "\x1b]0;PWN\x07"}},
        {"kind": "text", "time": 1.0, "epoch": 1, "step": 1, "name": "\x1b[2J", "text": "\x1b]0;PWN"},
        {"kind": "profiling", "time": 1.0, "epoch": 1, "step": 1, "profiling_data": profile | {"operations": [whole]}},
        {"kind": "end", "time": -1e18, "status": "\x1b[31mfine"},
    ]
    text = "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines)
    (run / "journal.jsonl").write_text(text)
    state = {"accepted": 3, "dropped": {"\x1b]0;PWN": 1}, "last_error": "\x1b[31m"}
    (run / "delivery.json").write_text(json.dumps({"\x1b[31m": state}))
    (run / "profile" / "profiling_data.json").write_text(json.dumps(profile))
    for arguments in (
        ["list"],
        ["list", "--metric", "\x1b[31m"],
        ["show", "r"],
        ["show", "r", "--profile"],
        ["recover"],
    ):
        shown = command("runs", *arguments, cwd=tmp_path)
        assert "Traceback" not in shown.stderr and shown.stdout.strip(), arguments
        assert not {"\x1b", "\x07"} & set(shown.stdout + shown.stderr), arguments
    # What JSON does not have is null.
    plain = json.loads(
        command("runs", "show", "r", "--profile", "--json", cwd=tmp_path).stdout, parse_constant=pytest.fail
    )
    assert plain["operations"][0]["p99_seconds"] is None
    (run / "delivery.json").write_text("[" * 100_000)
    assert command("runs", "show", "r", cwd=tmp_path).returncode == 0


def test_what_cannot_be_read_in_the_folder_of_runs_hides_nothing_else(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    make_run(runs, "fine", [0.5])
    (runs / "a_folder" / "journal.jsonl").mkdir(parents=True)
    (runs / "a_pipe").mkdir()
    os.mkfifo(runs / "a_pipe" / "journal.jsonl")
    (runs / "fine" / "profile" / "profiling_data.json").unlink(missing_ok=True)
    (runs / "fine" / "profile").mkdir(exist_ok=True)
    os.mkfifo(runs / "fine" / "profile" / "profiling_data.json")
    listed = command("runs", "list", cwd=tmp_path)
    assert "fine" in listed.stdout and "a_folder" not in listed.stdout and not listed.stderr
    assert command("runs", "show", "fine", "--profile", cwd=tmp_path).returncode in (0, 2)
    for folder in ("x" * 300, "runs/fine/journal.jsonl/below"):
        refused = command("runs", "list", "--log-dir", folder, cwd=tmp_path)
        assert "Traceback" not in refused.stderr and (refused.stderr + refused.stdout).strip()


def test_runs_note_and_tag_say_something_of_a_run_that_has_ended(tmp_path: Path) -> None:
    make_run(tmp_path / "runs", "one", [0.5])
    noted = command("runs", "note", "one", "The data had duplicates.", cwd=tmp_path)
    assert noted.returncode == 0, noted.stderr
    tagged = json.loads(command("runs", "tag", "one", "baseline", "long", "--json", cwd=tmp_path).stdout)
    assert all(not state["pending"] for (states,) in [tagged.values()] for state in states.values())
    shown = command("runs", "show", "one", cwd=tmp_path).stdout
    assert "tags baseline, long" in shown and "note: The data had duplicates." in shown
    refused = command("runs", "tag", "one", "x" * 65, cwd=tmp_path)
    assert refused.returncode == 2 and refused.stderr.startswith("error: a tag must be a text of 1 to 64 characters")
