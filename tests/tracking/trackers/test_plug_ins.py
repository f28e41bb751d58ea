"""Trackers of other packages: found by their entry points, by this process and by its child, and never in the way."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from seo_engine.cli import main
from seo_engine.tracking import (
    DestinationTracker,
    ExperimentTracker,
    TrackerInChild,
    TrackingConfig,
    read_run,
    recover_run,
    unfinished_runs,
)
from seo_engine.tracking.delivery.child.standby import Standby
from seo_engine.tracking.runs.ledger import DeliveryState, read_delivery, update_delivery, wait_for_delivery
from seo_engine.tracking.trackers import plug_ins, registry
from seo_engine.tracking.trackers.plug_ins import UnusableTrackerError, installed_plug_ins
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED, ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.killing import training, wait_until
from tests.tracking.trackers.plug_in_packages import write_package


def config(folder: Path, **settings: Any) -> TrackingConfig:
    plain = {"tensorboard_logging": False, "wandb_logging": False, "experiment_name": "r", "print_summary": False}
    return TrackingConfig(**{"tensorboard_log_dir": str(folder), **plain, **ONLY_WHAT_IS_LOGGED, **settings})


@pytest.fixture(autouse=True)
def nothing_loaded_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plug_ins, "_loaded", {})
    monkeypatch.setattr(plug_ins, "_hanging", {})
    # One process fewer for each run that is not killed.
    monkeypatch.setattr(Standby, "start", lambda self: None)


def train(tracker: ExperimentTracker, steps: int = 3) -> Path:
    with tracker:
        for step in range(1, steps + 1):
            tracker.log_training_metrics(1, step, {"loss": 1 / step})
        assert tracker.flush()
    assert tracker.run_directory is not None
    return tracker.run_directory


def lines(run_directory: Path, name: str) -> list[list[str]]:
    return [line.split() for line in (run_directory / f"{name}.txt").read_text().splitlines()]


def test_an_installed_tracker_is_found_by_its_name_and_given_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "lines", "lines")))
    settings = {"lines": {"greeting": "hello"}}
    tracker = ExperimentTracker(config(tmp_path, additional_trackers=["lines"], tracker_settings=settings))
    assert [line[:3] for line in lines(train(tracker), "lines")] == [
        [str(step + 1), str(step), "training/loss"] for step in (1, 2, 3)
    ]
    state = tracker.delivery["lines"]
    assert state.is_complete and state.details == {"file": "lines.txt", "greeting": "hello"}


def test_a_tracker_that_may_block_is_made_in_a_child_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "apart", "apart", runs_in_child=True)))
    tracker = ExperimentTracker(config(tmp_path, additional_trackers=["apart"]))
    assert isinstance(tracker._run.trackers["apart"], TrackerInChild)
    held = lines(train(tracker), "apart")
    assert [line[1] for line in held] == ["1", "2", "3"] and {line[4] for line in held} != {str(os.getpid())}
    assert tracker.delivery["apart"].is_complete


def test_to_list_what_is_installed_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "unread", "unread", "raise RuntimeError('imported')")))
    assert {"files", "unread"} <= set(installed_plug_ins())
    assert registry.replayable(["unread", "wandb", "unknown"]) == ["wandb", "unread"]
    assert "package_of_unread" not in sys.modules


def test_a_run_goes_on_without_a_tracker_that_is_not_there_and_recovery_completes_it_when_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "line", "line")))
    tracker = ExperimentTracker(config(tmp_path / "runs", additional_trackers=["lines"]))
    run_directory = train(tracker)
    (said,) = [record for record in caplog.records if "lines" in record.getMessage()]
    assert said.levelname == "ERROR"
    assert "there is no tracker 'lines' here; did you mean line? (installed are files, line" in said.getMessage()
    state = tracker.delivery["lines"]
    assert (state.accepted, state.delivered, state.pending, state.is_missing) == (5, 0, 5, True)
    assert tracker.delivery["run_logs"].is_complete
    # Elsewhere, too, it is one warning, and the run stays unfinished and readable.
    caplog.clear()
    assert recover_run(run_directory)["lines"].is_missing
    assert [record.levelname for record in caplog.records if "lines" in record.getMessage()] == ["WARNING"]
    assert unfinished_runs(tmp_path / "runs") == [run_directory]
    shown = CliRunner().invoke(main, ["runs", "show", str(run_directory)])
    assert shown.exit_code == 0, shown.output
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "late", "lines")))
    assert recover_run(run_directory)["lines"].is_complete and unfinished_runs(tmp_path / "runs") == []
    assert len(lines(run_directory, "lines")) == 3


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module", "cannot be imported from package_of_bad:LinesTracker: ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("nothing = 1", "AttributeError"),
        ("LinesTracker = 5", "is not a subclass of DestinationTracker"),
        (
            "from seo_engine import DestinationTracker as Base\nclass LinesTracker(Base):\n name = 'other'",
            "must have the name of its entry point, got 'other'",
        ),
        (
            "from seo_engine import DestinationTracker as Base\nclass LinesTracker(Base):\n name = 'bad'",
            "cannot be made: TypeError",
        ),
        (
            "from seo_engine import MemoryTracker\nclass LinesTracker(MemoryTracker):\n name = 'bad'\n"
            " def __init__(self, placement):\n  raise RuntimeError('token=hunter2secret')",
            "RuntimeError: token=[redacted]",
        ),
        (
            "from seo_engine import MemoryTracker\nclass LinesTracker(MemoryTracker):\n name = 'bad'\n"
            " def __init__(self, placement):\n  super().__init__('other')",
            "makes something else",
        ),
    ],
)
def test_a_broken_tracker_costs_one_line_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, source: str, said: str
) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "bad", "bad", source)))
    monkeypatch.delitem(sys.modules, "package_of_bad", raising=False)
    tracker = ExperimentTracker(config(tmp_path, additional_trackers=["bad"]))
    train(tracker)
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said in line and "\n" not in line and "runs recover" in line
    assert tracker.delivery["run_logs"].is_complete and tracker.delivery["bad"].pending == 5


@pytest.mark.parametrize("place", ["import", "init", "import_sdk"])
def test_a_tracker_that_hangs_when_it_is_made_does_not_keep_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    released = threading.Event()
    monkeypatch.setattr(sys, "released_by_a_test", released, raising=False)
    for module in (plug_ins, registry, sys.modules["seo_engine.tracking.delivery.deliveries"]):
        monkeypatch.setattr(module, "LONGEST_FOREIGN_SECONDS", 0.1)
    hang = "import sys; sys.released_by_a_test.wait()"
    source = f"""
from seo_engine import MemoryTracker
{hang if place == "import" else ""}
class LinesTracker(MemoryTracker):
    name = "hanging"
    def __init__(self, placement):
        super().__init__("hanging")
        {hang if place == "init" else ""}
    def import_sdk(self):
        {hang if place == "import_sdk" else "pass"}
"""
    monkeypatch.syspath_prepend(str(write_package(tmp_path / f"hangs_in_{place}", "hanging", source)))
    try:
        tracker = ExperimentTracker(config(tmp_path, additional_trackers=["hanging"]))
        train(tracker)
    finally:
        released.set()
    assert "it has not returned in 0.1 s" in caplog.text
    assert tracker.delivery["run_logs"].is_complete
    # One whose import works later than it should is still delivered to.
    assert tracker.delivery["hanging"].is_missing == (place != "import_sdk")


def test_two_packages_of_one_name_are_named_and_none_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in ("one", "two"):
        monkeypatch.syspath_prepend(str(write_package(tmp_path / folder, "twice")))
    train(ExperimentTracker(config(tmp_path, additional_trackers=["twice"])))
    assert "several trackers 'twice': package_of_one:LinesTracker, package_of_two:LinesTracker" in caplog.text


def test_a_name_that_ships_with_the_package_is_not_given_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "imposter", "run_logs", "raise RuntimeError('imported')")))
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "lock", "run")))
    assert registry.destination_of("run_logs").tracker is registry.DESTINATIONS["run_logs"].tracker
    with pytest.raises(UnusableTrackerError, match="'run' is taken"):
        registry.destination_of("run")


def test_settings_that_the_tracker_does_not_know_cost_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "strict", "strict")))
    settings = {"strict": {"colour": "red"}}
    tracker = ExperimentTracker(config(tmp_path, additional_trackers=["strict"], tracker_settings=settings))
    train(tracker)
    assert "tracker_settings['strict'] cannot be used: greeting is the only setting, got colour" in caplog.text
    assert tracker.delivery["strict"].is_missing


def test_without_settings_of_its_own_a_tracker_takes_none() -> None:
    class Plain(DestinationTracker):
        name = "plain"

    Plain.check_settings({})
    with pytest.raises(ValueError, match="plain has no settings, got colour"):
        Plain.check_settings({"colour": "red"})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"additional_trackers": ["../outside"]}, "additional_trackers must be names of 1 to 64 letters"),
        ({"additional_trackers": ["wandb"]}, "additional_trackers must not hold wandb; wandb_logging is the setting"),
        ({"additional_trackers": ["a", "a"]}, "additional_trackers must name each tracker once"),
        ({"additional_trackers": "files"}, "additional_trackers must be a list of strings, got 'files'"),
        ({"tracker_settings": {"wandb": {}}}, "tracker_settings must not hold wandb; its settings are fields"),
        ({"tracker_settings": {"files": 5}}, "tracker_settings['files'] must be a dictionary, got 5"),
        ({"tracker_settings": {"files": {"format": object()}}}, "tracker_settings must be plain data"),
        ({"tracker_settings": {"x": {"password": "hunter2secret"}}}, "tracker_settings must not hold a secret"),
    ],
)
def test_what_no_tracker_can_be_called_or_set_to_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as error:
        TrackingConfig(**settings)
    assert str(error.value).startswith(said)


def test_an_extra_tracker_does_not_take_the_name_of_an_additional_one(tmp_path: Path) -> None:
    class Same(DestinationTracker):
        name = "files"

        def setup(self) -> None: ...

        def show(self, shown: Any, recorded: Any) -> None: ...

    with pytest.raises(ValueError, match="'files' is taken"):
        ExperimentTracker(config(tmp_path, additional_trackers=["files"]), extra_trackers=[Same()])


def test_a_run_is_replayed_to_an_installed_tracker_and_to_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "later", "later")))
    run_directory = train(ExperimentTracker(config(tmp_path / "runs", experiment_logging_interval=2)))
    for arguments, folder in (([], run_directory), (["--all"], run_directory.with_name("r_all"))):
        replayed = CliRunner().invoke(main, ["runs", "replay", str(run_directory), "--to", "later", *arguments])
        assert replayed.exit_code == 0, replayed.output
        assert [line[1] for line in lines(folder, "later")] == ["1", "2", "3"]
    refused = CliRunner().invoke(main, ["runs", "replay", str(run_directory), "--to", "latr", "--all"])
    assert refused.exit_code == 2
    assert "there is no tracker 'latr' here; did you mean later? (installed are files, later" in refused.output


TRAINING = f"""
import sys
from seo_engine import ExperimentTracker, TrackingConfig
tracker = ExperimentTracker(TrackingConfig(
    experiment_name="r", tensorboard_logging=False, wandb_logging=False, additional_trackers=["outliving"],
    {ONLY_WHAT_IS_LOGGED_AS_TEXT}
))
for step in range(1, 101):
    tracker.log_training_metrics(1, step, {{"loss": 1 / step}})
print("ready", flush=True)
sys.stdin.read()
"""


def test_the_child_of_a_plug_in_completes_the_run_of_a_killed_training(tmp_path: Path) -> None:
    folder = write_package(tmp_path / "outliving", "outliving", runs_in_child=True)
    with training(TRAINING, tmp_path, PYTHONPATH=str(folder)) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        run_directory = tmp_path / "runs" / "r"
        # Its child must have begun: it notices the end of its pipe.
        wait_until(lambda: (run_directory / "outliving.txt").exists())
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: all(read_delivery(run_directory / "delivery.json")[name].is_complete for name in VIEWS))
        assert read_run(run_directory).status == "killed"
    assert [int(line[1]) for line in lines(run_directory, "outliving")] == list(range(1, 101))


VIEWS = ("outliving", "run_logs")


def test_nobody_waits_for_a_tracker_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "delivery.json"
    update_delivery(path, {"there": DeliveryState(offset=9), "gone": DeliveryState(is_missing=True)})
    assert wait_for_delivery(path, ["there", "gone"], lambda: 9, timeout_seconds=0)
    assert not wait_for_delivery(path, ["there", "gone"], lambda: 10, timeout_seconds=0)


def test_next_steps_of_a_tracker_that_fails_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
from seo_engine import MemoryTracker
class LinesTracker(MemoryTracker):
    name = "silent"
    def __init__(self, placement):
        super().__init__("silent")
    @classmethod
    def next_steps(cls, run_directory, details):
        raise RuntimeError("no words")
"""
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "silent", "silent", source)))
    tracker = ExperimentTracker(config(tmp_path, additional_trackers=["silent"], print_summary=True))
    run_directory = train(tracker)
    assert [step.label for step in registry.steps_after(run_directory, tracker.delivery)] == ["numbers"]
