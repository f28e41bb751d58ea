"""How a run says that it ended, and what of it may be seen; `tests/faults` has every way in which a program ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.runs.endings import describe_error, status_after
from tests.tracking.killing import training
from tests.tracking.read_views import read_wandb

WORKERS = """
import multiprocessing, os, sys
from seo_engine import ExperimentTracker, TrackingConfig

def make(name):
    return ExperimentTracker(TrackingConfig(experiment_name=name, wandb_logging=False, tensorboard_logging=False))

def train(rank, name, ending):
    tracker = make(name)
    tracker.log_training_metrics(1, 1, {"loss": 1.0})
    if ending == "raises":
        raise ValueError("the loss is no number")
    if ending == "exits":
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            sys.exit(1)

def attached(folder):
    tracker = ExperimentTracker.attach(folder)
    tracker.log_training_metrics(1, 1, {"loss": 1.0})
    raise ValueError("the shard is broken")

if __name__ == "__main__":
    for method in ("spawn", "fork", "forkserver"):
        for ending in ("raises", "exits", "returns"):
            process = multiprocessing.get_context(method).Process(target=train, args=(0, f"{method}_{ending}", ending))
            process.start()
            process.join()
    import torch.multiprocessing
    try:
        torch.multiprocessing.spawn(train, args=("torch_raises", "raises"), nprocs=1)
    except torch.multiprocessing.ProcessRaisedException:
        pass
    with make("owner") as owner:
        process = multiprocessing.get_context("spawn").Process(target=attached, args=(owner.run_directory,))
        process.start()
        process.join()
"""


def test_workers_of_multiprocessing_say_how_they_ended(tmp_path: Path) -> None:
    (tmp_path / "workers.py").write_text(WORKERS)
    said = subprocess.run(
        [sys.executable, "workers.py"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=280
    ).stderr
    runs = {directory.name: read_run(directory) for directory in (tmp_path / "runs").iterdir()}
    statuses = {name: run.status for name, run in runs.items()}
    expected = {"raises": "failed", "exits": "interrupted", "returns": "finished"}
    methods = ("spawn", "fork", "forkserver")
    assert statuses == {
        "owner": "finished", "torch_raises": "failed",
        **{f"{method}_{ending}": status for method in methods for ending, status in expected.items()},
    }, said  # fmt: skip
    for name, status in statuses.items():
        error = runs[name].error
        if status == "failed":
            assert error is not None and error["message"] == "ValueError: the loss is no number", name
            assert 'workers.py", line' in error["traceback"], name
    (text,) = runs["owner"].texts.values()
    assert text.startswith("ValueError: the shard is broken") and 'workers.py", line' in text


@pytest.mark.parametrize("error", [ValueError("out of tulips"), KeyboardInterrupt(), SystemExit(0), None])
def test_closing_while_an_exception_is_handled_sees_it(tmp_path: Path, error: BaseException | None) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_logging=False, tensorboard_logging=False)
    tracker = ExperimentTracker(config)
    try:
        if error is not None:
            raise error
        tracker.close()
    except BaseException:
        # As the hooks of frameworks do.
        tracker.close()
    assert tracker.run_directory is not None
    run = read_run(tracker.run_directory)
    assert run.status == status_after(error)
    assert (run.error is None) == (run.status == "finished")


def test_what_is_given_to_close_wins_over_the_exception_that_is_handled(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_logging=False, tensorboard_logging=False)
    try:
        raise MemoryError
    except MemoryError:
        # For example, the next attempt with smaller batches.
        with ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert tracker.run_directory is not None and read_run(tracker.run_directory).status == "finished"


def exit_while_handling(error: BaseException, code: int) -> SystemExit:
    try:
        try:
            raise error
        except BaseException:
            sys.exit(code)
    except SystemExit as raised:
        return raised


@pytest.mark.parametrize(
    ("error", "code", "status", "message"),
    [
        (KeyboardInterrupt(), 1, "interrupted", "KeyboardInterrupt"),
        (KeyboardInterrupt(), 0, "interrupted", "KeyboardInterrupt"),
        (ValueError("out of tulips"), 1, "failed", "ValueError: out of tulips"),
        (ValueError("out of tulips"), 0, "finished", "ValueError: out of tulips"),
    ],
)
def test_an_exit_that_a_framework_makes_of_an_exception_says_what_it_was(
    error: BaseException, code: int, status: str, message: str
) -> None:
    raised = exit_while_handling(error, code)
    assert (status_after(raised), describe_error(raised)["message"]) == (status, message)


def test_no_planted_secret_is_in_any_file_of_the_run(tmp_path: Path) -> None:
    places = """
        environment argument remote hyperparameter object text exception message configuration key nested listed metric
        text_of_name text_name notes group job_type change model resumed operation category thread counter
    """
    planted = {name: f"planted{number:02}" + "x7Q" * 8 for number, name in enumerate(places.split())}
    (tmp_path / "settings.py").write_text("")
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", "-C", tmp_path]
    for arguments in (
        ["init", "-q"],
        ["add", "settings.py"],
        ["commit", "-q", "-m", "settings"],
        ["remote", "add", "origin", f"https://{planted['remote']}:x-oauth-basic@example.org/me/site.git"],
    ):
        subprocess.run([*git, *arguments], check=True)
    program = f"""
        import logging, sys, threading
        import torch
        from seo_engine import ExperimentTracker, TensorBoardTracker, TrackingConfig, WandBTracker
        from seo_engine.tracking.records.model_architecture import describe_model
        class Model(torch.nn.Linear):
            def extra_repr(self): return "api_key='{planted["model"]}'"
        class Settings:
            def __str__(self): return "Settings(api_key='{planted["object"]}')"
        config = TrackingConfig(
            wandb_mode="offline", experiment_name="r", asynchronous_logging=sys.argv[1] == "in_child",
            wandb_tags=["https://me:{planted["configuration"]}@example.org"],
        )
        with ExperimentTracker(config) as tracker:
            tracker.log_hyperparameters(
                {{"hf_token": "{planted["hyperparameter"]}", "settings": Settings(), "seed": 7}}
            )
            more = {{
                "https://me:{planted["key"]}@example.org": 1, "smtp": {{"pass": "{planted["nested"]}"}},
                "argv": ["--api-key", "{planted["listed"]}"],
            }}
            metrics = {{"x/https://me:{planted["metric"]}@example.org": 0.5}}
            if sys.argv[1] == "alone":
                for alone in (TensorBoardTracker(config), WandBTracker(config)):
                    with alone:
                        alone.log_hyperparameters(more)
                        alone.log_model_architecture(describe_model(Model(1, 1)))
                        alone.log_profiling_data({{"bottlenecks": ["https://me:{planted["model"]}@example.org"]}})
                        alone.log_resume(1, {{"api_key": "{planted["resumed"]}"}})
                        alone.log_training_metrics(1, 1, metrics)
                        alone.log_text("hf_token", "{planted["text_of_name"]}")
                        alone.log_text("https://me:{planted["text_name"]}@example.org", "hello")
            tracker.log_hyperparameters(more)
            tracker.log_model_architecture(Model(1, 1))
            for _ in range(2):
                tracker.log_training_metrics(1, 1, metrics)
            tracker.log_text("hf_token", "{planted["text_of_name"]}")
            tracker.log_text("https://me:{planted["text_name"]}@example.org", "hello")
            profiler = config.code_profiler
            with profiler.profile_operation("clone https://me:{planted["operation"]}@example.org", "training_loop"):
                with profiler.profile_operation("sent {planted["environment"]}", "token={planted["category"]}"):
                    pass
            name = "api_key='{planted["thread"]}'"
            work = profiler.profile_operation("work", "training_loop")(lambda: None)
            thread = threading.Thread(target=work, name=name)
            thread.start(); thread.join()
            profiler.add_counters({{"https://me:{planted["counter"]}@example.org": 1.0}})
            tracker.log_text("note", "password: '{planted["text"]}'")
            logging.getLogger("seo_engine").error("Authorization: Bearer %s", "{planted["message"]}")
            raise ValueError("sent {planted["environment"]} with token={planted["exception"]}")
    """
    (tmp_path / "train.py").write_text(textwrap.dedent(program))
    (tmp_path / "settings.py").write_text(f"where = '{planted['change']}'")
    texts_of_environment = {
        "WANDB_NOTES": f"password='{planted['notes']}'",
        "WANDB_RUN_GROUP": f"https://me:{planted['group']}@example.org",
        "WANDB_JOB_TYPE": f"token={planted['job_type']}",
        "WANDB_SAVE_CODE": "true",
    }
    for place in ("in_child", "in_caller", "alone"):
        process = subprocess.run(
            [sys.executable, "train.py", place, "--api-key", planted["argument"]],
            cwd=tmp_path, text=True, capture_output=True, check=False,
            env=os.environ
            | {"SITE_TOKEN": planted["environment"], "WANDB_API_KEY": planted["environment"]}
            | texts_of_environment,
        )  # fmt: skip
        assert process.returncode == 1, process.stderr
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        contents = path.read_bytes()
        assert [name for name, value in planted.items() if value.encode() in contents] == [], path
    for directory in (tmp_path / "runs" / "r", tmp_path / "runs" / "r_2"):
        for name in ("trace.json", "profiling_data.json"):
            assert "clone https://[redacted]@example.org" in (directory / "profile" / name).read_text(encoding="utf-8")
    run = read_run(tmp_path / "runs" / "r")
    assert run.hyperparameters == {
        "hf_token": "[redacted]", "settings": "Settings(api_key='[redacted]')", "seed": 7,
        "smtp": {"pass": "[redacted]"}, "https://[redacted]@example.org": 1, "argv": ["--api-key", "[redacted]"],
    }  # fmt: skip
    assert "x/https://[redacted]@example.org" in read_wandb(tmp_path / "runs" / "r" / "wandb").rows[0]
    # wandb is told of the commit, though it may not look for changes itself.
    commit = subprocess.check_output(["git", "-C", tmp_path, "rev-parse", "HEAD"], text=True).strip()
    for view in (tmp_path / "runs").glob("*/wandb/*/*.wandb"):
        assert commit.encode() in view.read_bytes(), view
        assert not list(view.parent.rglob("*.patch")) and not list(view.parent.rglob("train.py")), view
    assert run.command[-1] == "[redacted]" and run.git["remote"] == "https://[redacted]@example.org/me/site.git"


def test_what_may_be_private_is_for_its_owner_alone(tmp_path: Path) -> None:
    program = """
        from seo_engine import ExperimentTracker, TrackingConfig
        with ExperimentTracker(TrackingConfig(experiment_name="r", wandb_mode="offline")) as tracker:
            tracker.log_training_metrics(1, 1, {"loss": 0.5})
    """
    with training(program, tmp_path) as process:
        process.communicate(timeout=200)
    directory = tmp_path / "runs" / "r"
    profile = ("profile", "profile/trace.json", "profile/profiling_data.json")
    for name in ("journal.jsonl", "delivery.json", "logs", "wandb", *profile):
        assert (directory / name).stat().st_mode & 0o077 == 0, name
    # TensorBoard often runs as somebody else.
    (event_file,) = directory.glob("events.out.tfevents.*")
    assert event_file.stat().st_mode & 0o044 == 0o044 & ~current_umask()
    assert json.loads((directory / "delivery.json").read_text())["wandb"]["closed"]


def current_umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
