"""CheckpointArtifacts: the checkpoints of a Trainer as versions of one artifact, of which the best are kept."""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seo_engine.foundation.texts import one_line
from seo_engine.tracking import LONGEST_ARTIFACT_NAME, ArtifactVersion, ExperimentTracker, version_name

if TYPE_CHECKING:
    from transformers import TrainerState, TrainingArguments

logger = logging.getLogger(__name__)

BEST = "best"

# The evaluation by which a Trainer that names none is judged.
_USUAL_METRIC = "eval_loss"


class CheckpointArtifacts:
    """Keeps each checkpoint that a Trainer saves, and lets go of those that are not among the best.

    The artifact is `checkpoint-` and the name of the run; the best of its versions is `best`. Checkpoints are judged by
    `metric_for_best_model`, or by the loss of their evaluation; without one, the newest are kept.

    Args:
        most (int): How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most

    def keep(self, tracker: ExperimentTracker, args: TrainingArguments, state: TrainerState) -> None:
        """Keep the checkpoint that was just saved.

        Args:
            tracker (ExperimentTracker): Of the run.
            args (TrainingArguments): The arguments of the Trainer.
            state (TrainerState): Where it is.
        """
        folder = Path(args.output_dir or ".") / f"checkpoint-{state.global_step}"
        if tracker.run_directory is None or not folder.is_dir():
            return
        metric, value = _judged(args, state)
        metadata = {"step": state.global_step, "epoch": state.epoch, "metric": metric, "value": value}
        is_best = state.best_model_checkpoint is not None and Path(state.best_model_checkpoint) == folder
        tracker.log_artifact(
            self._name(tracker), folder, "model", [BEST] if is_best else [], metadata, state.epoch, state.global_step
        )
        self._let_go(tracker, _smaller_is_better(args, metric))

    def finish(self, tracker: ExperimentTracker, args: TrainingArguments, state: TrainerState) -> None:
        """Let go of what is too much when the training has ended: now the newest checkpoint is a version, too."""
        if tracker.run_directory is not None:
            tracker.artifact_store.commit_waiting(self._name(tracker))
            self._let_go(tracker, _smaller_is_better(args, _judged(args, state)[0]))

    def _name(self, tracker: ExperimentTracker) -> str:
        assert tracker.run_directory is not None
        return re.sub(r"[^A-Za-z0-9._-]", "-", f"checkpoint-{tracker.run_directory.name}")[:LONGEST_ARTIFACT_NAME]

    def _let_go(self, tracker: ExperimentTracker, smaller_is_better: bool) -> None:
        store, name = tracker.artifact_store, self._name(tracker)
        if name not in store.names():
            return
        named = {number for alias, number in store.aliases(name).items() if alias == BEST}
        present = [each for each in store.versions(name).present if each.number not in named]
        present.sort(key=lambda version: _rank(version, smaller_is_better), reverse=True)
        for version in present[max(0, self._most - len(named)) :]:
            try:
                store.delete(f"{name}:{version_name(version.number)}")
            except (OSError, ValueError) as error:
                logger.warning("⚠️ %s is kept: %s", version.label, one_line(error))


def _rank(version: ArtifactVersion, smaller_is_better: bool) -> tuple[float, int]:
    """Return what is larger for a better checkpoint, and of those of the same value for a newer one."""
    value = version.metadata.get("value")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return -math.inf, version.number
    return -value if smaller_is_better else value, version.number


def _judged(args: TrainingArguments, state: TrainerState) -> tuple[str, Any]:
    """Return the metric by which checkpoints are judged, and its newest value; None if there is none."""
    metric = args.metric_for_best_model or _USUAL_METRIC
    metric = metric if metric.startswith("eval_") else f"eval_{metric}"
    return metric, next((each[metric] for each in reversed(state.log_history) if metric in each), None)


def _smaller_is_better(args: TrainingArguments, metric: str) -> bool:
    return metric.endswith("loss") if args.greater_is_better is None else not args.greater_is_better
