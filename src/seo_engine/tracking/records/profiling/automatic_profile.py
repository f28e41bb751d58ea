"""What views show of a profile that the run logs by itself: a table, or the curves that say something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.profiling import share_in_words
from seo_engine.profiling.categories import TRACKING
from seo_engine.tracking.records.metrics import finite_number
from seo_engine.tracking.records.profiling.profiling_metrics import entries

# How a profile is shown: one alone would be curves of a single point.
CURVES, TABLE = "curves", "table"

_MOST_ROWS = 20

_MODEL_PHASES = ("forward_percent", "backward_percent", "optimizer_percent")


def curves_of(metrics: Mapping[str, Any], profiling_data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics of a profile without the tracker's own operations, and without what was not measured.

    Args:
        metrics (Mapping[str, Any]): As `profiling_metrics` returns them.
        profiling_data (Mapping[str, Any]): The profile.

    Example:
        >>> own = {"operation": "tensorboard_setup", "category": "experiment_tracking"}
        >>> metrics = {"profiling/timing/tensorboard_setup": 0.5, "profiling/training/forward_percent": 0.0}
        >>> curves_of(metrics, {"operations": [own]})
        {}
    """
    own = {
        name
        for operation in (*entries(profiling_data, "operations"), *entries(profiling_data, "unranked_operations"))
        if isinstance(operation, Mapping) and operation.get("category") == TRACKING
        for name in (str(operation.get("operation")), f"{TRACKING}.{operation.get('operation')}")
    }
    return {name: value for name, value in metrics.items() if _is_telling(name, value, own, metrics)}


def _is_telling(name: str, value: Any, own: set[str], metrics: Mapping[str, Any]) -> bool:
    _, group, last_part = name.split("/", 2)
    if group != "training":
        return last_part not in own
    if not last_part.endswith("_percent"):
        return True
    if last_part == "other_percent":
        # Without regions, all of a step is other work.
        return any(metrics.get(f"profiling/training/{phase}") for phase in _MODEL_PHASES)
    return bool(value)


def table_of(profiling_data: Mapping[str, Any]) -> str:
    """Return a profile as Markdown: how the time of the training steps is divided, and the heaviest operations.

    Args:
        profiling_data (Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.

    Example:
        >>> operation = {"operation": "forward_pass", "category": "training_loop", "calls": 3, "share_percent": 80.0}
        >>> print(table_of({"operations": [operation]}))
        | operation | category | calls | mean seconds | total seconds | own share of the time |
        |---|---|---|---|---|---|
        | forward_pass | training_loop | 3 |  |  | 80.0 % |
    """
    parts = [line for line in (_steps(profiling_data), _overhead(profiling_data)) if line]
    rows = list(_operation_rows(profiling_data))
    if rows:
        head = [
            "| operation | category | calls | mean seconds | total seconds | own share of the time |",
            "|---|---|---|---|---|---|",
        ]
        parts.append("\n".join([*head, *rows[:_MOST_ROWS]]))
    return "\n\n".join(parts)


def _operation_rows(profiling_data: Mapping[str, Any]) -> Iterator[str]:
    for operation in entries(profiling_data, "operations"):
        if isinstance(operation, Mapping) and operation.get("category") != TRACKING:
            cells = (
                _in_cell(operation.get("operation")),
                _in_cell(operation.get("category")),
                _number(operation.get("calls"), "{:,}"),
                _number(operation.get("mean_seconds"), "{:.6f}"),
                _number(operation.get("total_seconds"), "{:.3f}"),
                _share(operation.get("share_percent")),
            )
            yield f"| {' | '.join(cells)} |"


def _steps(profiling_data: Mapping[str, Any]) -> str:
    training = profiling_data.get("training")
    if not isinstance(training, Mapping) or not finite_number(training.get("steps")):
        return ""
    shown = curves_of({f"profiling/training/{name}": value for name, value in training.items()}, {})
    measured = [
        f"{name.removesuffix('_percent').replace('_', ' ')} {percent:.1f} %"
        for name in ("data_loading_percent", *_MODEL_PHASES, "logging_percent", "other_percent")
        if (percent := finite_number(shown.get(f"profiling/training/{name}")))
    ]
    pace = _number(training.get("steps_per_second"), ", {:.3g} a second")
    shares = f": {', '.join(measured)}" if measured else ""
    return f"{_number(training['steps'], '{:,}')} training steps{pace}{shares}."


def _overhead(profiling_data: Mapping[str, Any]) -> str:
    share = profiling_data.get("experiment_tracking")
    percent = finite_number(share.get("overhead_percent")) if isinstance(share, Mapping) else None
    return f"The tracker's calls took {percent:.3f} % of the time." if percent is not None else ""


def _share(value: Any) -> str:
    percent = finite_number(value)
    return share_in_words(percent) if percent is not None else ""


def _number(value: Any, form: str) -> str:
    number = finite_number(value)
    return form.format(number) if number is not None else ""


def _in_cell(value: Any) -> str:
    return redact_text(one_line(value)).replace("|", "\\|")
