"""Pages -> a fine-tuned adapter, measured before and after."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seo_engine.engine.configuration import TrainingConfig
from seo_engine.engine.language_model import (
    LanguageModel,
    add_adapter,
    generate_answers,
    load_language_model,
    save_adapter,
)
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.site import Site, SiteError
from seo_engine.engine.snippet_quality import baseline_snippets, measure_snippets
from seo_engine.engine.snippets import Snippet, parse_answer, snippet_of
from seo_engine.engine.training.examples import make_example, make_prompt, page_tokens, split_pages
from seo_engine.engine.training.first_measures import keep_first_measures, read_first_measures
from seo_engine.engine.training.processes import Processes
from seo_engine.tracking import CHECKPOINTS, ExperimentTracker

# With fewer, nothing is left to learn from once some are held out.
FEWEST_USABLE_PAGES = 4


class Progress(Protocol):
    """Called with the stage, how much of it is done, its total, and a note such as the loss."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Show the progress."""


LOADING, MEASURING_BEFORE, TRAINING, MEASURING_AFTER = (
    "Loading the language model",
    "Measuring the base model",
    "Fine-tuning",
    "Measuring the fine-tuned model",
)


@dataclass(frozen=True)
class SnippetSample:
    """One held-out page: what its editor wrote, and what the model wrote before and after the training."""

    url: str
    reference: Snippet
    before: Snippet
    after: Snippet


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training run; `before`, `after` and `baseline` are measured on the same held-out pages."""

    adapter: Path
    training_pages: int
    validation_pages: int
    seconds: float
    interrupted: bool
    before: dict[str, float]
    after: dict[str, float]
    baseline: dict[str, float]
    samples: tuple[SnippetSample, ...]


class _StopRequestedError(Exception):
    """A stop was requested between two stages or during generation."""


def require_usable_pages(site: Site) -> tuple[Page, ...]:
    """Return the pages that a model can learn from.

    Args:
        site (Site): A site.

    Returns:
        tuple[Page, ...]: At least four.

    Raises:
        SiteError: If there are fewer.
    """
    usable = site.usable_pages
    if len(usable) < FEWEST_USABLE_PAGES:
        raise SiteError(
            f"{site.source}: {len(usable)} of {len(site.pages)} pages have text, a title and a meta description of "
            f"their own{_left_out(site)}; training needs at least {FEWEST_USABLE_PAGES}: give a larger site, or add "
            "what is missing"
        )
    return usable


def _left_out(site: Site) -> str:
    reasons = ", ".join(f"{len(pages)} {reason}" for reason, pages in site.left_out.items())
    return f" ({reasons})" if reasons else ""


def train(
    pages: Sequence[Page],
    config: TrainingConfig,
    tracker: ExperimentTracker,
    *,
    progress: Progress = lambda stage, done, total, note="": None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> TrainingResult:
    """Fine-tune a language model to write the titles and descriptions of pages.

    A launcher may run this in several processes, which then train together: each has its share of every batch, and of
    the held-out pages. The first one reports and saves.

    Args:
        pages (Sequence[Page]): At least four usable pages.
        config (TrainingConfig): The settings.
        tracker (ExperimentTracker): Receives everything that is logged. It must have a run folder; it stays open.
        progress (Progress): Called at each step and batch.
        stop_requested (Callable[[], bool]): Called at each step; True stops the training cleanly, with a checkpoint.

    Returns:
        TrainingResult: The measures before and after, and the adapter's folder.

    Raises:
        ModelError: If the model cannot be loaded.
        ValueError: If the pages cannot be split, or the tracker has no folder for the checkpoints.
    """
    if tracker.run_directory is None:
        raise ValueError("training needs a run folder for its checkpoints: set experiment_tracking_enabled=True")
    with Processes(tracker.run_directory / CHECKPOINTS) as processes:
        return _train(pages, config, tracker, tracker.run_directory / CHECKPOINTS, processes, progress, stop_requested)


def _train(
    pages: Sequence[Page],
    config: TrainingConfig,
    tracker: ExperimentTracker,
    checkpoints: Path,
    processes: Processes,
    progress: Progress,
    stop_requested: Callable[[], bool],
) -> TrainingResult:
    # Imported here, because it loads torch and transformers.
    from seo_engine.engine.training.snippet_trainer import make_trainer, newest_checkpoint

    started = time.perf_counter()
    profile = tracker.code_profiler.profile_operation

    progress(LOADING, 0, 1)
    with profile("load_language_model", "preprocessing", measure_memory=True):
        base_model = load_language_model(config.model_name, config.seed)
        language_model = add_adapter(base_model, config.lora_rank)
    progress(LOADING, 1, 1)
    with profile("build_examples", "preprocessing"):
        training_pages, held_out = split_pages(pages, config.validation_share, config.seed, config.split_by)
        trainer = make_trainer(
            language_model,
            [make_example(page, language_model.tokenizer, config.maximum_example_tokens) for page in training_pages],
            [make_example(page, language_model.tokenizer, config.maximum_example_tokens) for page in held_out],
            config,
            tracker,
            checkpoints,
            processes,
            step_done=lambda done, total, note: progress(TRAINING, done, total, note),
            # At the same step in all processes, although a signal reaches them one after the other.
            stop_requested=lambda: processes.any(stop_requested()),
        )

    def write_snippets(stage: str) -> list[Snippet]:
        with profile("generate_snippets", "model_inference"):
            return _write_snippets(language_model, held_out, config, processes, stage, progress, stop_requested)

    baseline = measure_snippets(held_out, baseline_snippets(held_out))
    # Logged before and after, so that it shows as a line next to the model's curve.
    baselines = {f"baseline_{name}": value for name, value in baseline.items()}
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    samples: tuple[SnippetSample, ...] = ()
    interrupted = False
    # A launcher that restarts the processes of a job has them go on from there, in the same run.
    checkpoint = processes.all(newest_checkpoint(checkpoints) if processes.are_restarted else None)[0]
    first = read_first_measures(checkpoints) if checkpoint is not None else None
    if processes.any(checkpoint is not None and not Path(checkpoint).is_dir()):
        raise ValueError(f"the processes do not share {checkpoints}: give all hosts a common log folder")
    try:
        if first is None or len(first.snippets) != len(held_out):
            with profile("evaluate_loss", "model_inference"):
                loss_before = trainer.measure_base_model()
            snippets_before = write_snippets(MEASURING_BEFORE)
            before = _measure(held_out, snippets_before, loss_before)
            if processes.is_first:
                tracker.log_evaluation_metrics(0, 0, _without_loss(before) | baselines)
                keep_first_measures(checkpoints, before, snippets_before)
        else:
            before, snippets_before = first
        with profile("fine_tune", "training_loop", measure_memory=True):
            trainer.train(resume_from_checkpoint=checkpoint)
        if processes.any(stop_requested()):
            raise _StopRequestedError
        snippets_after = write_snippets(MEASURING_AFTER)
        # The Trainer has restored the epoch with the lowest loss.
        after = _measure(held_out, snippets_after, trainer.lowest_loss())
        samples = _compare(held_out, snippets_before, snippets_after)
        if processes.is_first:
            tracker.log_evaluation_metrics(
                trainer.state.epoch or 0.0, trainer.state.global_step, _without_loss(after) | baselines
            )
            for sample in samples:
                tracker.log_text("snippets" + _as_name(sample.url), _in_words(sample))
    except _StopRequestedError:
        interrupted = True
    if processes.is_first:
        with profile("save_adapter", "training_loop"):
            save_adapter(language_model, checkpoints / "adapter")
    return TrainingResult(
        adapter=checkpoints / "adapter",
        training_pages=len(training_pages),
        validation_pages=len(held_out),
        seconds=time.perf_counter() - started,
        interrupted=interrupted,
        before=before,
        after=after,
        baseline=baseline,
        samples=samples,
    )


def _write_snippets(
    language_model: LanguageModel,
    pages: Sequence[Page],
    config: TrainingConfig,
    processes: Processes,
    stage: str,
    progress: Progress,
    stop_requested: Callable[[], bool],
) -> list[Snippet]:
    progress(stage, 0, len(pages))
    tokenizer = language_model.tokenizer
    length = page_tokens(tokenizer, config.maximum_example_tokens)
    answers = generate_answers(
        language_model,
        [make_prompt(page, tokenizer, length) for page in processes.share(pages)],
        config.maximum_new_tokens,
        config.generation_batch_size,
        # The others are about as far.
        answered=lambda count: progress(stage, min(count * processes.count, len(pages)), len(pages)),
        stop_requested=stop_requested,
    )
    if processes.any(stop_requested()):
        raise _StopRequestedError
    return [parse_answer(answer) for answer in processes.gather(answers)]


def _measure(pages: Sequence[Page], snippets: Sequence[Snippet], loss: float) -> dict[str, float]:
    # Above a loss of about 700 nats, e^loss overflows.
    return {"loss": loss, "perplexity": math.exp(min(loss, 700.0)), **measure_snippets(pages, snippets)}


def _without_loss(measures: dict[str, float]) -> dict[str, float]:
    """Leave out the loss: the Trainer has already logged it at the same step."""
    return {name: value for name, value in measures.items() if name != "loss"}


def _compare(pages: Sequence[Page], before: Sequence[Snippet], after: Sequence[Snippet]) -> tuple[SnippetSample, ...]:
    return tuple(
        SnippetSample(page.url, snippet_of(page), each_before, each_after)
        for page, each_before, each_after in zip(pages, before, after, strict=True)
    )


def _as_name(url: str) -> str:
    """Return the path of a URL as the end of a hierarchical name."""
    path = url.partition("://")[2].partition("/")[2] if "://" in url else url
    printable = "".join(character if character.isprintable() else "_" for character in path)
    return "/" + (printable.strip("/") or "index")[:200]


def _in_words(sample: SnippetSample) -> str:
    rows = [("editor", sample.reference), ("before", sample.before), ("after", sample.after)]
    return "\n\n".join(f"**{who}**: {snippet.title}\n{snippet.description}" for who, snippet in rows)
