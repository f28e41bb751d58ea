"""Gradients and parameters of a model that is watched."""

from __future__ import annotations

import gc
import logging
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from seo_engine import ExperimentTracker
from seo_engine.tracking.observers import model_watch
from seo_engine.tracking.observers.model_watch import ModelWatch, Watched
from tests.tracking.logged_media import config
from tests.tracking.read_views import read_journal


def train(model: torch.nn.Module, steps: int, *optimizers: torch.optim.Optimizer) -> list[dict[str, torch.Tensor]]:
    """Train, and return the gradients before each step of the optimizers."""
    gradients = []
    for _ in range(steps):
        model(torch.ones(3, 4)).square().mean().backward()
        gradients.append({name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None})
        for optimizer in optimizers:
            optimizer.step()
        model.zero_grad()
    return gradients


def small_model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1))


def sgd(model: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.01)


@pytest.fixture(autouse=True)
def looking_takes_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    # A small model takes no time itself.
    monkeypatch.setattr(model_watch, "LARGEST_SHARE", float("inf"))


def test_norm_zeros_and_values_are_those_of_the_gradients_at_each_watched_step() -> None:
    model, found = small_model(), list[Watched]()
    watch = ModelWatch(model, found.append, every_steps=3, first_step=10)
    gradients = train(model, 7, sgd(model))
    watch.stop()
    train(model, 5, sgd(model))
    assert [each.step for each in found] == [11, 14, 17]
    for each, place in zip(found, (0, 3, 6), strict=True):
        for name, gradient in gradients[place].items():
            assert each.metrics[f"gradients/{name}/norm"] == pytest.approx(gradient.norm().item(), rel=1e-5)
            zeros = (gradient == 0).float().mean().item()
            assert each.metrics[f"gradients/{name}/zeros"] == pytest.approx(zeros)
            assert each.metrics[f"gradients/{name}/not_finite"] == 0
            assert each.samples[f"gradients/{name}"].tolist() == gradient.reshape(-1).tolist()


def test_patterns_choose_and_parameters_are_watched_where_asked() -> None:
    model, found = small_model(), list[Watched]()
    weights = model[2].weight.detach().clone()
    watch = ModelWatch(model, found.append, patterns=["2.*"], gradients=False, parameters=True)
    train(model, 1, sgd(model))
    watch.stop()
    assert found[0].metrics.keys() == {
        f"parameters/2.{name}/{figure}" for name in ("weight", "bias") for figure in ("norm", "zeros", "not_finite")
    }
    # Before the optimizer changes them.
    assert found[0].metrics["parameters/2.weight/norm"] == pytest.approx(weights.norm().item())


def test_what_is_not_finite_is_counted_and_a_tensor_of_it_alone_has_no_histogram() -> None:
    model, found = torch.nn.Linear(4, 2), list[Watched]()
    watch = ModelWatch(model, found.append)
    model.weight.grad = torch.tensor([[float("nan"), 0, 1, float("inf")], [2, 3, 4, 5]])
    model.bias.grad = torch.full((2,), float("nan"))
    sgd(model).step()
    watch.stop()
    assert found[0].metrics["gradients/weight/not_finite"] == 0.25
    assert found[0].metrics["gradients/bias/not_finite"] == 1 and found[0].samples.keys() == {"gradients/weight"}


def test_large_tensors_are_looked_at_in_parts_and_sampled_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_watch, "_ELEMENTS_AT_ONCE", 1_000)
    model, found = torch.nn.Linear(100, 101, bias=False, dtype=torch.bfloat16), list[Watched]()
    model.weight.grad = torch.arange(10_100).reshape(101, 100).to(torch.bfloat16)
    watch = ModelWatch(model, found.append)
    sgd(model).step()
    watch.stop()
    expected = model.weight.grad.float().norm().item()
    assert found[0].metrics["gradients/weight/norm"] == pytest.approx(expected, rel=1e-4)
    assert found[0].metrics["gradients/weight/zeros"] == pytest.approx(1 / 10_100)
    sample = found[0].samples["gradients/weight"]
    assert len(sample) == 3_367 and sample[1] == 3


def test_steps_are_those_of_the_first_optimizer_that_has_the_model() -> None:
    model, other, found = small_model(), small_model(), list[Watched]()
    watch = ModelWatch(model, found.append, every_steps=2)
    halves = [torch.optim.SGD(list(model[place].parameters()), lr=0.01) for place in (0, 2)]
    for _ in range(4):
        train(other, 1, sgd(other))
        train(model, 1, *halves)
    watch.stop()
    assert [each.step for each in found] == [1, 3]


def test_a_model_that_is_gone_is_not_kept_alive_by_its_optimizer_being_known() -> None:
    model = small_model()
    optimizer = sgd(model)
    watch = ModelWatch(model, lambda watched: None)
    train(model, 1, optimizer)
    known = weakref.ref(optimizer)
    del optimizer
    gc.collect()
    assert known() is None
    train(model, 1, sgd(model))
    watch.stop()


def test_it_looks_half_as_often_where_it_takes_too_long_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(model_watch, "LARGEST_SHARE", 0.0)
    model, found = small_model(), list[Watched]()
    watch = ModelWatch(model, found.append, every_steps=1)
    with caplog.at_level(logging.WARNING):
        train(model, 20, sgd(model))
    watch.stop()
    assert [each.step for each in found] == [1, 2, 4, 8, 16] and watch.every_steps == 16
    assert "it now looks every 2 steps; patterns=[…] names fewer parameters" in caplog.messages[0]


def test_an_error_ends_the_watch_and_not_the_training_nor_another_watch(caplog: pytest.LogCaptureFixture) -> None:
    def fail(watched: Watched) -> None:
        raise RuntimeError("no luck")

    model, found = small_model(), list[Watched]()
    failing, other = ModelWatch(model, fail), ModelWatch(model, found.append, every_steps=1)
    with caplog.at_level(logging.WARNING):
        train(model, 5, sgd(model))
    failing.stop()
    other.stop()
    assert caplog.messages == ["⚠️ The model is not watched any more: no luck"] and len(found) == 5


def test_the_first_look_of_a_resumed_training_is_not_judged_by_its_cost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(model_watch, "LARGEST_SHARE", 0.0)
    model = small_model()
    watch = ModelWatch(model, lambda watched: None, first_step=500)
    train(model, 1, sgd(model))
    watch.stop()
    assert watch.every_steps == 100 and not caplog.messages


def test_a_model_without_gradients_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    model = small_model()
    watch = ModelWatch(model, lambda watched: None)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            sgd(model).step()
    watch.stop()
    assert len(caplog.messages) == 1 and "watch_model finds no gradients" in caplog.messages[0]


def test_a_run_has_metrics_and_histograms_of_the_watched_model_until_it_ends(tmp_path: Path) -> None:
    model = small_model()
    optimizer = sgd(model)
    settings = config(tmp_path, tensorboard_logging=False, wandb_logging=False)
    with ExperimentTracker(settings) as tracker:
        tracker.watch_model(model, every_steps=2)
        for step in range(1, 5):
            train(model, 1, optimizer)
            tracker.log_metrics({"loss": 1 / step}, step=step)
        assert tracker.global_step == 4
    train(model, 3, optimizer)
    records = [record for _, record in read_journal(tmp_path / "r")]
    watched = [record for record in records if any("gradients/" in name for name in record.get("metrics", {}))]
    assert [record["step"] for record in watched] == [1, 3] and len(watched[0]["metrics"]) == 12
    assert all(record["thinned"] is False for record in watched)
    histograms = [(record["name"], record["step"]) for record in records if record["kind"] == "histogram"]
    assert sorted(histograms)[:2] == [("gradients/0.bias", 1), ("gradients/0.bias", 3)] and len(histograms) == 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model": 5}, "model must be a torch.nn.Module, got a value of type int"),
        ({"every_steps": 0}, "every_steps must be a positive whole number, got 0"),
        ({"gradients": False}, "watch_model must look at gradients, parameters, or both"),
        ({"patterns": "*weight"}, "patterns must be a list of names, got '*weight'"),
        ({"patterns": ["encoder.*"]}, "no parameter of the model is named like encoder.*"),
    ],
)
def test_what_cannot_be_watched_is_said_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, arguments: dict[str, Any], said: str
) -> None:
    settings = config(tmp_path, tensorboard_logging=False, wandb_logging=False)
    with caplog.at_level(logging.WARNING), ExperimentTracker(settings) as tracker:
        tracker.watch_model(**{"model": small_model(), **arguments})
    assert f"⚠️ Skipping a call of watch_model: {said}" in caplog.messages
    assert read_journal(tmp_path / "r")[-1][1]["dropped"] == {"misuse": 1}
