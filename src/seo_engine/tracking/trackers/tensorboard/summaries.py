"""Records as summaries: the values of a TensorBoard event."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from seo_engine.tracking.records.kind import Shown

# The smallest number that a float of 32 bits, which is what TensorBoard keeps, rounds to infinity.
_BEYOND_FLOAT32 = (2 - 2**-24) * 2.0**127


def beyond_float32(numbers: Mapping[str, float]) -> list[str]:
    """Return the names of the finite numbers that TensorBoard would show as infinities.

    Example:
        >>> beyond_float32({"loss": 0.5, "far": -1e300, "largest": 3.4e38, "infinite": math.inf})
        ['far']
    """
    return [name for name, value in numbers.items() if abs(value) >= _BEYOND_FLOAT32 and math.isfinite(value)]


def make_summary(
    shown: Shown, numbers: Mapping[str, float], media: Iterable[Any], tables: Mapping[str, Mapping[str, Any]]
) -> Any:
    """Return what TensorBoard shows of a record.

    Args:
        shown (Shown): The record.
        numbers (Mapping[str, float]): Those of its numbers that are shown.
        media (Iterable[Summary]): What became of its media.
        tables (Mapping[str, Mapping[str, Any]]): What describes the run so far, by kind of record.

    Returns:
        Summary: Its values.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary

    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in numbers.items()])
    for tag, text in {**shown.texts, **_run_texts(shown, tables)}.items():
        summary.MergeFrom(text_summary(tag, text))
    for medium in media:
        summary.MergeFrom(medium)
    return summary


def _run_texts(shown: Shown, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the texts about the run as a whole, by tag."""
    summary = {"experiment/summary": _as_table(tables["summary"])} if shown.summary else {}
    match shown.kind.name:
        case "model_architecture":
            architecture = shown.settings["model_architecture"]
            counts = (
                f"{architecture['parameters']:,} parameters, {architecture['trainable_parameters']:,} of them trainable"
            )
            return {"model/architecture": f"{counts}\n\n{_as_listing(architecture['text'])}"}
        case "end":
            status, error = shown.record["status"], shown.record.get("error")
            listing = f": {error['message']}\n\n{_as_listing(error['traceback'])}" if error is not None else ""
            return {"experiment/status": f"{status}{listing}", **summary}
        case "resume":
            return {}
    if shown.settings:
        return {f"experiment/{shown.kind.subject}": _as_table(tables[shown.kind.name])}
    return summary


def text_summary(tag: str, text: str) -> Any:
    """Return a text as a summary.

    Args:
        tag (str): Its name.
        text (str): Markdown.
    """
    make_text: Any = importlib.import_module("torch.utils.tensorboard.summary").text
    return make_text(tag, text)


def _as_listing(text: str) -> str:
    """Return a text indented, so that Markdown shows it verbatim."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _as_table(values: Mapping[str, Any]) -> str:
    rows = [f"| {_in_cell(name)} | {_in_cell(value)} |" for name, value in values.items()]
    return "\n".join(["| name | value |", "|---|---|", *rows])


def _in_cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
