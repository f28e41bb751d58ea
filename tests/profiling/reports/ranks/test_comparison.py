"""Which rank the others wait for, in trainings of which each rank's work is known."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from rich.console import Console

from seo_engine.profiling import RankComparison, compare_ranks, ranks_report, slow_rank

STEPS = 60
USUAL = {
    "data_loading": 0.010,
    "forward": 0.020,
    "backward": 0.040,
    "optimizer": 0.005,
    "logging": 0.001,
    "other": 0.004,
}

WORDS = {
    "data_loading": "data loading",
    "forward": "the forward pass",
    "optimizer": "the optimizer step",
    "logging": "logging",
    "other": "other work",
}

# What a rank does in a step: rank, step -> seconds of its parts, without any waiting.
Work = Callable[[int, int], Mapping[str, float]]


def usual(rank: int, step: int) -> dict[str, float]:
    return dict(USUAL)


def slow(slow_rank: int, part: str, seconds: float, every: int = 1) -> Work:
    def work(rank: int, step: int) -> dict[str, float]:
        extra = seconds if rank == slow_rank and step % every == 0 else 0.0
        return {**USUAL, part: USUAL[part] + extra}

    return work


def train_together(ranks: int, work: Work, noise: float = 0.02, seed: int = 1) -> dict[int, dict[str, Any]]:
    """Return the profiles of ranks that exchange gradients at the end of each backward pass, and wait there.

    What a rank does after that, it starts the next step later; the profile of a step is what passes on its clock.
    """
    chance = random.Random(seed)
    profiles: dict[int, list[dict[str, Any]]] = {rank: [] for rank in range(ranks)}
    now = dict.fromkeys(range(ranks), 0.0)
    for step in range(1, STEPS + 1):
        did = {
            rank: {part: max(0.0, seconds * chance.gauss(1, noise)) for part, seconds in work(rank, step).items()}
            for rank in range(ranks)
        }
        arrives = {
            rank: now[rank] + sum(did[rank][part] for part in ("data_loading", "forward", "backward")) for rank in did
        }
        for rank, parts in did.items():
            began = now[rank]
            parts["backward"] += max(arrives.values()) - arrives[rank]
            now[rank] = max(arrives.values()) + parts["optimizer"] + parts["logging"] + parts["other"]
            profiles[rank].append({"step": step, "seconds": now[rank] - began, "parts": parts})
    return {rank: {"recent_steps": steps} for rank, steps in profiles.items()}


def compared(profiles: Mapping[int, Mapping[str, Any]]) -> RankComparison:
    comparison = compare_ranks(profiles)
    assert comparison is not None
    return comparison


@pytest.mark.parametrize("ranks", [2, 3, 8])
@pytest.mark.parametrize("part", ["data_loading", "forward", "optimizer", "logging", "other"])
def test_a_slow_rank_is_found_with_the_part_in_which_it_is_slow(part: str, ranks: int) -> None:
    comparison = compared(train_together(ranks, slow(ranks - 1, part, 0.03)))
    assert (comparison["slowest_rank"], comparison["slowest_part"]) == (ranks - 1, part)
    assert comparison["slowest_part_seconds"] == pytest.approx(0.03, rel=0.2)
    assert comparison["skew_seconds"] == pytest.approx(0.03, rel=0.2)
    slowest = comparison["ranks"][ranks - 1]
    assert slowest["slowest_percent"] > 95
    assert slowest["waiting_seconds"] < 0.003
    for other in comparison["ranks"][:-1]:
        assert other["waiting_seconds"] == pytest.approx(0.03, rel=0.2)
        assert other["slowest_percent"] < 5
    recommendation = slow_rank(comparison)
    assert recommendation is not None
    assert f"rank {ranks - 1} is the slowest in" in recommendation["evidence"]
    assert f"mostly in {WORDS[part]} (" in recommendation["evidence"]
    assert "{" not in recommendation["advice"]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("ranks", "noise"), [(2, 0.02), (2, 0.3), (4, 0.02), (4, 0.3), (16, 0.3)])
def test_ranks_that_do_the_same_get_no_recommendation(ranks: int, noise: float, seed: int) -> None:
    assert slow_rank(compared(train_together(ranks, usual, noise, seed))) is None


@pytest.mark.parametrize("ranks", [2, 4])
def test_a_rank_that_is_slow_where_all_wait_cannot_be_told_from_the_others(ranks: int) -> None:
    assert slow_rank(compared(train_together(ranks, slow(1, "backward", 0.03)))) is None


def test_a_rank_that_is_slow_now_and_then_gets_no_recommendation() -> None:
    assert slow_rank(compared(train_together(4, slow(2, "other", 0.2, every=10)))) is None


def test_ranks_that_never_meet_do_not_wait_and_the_longest_steps_are_the_slowest() -> None:
    profiles = {}
    for rank, seconds in ((0, 0.1), (1, 0.15)):
        parts = {"forward": seconds / 2, "backward": seconds / 2}
        steps = [{"step": step, "seconds": seconds, "parts": parts} for step in range(1, STEPS)]
        profiles[rank] = {"recent_steps": steps}
    comparison = compared(profiles)
    assert comparison["slowest_rank"] == 1
    assert [each["waiting_seconds"] for each in comparison["ranks"]] == [0.0, 0.0]
    assert comparison["skew_seconds"] == pytest.approx(0.05)


def test_where_only_loading_is_measured_the_others_wait_in_the_rest_of_the_step() -> None:
    def only_loading(profile: dict[str, Any]) -> dict[str, Any]:
        steps = []
        for step in profile["recent_steps"]:
            loading = step["parts"]["data_loading"]
            steps.append({**step, "parts": {"data_loading": loading, "other": step["seconds"] - loading}})
        return {"recent_steps": steps}

    profiles = train_together(3, slow(1, "data_loading", 0.03))
    comparison = compared({rank: only_loading(profile) for rank, profile in profiles.items()})
    assert (comparison["slowest_rank"], comparison["slowest_part"]) == (1, "data_loading")
    assert comparison["waiting_part"] == "other"
    assert slow_rank(comparison) is not None


def test_only_steps_that_every_rank_has_are_compared() -> None:
    profiles = train_together(2, slow(1, "forward", 0.03))
    profiles[0]["recent_steps"] = profiles[0]["recent_steps"][:40]
    profiles[1]["recent_steps"] = profiles[1]["recent_steps"][10:]
    assert compared(profiles)["steps"] == 30
    profiles[1]["recent_steps"] = profiles[1]["recent_steps"][30:]
    assert compare_ranks(profiles) is None


@pytest.mark.parametrize(
    "recent",
    [
        None,
        [],
        "steps",
        [None, 7, {}],
        [{"step": "x", "seconds": 1.0, "parts": {}}] * 50,
        [{"step": number, "seconds": float("nan"), "parts": {}} for number in range(50)],
        [{"step": number, "seconds": 1.0, "parts": []} for number in range(50)],
        [{"step": number, "seconds": -1, "parts": {"forward": "x"}} for number in range(50)],
    ],
)
def test_a_profile_that_somebody_sent_may_hold_anything(recent: Any) -> None:
    profiles = {**train_together(2, slow(1, "forward", 0.03)), 2: {"recent_steps": recent}}
    assert compared(profiles)["slowest_rank"] == 1
    odd = {"seconds": 1.0, "parts": {"forward": "x", "backward": None, "other": float("inf"), "colour": 1}}
    odd_steps = [{"step": number, **odd} for number in range(50)]
    assert compared({0: {"recent_steps": odd_steps}, 1: {"recent_steps": odd_steps}})["skew_seconds"] == 0


def test_of_a_thousand_ranks_fewer_steps_are_compared() -> None:
    profile = train_together(2, usual)[0]
    comparison = compared(dict.fromkeys(range(1_000), profile))
    assert comparison["steps"] == 50
    assert len(comparison["ranks"]) == 1_000


def test_the_report_shows_who_works_and_who_waits() -> None:
    console = Console(width=140, record=True, file=None, color_system=None)
    with console.capture() as capture:
        console.print(ranks_report(compared(train_together(20, slow(7, "data_loading", 0.03)))))
    lines = capture.get().splitlines()
    assert lines[0].startswith("20 ranks, 57 steps of ")
    assert lines[1].split()[:5] == ["rank", "slowest", "in", "works", "waits"]
    assert lines[2].split()[:3] == ["7", "100", "%"]
    assert "and 4 more, with --profile --json" in capture.get()
    assert "see what rank 7 loads" in capture.get()


@pytest.mark.parametrize("ahead", [[2], [0], [1, 3]])
def test_ranks_that_went_on_long_after_the_others_do_not_hide_them(ahead: list[int]) -> None:
    profiles = train_together(5, slow(4, "data_loading", 0.02))
    for number, rank in enumerate(ahead, start=1):
        for step in profiles[rank]["recent_steps"]:
            step["step"] += number * 1_000_000
    comparison = compare_ranks(profiles)
    assert comparison is not None
    assert (comparison["left_out"], comparison["slowest_rank"]) == (ahead, 4)


def test_in_a_profile_that_contradicts_itself_nobody_works_less_than_not_at_all() -> None:
    profiles = train_together(3, usual)
    for step in profiles[1]["recent_steps"]:
        step["parts"]["backward"] = 5.0
    comparison = compare_ranks(profiles)
    assert comparison is not None
    assert all(each["working_seconds"] >= 0 for each in comparison["ranks"])
