"""The `.wandb` files of a run on disk: which records of the journal they hold, and their repair."""

from __future__ import annotations

import importlib
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

# W&B's transaction log: its own header, then a LevelDB log of blocks.
# https://github.com/google/leveldb/blob/main/doc/log_format.md
_FILE_HEADER_BYTES = 7
_BLOCK_BYTES = 32 * 1024
_CHUNK_HEADER = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


class Fragment(NamedTuple):
    """How much of a `.wandb` file is intact, and what that holds.

    Args:
        whole_bytes (int): How many bytes are intact.
        rows (int): Number of its rows.
        last_record (int): Number of its newest row.
        ended (bool): Whether the run was finished in it.
        holds_more (bool): Whether it holds a file, an artifact, an alert or a summary that did not come by itself.
    """

    whole_bytes: int
    rows: int
    last_record: int
    ended: bool
    holds_more: bool = False


def offline_fragments(wandb_directory: Path, run_id: str) -> list[Path]:
    """Return the files that `wandb sync` would upload as this run.

    Args:
        wandb_directory (Path): The run's `wandb/`.
        run_id (str): The id of the W&B run.
    """
    return sorted(wandb_directory.glob(f"offline-run-*/run-{run_id}.wandb"))


def online_fragments(wandb_directory: Path, run_id: str) -> list[Path]:
    """Return the files of this run that were written while it was online.

    Args:
        wandb_directory (Path): The run's `wandb/`.
        run_id (str): The id of the W&B run.
    """
    return sorted(wandb_directory.glob(f"run-*/run-{run_id}.wandb"))


def read_fragment(path: Path) -> Fragment:
    """Read how much of a file is intact.

    Args:
        path (Path): The `.wandb` file.

    Returns:
        Fragment: What it holds.

    Raises:
        OSError: If it cannot be read.
    """
    # Its classes are generated, and unknown to type checkers.
    messages: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")
    whole_bytes, rows, last_record, ended, holds_more = 0, 0, 0, False, False
    with path.open("rb") as file:
        for end, data in _messages(file):
            record = messages.Record()
            try:
                record.ParseFromString(data)
            except Exception:  # whatever protobuf raises: the file is damaged from here on
                break
            whole_bytes, ended = end, record.HasField("exit")
            holds_more = holds_more or _is_more(record, messages)
            if record.HasField("history"):
                rows += 1
                last_record = max(last_record, record.history.step.num)
    return Fragment(whole_bytes, rows, last_record, ended, holds_more)


def _is_more(record: Any, messages: Any) -> bool:
    """Return whether a message is what the run has beside its rows, and not what wandb adds by itself."""
    match record.WhichOneof("record_type"):
        case "artifact" | "use_artifact" | "alert":
            return True
        case "files":
            return any(file.type != messages.FilesItem.WANDB for file in record.files.files)
        case "summary":
            return any(not item.nested_key and item.key != "_runtime" for item in record.summary.update)
    return False


def repair_fragments(wandb_directory: Path, run_id: str) -> int:
    """Repair the offline files of a run, so that one `wandb sync` sends each row once.

    A kill tears the end of a file, and `wandb sync` then leaves out the files after it, so the torn end is cut off. A
    file that holds nothing of the run is removed.

    Args:
        wandb_directory (Path): The run's `wandb/`; no process may be writing there.
        run_id (str): The id of the W&B run.

    Returns:
        int: Number of the newest record that the files hold, 0 if there is none.

    Raises:
        OSError: If a file cannot be read or repaired.
    """
    last_record = 0
    for path in offline_fragments(wandb_directory, run_id):
        fragment = read_fragment(path)
        if not fragment.rows and not fragment.holds_more:
            shutil.rmtree(path.parent)
            continue
        if fragment.whole_bytes < path.stat().st_size:
            with path.open("r+b") as file:
                file.truncate(fragment.whole_bytes)
        last_record = max(last_record, fragment.last_record)
    return last_record


def move_offline_fragments(wandb_directory: Path, run_id: str, target: Path) -> None:
    """Move the offline files of a run to where `wandb sync` does not look.

    Args:
        wandb_directory (Path): The run's `wandb/`.
        run_id (str): The id of the W&B run.
        target (Path): The folder for them; created if missing.

    Raises:
        OSError: If they cannot be moved.
    """
    for path in offline_fragments(wandb_directory, run_id):
        target.mkdir(exist_ok=True)
        path.parent.rename(target / path.parent.name)


def _messages(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield each intact message of a file and the offset after it; stop at the first torn or damaged one."""
    file.seek(_FILE_HEADER_BYTES)
    offset, parts = _FILE_HEADER_BYTES, list[bytes]()
    while True:
        left_in_block = _BLOCK_BYTES - offset % _BLOCK_BYTES
        if left_in_block < _CHUNK_HEADER.size:
            file.seek(left_in_block, 1)
            offset += left_in_block
            continue
        header = file.read(_CHUNK_HEADER.size)
        if len(header) < _CHUNK_HEADER.size:
            return
        checksum, length, kind = _CHUNK_HEADER.unpack(header)
        body = file.read(length)
        if len(body) < length or zlib.crc32(header[-1:] + body) != checksum:
            return
        # A second beginning, or a continuation without a beginning, is damage too.
        if (kind in (_FULL, _FIRST)) != (not parts) or kind not in (_FULL, _FIRST, _MIDDLE, _LAST):
            return
        offset += _CHUNK_HEADER.size + length
        parts.append(body)
        if kind in (_FULL, _LAST):
            yield offset, b"".join(parts)
            parts = []
