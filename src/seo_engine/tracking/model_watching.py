"""WatchingCalls: the logging calls, and one that has a model watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seo_engine.foundation.texts import one_line
from seo_engine.profiling.categories import MODEL_WATCH, TRACKING
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.logging_calls import LoggingCalls
from seo_engine.tracking.observers.model_watch import ModelWatch, Watched

if TYPE_CHECKING:
    import torch


class WatchingCalls(LoggingCalls):
    """The logging calls of an `ExperimentTracker`, and `watch_model`.

    Args:
        config (TrackingConfig): The settings.
    """

    def __init__(self, config: TrackingConfig) -> None:
        super().__init__(config)
        self._watches: list[ModelWatch] = []

    def watch_model(
        self,
        model: torch.nn.Module,
        every_steps: int = 100,
        patterns: Sequence[str] = ("*",),
        *,
        gradients: bool = True,
        parameters: bool = False,
    ) -> None:
        """Log norm, histogram, and the shares of zeros and NaN of each layer, now and then, until the run ends.

        It looks before a step of the optimizer, so that gradients are whole; its steps are those of the optimizer,
        counted from the last step seen. On a GPU the values are copied without waiting, and logged at the next watched
        step. If that takes more than 5 % of the time, it looks half as often, and says so.

        Args:
            model (torch.nn.Module): The model whose parameters the optimizer has.
            every_steps (int): How many steps of the optimizer lie between two watched ones.
            patterns (Sequence[str]): Names of parameters to look at, in which `*` stands for any text.
            gradients (bool): Whether to look at gradients: `gradients/<parameter>/norm` and the like.
            parameters (bool): Whether to look at the parameters themselves: `parameters/<parameter>/norm`.

        Example:
            >>> import tempfile, torch
            >>> from seo_engine import ExperimentTracker, TrackingConfig
            >>> config = TrackingConfig(tensorboard_log_dir=tempfile.mkdtemp(), wandb_logging=False)
            >>> model = torch.nn.Linear(4, 2)
            >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            >>> with ExperimentTracker(config) as tracker:
            ...     tracker.watch_model(model, every_steps=10)
            ...     for step in range(1, 21):
            ...         loss = model(torch.ones(8, 4)).square().mean()
            ...         loss.backward()
            ...         optimizer.step()
            ...         optimizer.zero_grad()
            ...         tracker.log_metrics({"loss": loss.item()}, step=step)
        """
        if not self._is_open:
            self._refuse()
            return
        try:
            watch = ModelWatch(
                model,
                self._log_watched,
                lambda: self.code_profiler.profile_operation(MODEL_WATCH, TRACKING),
                every_steps=every_steps,
                patterns=patterns,
                gradients=gradients,
                parameters=parameters,
                first_step=self.global_step,
            )
        except Exception as error:  # a foreign object may raise anything
            self._drop("misuse", f"⚠️ Skipping a call of watch_model: {one_line(error)}")
        else:
            self._watches.append(watch)

    def _log_watched(self, watched: Watched) -> None:
        """Log what was found in a model. Its step does not become the last one seen."""
        writer = self._record_writer
        if writer is None or not self._is_open:
            return
        epoch, step = self.current_epoch, watched.step
        writer.write_metrics("training", epoch, step, watched.metrics, thinned=False, call="watch_model")
        for name, values in watched.samples.items():
            writer.write("histogram", name=name, values=values, epoch=epoch, step=step)

    def _stop_watching(self) -> None:
        for watch in self._watches:
            watch.stop()
        self._watches = []
