"""What a newcomer sees of a run: its first line, its last, and TensorBoard's cards in between."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.history import closing_summary as closing_summary_module
from seo_engine.tracking.history.closing_summary import Ending, closing_summary
from seo_engine.tracking.runs.ledger import DeliveryState
from tests.tracking.read_views import read_journal, read_tensorboard


def said_by(program: str, folder: Path, **environment: str) -> tuple[list[str], int]:
    """Return the lines that a program prints on standard error, and its exit code."""
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    # On a busy machine a run also says that it waits, and what was slow.
    lines = [
        line for line in finished.stderr.splitlines() if "Waiting up to" not in line and "slow" not in line.lower()
    ]
    return lines, finished.returncode


def test_a_run_says_in_one_line_where_it_is_and_at_its_end_how_it_went(tmp_path: Path) -> None:
    lines, code = said_by(
        """
        from seo_engine import ExperimentTracker, TrackingConfig
        with ExperimentTracker(TrackingConfig(experiment_name="cnn", wandb_mode="offline")) as tracker:
            for step, loss in enumerate((0.9, 0.4, 0.5)):
                tracker.log_training_metrics(1, step, {"loss": loss, "lr": 0.1, "val/acc": 1 - loss})
        """,
        tmp_path,
    )
    assert code == 0
    assert lines[0] == "seo-engine Run runs/cnn: TensorBoard, W&B offline"
    assert re.fullmatch(r"seo-engine Run runs/cnn finished after \d:\d\d, step 2", lines[1])
    assert all(line.startswith("seo-engine ") for line in lines)
    assert [line.split()[1:] for line in lines[2:5]] == [
        ["training/loss", "0.5,", "best", "0.4"],
        ["val/acc", "0.5,", "best", "0.6"],
        ["training/lr", "0.1"],
    ]
    assert "seo-engine   curves   tensorboard --logdir runs" in lines
    assert "seo-engine   numbers  seo-engine runs show runs/cnn" in lines
    assert any("wandb sync runs/cnn/wandb" in line for line in lines)
    assert len(lines) <= 13
    # The lines of the seed are in the log file.
    (log,) = (tmp_path / "runs" / "cnn" / "logs").glob("seo_engine_*.log")
    assert "✅ TensorBoard initialized: " in log.read_text() and "✅ Weights & Biases initialized: " in log.read_text()


def test_a_program_that_fails_says_so_and_the_summary_can_be_switched_off(tmp_path: Path) -> None:
    program = """
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(
            experiment_name="r", wandb_logging=False, tensorboard_logging=False, print_summary=SUMMARY
        )
        with ExperimentTracker(config):
            raise ValueError("no more data")
    """
    lines, code = said_by(program.replace("SUMMARY", "True"), tmp_path)
    assert code == 1
    (failed,) = [line for line in lines if "failed after" in line]
    assert failed.startswith("seo-engine error: Run runs/r failed after") and failed.endswith(
        "ValueError: no more data"
    )
    lines, code = said_by(program.replace("SUMMARY", "False"), tmp_path)
    assert code == 1 and not any("failed after" in line for line in lines)


def test_the_summary_says_what_the_views_leave_out_and_how_to_see_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), experiment_name="r", wandb_logging=False)
    with caplog.at_level("INFO"), ExperimentTracker(config) as tracker:
        for step in range(25):
            tracker.log_training_metrics(1, step, {"loss": 0.5, "gradient_norm": 1.0})
    (summary,) = [message for message in caplog.messages if "finished after" in message]
    # Shown at 0, 10, 20, and the last at 24.
    assert "the views leave out 21 values of medium and low priority" in summary
    command = re.search(r"runs replay (\S+) --to tensorboard --all", summary)
    assert command is not None and Path(command[1]).resolve() == tmp_path / "r"


def test_what_is_to_be_typed_next_can_be_typed(tmp_path: Path) -> None:
    folder = tmp_path / "with a space"
    folder.mkdir()
    summary = closing_summary(folder / "r", Ending("finished", None, 1.0, 0), {"tensorboard": DeliveryState()})
    for line in summary.splitlines()[1:]:
        # The folder with the space is one word for a shell.
        assert any("with a space" in part for part in shlex.split(line)), line


def test_of_a_long_run_the_summary_shows_last_values_without_reading_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), experiment_name="r", wandb_logging=False, tensorboard_logging=False
    )
    with ExperimentTracker(config) as tracker:
        for step in range(10):
            tracker.log_training_metrics(1, step, {"loss": 1 / (step + 1)})
    monkeypatch.setattr(closing_summary_module, "LARGEST_READ_BYTES", 100)
    monkeypatch.setattr(closing_summary_module, "read_run", lambda directory: pytest.fail("all of it was read"))
    lines = closing_summary(tmp_path / "r", Ending("finished", None, 75.0, 9), tracker.delivery).splitlines()
    assert lines[0].endswith("r finished after 1:15, step 9") and lines[1].split() == ["training/loss", "0.1"]


def cards(directory: Path) -> tuple[set[str], set[str]]:
    """Return the curves of a run: the user's, and ours."""
    names = set(read_tensorboard(directory).scalars)
    ours = {name for name in names if name.startswith(("performance/", "profiling/"))}
    return names - ours, ours


def train(config: TrackingConfig, steps: int, pause: float = 0.0) -> Path:
    with ExperimentTracker(config) as tracker:
        for step in range(steps):
            with tracker.code_profiler.profile_operation("forward_pass", "training_loop"):
                time.sleep(pause)
            metrics = dict.fromkeys(("loss", "lr", "grad", "val/acc", "val/loss"), 1 / (step + 1))
            tracker.log_training_metrics(1, step, metrics)
    assert tracker.run_directory is not None
    return tracker.run_directory


def test_at_least_half_of_the_curves_of_a_short_run_are_the_users(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_logging=False, system_metrics_interval_seconds=0.1)
    directory = train(config, steps=30, pause=0.01)
    theirs, ours = cards(directory)
    assert len(theirs) == 5 and {name for name in ours if "gpu" not in name} == {
        "performance/cpu_usage_percent", "performance/memory_usage_mb", "performance/system_cpu_usage_percent",
        "performance/system_memory_usage_percent",
    }  # fmt: skip
    # The profile is a table, without the tracker's own operations.
    (table,) = read_tensorboard(directory).texts["profiling/summary"]
    assert "| forward_pass | training_loop | 30 |" in table and "experiment_tracking" not in table
    assert re.search(r"The tracker's calls took \d+\.\d{3} % of the time\.", table)


def test_the_curves_of_a_long_run_are_those_that_say_something(tmp_path: Path) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), wandb_logging=False, system_metrics_interval_seconds=0,
        profiling_interval_seconds=0.2,
    )  # fmt: skip
    directory = train(config, steps=60, pause=0.02)
    _, ours = cards(directory)
    assert "profiling/timing/forward_pass" in ours and "profiling/experiment_tracking/overhead_percent" in ours
    own = {name for name in ours if "tensorboard" in name or "experiment_tracker" in name or "logging" in name}
    assert not own and not {name for name in ours if name.startswith("profiling/training/")}
    # What the run shows as curves is more than a point, and what the journal keeps is all.
    assert all(len(read_tensorboard(directory).scalars[name]) > 1 for name in ours)
    profiles = [record for _, record in read_journal(directory) if record["kind"] == "profiling"]
    assert profiles[0]["shown_as"] == "table" and profiles[-1]["shown_as"] == "curves"
    assert any("tensorboard" in name for name in profiles[-1]["profiling_data"]["timings"])


def test_a_profile_that_the_user_logs_is_shown_whole(tmp_path: Path) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), wandb_logging=False, enable_code_profiling=False,
        system_metrics_interval_seconds=0,
    )  # fmt: skip
    with ExperimentTracker(config) as tracker:
        data: dict[str, Any] = {
            "timings": {"tensorboard_setup": 0.5},
            "training": {"forward_percent": 0.0, "other_percent": 100.0},
            "operations": [{"operation": "tensorboard_setup", "category": "experiment_tracking"}],
        }
        tracker.log_profiling_data(data)
    assert tracker.run_directory is not None
    assert set(read_tensorboard(tracker.run_directory).scalars) == {
        "profiling/timing/tensorboard_setup", "profiling/training/forward_percent", "profiling/training/other_percent",
    }  # fmt: skip


def test_phases_without_regions_are_no_curves() -> None:
    from seo_engine.tracking.records.profiling.automatic_profile import curves_of

    phases = {"data_loading_percent": 0.7, "forward_percent": 0.0, "backward_percent": 0.0, "other_percent": 99.3}
    metrics = {f"profiling/training/{name}": value for name, value in phases.items()}
    assert curves_of(metrics, {}) == {"profiling/training/data_loading_percent": 0.7}
    metrics["profiling/training/forward_percent"] = 60.0
    assert set(curves_of(metrics, {})) == {
        "profiling/training/data_loading_percent", "profiling/training/forward_percent",
        "profiling/training/other_percent",
    }  # fmt: skip


@pytest.mark.parametrize("reaction", ["continue", "raise"])
def test_a_folder_that_cannot_be_written_is_said_again_at_the_end_or_raised(reaction: str, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    lines, code = said_by(
        f"""
        from seo_engine import ExperimentTracker, TrackingConfig
        with ExperimentTracker(TrackingConfig(on_setup_failure={reaction!r}, wandb_logging=False)) as tracker:
            tracker.log_training_metrics(1, 1, {{"loss": 0.5}})
            print("trained")
        """,
        tmp_path,
    )
    if reaction == "raise":
        assert code == 1 and lines[-1].startswith("NotADirectoryError: ")
        return
    assert code == 0
    assert sum("nothing in this run is recorded" in line for line in lines) == 1
    assert "Nothing of this run was recorded: " in lines[-1]


def test_names_that_control_a_terminal_or_hold_a_secret_are_harmless_in_messages(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hostile = {f"\x1b]0;{number}\x07https://me:hunter2@h": 1.0 for number in range(30)}
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), wandb_mode="offline", wandb_settings={"\x1b[31mred": 1}
    )  # fmt: skip
    with caplog.at_level("INFO"), ExperimentTracker(config) as tracker:
        tracker.log_metrics_with_priority(hostile, priority="high")
        tracker.log_training_metrics(1, 1, {"loss": 0.5, **hostile})
        tracker.log_hyperparameters(hostile)
    said = "\n".join(caplog.messages)
    assert (
        "leaves out what no pattern" in said and "HPARAMS" in said and "wandb_settings is used without [31mred" in said
    )
    assert [message for message in caplog.messages if "\x1b" in message or "hunter2" in message] == []
    assert all(len(message) < 3_000 for message in caplog.messages)


def test_a_program_whose_folder_was_deleted_is_tracked_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    lines, code = said_by(
        f"""
        import os
        from seo_engine import ExperimentTracker, TrackingConfig
        os.rmdir(os.getcwd())
        runs = {str(tmp_path / "runs")!r}
        # Not even torch can be imported there.
        off = {{"wandb_logging": False, "tensorboard_logging": False}}
        config = TrackingConfig(tensorboard_log_dir=runs, experiment_name="r", **off)
        with ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {{"loss": 0.5}})
        """,
        tmp_path / "gone",
    )
    assert code == 0 and any("finished after" in line for line in lines), lines
    assert [record["kind"] for _, record in read_journal(tmp_path / "runs" / "r")][:2] == ["start", "training"]
