"""Which `.wandb` files of a run are kept when it is repaired."""

from __future__ import annotations

import importlib
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from seo_engine.tracking.trackers.wandb.fragments import read_fragment, repair_fragments

messages: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")

ROW = messages.Record(history=messages.HistoryRecord(step=messages.HistoryStep(num=7)))
OWN_FILE = messages.Record(
    files=messages.FilesRecord(files=[messages.FilesItem(path="requirements.txt", type=messages.FilesItem.WANDB)])
)
FILE = messages.Record(files=messages.FilesRecord(files=[messages.FilesItem(path="media/images/a.png")]))
OWN_SUMMARY = messages.Record(
    summary=messages.SummaryRecord(
        update=[messages.SummaryItem(nested_key=["_wandb", "runtime"]), messages.SummaryItem(key="_runtime")]
    )
)
SUMMARY = messages.Record(summary=messages.SummaryRecord(update=[messages.SummaryItem(key="best_loss")]))
ALERT = messages.Record(alert=messages.AlertRecord(title="The loss is NaN"))
ARTIFACT = messages.Record(artifact=messages.ArtifactRecord(name="model"))


def write(folder: Path, *records: Any, torn: bool = False) -> Path:
    path = folder / "offline-run-1" / "run-abc.wandb"
    path.parent.mkdir()
    contents = b":W&B\0\0\0"[:7]
    for record in records:
        body = record.SerializeToString()
        contents += struct.pack("<IHB", zlib.crc32(b"\1" + body), len(body), 1) + body
    path.write_bytes(contents + (b"\0\0" if torn else b""))
    return path


@pytest.mark.parametrize("record", [ROW, FILE, SUMMARY, ALERT, ARTIFACT])
def test_a_file_that_holds_something_of_the_run_is_kept_without_its_torn_end(tmp_path: Path, record: Any) -> None:
    path = write(tmp_path, OWN_FILE, OWN_SUMMARY, record, torn=True)
    size = path.stat().st_size
    assert repair_fragments(tmp_path, "abc") == (7 if record is ROW else 0)
    assert path.stat().st_size == size - 2
    assert read_fragment(path).whole_bytes == size - 2


def test_a_file_that_holds_only_what_wandb_adds_by_itself_is_removed(tmp_path: Path) -> None:
    path = write(tmp_path, OWN_FILE, OWN_SUMMARY)
    assert repair_fragments(tmp_path, "abc") == 0
    assert not path.parent.exists()
