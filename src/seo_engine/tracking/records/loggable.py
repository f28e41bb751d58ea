"""Loggable: one call per kind of record, the same for everything that takes records."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seo_engine.tracking.records.kind import plain_epoch, plain_step, step_after

if TYPE_CHECKING:
    import torch

    from seo_engine.profiling import ProfilingData
    from seo_engine.tracking.records.forms import Box
    from seo_engine.tracking.records.model_architecture import ModelArchitecture
    from seo_engine.tracking.records.run_marks import ErrorDescription


class Loggable(ABC):
    """The calls that log. `ExperimentTracker`, each tracker used directly, and the test double have them."""

    current_epoch: float = 0
    global_step: int = 0

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

    def log_image(
        self,
        name: str,
        image: Any,
        epoch: float | None = None,
        step: int | None = None,
        caption: str | Sequence[str] | None = None,
        *,
        masks: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, Sequence[Box]] | Sequence[Mapping[str, Sequence[Box]]] | None = None,
        class_labels: Mapping[int, str] | None = None,
        layout: str | None = None,
    ) -> None:
        """Log a picture, or up to 100 of them.

        Args:
            name (str): A name without a slash becomes `images/<name>`.
            image (Any): Pixels as an array or tensor, height × width, perhaps with 1, 3 or 4 channels first or last;
                a Pillow image; the path or the bytes of a PNG, JPEG, GIF or WebP file; an open file; or a list of
                these, or one array of them with a dimension more. Floats are from 0 to 1, or, if one is negative, from
                -1 to 1, or, if one is larger than 1, from 0 to 255; integers from 0 to 255, or to what their type can
                hold.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            caption (str | Sequence[str] | None): What it shows, in words; of several pictures, a list.
            masks (Mapping[str, Any] | Sequence[Mapping[str, Any]] | None): By name, arrays of height × width whole
                numbers from 0 to 255, the class of each pixel; of several pictures, a list.
            boxes (Mapping[str, Sequence[Box]] | Sequence[Mapping[str, Sequence[Box]]] | None): By name, rectangles in
                pixels: dictionaries with `x_minimum`, `y_minimum`, `x_maximum`, `y_maximum`, and perhaps
                `class_number`, `label` and `score`; of several pictures, a list.
            class_labels (Mapping[int, str] | None): What the numbers of classes in masks and boxes mean.
            layout (str | None): `HW`, `HWC` or `CHW`, if the shape does not say it. Of a shape such as 3 × 64 × 3, a
                tensor has its channels first, another array last.

        Example:
            >>> import numpy
            >>> from seo_engine import MemoryTracker
            >>> tracker = MemoryTracker()
            >>> tracker.log_image("sample", numpy.zeros((32, 32, 3), dtype="uint8"), step=100, caption="all black")
        """
        further = {
            "caption": caption, "masks": masks, "boxes": boxes, "class_labels": class_labels, "layout": layout,
        }  # fmt: skip
        self._take_at(epoch, step, "image", name=name, image=image, **_given(further))

    def log_table(
        self,
        name: str,
        table: Any,
        epoch: float | None = None,
        step: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        """Log a table.

        Args:
            name (str): A name without a slash becomes `tables/<name>`.
            table (Any): A list of rows, each a list or a dictionary; columns by name; or a polars or pandas
                DataFrame. A cell is a number, a text, None, or a picture: an array or a Pillow image.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            columns (Sequence[str] | None): Names of the columns, for rows that are lists.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> rows = [["How much?", "12 euros", 0.93], ["Where?", "In Berlin", 0.41]]
            >>> MemoryTracker().log_table("answers", rows, step=100, columns=["prompt", "answer", "score"])
        """
        self._take_at(epoch, step, "table", name=name, table=table, **_given({"columns": columns}))

    def log_figure(
        self,
        name: str,
        figure: Any,
        epoch: float | None = None,
        step: int | None = None,
        caption: str | None = None,
    ) -> None:
        """Log a figure. A matplotlib figure is drawn at once, because the program may change it; it stays open.

        Args:
            name (str): A name without a slash becomes `figures/<name>`.
            figure (Any): A matplotlib figure, an artist in one, or `matplotlib.pyplot` for the current one; or a
                Plotly figure.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            caption (str | None): What it shows, in words.
        """
        self._take_at(epoch, step, "figure", name=name, figure=figure, **_given({"caption": caption}))

    def log_histogram(
        self,
        name: str,
        values: Any = None,
        epoch: float | None = None,
        step: int | None = None,
        *,
        counts: Any = None,
        edges: Any = None,
    ) -> None:
        """Log a histogram: of values, which are counted in 64 bins in the background, or one that is counted already.

        Args:
            name (str): A name without a slash becomes `histograms/<name>`.
            values (Any): Numbers: an array or tensor of any shape, or a list. Those that are not finite are left out,
                and counted in the record.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            counts (Any): Instead of values: how many there are in each of at most 512 bins.
            edges (Any): With `counts`: the edges of the bins, one more than there are bins, in ascending order.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> tracker = MemoryTracker()
            >>> tracker.log_histogram("weights", [0.1, 0.4, 0.4, -0.2], step=100)
            >>> tracker.log_histogram("lengths", counts=[12, 30, 7], edges=[0, 10, 20, 30], step=100)
        """
        counted = _given({"counts": counts, "edges": edges})
        self._take_at(epoch, step, "histogram", name=name, values=values, **counted)

    def log_html(self, name: str, html: Any, epoch: float | None = None, step: int | None = None) -> None:
        """Log a page, or a part of one.

        Args:
            name (str): A name without a slash becomes `html/<name>`.
            html (Any): The HTML as a text, the Path of a file, or an open file.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_html("report", "<h1>Report</h1><p>All is well.</p>", step=100)
        """
        self._take_at(epoch, step, "html", name=name, html=html)

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

    @abstractmethod
    def _take(self, kind: str, **arguments: Any) -> None:
        """Take one logged thing.

        Args:
            kind (str): The name of the kind of record.
            **arguments (Any): As the caller gave them.
        """

    def _take_at(self, epoch: float | None, step: int | None, kind: str, **arguments: Any) -> None:
        epoch, step = self._moment(epoch, step)
        self._take(kind, **arguments, epoch=epoch, step=step)

    def _moment(self, epoch: float | None, step: int | None) -> tuple[float, int]:
        return self.current_epoch if epoch is None else epoch, self.global_step if step is None else step


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that the caller gave."""
    return {name: value for name, value in arguments.items() if value is not None}


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
