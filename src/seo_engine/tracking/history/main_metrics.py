"""Which metrics a run is judged by, and which of their values is the best."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from seo_engine.tracking.history.summary import MetricSummary

# Words of names.
_SMALLER_IS_BETTER = (
    "loss", "perplexity", "ppl", "nll", "error", "err", "mse", "rmse", "mae", "mape", "wer", "cer", "bpc", "bpb", "fid",
)  # fmt: skip
_LARGER_IS_BETTER = (
    "acc", "accuracy", "f1", "auc", "auroc", "map", "mcc", "precision", "recall", "iou", "miou", "dice", "psnr", "ssim",
    "r2", "top1", "top5", "bleu", "rouge", "score", "reward", "rewards", "return",
)  # fmt: skip
# Some are written without a gap, such as `valloss`.
_ENDS = ("loss", "accuracy")
_GROUPS_OF_THE_MACHINE = ("performance/", "profiling/")


class Best(NamedTuple):
    """The best value of a metric, and the step that it came at."""

    value: float
    step: int


def main_metrics(names: Iterable[str]) -> list[str]:
    """Return the user's own metrics, those that tell how good a run is before the others.

    Args:
        names (Iterable[str]): All metrics of the run, in the order in which they came.

    Example:
        >>> main_metrics(["training/lr", "training/loss", "val/acc", "performance/cpu_usage_percent"])
        ['training/loss', 'val/acc', 'training/lr']
    """
    own = [name for name in names if not name.startswith(_GROUPS_OF_THE_MACHINE)]
    # Sorted is stable.
    return sorted(own, key=lambda name: is_judged(name), reverse=True)


def is_judged(name: str) -> bool:
    """Return whether a metric tells how good a run is, judging by its name.

    Example:
        >>> [is_judged(name) for name in ("val/mse", "train/ce_loss", "test/rouge1", "city/terror_accidents")]
        [True, True, True, False]
    """
    return smaller_is_better(name) or _has_word(name, _LARGER_IS_BETTER)


def smaller_is_better(name: str) -> bool:
    """Return whether small values of a metric are the good ones, judging by its name.

    Example:
        >>> smaller_is_better("val/loss"), smaller_is_better("val/acc")
        (True, False)
    """
    return _has_word(name, _SMALLER_IS_BETTER)


def best_of(name: str, metric: MetricSummary) -> Best | None:
    """Return the best value of a metric; None if its values are neither good nor bad.

    Args:
        name (str): The metric's name.
        metric (MetricSummary): Its values.
    """
    if not is_judged(name):
        return None
    if smaller_is_better(name):
        return Best(metric.minimum, metric.minimum_step)
    return Best(metric.maximum, metric.maximum_step)


def last_and_best(name: str, metric: MetricSummary, is_whole: bool = True) -> str:
    """Return the last value of a metric, and its best.

    Args:
        name (str): The metric's name.
        metric (MetricSummary): Its values.
        is_whole (bool): Whether these are all of its values: otherwise the best is not known.

    Example:
        >>> last_and_best("val/acc", MetricSummary(count=9, last=0.5, maximum=0.75, maximum_step=8))
        '0.5, best 0.75'
    """
    best = best_of(name, metric) if is_whole and metric.count > 1 else None
    return f"{metric.last:.4g}, best {best.value:.4g}" if best is not None else f"{metric.last:.4g}"


def _has_word(name: str, known: Collection[str]) -> bool:
    ends = tuple(end for end in _ENDS if end in known)
    words = re.split(r"[^a-z0-9]+", name.rsplit("/", 1)[-1].lower())
    # Without a number or letter behind it, such as those of `acc1` and `rougeL`.
    return any(word in known or word.rstrip("0123456789l") in known or word.endswith(ends) for word in words)
