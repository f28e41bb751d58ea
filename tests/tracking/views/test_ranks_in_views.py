"""What a view shows of each of several ranks, record by record."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.tracking import TrackingConfig
from seo_engine.tracking.journal.lines import Record, encode_record
from seo_engine.tracking.journal.reader import JournalLine, Position
from seo_engine.tracking.records.kind import Shown
from seo_engine.tracking.records.marks.run_marks import INCOMPLETE_STEP, RESUME
from seo_engine.tracking.views import incomplete_steps, rank_reduction
from seo_engine.tracking.views.incomplete_steps import LONGEST_WAIT_SECONDS, IncompleteSteps
from seo_engine.tracking.views.journal_selection import JournalSelection

Point = tuple[int, str, float]


def begins(rank: int, world_size: int = 2, kind: str = "start", host: str = "node-1", **fields: Any) -> Record:
    fields = {"attempt": [0, 0, 0], "configuration": {"wandb_mode": "offline"}, "host": host} | fields
    return {"kind": kind, "time": 1.0, "rank": rank, "world_size": world_size, **fields}


def logs(rank: int, step: int, kind: str = "training", **metrics: float) -> Record:
    named = {name if "/" in name else f"{kind}/{name}": value for name, value in metrics.items()}
    return {"kind": kind, "epoch": 1, "step": step, "time": float(step), "rank": rank, "metrics": named}


def logs_nan(rank: int, step: int, name: str = "training/loss") -> Record:
    return {**logs(rank, step), "nonfinite": {name: "NaN"}}


def gives_up(step: int, *ranks: int, attempt: tuple[int, int, int] = (0, 0, 0)) -> Record:
    contents = {"metrics_kind": "training", "attempt": list(attempt), "step": step, "ranks": list(ranks)}
    return {"kind": INCOMPLETE_STEP.name, "time": 1.0, **contents}


def as_lines(records: Iterable[Record]) -> Iterator[JournalLine]:
    for number, record in enumerate(records, start=1):
        yield JournalLine(encode_record(record).rstrip(b"\n"), Position(number, number))


class View:
    """What a view shows of some records."""

    def __init__(self, mode: str, *records: Record, **settings: Any) -> None:
        self.selection = JournalSelection(TrackingConfig(rank_metrics=mode, **settings))
        self.lines = [self.selection.take(line) for line in as_lines(records)]
        self.shown: list[Shown] = [line.shown for line in self.lines if line.shown is not None]

    @property
    def points(self) -> list[Point]:
        return [(each.step or 0, name, value) for each in self.shown for name, value in each.numbers.items()]


TWO_RANKS = [begins(0), begins(1), *(logs(rank, step, loss=rank * 10.0 + step) for step in (1, 2) for rank in (0, 1))]


def test_the_first_rank_is_shown_under_plain_names() -> None:
    assert View("first", *TWO_RANKS).points == [(1, "training/loss", 1.0), (2, "training/loss", 2.0)]


def test_all_ranks_are_shown_under_names_of_their_own() -> None:
    assert View("all", *TWO_RANKS).points == [
        (1, "rank_0/training/loss", 1.0),
        (1, "rank_1/training/loss", 11.0),
        (2, "rank_0/training/loss", 2.0),
        (2, "rank_1/training/loss", 12.0),
    ]


def test_reduced_metrics_are_shown_once_a_step_when_all_ranks_have_logged_them() -> None:
    view = View("reduced", *TWO_RANKS)
    assert view.points == [(1, "training/loss", 6.0), (2, "training/loss", 7.0)]
    # At the record that completes them, so that each number is in a view once.
    assert [line.end.number for line in view.lines if line.shown is not None and line.shown.step is not None] == [4, 6]


def test_patterns_say_how_a_metric_is_reduced() -> None:
    names = ("mean_of", "smallest", "largest", "total")
    settings = {
        "rank_minimum_metrics": ["smallest"],
        "rank_maximum_metrics": ["training/largest"],
        "rank_sum_metrics": ["tot*"],
    }
    records = [logs(rank, 1, **dict.fromkeys(names, value)) for rank, value in enumerate((4.0, 1.0, 7.0))]
    view = View("reduced", *(begins(rank, 3) for rank in range(3)), *records, **settings)
    assert {name: value for _, name, value in view.points} == {
        "training/mean_of": 4.0,
        "training/smallest": 1.0,
        "training/largest": 7.0,
        "training/total": 12.0,
    }


@pytest.mark.parametrize("mode", ["first", "all", "reduced"])
def test_a_run_of_one_process_is_shown_as_it_is(mode: str) -> None:
    start = {name: value for name, value in begins(0).items() if name not in ("world_size", "attempt")}
    assert View(mode, start, logs(0, 1, loss=0.5)).points == [(1, "training/loss", 0.5)]


def test_a_value_that_is_not_a_number_is_not_replaced_by_those_of_other_ranks() -> None:
    records = [begins(0), begins(1), logs_nan(0, 1), logs(1, 1, loss=1.0), logs(0, 2, loss=1.0), logs_nan(1, 2)]
    for rule in ("rank_minimum_metrics", "rank_maximum_metrics", "rank_sum_metrics", "high_priority_metrics"):
        view = View("reduced", *records, **{rule: ["loss"]})
        assert view.points == []
        assert view.selection.values_not_shown == 2
    shown = View("reduced", *records, skip_nonfinite_metrics=False, rank_minimum_metrics=["loss"]).points
    assert [repr(value) for _, _, value in shown] == ["nan", "nan"]


def test_what_the_ranks_log_in_several_calls_at_one_step_is_reduced_metric_by_metric() -> None:
    learning_rate, loss = {"learning_rate": 0.1}, {"loss": 2.0}
    records = [logs(0, 5, **learning_rate), logs(0, 5, **loss), logs(1, 5, **loss), logs(1, 5, **learning_rate)]
    assert View("reduced", begins(0), begins(1), *records).points == [
        (5, "training/loss", 2.0),
        (5, "training/learning_rate", 0.1),
    ]


def test_a_metric_logged_twice_at_a_step_is_two_values() -> None:
    records = [logs(0, 5, loss=1.0), logs(0, 5, loss=2.0), logs(1, 5, loss=3.0), logs(1, 5, loss=4.0)]
    assert [value for *_, value in View("reduced", begins(0), begins(1), *records).points] == [2.0, 3.0]


def test_a_step_is_given_up_where_the_order_says_so_and_what_comes_later_is_counted() -> None:
    records = [
        logs(0, 1, loss=1.0),
        logs(0, 2, loss=2.0),
        gives_up(1, 0),
        logs(1, 1, loss=100.0),
        logs(1, 2, loss=4.0),
        # The next time that both log step 1, it is a step again.
        logs(0, 1, loss=5.0),
        logs(1, 1, loss=7.0),
    ]
    view = View("reduced", begins(0), begins(1), *records)
    assert view.points == [(1, "training/loss", 1.0), (2, "training/loss", 3.0), (1, "training/loss", 6.0)]
    assert view.selection.values_not_shown == 1


@pytest.mark.parametrize("mode", ["first", "all"])
def test_a_decision_about_reduced_steps_shows_nothing_in_other_modes(mode: str) -> None:
    records = [*TWO_RANKS, logs(0, 3, loss=3.0)]
    with_decision, without = View(mode, *records, gives_up(3, 0)), View(mode, *records)
    assert with_decision.points == without.points
    assert with_decision.lines[-1].drop_reason is None


def test_a_decision_about_a_step_that_nobody_has_logged_shows_nothing() -> None:
    assert View("reduced", *TWO_RANKS, gives_up(7), gives_up(1, 0, 1)).points == View("reduced", *TWO_RANKS).points


def test_a_superseded_step_is_not_shown_when_it_is_given_up() -> None:
    again: dict[str, Any] = {"kind": "resume", "attempt": [0, 0, 1]}
    goes_on = {"kind": "resume", "time": 1.0, "rank": 0, "step": 5, "configuration": {}, "goes_on": True}
    view = View(
        "reduced",
        *(begins(0), begins(1)),
        *(logs(0, 4, loss=4.0), logs(0, 5, loss=5.0)),
        *(begins(0, step=None, **again), begins(1, step=None, **again), goes_on),
        *(gives_up(4, 0), gives_up(5, 0)),
        *(logs(0, 5, loss=50.0), logs(1, 5, loss=70.0)),
    )
    assert view.points == [(4, "training/loss", 4.0), (5, "training/loss", 60.0)]
    assert view.selection.values_not_shown == 1


def open_values(view: View) -> int:
    return view.selection._rank_views.reduction.open_values


@pytest.mark.parametrize("own", [{}, {"performance/cpu_usage_percent": 1.0}])
def test_what_waits_for_other_ranks_is_bounded_and_what_is_left_out_is_counted(
    own: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_reduction, "MOST_OPEN_VALUES", 3)
    kind = "performance" if own else "training"
    records = [logs(0, step, kind, loss=float(step), **own) for step in range(1, 101)]
    # Of each step, one metric is complete, and another waits.
    records += [
        logs(rank, step, done=1.0, **({"more": 1.0} if rank else {})) for step in range(1, 101) for rank in (0, 1)
    ]
    view = View("reduced", begins(0), begins(1), *records)
    assert open_values(view) <= 3
    assert view.selection.values_not_shown == 197
    assert len([name for _, name, _ in view.points if name == "training/done"]) == 100


def test_the_newest_value_of_a_step_is_shown_when_it_is_given_up() -> None:
    records = [logs(0, 5, loss=float(value)) for value in (1, 2, 3)]
    view = View("reduced", begins(0), begins(1), *records, gives_up(5, 0))
    assert view.points == [(5, "training/loss", 3.0)]
    assert view.selection.values_not_shown == 2


def test_steps_that_begin_again_are_complete_again_after_one_was_given_up() -> None:
    epoch = [logs(rank, step, loss=float(rank + step)) for step in (1, 2) for rank in (0, 1)]
    view = View("reduced", begins(0), begins(1), logs(0, 1, loss=5.0), gives_up(1, 0), *epoch, *epoch)
    # Rank 1 may still owe its value of the first time: the training is there once more when rank 0 is.
    assert view.points == [(1, "training/loss", 5.0), *[(1, "training/loss", 1.5), (2, "training/loss", 2.5)] * 2]


def test_a_step_of_an_attempt_that_any_later_one_repeats_is_superseded() -> None:
    def attempt(number: int, step: int) -> list[Record]:
        again = [begins(rank, kind="resume", attempt=[0, 0, number], step=None) for rank in (0, 1)]
        return [*again, {"kind": "resume", "time": 1.0, "rank": 0, "step": step, "configuration": {}, "goes_on": True}]

    records = [begins(0), begins(1), logs(0, 50, loss=1.0), *attempt(1, 40), *attempt(2, 55), gives_up(50, 0)]
    assert View("reduced", *records).points == []


def test_a_late_step_does_not_take_the_place_of_the_last_value() -> None:
    both = [logs(rank, step, gradient_norm=float(step)) for step in (1, 2, 4) for rank in (0, 1)]
    one = logs(0, 3, gradient_norm=100.0)
    room = [{"kind": "last_values", "time": 1.0, "rank": 0}] * 2
    points = View("reduced", begins(0), begins(1), *both[:4], one, *both[4:], gives_up(3, 0), *room).points
    assert (4, "training/gradient_norm", 4.0) in points


@pytest.mark.parametrize("world_size", [10**12, -1, True, 1, "two"])
@pytest.mark.parametrize("rank", [10**12, -1, 9_999])
def test_odd_numbers_of_ranks_are_left_out(world_size: Any, rank: int) -> None:
    alone = View("reduced", begins(0, 1), begins(rank, world_size), logs(rank, 1, loss=1.0), logs(0, 1, loss=2.0))
    assert alone.points == [(1, "training/loss", 2.0)]
    view = View("reduced", begins(0, world_size), logs(rank, 1, loss=1.0), logs(0, 1, loss=2.0), gives_up(1, 0))
    assert view.points == [(1, "training/loss", 2.0 if rank != 9_999 or world_size != 10**12 else 1.5)]


def test_ranks_beyond_all_bounds_take_no_memory() -> None:
    ranks = [10**6 + number for number in range(100)]
    records = [record for rank in ranks for record in (begins(rank, 4), logs(rank, 1, loss=1.0))]
    view = View("all", begins(0, 4), *records, logs(0, 1, loss=2.0), logs(True, 1, loss=3.0))
    assert view.points == [(1, "rank_0/training/loss", 2.0), (1, "rank_0/training/loss", 3.0)]
    assert len(view.selection._selections) == 1


@given(st.permutations(list(itertools.product(range(3), range(1, 5)))))
def test_in_whatever_order_the_ranks_come_each_step_is_reduced_once(order: list[tuple[int, int]]) -> None:
    records = [logs(rank, step, loss=float(rank * 2**step)) for rank, step in order]
    view = View("reduced", *(begins(rank, 3) for rank in range(3)), *records)
    assert sorted(view.points) == [(step, "training/loss", float(2**step)) for step in range(1, 5)]


def test_each_rank_is_thinned_by_itself_and_its_last_values_come_at_the_end() -> None:
    records = [logs(rank, step, gradient_norm=float(rank)) for step in range(1, 13) for rank in (0, 1)]
    room = {"kind": "last_values", "time": 1.0, "rank": 0}
    view = View("all", begins(0), begins(1), *records, room, room, room)
    assert [(step, name) for step, name, _ in view.points] == [
        (step, f"rank_{rank}/training/gradient_norm") for step in (1, 11, 12) for rank in (0, 1)
    ]
    assert view.selection.withheld == 0
    assert view.selection.values_thinned == 18


def test_reduced_metrics_are_thinned_like_any_other() -> None:
    records = [logs(rank, step, gradient_norm=float(step)) for step in range(1, 13) for rank in (0, 1)]
    view = View("reduced", begins(0), begins(1), *records, {"kind": "last_values", "time": 1.0, "rank": 0})
    assert view.points == [(step, "training/gradient_norm", float(step)) for step in (1, 11, 12)]


MACHINE = {"system_cpu_usage_percent": 50.0, "gpu_3_power_watts": 300.0}
PROCESS = {"cpu_usage_percent": 99.0, "memory_usage_mb": 800.0}


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("first", ["performance/cpu_usage_percent"]),
        ("all", [f"rank_{rank}/performance/cpu_usage_percent" for rank in range(3)]),
        ("reduced", [f"rank_{rank}/performance/cpu_usage_percent" for rank in range(3)]),
    ],
)
def test_the_load_of_a_process_is_told_apart_by_rank_and_that_of_a_host_by_host(mode: str, shown: list[str]) -> None:
    ranks = [begins(0, 3), begins(1, 3), begins(2, 3, host="node-2")]
    view = View(mode, *ranks, *(logs(rank, 5 + rank, "performance", **MACHINE, **PROCESS) for rank in range(3)))
    names = [name for _, name, _ in view.points]
    assert len(set(names)) == len(names), "two ranks in one curve"
    assert [name for name in names if name.endswith("/cpu_usage_percent")] == shown
    assert [name for name in names if "system" in name or "gpu" in name] == [
        f"performance/{host}/{name}" for host in ("node-1", "node-2") for name in MACHINE
    ]


def test_each_gpu_is_shown_once_whichever_rank_sees_it() -> None:
    records = [
        logs(rank, step, "performance", **{f"gpu_{rank}_power_watts": 1.0}) for step in (1, 2) for rank in (0, 1)
    ]
    names = [name for _, name, _ in View("first", begins(0), begins(1), *records).points]
    assert names == [f"performance/node-1/gpu_{rank}_power_watts" for rank in (0, 1)] * 2


def test_another_rank_measures_the_host_when_the_first_has_ended() -> None:
    load = [logs(rank, rank, "performance", system_cpu_usage_percent=float(rank)) for rank in (0, 1)]
    end = {"kind": "end", "time": 1.0, "rank": 0, "status": "finished", "ends": "rank"}
    view = View("first", begins(0), begins(1), *load, end, *load[1:])
    assert [value for *_, value in view.points] == [0.0, 1.0]


@pytest.mark.parametrize("host", ["a/b", "", "../..", 7, None, "x" * 10_000, "Ünïcode\n"])
def test_a_host_of_any_name_gives_a_name_of_a_metric(host: Any) -> None:
    view = View("first", begins(0, host=host), logs(0, 1, "performance", system_cpu_usage_percent=1.0))
    ((_, name, _),) = view.points
    assert len(name) < 120
    assert name.count("/") == 2
    assert name.isprintable()


def test_a_record_behind_a_torn_line_of_another_rank_is_shown() -> None:
    selection = JournalSelection(TrackingConfig())
    torn = encode_record(logs(1, 1, loss=1.0))[:-5]
    lines = [encode_record(begins(0)), encode_record(begins(1)), torn + encode_record(text(1))]
    for number, line in enumerate(lines, start=1):
        selected = selection.take(JournalLine(line.rstrip(b"\n"), Position(number, number)))
    assert selected.shown is not None
    assert dict(selected.shown.texts) == {"rank_1/text/sample": "of 1"}


@pytest.mark.parametrize(
    "name", ["network_allreduce_mb_per_second", "system_prompt_percent", "disk_full_mb_per_second"]
)
def test_a_metric_that_only_resembles_one_of_the_machine_is_the_ranks_own(name: str) -> None:
    view = View("all", begins(0), begins(1), *(logs(rank, 1, "performance", **{name: 1.0}) for rank in (0, 1)))
    assert [shown for _, shown, _ in view.points] == [f"rank_{rank}/performance/{name}" for rank in (0, 1)]


def text(rank: int) -> Record:
    moment = {"epoch": 1, "step": 1, "time": 1.0, "rank": rank}
    return {"kind": "text", "name": "text/sample", "text": f"of {rank}", **moment}


def profile(rank: int) -> Record:
    moment = {"epoch": 1, "step": 1, "time": 1.0, "rank": rank}
    return {"kind": "profiling", "profiling_data": {"timings": {"forward": 1.0}}, **moment}


@pytest.mark.parametrize(
    ("mode", "texts"),
    [
        ("first", ["text/sample", "rank_1/text/sample"]),
        ("all", ["rank_0/text/sample", "rank_1/text/sample"]),
        ("reduced", ["rank_0/text/sample", "rank_1/text/sample"]),
    ],
)
def test_texts_of_every_rank_are_told_apart(mode: str, texts: list[str]) -> None:
    view = View(mode, begins(0), begins(1), text(0), text(1))
    assert [name for each in view.shown for name in each.texts] == texts


@pytest.mark.parametrize(("mode", "prefixes"), [("first", [""]), ("all", ["rank_0/", "rank_1/"])])
def test_profiles_of_every_rank_are_told_apart(mode: str, prefixes: list[str]) -> None:
    view = View(mode, begins(0), begins(1), profile(0), profile(1))
    assert [name for _, name, _ in view.points] == [f"{prefix}profiling/timing/forward" for prefix in prefixes]
    media = [form.name for each in view.shown for forms in each.media for form in forms]
    names = ("profiling/operations", "profiling/bottlenecks/chart")
    assert media == [prefix + name for prefix in prefixes for name in names]


@pytest.mark.parametrize("mode", ["first", "all", "reduced"])
def test_what_describes_the_run_is_that_of_rank_0(mode: str) -> None:
    settings = [
        {"kind": "hyperparameters", "time": 1.0, "rank": rank, "hyperparameters": {"of": rank}} for rank in (1, 0)
    ]
    view = View(mode, begins(1), begins(0), *settings)
    assert [each.settings for each in view.shown] == [{"seo_engine": {"wandb_mode": "offline"}}, {"of": 0}]


def test_the_first_resumption_of_an_attempt_begins_everything_anew_and_the_others_their_own() -> None:
    goes_on = [
        {"kind": "resume", "time": 1.0, "rank": rank, "step": 5, "configuration": {}, "goes_on": True}
        for rank in (1, 0, 1)
    ]
    again = [begins(rank, kind="resume", attempt=[0, 0, 1], step=None) for rank in (0, 1)]
    once_more = [begins(rank, kind="resume", attempt=[0, 0, 2], step=None) for rank in (0, 1)]
    records = [begins(0), begins(1), *again, *goes_on[:2], *once_more, *goes_on[1:]]
    shown = [each for each in View("all", *records).shown if each.kind is RESUME and each.record["step"]]
    assert [each.prefix for each in shown] == ["", "rank_0/", "", "rank_1/"]
    assert [each.kind for each in View("first", *records).shown].count(RESUME) == 4
    # Without a step, only rank 0 says that the run goes on.
    assert len([each for each in View("all", *records).shown if each.kind is RESUME]) == 2 + 4


class TestIncompleteSteps:
    def steps(self, *records: Record, mode: str = "reduced") -> IncompleteSteps:
        steps = IncompleteSteps(TrackingConfig(rank_metrics=mode))
        for record in records:
            steps.take_in(record)
        return steps

    def test_a_step_is_overdue_after_a_wait_that_begins_when_it_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1000.0
        monkeypatch.setattr(incomplete_steps.time, "monotonic", lambda: now)
        steps = self.steps(begins(0), begins(1), logs(0, 5, loss=1.0))
        assert steps.overdue(now) == []
        now += LONGEST_WAIT_SECONDS
        steps.take_in(logs(0, 6, loss=1.0))
        assert steps.overdue(now) == []
        now += 1.0
        # A look that began before may have missed what another rank has logged since.
        assert steps.overdue(now - 1.0) == []
        (decision,) = steps.overdue(now)
        assert (decision["kind"], decision["metrics_kind"]) == ("incomplete_step", "training")
        assert (decision["step"], decision["ranks"], decision["attempt"]) == (5, [0], [0, 0, 0])
        assert INCOMPLETE_STEP.matches(decision)
        steps.take_in(decision)
        assert [each["step"] for each in steps.rest()] == [6]

    def test_the_wait_begins_anew_with_a_further_metric(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1000.0
        monkeypatch.setattr(incomplete_steps.time, "monotonic", lambda: now)
        steps = self.steps(begins(0), begins(1), logs(0, 5, learning_rate=1.0))
        steps.overdue(now)
        now += LONGEST_WAIT_SECONDS + 1
        steps.take_in(logs(0, 5, loss=1.0))
        assert steps.overdue(now) == []
        now += LONGEST_WAIT_SECONDS + 1
        assert [each["step"] for each in steps.overdue(now)] == [5]

    def test_many_values_do_not_wait_so_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rank_reduction, "MOST_OPEN_VALUES", 40)
        steps = self.steps(begins(0), begins(1), *(logs(0, step, loss=1.0) for step in range(40)))
        decisions = steps.overdue(0.0)
        assert [each["step"] for each in decisions] == list(range(30))
        for decision in decisions:
            steps.take_in(decision)
        assert steps.overdue(0.0) == []

    def test_the_view_that_reads_the_decisions_shows_every_step(self) -> None:
        records = [begins(0), begins(1), *(logs(0, step, loss=float(step)) for step in (5, 6)), logs(1, 6, loss=8.0)]
        decisions = list(self.steps(*records).rest())
        assert View("reduced", *records, *decisions).points == [(6, "training/loss", 7.0), (5, "training/loss", 5.0)]

    def test_nothing_is_decided_where_nothing_is_reduced(self) -> None:
        assert list(self.steps(begins(0), begins(1), logs(0, 5, loss=1.0), mode="all").rest()) == []

    def test_the_load_of_a_process_waits_for_nobody(self) -> None:
        records = [logs(0, 5, "performance", **MACHINE, **PROCESS)]
        assert list(self.steps(begins(0), begins(1), *records).rest()) == []
