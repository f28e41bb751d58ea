"""Files that are kept with a run."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.encodings import FILE as FILE_ENCODING
from seo_engine.tracking.payloads.given_file import file_payload, is_file
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.forms import File, Markdown
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, described
from seo_engine.tracking.records.media.kept_file import where_it_is
from seo_engine.tracking.records.metrics import metric_name

_LONGEST_PART_BYTES = 200

# Folders in which W&B keeps files of its own.
_TAKEN_FOLDERS = ("media", "artifact", "artifacts", "logs")

# A field of files that stay on this machine: a view on a server says only where they are.
_STAYS_HERE = "stays_here"


def _contents(name: str, file: Any, epoch: float, step: int, stays_here: bool = False, *, most_bytes: int) -> Record:
    path = metric_name("files", name)
    check_path(path)
    if not is_file(file):
        raise TypeError(f"file must be the path of a file, its bytes, or an open file, got {described(file)}")
    payload = file_payload(file, "file", most_bytes, lambda beginning: FILE_ENCODING)
    kept: Record = {_STAYS_HERE: True} if stays_here else {}
    return {"name": path, "epoch": epoch, "step": step, **kept, PAYLOADS: [payload]}


def check_path(path: str) -> None:
    """Refuse the name of a file that would lead out of its folder, or into one that is taken.

    Args:
        path (str): The name, with slashes.

    Raises:
        ValueError: If it does.

    Example:
        >>> check_path("../../etc/passwd")
        Traceback (most recent call last):
            ...
        ValueError: the name of a file must be a plain relative path, got '../../etc/passwd' (str)
    """
    parts = PurePosixPath(path).parts
    is_plain = path == "/".join(parts) and "\\" not in path and ".." not in parts and "/" not in parts[:1]
    # W&B keeps files of its own beside the folders, so a name has a folder.
    if not is_plain or len(parts) < 2 or any(len(part.encode()) > _LONGEST_PART_BYTES for part in parts):
        raise ValueError(f"the name of a file must be a plain relative path, got {described(path)}")
    if parts[0] in _TAKEN_FOLDERS:
        raise ValueError(f"the name of a file must not begin with {parts[0]}/, where W&B keeps files of its own")


def _shown(record: Record, payloads: Payloads) -> Shown:
    name, file = record["name"], partial(payloads.file, record[PAYLOADS][0])
    check_path(name)
    described = Markdown(name, partial(where_it_is, "A file", file))
    forms = (described,) if record.get(_STAYS_HERE) else (File(name, file), described)
    return Shown(FILE, record, record["epoch"], record["step"], media=(forms,))


FILE = Kind("file", "log_file", {**MOMENT, "name": str, PAYLOADS: list}, _shown, _contents)
