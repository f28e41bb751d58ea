"""Which rank the others wait for, and for which part of its steps, given the profiles of all ranks."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from seo_engine.profiling.statistics.operations import PHASES
from seo_engine.profiling.statistics.training_view import WARM_UP_STEPS

# Of many ranks, fewer steps: a thousand ranks have a thousand files.
_MOST_STEP_TIMES = 50_000
_FEWEST_STEPS = 5
_MOST_SECONDS = 1e9

# Parts of a step in which ranks may wait for one another; the first is the usual one.
_MEETING_PARTS = ("backward", *(phase for phase in PHASES if phase not in ("backward", "data_loading")))
# Another part must explain so many times as much.
_FAR_MORE = 1.1


class RankTimes(TypedDict):
    """What one rank does in a mean step, as plain data; the parts and the waiting add up to the step."""

    rank: int
    # In how many percent of the steps it worked longer than every other rank.
    slowest_percent: float
    working_seconds: float
    # For other ranks.
    waiting_seconds: float
    parts: dict[str, float]


class RankComparison(TypedDict):
    """The same steps of all ranks, as plain data."""

    steps: int
    mean_step_seconds: float
    # By how much the slowest rank of a step works longer than the others do on average; also in percent of a step.
    skew_seconds: float
    skew_percent: float
    # The rank that is the slowest most often, and the part of the step in which it differs the most from the others.
    slowest_rank: int
    slowest_part: str
    slowest_part_seconds: float
    # The part in which the ranks wait for one another.
    waiting_part: str
    ranks: list[RankTimes]
    # Ranks whose profiles have none of these steps.
    left_out: list[int]


class _Step:
    """One step of one rank: the seconds of its parts, and how long it waited."""

    __slots__ = ("parts", "seconds", "waiting")

    def __init__(self, seconds: float, parts: dict[str, float]) -> None:
        self.seconds = seconds
        self.parts = parts
        self.waiting = 0.0

    @property
    def working(self) -> float:
        return self.seconds - self.waiting


def compare_ranks(profiles: Mapping[int, Mapping[str, Any]]) -> RankComparison | None:
    """Return how the steps of several ranks compare.

    Ranks that train together wait for the last of them in one part of the step, usually the backward pass, where they
    exchange gradients; it is taken to be the part that explains the most waiting. A rank has waited there for as long
    as it took longer than the fastest one, unless its whole step was longer, too.

    Args:
        profiles (Mapping[int, Mapping[str, Any]]): By rank, as `CodeProfiler.export_profiling_data` writes them.

    Returns:
        RankComparison | None: None if fewer than two ranks have steps in common.

    Example:
        >>> def profile(loading, backward):
        ...     parts = {"data_loading": loading, "forward": 0.1, "backward": backward}
        ...     return {"recent_steps": [{"step": n, "seconds": 1.0, "parts": parts} for n in range(1, 40)]}
        >>> comparison = compare_ranks({0: profile(0.1, 0.8), 1: profile(0.5, 0.4), 2: profile(0.1, 0.8)})
        >>> comparison["slowest_rank"], comparison["slowest_part"], round(comparison["skew_seconds"], 3)
        (1, 'data_loading', 0.4)
    """
    steps = {rank: each for rank, profile in sorted(profiles.items()) if (each := _steps_of(profile))}
    if len(steps) < 2:
        return None
    left_out: list[int] = []
    nearest_first: list[int] = []
    while len(common := _common_steps(steps)) < _FEWEST_STEPS:
        if len(steps) == 2:
            return None
        nearest_first = nearest_first or _nearest_first(steps)
        left_out.append(nearest_first.pop())
        del steps[left_out[-1]]
    chosen = {rank: [each[number] for number in common] for rank, each in steps.items()}
    waiting_part = _find_waiting(list(zip(*chosen.values(), strict=True)))
    return _compared(chosen, waiting_part, sorted(left_out))


def _nearest_first(steps: Mapping[int, Mapping[int, _Step]]) -> list[int]:
    """Return the ranks, those first that have the most steps in common with others.

    One that ended long before the others, or went on long after them, has none of their newest steps.
    """
    ranks_with = Counter(number for each in steps.values() for number in each)
    return sorted(steps, key=lambda rank: sum(ranks_with[number] - 1 for number in steps[rank]), reverse=True)


def _common_steps(steps: Mapping[int, Mapping[int, _Step]]) -> list[int]:
    """Return the newest steps that all ranks have."""
    return sorted(set.intersection(*map(set, steps.values())))[-(_MOST_STEP_TIMES // len(steps)) :]


def _steps_of(profile: Mapping[str, Any]) -> dict[int, _Step]:
    """Return the newest steps of a profile by their numbers; a file that somebody sent may hold anything."""
    recent = profile.get("recent_steps")
    steps = {}
    for each in recent if isinstance(recent, list) else ():
        if not isinstance(each, Mapping) or not isinstance(each.get("parts"), Mapping):
            continue
        number, seconds = each.get("step"), _seconds(each.get("seconds"))
        if isinstance(number, int) and number > WARM_UP_STEPS and seconds:
            steps[number] = _Step(seconds, {phase: _seconds(each["parts"].get(phase)) for phase in PHASES})
    return steps


def _seconds(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < _MOST_SECONDS else 0.0


def _find_waiting(steps: Sequence[Sequence[_Step]]) -> str:
    """Note how long each rank waited in each step, and return in which part."""
    totals = {part: sum(sum(_waiting(step, part)) for step in steps) for part in _MEETING_PARTS}
    usual, most = _MEETING_PARTS[0], max(totals, key=lambda part: totals[part])
    part = most if totals[most] > _FAR_MORE * totals[usual] else usual
    for step in steps:
        for each, waiting in zip(step, _waiting(step, part), strict=True):
            # In a file that somebody sent, a part may be longer than its step.
            each.waiting = min(waiting, each.seconds)
    return part


def _waiting(step: Sequence[_Step], part: str) -> list[float]:
    shortest, shortest_step = min(each.parts[part] for each in step), min(each.seconds for each in step)
    return [max(0.0, (each.parts[part] - shortest) - (each.seconds - shortest_step)) for each in step]


def _compared(steps: Mapping[int, Sequence[_Step]], waiting_part: str, left_out: list[int]) -> RankComparison:
    ranks = list(steps)
    count = len(steps[ranks[0]])
    slowest, skews = dict.fromkeys(ranks, 0), []
    for index in range(count):
        working = {rank: steps[rank][index].working for rank in ranks}
        last = max(ranks, key=lambda rank: working[rank])
        others = (sum(working.values()) - working[last]) / (len(ranks) - 1)
        skews.append(working[last] - others)
        slowest[last] += working[last] > others
    times = [_times_of(rank, steps[rank], waiting_part, 100 * slowest[rank] / count) for rank in ranks]
    mean = statistics.fmean(each.seconds for rank in ranks for each in steps[rank])
    slow = max(times, key=lambda each: each["slowest_percent"])["rank"]

    def excess(part: str) -> float:
        return beyond_others(slow, times, lambda each: each["parts"][part])

    part = max(PHASES, key=excess)
    return {
        "steps": count,
        "mean_step_seconds": mean,
        "skew_seconds": statistics.fmean(skews),
        "skew_percent": 100 * statistics.fmean(skews) / mean,
        "slowest_rank": slow,
        "slowest_part": part,
        "slowest_part_seconds": excess(part),
        "waiting_part": waiting_part,
        "ranks": times,
        "left_out": left_out,
    }


def _times_of(rank: int, steps: Sequence[_Step], waiting_part: str, slowest_percent: float) -> RankTimes:
    waiting = statistics.fmean(each.waiting for each in steps)
    parts = {phase: statistics.fmean(each.parts[phase] for each in steps) for phase in PHASES}
    parts[waiting_part] = max(0.0, parts[waiting_part] - waiting)
    working = statistics.fmean(each.working for each in steps)
    return {
        "rank": rank,
        "slowest_percent": slowest_percent,
        "working_seconds": working,
        "waiting_seconds": waiting,
        "parts": parts,
    }


def beyond_others(rank: int, ranks: Sequence[RankTimes], seconds: Callable[[RankTimes], float]) -> float:
    """Return how much longer a rank takes for something than the others do on average, in seconds.

    Args:
        rank (int): The rank.
        ranks (Sequence[RankTimes]): All of them.
        seconds (Callable[[RankTimes], float]): Returns how long one of them takes.
    """
    own = next(each for each in ranks if each["rank"] == rank)
    return seconds(own) - statistics.fmean(seconds(each) for each in ranks if each is not own)
