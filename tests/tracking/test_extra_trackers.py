"""Trackers of the user's own: what they may do wrong, and what the run does then."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from seo_engine.tracking import (
    DeliveryState,
    DestinationTracker,
    ExperimentTracker,
    IncompleteViewError,
    Recorded,
    Shown,
    TrackingConfig,
)
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED


class Plugin(DestinationTracker):
    name = "plugin"

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def setup(self) -> None:
        self.available = True

    def show(self, shown: Shown, recorded: Recorded) -> None:
        self.numbers.append(recorded.number)


def configuration(folder: Path, **settings: Any) -> TrackingConfig:
    return TrackingConfig(
        tensorboard_log_dir=str(folder),
        tensorboard_logging=False,
        wandb_logging=False,
        close_timeout_seconds=3,
        **ONLY_WHAT_IS_LOGGED,
        **settings,
    )


def balances(state: DeliveryState) -> bool:
    return state.pending >= 0 and state.accepted == state.delivered + sum(state.dropped.values()) + state.pending


def test_extra_trackers_may_be_an_iterator(tmp_path: Path) -> None:
    plugin = Plugin()
    with ExperimentTracker(configuration(tmp_path), extra_trackers=iter([plugin])) as tracker:  # type: ignore[arg-type]
        tracker.log_training_metrics(1, 1, {"loss": 1.0})
    assert len(plugin.numbers) == 3


def test_a_plugin_without_a_usable_name_is_a_value_error(tmp_path: Path) -> None:
    nameless = type("Nameless", (DestinationTracker,), {"setup": Plugin.setup, "show": Plugin.show})
    with pytest.raises(ValueError, match="name"):
        ExperimentTracker(configuration(tmp_path), extra_trackers=[nameless()])
    for name in (None, 5, ["a"], "", "run", "a/b", "../../outside", "a\0b", "x" * 300):
        plugin = Plugin()
        plugin.name = name  # type: ignore[assignment]
        with pytest.raises(ValueError, match="name"):
            ExperimentTracker(configuration(tmp_path), extra_trackers=[plugin])


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize("attack", ["details", "details_none", "import_sdk", "stop_requested", "unspeakable_error"])
def test_a_failing_plugin_does_not_reach_the_training(tmp_path: Path, attack: str, asynchronous: bool) -> None:
    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    def fail(*arguments: Any) -> Any:
        raise UnspeakableError if attack == "unspeakable_error" else RuntimeError("plugin")

    attacks: dict[str, dict[str, Any]] = {
        "details": {"details": fail},
        "details_none": {"details": lambda self: None},
        "import_sdk": {"import_sdk": fail},
        "stop_requested": {"stop_requested": object()},
        "unspeakable_error": {"show": fail},
    }
    plugin = type("Failing", (Plugin,), attacks[attack])()
    tracker = ExperimentTracker(configuration(tmp_path, asynchronous_logging=asynchronous), extra_trackers=[plugin])
    tracker.log_training_metrics(1, 1, {"loss": 1.0})
    tracker.close()
    assert all(state.closed and balances(state) for state in tracker.delivery.values())
    assert tracker.delivery["run_logs"].is_complete


def test_an_incomplete_view_that_claims_too_much_keeps_the_ledger(tmp_path: Path) -> None:
    class Boasting(Plugin):
        def close(self, status: str = "finished") -> None:
            raise IncompleteViewError(10**6, "boasting")

    with ExperimentTracker(configuration(tmp_path), extra_trackers=[Boasting()]) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 1.0})
    assert balances(tracker.delivery["plugin"])


def test_threads_that_log_synchronously_double_nothing(tmp_path: Path) -> None:
    plugin = Plugin()
    with ExperimentTracker(configuration(tmp_path, asynchronous_logging=False), extra_trackers=[plugin]) as tracker:

        def log(first: int) -> None:
            for step in range(first, first + 500):
                tracker.log_training_metrics(1, step, {"loss": 1.0})

        threads = [threading.Thread(target=log, args=(1000 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(plugin.numbers) == len(set(plugin.numbers)) and balances(tracker.delivery["plugin"])


def test_details_of_a_plugin_are_redacted(tmp_path: Path) -> None:
    class Talkative(Plugin):
        def details(self) -> dict[str, str]:
            return {"url": "https://me:hunter2secret@example.org/"}

    with ExperimentTracker(configuration(tmp_path), extra_trackers=[Talkative()]) as tracker:
        pass
    assert tracker.run_directory is not None
    assert "hunter2secret" not in (tracker.run_directory / "delivery.json").read_text()


def test_a_signal_handler_that_logs_synchronously_doubles_nothing(tmp_path: Path) -> None:
    class Interrupted(Plugin):
        def show(self, shown: Shown, recorded: Recorded) -> None:
            super().show(shown, recorded)
            # As a handler does that runs while a record is shown.
            if shown.step == 1:
                tracker.log_training_metrics(1, 2, {"loss": 0.5})

    plugin = Interrupted()
    with ExperimentTracker(configuration(tmp_path, asynchronous_logging=False), extra_trackers=[plugin]) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 1.0})
    assert plugin.numbers == [1, 2, 3, 4] and tracker.delivery["plugin"].is_complete


def test_a_plugin_that_is_not_a_list_is_a_value_error(tmp_path: Path) -> None:
    for trackers in (Plugin(), None, Plugin):
        with pytest.raises(ValueError, match="extra_trackers must be a list"):
            ExperimentTracker(configuration(tmp_path), extra_trackers=trackers)  # type: ignore[arg-type]


@pytest.mark.parametrize("exit_call", ["setup", "show", "flush", "close"])
def test_a_plugin_that_exits_ends_neither_its_thread_nor_the_training(tmp_path: Path, exit_call: str) -> None:
    def leave(*arguments: Any) -> Any:
        raise SystemExit(3)

    for asynchronous in (True, False):
        plugin = type("Leaving", (Plugin,), {exit_call: leave})()
        config = configuration(tmp_path, asynchronous_logging=asynchronous)
        with ExperimentTracker(config, extra_trackers=[plugin]) as tracker:
            tracker.log_training_metrics(1, 1, {"loss": 1.0})
        state = tracker.delivery["plugin"]
        assert state.closed and balances(state) and "SystemExit" in (state.last_error or "")


def test_a_plugin_that_gives_up_without_an_error_is_opened_again_after_a_wait(tmp_path: Path) -> None:
    class GivingUp(Plugin):
        set_ups = 0

        def setup(self) -> None:
            super().setup()
            self.set_ups += 1

        def show(self, shown: Shown, recorded: Recorded) -> None:
            if recorded.number == 2 and self.set_ups == 1:
                self.available = False
                return
            super().show(shown, recorded)

    plugin = GivingUp()
    config = configuration(tmp_path, asynchronous_logging=False)
    with ExperimentTracker(config, extra_trackers=[plugin]) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 1.0})
        # It waits: neither the call nor a flush opens it at once.
        assert plugin.set_ups == 1 and tracker.delivery["plugin"].pending == 1
    assert plugin.set_ups == 2 and plugin.numbers == [1, 1, 2, 3]
    assert tracker.delivery["plugin"].is_complete
