"""Loggable: one call per kind of record, the same for everything that takes records."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seo_engine.tracking.records.charts.chart_calls import ChartCalls
from seo_engine.tracking.records.kind import plain_epoch, plain_step, step_after
from seo_engine.tracking.records.marks.artifact_calls import ArtifactCalls
from seo_engine.tracking.records.marks.mark_calls import MarkCalls
from seo_engine.tracking.records.media.media_calls import MediaCalls

if TYPE_CHECKING:
    import torch

    from seo_engine.profiling import ProfilingData
    from seo_engine.tracking.records.marks.run_marks import ErrorDescription
    from seo_engine.tracking.records.model_architecture import ModelArchitecture


class Loggable(MediaCalls, ChartCalls, MarkCalls, ArtifactCalls):
    """The calls that log. `ExperimentTracker`, each tracker used directly, and the test double have them."""

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None, epoch: float | None = None) -> None:
        """Log metrics under the names that you give them: the everyday call.

        Args:
            metrics (Mapping[str, Any]): Names and numbers: of Python, numpy scalars, 0-d tensors. A name
                without a slash gets a group: `loss` becomes `training/loss`. The metrics in a nested dictionary get
                its name: `{"val": {"acc": 0.9}}` is the same as `{"val/acc": 0.9}`. Anything that is not a number is
                left out, counted, and warned about once.
            step (int | None): Current training step. None counts: each call of this process is a step, the first is
                step 1, and a resumed run continues where it was.
            epoch (float | None): Current training epoch; None means the last one seen.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> tracker = MemoryTracker()
            >>> for loss in (0.9, 0.5):
            ...     tracker.log_metrics({"loss": loss, "val/acc": 1 - loss})
            >>> tracker.global_step
            2
        """
        given = 0 if step is None else step
        self._take_metrics("training", epoch, given, metrics, call="log_metrics", counted=step is None)

    def log_training_metrics(
        self, epoch: float | None, step: int, metrics: Mapping[str, Any], *, thinned: bool = True
    ) -> None:
        """Log training metrics at a step.

        Args:
            epoch (float | None): Current training epoch; None means the last one seen.
            step (int): Current training step.
            metrics (Mapping[str, Any]): As for `log_metrics`.
            thinned (bool): Whether the views may thin metrics of medium and low priority. False if the training
                already logs at an interval of its own.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> tracker = MemoryTracker()
            >>> tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.123, "accuracy": 0.95})
        """
        self._take_metrics("training", epoch, step, metrics, thinned)

    def log_evaluation_metrics(self, epoch: float | None, step: int, metrics: Mapping[str, Any]) -> None:
        """Log evaluation metrics at a step; the views never thin them.

        Args:
            epoch (float | None): Current training epoch; None means the last one seen.
            step (int): Current training step.
            metrics (Mapping[str, Any]): As for `log_metrics`; the group is `evaluation`.
        """
        self._take_metrics("evaluation", epoch, step, metrics)

    def log_performance_metrics(
        self, metrics: Mapping[str, Any], epoch: float | None = None, step: int | None = None
    ) -> None:
        """Log metrics of the machine.

        Args:
            metrics (Mapping[str, Any]): As for `log_metrics`; the group is `performance`.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
        """
        epoch, step = self._moment(epoch, step)
        self._take_metrics("performance", epoch, step, metrics)

    def log_profiling_data(
        self,
        profiling_data: ProfilingData | Mapping[str, Any],
        epoch: float | None = None,
        step: int | None = None,
    ) -> None:
        """Log where time and memory went; an `ExperimentTracker` also does so at an interval and at the end.

        Args:
            profiling_data (ProfilingData | Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
        """
        self._take_at(epoch, step, "profiling", profiling_data=profiling_data)

    def log_hyperparameters(self, hyperparameters: Mapping[str, Any]) -> None:
        """Log the hyperparameters of the run, by which runs are compared.

        Args:
            hyperparameters (Mapping[str, Any]): Names and values, also nested. What is no number, text, list or
                dictionary is kept as what a person recognises. TensorBoard's HPARAMS tab shows those that are logged
                before the first metric.
        """
        self._take("hyperparameters", hyperparameters=hyperparameters)

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Log what else describes the run, but would be too much among the hyperparameters.

        W&B's config holds it; TensorBoard shows it as a table under TEXT, and not under HPARAMS.

        Args:
            settings (Mapping[str, Any]): Names and plain values; nested dictionaries are taken.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_settings({"model_config": {"layers": 12, "heads": 8}})
        """
        self._take("settings", settings=settings)

    def log_model_architecture(self, model: torch.nn.Module | ModelArchitecture) -> None:
        """Log a model's printed form and parameter counts.

        Args:
            model (torch.nn.Module | ModelArchitecture): Any module, or its description by `describe_model`.
        """
        self._take("model_architecture", architecture=model)

    def log_text(self, name: str, text: str, epoch: float | None = None, step: int | None = None) -> None:
        """Log a text.

        Args:
            name (str): A name without a slash becomes `text/<name>`.
            text (str): Of more than a megabyte, the end is cut, and the text says how much.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
        """
        self._take_at(epoch, step, "text", name=name, text=text)

    def _take_metrics(
        self,
        kind: str,
        epoch: float | None,
        step: int,
        metrics: Mapping[str, Any],
        thinned: bool = True,
        call: str | None = None,
        counted: bool = False,
    ) -> None:
        epoch = self.current_epoch if epoch is None else epoch
        if counted:
            step = step_after(self.global_step)
        self._take(kind, epoch=epoch, step=step, metrics=metrics, **({} if thinned else {"thinned": False}))
        # What is refused is not the last one seen.
        with contextlib.suppress(TypeError, ValueError):
            self.current_epoch, self.global_step = plain_epoch(epoch), plain_step(step)


class TrackerCalls(Loggable):
    """The further calls of a tracker that is used directly: how a run began, was resumed, and ended."""

    def log_experiment_config(self, configuration: Mapping[str, Any]) -> None:
        """Log the configuration of the run.

        Args:
            configuration (Mapping[str, Any]): Names and plain values.
        """
        self._take("start", configuration=configuration)

    def log_resume(self, step: int | None, configuration: Mapping[str, Any]) -> None:
        """Log that the training was resumed.

        Args:
            step (int | None): What was logged at this step and later is superseded; None supersedes nothing.
            configuration (Mapping[str, Any]): The configuration it is resumed with.
        """
        self._take("resume", step=step, configuration=configuration)

    def log_end(self, status: str, error: ErrorDescription | None = None) -> None:
        """Log how the run ended.

        Args:
            status (str): finished, failed, interrupted or killed.
            error (ErrorDescription | None): What ended it.
        """
        self._take("end", status=status, **({} if error is None else {"error": error}))
