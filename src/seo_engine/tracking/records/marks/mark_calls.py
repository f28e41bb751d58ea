"""The calls that say something of the run, or of one of its moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seo_engine.tracking.records.record_taker import RecordTaker


class MarkCalls(RecordTaker):
    """One call for each mark."""

    def log_alert(
        self,
        title: str,
        text: str = "",
        epoch: float | None = None,
        step: int | None = None,
        level: str = "info",
    ) -> None:
        """Say what somebody should look at soon. W&B sends it on, at most once, as the user's settings there say.

        Args:
            title (str): At most 63 characters.
            text (str): What there is to say.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
            level (str): `info`, `warning` or `error`.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_alert("The loss diverges", "It is 12.4 at step 100.", step=100, level="warning")
        """
        self._take_at(epoch, step, "alert", title=title, text=text, level=level)

    def log_note(self, text: str, epoch: float | None = None, step: int | None = None) -> None:
        """Add a note to the run, below those that it has.

        Args:
            text (str): The note; Markdown.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_note("The learning rate was halved by hand.", step=100)
        """
        self._take_at(epoch, step, "note", text=text)

    def log_tags(self, tags: str | Sequence[str], epoch: float | None = None, step: int | None = None) -> None:
        """Add tags to the run, by which it is found among others.

        Args:
            tags (str | Sequence[str]): One or several, each of at most 64 characters.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_tags(["baseline", "long"])
        """
        self._take_at(epoch, step, "tags", tags=tags)

    def log_summary(self, values: Mapping[str, Any], epoch: float | None = None, step: int | None = None) -> None:
        """Log values of the run as a whole, by which runs are compared, such as a score of the finished model.

        The configuration makes others of the metrics: `summary_best_metrics` and the like.

        Args:
            values (Mapping[str, Any]): Names, and numbers or texts; a later value of a name replaces it.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_summary({"test_accuracy": 0.93})
        """
        self._take_at(epoch, step, "summary", values=values)

    def log_file(self, name: str, file: Any, epoch: float | None = None, step: int | None = None) -> None:
        """Keep a file with the run, as it is now.

        Args:
            name (str): Its path among the files of the run; one without a slash becomes `files/<name>`. A later file
                of that name replaces it in W&B.
            file (Any): Its path, its bytes, or an open file; of at most `maximum_payload_bytes`.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.

        Example:
            >>> from seo_engine import MemoryTracker
            >>> MemoryTracker().log_file("labels.txt", b"cat dog", step=100)
        """
        self._take_at(epoch, step, "file", name=name, file=file)
