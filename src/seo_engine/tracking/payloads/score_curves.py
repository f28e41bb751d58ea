"""From the scores of a classifier: how many samples it takes for each class at each threshold, right and wrong."""

from __future__ import annotations

from typing import Any

# As many as TensorBoard draws, from 0 to 1: `torch.utils.tensorboard.summary.pr_curve`.
GRID = tuple(number / 126 for number in range(127))

# Further thresholds are the quantiles of the scores of a class, and of those of the others.
_QUANTILES = 101


def count_classes(truth: Any, scores: Any) -> list[dict[str, Any]]:
    """Return the counts of each class that has samples, and that some samples do not belong to.

    Args:
        truth (numpy.ndarray): Of each sample the number of its class; with one row of scores, 1 or 0.
        scores (numpy.ndarray): Classes × samples: the higher, the surer.

    Returns:
        list[dict[str, Any]]: For each class its number (`number`), how many samples it has and the others have
        (`positives`, `negatives`), thresholds in descending order (`thresholds`), how many samples of each have at
        least that score (`true_positives`, `false_positives`), the area under its ROC curve (`area`), and its average
        precision (`average_precision`), as scikit-learn defines them.

    Example:
        >>> import numpy
        >>> (counts,) = count_classes(numpy.array([0, 1, 1, 0]), numpy.array([[0.1, 0.8, 0.4, 0.5]]))
        >>> counts["area"], round(counts["average_precision"], 3)
        (0.75, 0.833)
    """
    counted = []
    for place, of_class in enumerate(scores):
        number = place if len(scores) > 1 else 1
        is_positive = truth == number
        if is_positive.any() and not is_positive.all():
            counted.append({"number": number, **_count(of_class, is_positive)})
    return counted


def _count(scores: Any, is_positive: Any) -> dict[str, Any]:
    import numpy

    positives, negatives = numpy.sort(scores[is_positive]), numpy.sort(scores[~is_positive])
    quantiles = numpy.linspace(0, 1, _QUANTILES)
    of_scores = [_at(each, quantiles) for each in (positives, negatives)]
    is_probability = min(positives[0], negatives[0]) >= 0 and max(positives[-1], negatives[-1]) <= 1
    thresholds = numpy.unique(numpy.concatenate([*of_scores, GRID if is_probability else ()]))[::-1]
    return {
        "positives": len(positives),
        "negatives": len(negatives),
        "thresholds": thresholds.tolist(),
        "true_positives": _with_at_least(thresholds, positives).tolist(),
        "false_positives": _with_at_least(thresholds, negatives).tolist(),
        **_areas(positives, negatives),
    }


def _at(scores: Any, quantiles: Any) -> Any:
    return scores[(quantiles * (len(scores) - 1)).astype("int64")]


def _with_at_least(thresholds: Any, scores: Any) -> Any:
    """Return how many scores reach each threshold; they are in ascending order."""
    import numpy

    return len(scores) - numpy.searchsorted(scores, thresholds, side="left")


def _areas(positives: Any, negatives: Any) -> dict[str, float]:
    """Return the area under the ROC curve and the average precision, over every score that there is."""
    import numpy

    thresholds = numpy.unique(numpy.concatenate([positives, negatives]))[::-1]
    true, false = (_with_at_least(thresholds, each).astype("float64") for each in (positives, negatives))
    recall = numpy.concatenate([[0.0], true / len(positives)])
    fall_out = numpy.concatenate([[0.0], false / len(negatives)])
    area = float(numpy.sum(numpy.diff(fall_out) * (recall[1:] + recall[:-1]) / 2))
    return {"area": area, "average_precision": float(numpy.sum(numpy.diff(recall) * true / (true + false)))}
