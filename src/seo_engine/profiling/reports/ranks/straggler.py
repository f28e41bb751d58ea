"""Advice where the ranks of a training wait for one of them."""

from __future__ import annotations

from seo_engine.profiling.reports.advice.recommendation import Recommendation
from seo_engine.profiling.reports.bottlenecks import seconds_in_words
from seo_engine.profiling.reports.ranks.comparison import RankComparison, beyond_others

# With fewer steps, it may be chance which rank is the slowest.
FEWEST_STEPS = 20

# In how many percent of the steps a rank is the slowest; of two ranks, each is in half of them by chance.
SLOWEST_PERCENT = 60.0
SLOWEST_PERCENT_OF_TWO = 80.0

# How much longer it works than the others, in percent of a step.
WORTHWHILE_PERCENT = 5.0

_PARTS = {
    "data_loading": "data loading",
    "forward": "the forward pass",
    "backward": "the backward pass",
    "optimizer": "the optimizer step",
    "logging": "logging",
    "other": "other work",
}

_ADVICE = {
    "data_loading": "see what rank {rank} loads: the size of its shard, its disk, its number of workers",
    "forward": "give each rank batches of the same size, and compare the machine of rank {rank} with the others'",
    "backward": "give each rank batches of the same size, and compare the machine of rank {rank} with the others'",
    "optimizer": "compare the machine of rank {rank} with the others': its processor, its GPU, what else runs there",
    "logging": "log less on rank {rank}, for which the others wait",
    "other": "see what rank {rank} does besides the model, for which the others wait, and do it less often",
}


def slow_rank(comparison: RankComparison) -> Recommendation | None:
    """Return what to do about the rank that the others wait for; None if there is none.

    Args:
        comparison (RankComparison): The same steps of all ranks.
    """
    ranks, rank, part = comparison["ranks"], comparison["slowest_rank"], comparison["slowest_part"]
    share = max(each["slowest_percent"] for each in ranks)
    lag = beyond_others(rank, ranks, lambda each: each["working_seconds"])
    percent = 100 * lag / comparison["mean_step_seconds"]
    often = SLOWEST_PERCENT_OF_TWO if len(ranks) == 2 else SLOWEST_PERCENT
    if comparison["steps"] < FEWEST_STEPS or share < often or percent < WORTHWHILE_PERCENT:
        return None
    evidence = (
        f"rank {rank} is the slowest in {share:.0f} % of {comparison['steps']:,} steps: it works "
        f"{seconds_in_words(lag)} longer than the others do, {percent:.0f} % of a step, mostly in "
        f"{_PARTS[part]} ({seconds_in_words(comparison['slowest_part_seconds'])})"
    )
    return {"subject": "slow_rank", "advice": _ADVICE[part].format(rank=rank), "evidence": evidence}
