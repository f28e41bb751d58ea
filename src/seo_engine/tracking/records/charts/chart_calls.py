"""The calls that log tables, charts, and what is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seo_engine.tracking.records.record_taker import RecordTaker, given

if TYPE_CHECKING:
    import torch


class ChartCalls(RecordTaker):
    """One call for each chart; all are named alike, and belong to an epoch and a step."""

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
        self._take_at(epoch, step, "table", name=name, table=table, **given({"columns": columns}))

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
        counted = given({"counts": counts, "edges": edges})
        self._take_at(epoch, step, "histogram", name=name, values=values, **counted)

    def log_confusion_matrix(
        self,
        name: str,
        true: Any = None,
        predicted: Any = None,
        epoch: float | None = None,
        step: int | None = None,
        class_names: Sequence[str] | None = None,
        *,
        counts: Any = None,
    ) -> None:
        """Log a confusion matrix: how many samples of each class were taken for which.

        Args:
            name (str): A name without a slash becomes `confusion/<name>`.
            true (Any): Of each sample the number of its class, or its name if `class_names` are given.
            predicted (Any): The same, as predicted; or scores of shape (samples, classes): the class
                with the highest is the predicted one.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            class_names (Sequence[str] | None): Names of the classes, at most 1,000.
            counts (Any): Instead of samples: how many there are, (true classes, predicted classes).

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_confusion_matrix("test", [0, 1, 1], [0, 1, 0], step=100, class_names=["cat", "dog"])
        """
        further = {"predicted": predicted, "class_names": class_names, "counts": counts}
        self._take_at(epoch, step, "confusion_matrix", name=name, true=true, **given(further))

    def log_pr_curve(
        self,
        name: str,
        true: Any,
        scores: Any,
        epoch: float | None = None,
        step: int | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        """Log a precision-recall curve; it is computed in the background.

        Args:
            name (str): A name without a slash becomes `pr_curves/<name>`.
            true (Any): Of each sample the number of its class, or its name if `class_names` are given; 1 or 0 if there
                is one score for each sample.
            scores (Any): How sure each prediction is: (samples,), or for several classes (samples, classes).
                TensorBoard's own plugin draws those from 0 to 1; others become a picture.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            class_names (Sequence[str] | None): Names of the classes; with one score for each sample, two.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_pr_curve("test", [0, 1, 1, 0], [0.1, 0.9, 0.4, 0.5], step=100)
        """
        further = given({"class_names": class_names})
        self._take_at(epoch, step, "pr_curve", name=name, true=true, scores=scores, **further)

    def log_roc_curve(
        self,
        name: str,
        true: Any,
        scores: Any,
        epoch: float | None = None,
        step: int | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        """Log a ROC curve: true against false positives; it is computed in the background.

        Args:
            name (str): A name without a slash becomes `roc_curves/<name>`.
            true (Any): As for `log_pr_curve`.
            scores (Any): As for `log_pr_curve`; any finite numbers.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            class_names (Sequence[str] | None): As for `log_pr_curve`.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_roc_curve("roc", [0, 1, 1, 0], [0.1, 0.9, 0.4, 0.5], step=100)
        """
        further = given({"class_names": class_names})
        self._take_at(epoch, step, "roc_curve", name=name, true=true, scores=scores, **further)

    def log_line_plot(
        self,
        name: str,
        y: Any,
        epoch: float | None = None,
        step: int | None = None,
        x: Any = None,
        title: str | None = None,
        x_title: str | None = None,
        y_title: str | None = None,
    ) -> None:
        """Log one or several lines of data at hand. The curve of a metric needs no plot: `log_metrics` draws it.

        Args:
            name (str): A name without a slash becomes `plots/<name>`.
            y (Any): Numbers, or up to 100 lines by name; one that is not finite is a gap.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            x (Any): As many numbers, for all lines or by the name of each; None means 0, 1, 2, ….
            title (str | None): What stands above it.
            x_title (str | None): What stands below it.
            y_title (str | None): What stands beside it.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> lines = {"ours": [0.1, 0.4, 0.9], "theirs": [0.2, 0.3, 0.4]}
            >>> MemoryTracker().log_line_plot("spread", lines, step=100, x=[1, 10, 100], title="Spread")
        """
        further = {"x": x, "title": title, "x_title": x_title, "y_title": y_title}
        self._take_at(epoch, step, "line_plot", name=name, y=y, **given(further))

    def log_bar_plot(
        self,
        name: str,
        values: Any,
        epoch: float | None = None,
        step: int | None = None,
        labels: Sequence[str] | None = None,
        title: str | None = None,
        x_title: str | None = None,
        y_title: str | None = None,
    ) -> None:
        """Log bars.

        Args:
            name (str): A name without a slash becomes `plots/<name>`.
            values (Any): Up to 1,000 numbers, also by name.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            labels (Sequence[str] | None): Names of the bars, if the values have none.
            title (str | None): What stands above it.
            x_title (str | None): What stands below it.
            y_title (str | None): What stands beside it.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_bar_plot("samples", {"cat": 12, "dog": 30}, step=100)
        """
        further = {"labels": labels, "title": title, "x_title": x_title, "y_title": y_title}
        self._take_at(epoch, step, "bar_plot", name=name, values=values, **given(further))

    def log_chart(self, name: str, metrics: Sequence[str], epoch: float | None = None, step: int | None = None) -> None:
        """Have the curves of several metrics shown together, in one chart.

        TensorBoard shows it under CUSTOM SCALARS. W&B has no such call: it says which metrics belong together.

        Args:
            name (str): A name without a slash becomes `charts/<name>`; a later chart of that name replaces it.
            metrics (Sequence[str]): Up to 100 names, as for `log_metrics`; `*` stands for any text.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_chart("losses", ["loss", "val/loss"])
        """
        self._take_at(epoch, step, "chart", name=name, metrics=metrics)

    def log_embedding(
        self,
        name: str,
        vectors: Any,
        epoch: float | None = None,
        step: int | None = None,
        labels: Any = None,
        images: Any = None,
    ) -> None:
        """Log vectors, which people look at in two or three dimensions.

        Args:
            name (str): A name without a slash becomes `embeddings/<name>`.
            vectors (Any): An array or tensor of shape (points, dimensions).
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            labels (Any): A text or number for each point; several by name of the column.
            images (Any): A small picture for each point: (points, height, width), with or without channels.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_embedding("words", [[0.1, 0.9], [0.8, 0.3]], step=100, labels=["pot", "cup"])
        """
        self._take_at(
            epoch, step, "embedding", name=name, vectors=vectors, **given({"labels": labels, "images": images})
        )

    def log_model_graph(
        self, model: torch.nn.Module, inputs: Any, epoch: float | None = None, step: int | None = None
    ) -> None:
        """Log what a model computes from what. The model is run once, in evaluation mode, which takes as long.

        Args:
            model (torch.nn.Module): The model.
            inputs (Any): What it is called with: a tensor, a tuple of its arguments, or a dictionary of them by name.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
        """
        self._take_at(epoch, step, "graph", model=model, inputs=inputs)
