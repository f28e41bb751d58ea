"""What a run ran in: code, packages, machine, environment and seeds."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from seo_engine.foundation.texts import one_line
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown

# The parts of a record, in the order in which they are shown.
SECTIONS = ("git", "python", "machine", "seeds", "environment", "packages")

_BYTES = "_bytes"


def _shown(record: Record, payloads: Payloads) -> Shown:
    command = shlex.join(map(str, record["command"]))
    sections = [f"### {name}\n\n{_as_table(record[name])}" for name in SECTIONS if record[name]]
    text = "\n\n".join([f"`{one_line(command)}`", *sections])
    return Shown(SURROUNDINGS, record, record["epoch"], record["step"], texts={"experiment/surroundings": text})


def _as_table(values: Mapping[str, Any]) -> str:
    rows = [f"| {_in_words(name.removesuffix(_BYTES))} | {_in_words(value, name)} |" for name, value in values.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def _in_words(value: Any, name: str = "") -> str:
    if isinstance(value, list):
        return ", ".join(_in_words(each) for each in value)
    if isinstance(value, dict):
        return " ".join(_in_words(each, name) for name, each in value.items())
    if name.endswith(_BYTES) and isinstance(value, int):
        return f"{value / 1e9:.1f} GB"
    # As it is written in Markdown, a bar would end the cell.
    return one_line(value).replace("|", "\\|")


SURROUNDINGS = Kind(
    "surroundings",
    "",
    {**MOMENT, "command": list, **dict.fromkeys(SECTIONS, dict)},
    _shown,
    divisible="packages",
)
