from __future__ import annotations

from pathlib import Path

import pytest

from seo_engine.tracking import MemoryTracker, Recorded, TrackingConfig
from seo_engine.tracking.delivery import logging_worker as logging_worker_module
from seo_engine.tracking.delivery.logging_worker import LoggingWorker
from seo_engine.tracking.journal.lines import encode_record
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.records.kind import Shown


class UnreliableTracker(MemoryTracker):
    """Refuses the steps it is told to, and opens only after so many tries."""

    def __init__(self, refused_steps: set[int] | None = None, set_ups_until_open: int = 0) -> None:
        super().__init__("unreliable")
        self.refused_steps = refused_steps or set()
        self.set_ups_until_open = set_ups_until_open
        self.available = set_ups_until_open == 0

    def setup(self) -> None:
        self.set_ups_until_open -= 1
        self.available = self.set_ups_until_open <= 0

    def show(self, shown: Shown, recorded: Recorded) -> None:
        if shown.step in self.refused_steps:
            raise ConnectionResetError("the backend is gone")
        super().show(shown, recorded)

    @property
    def steps(self) -> list[int]:
        return [arguments["step"] for name, arguments in self.calls if name == "log_training_metrics"]


@pytest.fixture
def queue(tmp_path: Path) -> LoggingQueue:
    return LoggingQueue(tmp_path / "journal.jsonl")


@pytest.fixture(autouse=True)
def no_wait_between_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_worker_module, "FIRST_RETRY_SECONDS", 0.0)


def append_steps(queue: LoggingQueue, *steps: int, name: str = "training/loss") -> None:
    for step in steps:
        queue.append(
            encode_record({"kind": "training", "epoch": 1, "step": step, "time": 1.0, "metrics": {name: step / 2}})
        )


def assert_balanced(worker: LoggingWorker) -> None:
    state = worker.state
    assert state.accepted == state.delivered + sum(state.dropped.values()) + state.pending


def test_a_tracker_that_opens_late_gets_everything(queue: LoggingQueue) -> None:
    tracker = UnreliableTracker(set_ups_until_open=3)
    worker = LoggingWorker(tracker, queue, TrackingConfig())
    append_steps(queue, 1, 2)
    worker.deliver_available()
    assert tracker.steps == [] and worker.state.pending == 2
    worker.deliver_available()
    worker.deliver_available()
    assert tracker.steps == [1, 2]
    assert_balanced(worker)


def test_a_record_that_always_fails_is_dropped_and_counted_once_the_next_one_passes(queue: LoggingQueue) -> None:
    tracker = UnreliableTracker(refused_steps={2})
    worker = LoggingWorker(tracker, queue, TrackingConfig())
    append_steps(queue, 1, 2, 3, 4)
    for _ in range(4):
        worker.deliver_available()
        assert_balanced(worker)
    assert tracker.steps == [1, 3, 4]
    assert worker.state.dropped == {"failed": 1} and worker.state.pending == 0


def test_while_the_backend_is_gone_nothing_is_dropped(queue: LoggingQueue) -> None:
    tracker = UnreliableTracker(refused_steps={2, 3, 4})
    worker = LoggingWorker(tracker, queue, TrackingConfig())
    append_steps(queue, 1, 2, 3, 4)
    for _ in range(10):
        worker.deliver_available()
    assert tracker.steps == [1] and worker.state.pending == 3 and not worker.state.dropped
    tracker.refused_steps.clear()
    worker.deliver_available()
    assert tracker.steps == [1, 2, 3, 4]
    assert_balanced(worker)


def test_a_record_that_shows_nothing_is_no_proof_that_the_backend_is_there(queue: LoggingQueue) -> None:
    tracker = UnreliableTracker(refused_steps={1})
    worker = LoggingWorker(tracker, queue, TrackingConfig())
    # The first is shown, the second is thinned away, the third is of a later version.
    append_steps(queue, 1, 2, name="training/gradient_norm")
    queue.append(encode_record({"kind": "of a later version", "time": 1.0}))
    for _ in range(10):
        worker.deliver_available()
    assert not worker.state.dropped and worker.state.pending == 3
    tracker.refused_steps.clear()
    worker.deliver_available()
    assert tracker.steps == [1] and worker.state.pending == 0


def test_a_failing_record_is_dropped_with_thinned_ones_behind_it(queue: LoggingQueue) -> None:
    tracker = UnreliableTracker(refused_steps={1})
    worker = LoggingWorker(tracker, queue, TrackingConfig())
    append_steps(queue, 1, 2, 3, 11, name="training/gradient_norm")
    for _ in range(4):
        worker.deliver_available()
    assert tracker.steps == [11] and worker.state.dropped == {"failed": 1} and worker.state.delivered == 3
    assert_balanced(worker)


def test_a_second_try_shows_the_same_as_the_first_would_have(queue: LoggingQueue) -> None:
    tracker = UnreliableTracker(refused_steps={1})
    worker = LoggingWorker(tracker, queue, TrackingConfig())
    append_steps(queue, 1, 2, name="training/gradient_norm")
    worker.deliver_available()
    tracker.refused_steps.clear()
    worker.deliver_available()
    # The first value of a medium-priority metric is shown, also if its delivery failed at first.
    assert tracker.steps == [1]


def test_unreadable_lines_are_counted_and_blank_ones_are_nothing(queue: LoggingQueue) -> None:
    tracker = MemoryTracker()
    worker = LoggingWorker(tracker, queue, TrackingConfig())
    append_steps(queue, 1)
    for line in (
        b"\n",
        b"no json\n",
        b"[1]\n",
        b'{"kind": "training", "metrics": 5}\n',
        b'{"kind": 7}\n',
        b"\x00" * 9 + b"\n",
    ):
        queue.append(line)
    append_steps(queue, 2)
    worker.deliver_available()
    assert [arguments["step"] for _, arguments in tracker.calls] == [1, 2]
    assert worker.state.dropped == {"unreadable": 5} and worker.state.accepted == 7
    assert_balanced(worker)


def test_a_record_of_a_kind_of_a_later_version_is_passed_over(queue: LoggingQueue) -> None:
    worker = LoggingWorker(MemoryTracker(), queue, TrackingConfig())
    queue.append(b'{"kind": "hologram", "time": 1.0}\n')
    worker.deliver_available()
    assert worker.state.delivered == 1 and worker.state.pending == 0


def test_records_of_unknown_kinds_are_counted_and_said_once(
    queue: LoggingQueue, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = MemoryTracker()
    worker = LoggingWorker(tracker, queue, TrackingConfig())
    for _ in range(3):
        queue.append(b'{"kind": "hologram", "time": 1.0}\n')
        worker.deliver_available()
    append_steps(queue, 1)
    worker.deliver_available()
    assert worker.state.unknown_records == 3 and worker.state.delivered == 4 and not worker.state.dropped
    assert [arguments["step"] for _, arguments in tracker.calls] == [1]
    assert [message for message in caplog.messages if "hologram" in message] == [
        "⚠️ memory skips records of kinds that this version does not know: hologram"
    ]


def test_last_values_use_the_room_at_the_end(queue: LoggingQueue) -> None:
    tracker = MemoryTracker()
    worker = LoggingWorker(tracker, queue, TrackingConfig())
    append_steps(queue, 1, 2, 3, name="training/gradient_norm")
    queue.append(encode_record({"kind": "last_values", "time": 2.0}))
    queue.append(encode_record({"kind": "last_values", "time": 2.0}))
    worker.deliver_available()
    assert [arguments["step"] for _, arguments in tracker.calls] == [1, 3]
    assert worker.state.values_not_shown == 1
    assert_balanced(worker)


def test_closing_leaves_the_rest_of_a_failing_tracker_in_the_journal(queue: LoggingQueue) -> None:
    tracker = UnreliableTracker(refused_steps={1})
    worker = LoggingWorker(tracker, queue, TrackingConfig())
    append_steps(queue, 1)
    worker.request_close("finished")
    worker.run()
    assert worker.state.closed and worker.state.pending == 1
    assert "the backend is gone" in str(worker.state.last_error)
    assert tracker.status == "finished"


def test_metrics_that_are_not_finite_are_left_out_or_shown_as_configured(tmp_path: Path) -> None:
    for skip, expected in ((True, {"training/a": 1.0}), (False, {"training/a": 1.0, "training/loss": float("inf")})):
        queue = LoggingQueue(tmp_path / f"{skip}.jsonl")
        queue.append(
            encode_record(
                {
                    "kind": "training",
                    "epoch": 1,
                    "step": 1,
                    "time": 1.0,
                    "metrics": {"training/a": 1.0},
                    "nonfinite": {"training/loss": "Infinity"},
                }
            )
        )
        tracker = MemoryTracker()
        worker = LoggingWorker(tracker, queue, TrackingConfig(skip_nonfinite_metrics=skip))
        worker.deliver_available()
        assert tracker.calls[0][1]["metrics"] == expected
        assert worker.state.values_not_shown == int(skip)
