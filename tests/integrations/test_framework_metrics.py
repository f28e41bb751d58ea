"""Where the metrics of a framework belong: one rule for all integrations."""

from __future__ import annotations

from typing import Any

import pytest

from seo_engine import MemoryTracker
from seo_engine.integrations.framework_metrics import log_framework_metrics


def logged(metrics: dict[Any, Any], **options: Any) -> dict[str, set[Any]]:
    tracker = MemoryTracker()
    log_framework_metrics(tracker, 1.0, 3, metrics, **options)
    names: dict[str, set[Any]] = {}
    for call, arguments in tracker.calls:
        assert (arguments["epoch"], arguments["step"]) == (1.0, 3)
        kind = call.removeprefix("log_").removesuffix("_metrics")
        names.setdefault(kind, set()).update(arguments.get("metrics") or {arguments["name"]})
    return names


@pytest.mark.parametrize(
    ("name", "kind", "place"),
    [
        ("val_loss", "evaluation", "evaluation/loss"),
        ("valid_loss", "evaluation", "evaluation/loss"),
        ("validation_f1", "evaluation", "evaluation/f1"),
        ("eval_loss", "evaluation", "evaluation/loss"),
        ("evaluation_loss", "evaluation", "evaluation/loss"),
        ("test_loss", "evaluation", "test/loss"),
        ("eval_runtime", "performance", "performance/evaluation_seconds"),
        ("val_steps_per_second", "performance", "performance/evaluation_steps_per_second"),
        ("test_model_preparation_time", "performance", "performance/test_preparation_seconds"),
        ("train_runtime", "performance", "performance/training_seconds"),
        ("train_mem_gpu_peaked_delta", "performance", "performance/training_gpu_memory_peak_bytes"),
        ("val/acc", "evaluation", "val/acc"),
        ("eval/loss", "evaluation", "eval/loss"),
        ("train/loss", "training", "train/loss"),
        ("rewards/chosen", "training", "rewards/chosen"),
        ("loss", "training", "loss"),
        ("train_accuracy", "training", "train_accuracy"),
        ("value", "training", "value"),
        ("evaluations", "training", "evaluations"),
        ("test", "training", "test"),
        ("tokens_per_second", "training", "tokens_per_second"),
        (7, "training", 7),
    ],
)
def test_a_name_alone_tells_where_a_metric_belongs(name: Any, kind: str, place: Any) -> None:
    assert logged({name: 0.5}) == {kind: {place}}


@pytest.mark.parametrize(
    ("prefix", "group", "speed"),
    [
        ("eval", "evaluation", "evaluation"),
        ("eval_one", "evaluation/one", "evaluation_one"),
        ("eval_one_two", "evaluation/one_two", "evaluation_one_two"),
        ("val_en/wiki", "evaluation/en/wiki", "evaluation_en_wiki"),
        ("test", "test", "test"),
        ("test_hard", "test/hard", "test_hard"),
        ("final", "final", "final"),
        ("training", "evaluation/training", "evaluation_training"),
        ("performance", "evaluation/performance", "evaluation_performance"),
        ("", "evaluation", "evaluation"),
    ],
)
def test_the_seconds_and_rates_of_an_evaluation_tell_its_prefix(prefix: str, group: str, speed: str) -> None:
    metrics = {"loss": 0.5, "rewards/chosen": 1.0, "runtime": 2.0, "samples_per_second": 8.0}
    assert logged({f"{prefix}_{name}": value for name, value in metrics.items()}) == {
        "evaluation": {f"{group}/loss", f"{group}/rewards/chosen"},
        "performance": {f"performance/{speed}_seconds", f"performance/{speed}_samples_per_second"},
    }


def test_the_longest_of_several_prefixes_is_the_one_that_is_meant() -> None:
    speeds = {f"eval_{name}_{speed}": 1.0 for name in ("en", "en_us") for speed in ("runtime", "steps_per_second")}
    names = logged({"eval_en_loss": 1.0, "eval_en_us_loss": 2.0, **speeds})
    assert names["evaluation"] == {"evaluation/en/loss", "evaluation/en_us/loss"}


def test_a_time_without_a_rate_is_a_metric_like_any_other() -> None:
    assert logged({"generation_runtime": 2.0, "generation_length": 7}) == {
        "training": {"generation_runtime", "generation_length"}
    }


def test_the_training_set_that_is_evaluated_is_a_named_set_only_where_it_is_known_to_be_evaluated() -> None:
    metrics = {"train_loss": 0.5, "train_runtime": 2.0, "train_samples_per_second": 8.0}
    names = {"train_loss": "training/mean_loss"}
    speeds = {"performance/training_seconds", "performance/training_samples_per_second"}
    assert logged(metrics, names=names) == {"training": {"training/mean_loss"}, "performance": speeds}
    assert logged(metrics, names=names, is_evaluation=True)["evaluation"] == {"evaluation/train/loss"}


def test_texts_are_kept_and_nested_dictionaries_get_flat_names() -> None:
    metrics = {"note": "good", "eval_sample": "a page", "nested": {"deep": {0: 1.0}, "remark": "so"}, "value": 1.0}
    assert logged(metrics) == {
        "training": {"nested/deep/0", "value"},
        "text": {"note", "evaluation/sample", "nested/remark"},
    }


def test_nothing_of_a_training_is_thinned() -> None:
    tracker = MemoryTracker()
    log_framework_metrics(tracker, 1.0, 3, {"gradient_norm": 1.0})
    assert tracker.calls[0][1]["thinned"] is False
