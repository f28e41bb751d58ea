"""Brings the payloads of a run to another folder that holds its records, too."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from seo_engine.foundation.whole_files import PRIVATE_FOLDER
from seo_engine.tracking.payloads.media_index import KEPT_NAME, MediaIndex
from seo_engine.tracking.payloads.payload import FILE_NAME, MEDIA


def copy_media(source: Path, target: Path) -> None:
    """Give a run what another folder holds of its payloads; what is there already stays.

    Args:
        source (Path): The folder that is read; somebody may have sent it.
        target (Path): The folder that gets them; a link to a file is enough where the file system can.

    Raises:
        OSError: If they cannot be read or written.

    Example:
        >>> import tempfile
        >>> from seo_engine.tracking.payloads.payload import Payload
        >>> from seo_engine.tracking.payloads.payload_file import PayloadFile
        >>> one, other = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
        >>> name = PayloadFile(one).append(Payload(b"<p>one</p>", "html")).file
        >>> copy_media(one, other)
        >>> (other / "media" / name).read_bytes()
        b'<p>one</p>'
    """
    for path in _files(source / MEDIA):
        copy = target / MEDIA / path.name
        copy.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        # A payload file may have grown since.
        if not copy.exists() or copy.stat().st_size < path.stat().st_size:
            partial = copy.with_name(f".{copy.name}.partial")
            partial.unlink(missing_ok=True)
            _link_or_copy(path, partial)
            partial.replace(copy)
    names = MediaIndex(source).names()
    if names:
        MediaIndex(target).add(names)


def _files(media: Path) -> Iterator[Path]:
    """Yield the files that are ours; links, which may lead anywhere, are not."""
    if not media.is_dir() or media.is_symlink():
        return
    for path in sorted(media.iterdir()):
        is_ours = FILE_NAME.fullmatch(path.name) or KEPT_NAME.fullmatch(path.name)
        if is_ours and stat.S_ISREG(path.lstat().st_mode):
            yield path


def _link_or_copy(path: Path, copy: Path) -> None:
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)
