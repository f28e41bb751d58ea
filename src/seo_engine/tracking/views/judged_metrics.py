"""Which metrics tell how good a run is, and whether small or large values are the good ones, judging by their names."""

from __future__ import annotations

import re
from collections.abc import Collection

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


def _has_word(name: str, known: Collection[str]) -> bool:
    ends = tuple(end for end in _ENDS if end in known)
    words = re.split(r"[^a-z0-9]+", name.rsplit("/", 1)[-1].lower())
    # Without a number or letter behind it, such as those of `acc1` and `rougeL`.
    return any(word in known or word.rstrip("0123456789l") in known or word.endswith(ends) for word in words)
