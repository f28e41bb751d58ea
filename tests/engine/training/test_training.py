"""A whole training on a tiny random model: what it measures, logs, keeps, and how it is interrupted."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file

from seo_engine.config import SEOConfig
from seo_engine.engine.language_model import ModelError, load_adapter, load_language_model
from seo_engine.engine.site.folder import read_site
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.parsing import parse_page
from seo_engine.engine.site.site import SiteError
from seo_engine.engine.training.examples import IGNORED_LABEL, make_example
from seo_engine.engine.training.training import TRAINING, TrainingResult, require_usable_pages, train
from seo_engine.tracking import ExperimentTracker
from tests.engine.test_language_model import save_tiny_model

WORDS = ("red", "clay", "pots", "are", "thrown", "by", "hand", "and", "fired", "at", "home", "near", "the", "mill")
LETTERS = "abcdefgh"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    # Threads that wait for each other on a busy machine take far longer than so small a model.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def site(count: int = 8, *, answers_alike: bool = True) -> list[Page]:
    pages = []
    for number in range(count):
        title, description = ("Red pots", "Fired at home.") if answers_alike else (LETTERS[number] * 8,) * 2
        text = " ".join(WORDS[(number * each) % len(WORDS)] for each in range(1, 40)) + f" {number}"
        html = f"<title>{title}</title><meta name=description content='{description}'><h1>Pots</h1><p>{text}</p>"
        pages.append(parse_page(html, f"{number}.html"))
    return pages


def configuration(folder: Path, **settings: Any) -> SEOConfig:
    defaults: dict[str, Any] = {
        "model_name": str(save_tiny_model(folder / "tiny")),
        "tensorboard_log_dir": str(folder / "runs"),
        "tensorboard_logging": False,
        "wandb_logging": False,
        "number_of_epochs": 3,
        "learning_rate": 2e-2,
        "train_batch_size": 2,
        "maximum_example_tokens": 512,
        "maximum_new_tokens": 16,
        "validation_share": 0.25,
    }
    return SEOConfig(**(defaults | settings))


def journal(tracker: ExperimentTracker, kind: str) -> list[dict[str, Any]]:
    assert tracker.run_directory is not None
    lines = (tracker.run_directory / "journal.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def values(tracker: ExperimentTracker, kind: str, name: str) -> dict[int, float]:
    return {record["step"]: record["metrics"][name] for record in journal(tracker, kind) if name in record["metrics"]}


@dataclasses.dataclass
class Run:
    config: SEOConfig
    tracker: ExperimentTracker
    result: TrainingResult
    progress: list[tuple[str, int, int]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = configuration(tmp_path_factory.mktemp("training"))
    progress: list[tuple[str, int, int]] = []
    with ExperimentTracker(config) as tracker:
        result = train(
            site(),
            config,
            tracker,
            progress=lambda stage, done, total, note="": progress.append((stage, done, total)),
        )
    return Run(config, tracker, result, progress)


def test_fewer_than_four_usable_pages_are_told_in_one_line(tmp_path: Path) -> None:
    usable = "<title>Pots {0}</title><meta name=description content='Pots made in {0}'><p>Text about {0}"
    folder = tmp_path / "site"
    folder.mkdir()
    for name, html in (("a", usable), ("b", usable), ("c", usable), ("d", "<html><p>Text"), ("e", "")):
        (folder / f"{name}.html").write_text(html.format(name))
    with pytest.raises(SiteError, match="3 of 5 pages") as error:
        require_usable_pages(read_site(folder))
    assert "(1 could not be read, 1 no title, or one of endless length)" in str(error.value)
    assert "\n" not in str(error.value)
    (folder / "d.html").write_text(usable.format("d"))
    assert len(require_usable_pages(read_site(folder))) == 4


def test_validation_loss_falls(run: Run) -> None:
    assert run.result.after["loss"] < run.result.before["loss"]
    assert run.result.after["perplexity"] == pytest.approx(math.exp(run.result.after["loss"]))


def test_evaluation_is_logged_before_at_step_0_after_each_epoch_and_at_the_end(run: Run) -> None:
    losses = values(run.tracker, "evaluation", "evaluation/loss")
    # Six pages in batches of two, three times.
    assert list(losses) == [0, 3, 6, 9]
    assert losses[0] == pytest.approx(run.result.before["loss"])
    for name in ("perplexity", "rouge_l_title", "rouge_l_description", "titles_within_limits"):
        logged = values(run.tracker, "evaluation", f"evaluation/{name}")
        assert logged == pytest.approx({0: run.result.before[name], 9: run.result.after[name]})
    # Twice, so that it is a line beside the model's curve.
    baseline = run.result.baseline["rouge_l_title"]
    assert values(run.tracker, "evaluation", "evaluation/baseline_rouge_l_title") == {0: baseline, 9: baseline}


@pytest.mark.parametrize(
    "name", ["loss", "accuracy", "learning_rate", "gradient_norm", "weight_norm", "tokens_per_second"]
)
def test_each_step_is_logged(run: Run, name: str) -> None:
    logged = values(run.tracker, "training", f"training/{name}")
    assert list(logged) == list(range(1, 10))
    assert all(math.isfinite(value) and value >= 0 for value in logged.values())


def test_the_last_step_is_the_whole_of_the_progress(run: Run) -> None:
    steps = [(done, total) for stage, done, total in run.progress if stage == TRAINING]
    assert steps[0] == (0, 9)
    assert steps[-1] == (9, 9)


def test_the_snippets_of_each_held_out_page_are_logged_as_text(run: Run) -> None:
    texts = {record["name"]: record["text"] for record in journal(run.tracker, "text")}
    assert len(run.result.samples) == run.result.validation_pages == 2
    for sample in run.result.samples:
        assert "Fired at home." in texts[f"snippets/{sample.url}"]


def test_hyperparameters_and_architecture_are_logged(run: Run) -> None:
    logged: dict[str, Any] = {}
    for record in journal(run.tracker, "hyperparameters"):
        logged |= record["hyperparameters"]
    assert logged["model_name"] == run.config.model_name
    assert logged["learning_rate"] == run.config.learning_rate
    assert logged["training_pages"] == 6


def test_stages_are_profiled(run: Run) -> None:
    timings = run.config.code_profiler.profiling_data()["timings"]
    for operation in ("load_language_model", "build_examples", "evaluate_loss", "generate_snippets", "fine_tune"):
        assert timings[operation] > 0


def test_the_adapter_is_kept_and_loads(run: Run) -> None:
    adapted = load_adapter(load_language_model(run.config.model_name), run.result.adapter)
    assert adapted.model.peft_config["default"].r == run.config.lora_rank


def make_it_repeat(folder: Path) -> None:
    """Change a saved model so that it predicts each token to come once more."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "o_proj" in name or "down_proj" in name:
                parameter.zero_()
        embedding = torch.nn.functional.normalize(model.get_input_embeddings().weight)
        model.get_input_embeddings().weight.copy_(embedding)
        model.get_output_embeddings().weight.copy_(embedding)
    model.save_pretrained(folder)


def test_accuracy_is_the_share_of_the_answers_tokens_that_were_predicted(tmp_path: Path) -> None:
    config = configuration(tmp_path, number_of_epochs=1, train_batch_size=6)
    make_it_repeat(Path(config.model_name))
    pages = [dataclasses.replace(page, title="Pots!!!!!!") for page in site()]
    with ExperimentTracker(config) as tracker:
        train(pages, config, tracker)
    tokenizer = load_language_model(config.model_name).tokenizer
    example = make_example(pages[0], tokenizer, config.maximum_example_tokens)
    right = [
        token == before
        for token, before, label in zip(
            example["input_ids"][1:], example["input_ids"][:-1], example["labels"][1:], strict=True
        )
        if label != IGNORED_LABEL
    ]
    assert 0 < sum(right) < len(right)
    assert values(tracker, "training", "training/accuracy") == pytest.approx({1: sum(right) / len(right)})


def test_the_same_seed_gives_the_same_training(run: Run, tmp_path: Path) -> None:
    config = configuration(tmp_path)
    torch.manual_seed(99)
    with ExperimentTracker(config) as tracker:
        again = train(site(), config, tracker)
    assert again.after == pytest.approx(run.result.after)


def test_gradient_accumulation_makes_fewer_steps_of_the_same_pages(run: Run, tmp_path: Path) -> None:
    config = configuration(tmp_path, train_batch_size=1, gradient_accumulation_steps=2)
    with ExperimentTracker(config) as tracker:
        train(site(), config, tracker)
    losses = values(tracker, "training", "training/loss")
    assert len(losses) == 9
    # The first step sees the same pages with the same weights, in one batch or in two.
    assert losses[1] == pytest.approx(values(run.tracker, "training", "training/loss")[1], rel=1e-4)
    accuracy = values(tracker, "training", "training/accuracy")
    assert accuracy[1] == pytest.approx(values(run.tracker, "training", "training/accuracy")[1])


def test_early_stopping_ends_a_training_that_no_longer_improves_and_goes_back_to_its_best_epoch(tmp_path: Path) -> None:
    config = configuration(tmp_path, number_of_epochs=6, learning_rate=0.05, early_stopping_patience=1)
    with ExperimentTracker(config) as tracker:
        # What is learnt of one page is wrong for the others: on any processor the validation loss soon rises.
        result = train(site(answers_alike=False), config, tracker)
    losses = values(tracker, "evaluation", "evaluation/loss")
    best, last = min((step for step in losses if step), key=lambda step: losses[step]), max(losses)
    assert not result.interrupted
    assert best < last < 18
    assert result.after["loss"] == losses[best]
    adapter, checkpoint = (
        load_file(folder / "adapter_model.safetensors")
        for folder in (result.adapter, result.adapter.parent / f"checkpoint-{best}")
    )
    assert all(torch.equal(weights, checkpoint[name]) for name, weights in adapter.items())


def test_a_requested_stop_ends_the_training_at_the_next_step_with_a_checkpoint_and_an_adapter(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    done = 0

    def progress(stage: str, count: int, total: int, note: str = "") -> None:
        nonlocal done
        done = count if stage == TRAINING else 0

    with ExperimentTracker(config) as tracker:
        result = train(site(), config, tracker, progress=progress, stop_requested=lambda: done == 4)
    assert result.interrupted
    assert result.before and not result.after and not result.samples
    assert max(values(tracker, "training", "training/loss")) == 4
    assert (result.adapter.parent / "checkpoint-4" / "trainer_state.json").is_file()
    load_adapter(load_language_model(config.model_name), result.adapter)


def test_a_stop_requested_before_the_training_starts_none(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    with ExperimentTracker(config) as tracker:
        result = train(site(), config, tracker, stop_requested=lambda: True)
    assert result.interrupted
    assert not journal(tracker, "training")


def test_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    config = configuration(tmp_path, model_name=str(tmp_path / "nowhere"))
    with ExperimentTracker(config) as tracker, pytest.raises(ModelError, match="nowhere"):
        train(site(), config, tracker)


def test_training_without_a_folder_for_checkpoints_is_refused(tmp_path: Path) -> None:
    config = configuration(tmp_path, experiment_tracking_enabled=False)
    with ExperimentTracker(config) as tracker, pytest.raises(ValueError, match="experiment_tracking_enabled"):
        train(site(), config, tracker)
