"""Tags of a run, by which it is found among others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown, described

# W&B takes no longer one.
LONGEST_TAG = 64

MOST_TAGS = 100


def _contents(tags: Any, epoch: float, step: int) -> Record:
    given = [tags] if isinstance(tags, str) else tags
    if not isinstance(given, Iterable) or isinstance(given, bytes):
        raise TypeError(f"tags must be a text, or a list of texts, got {described(tags)}")
    checked = list(dict.fromkeys(_checked(tag) for tag in given))
    if not 0 < len(checked) <= MOST_TAGS:
        raise ValueError(f"tags must be 1 to {MOST_TAGS} texts, got {len(checked)}")
    return {"tags": checked, "epoch": epoch, "step": step}


def _checked(tag: Any) -> str:
    if not isinstance(tag, str) or not 0 < len(tag.strip()) <= LONGEST_TAG:
        raise ValueError(f"a tag must be a text of 1 to {LONGEST_TAG} characters, got {described(tag)}")
    return tag.strip()


def _shown(record: Record, payloads: Payloads) -> Shown:
    text = ", ".join(map(str, record["tags"]))
    return Shown(TAGS, record, record["epoch"], record["step"], texts={"experiment/tags": text})


TAGS = Kind("tags", "log_tags", {**MOMENT, "tags": list}, _shown, _contents)
