"""RunPayloads: reads the payloads of a run, and keeps each as a file that is named after its content."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seo_engine.foundation.whole_files import PRIVATE_FOLDER, open_regular, write_whole
from seo_engine.tracking.payloads.encodings import ENCODINGS, encoded
from seo_engine.tracking.payloads.media_index import MediaIndex
from seo_engine.tracking.payloads.payload import MEDIA, Payload, Reference, is_kept, media_folder

# A journal that somebody sent may refer to anything.
LARGEST_PAYLOAD_BYTES = 1 << 30


class RunPayloads:
    """Gives each payload as a file `media/<sha256>.<extension>`, which is made when it is first asked for.

    Equal payloads are one file. The hash is that of the payload, of an array also of its encoding, type, shape and
    rate. Several processes may ask at the same time: each file is written whole.

    Args:
        run_directory (Path): The run's folder.

    Example:
        >>> import tempfile
        >>> from seo_engine.tracking.payloads.payload_file import PayloadFile
        >>> directory = Path(tempfile.mkdtemp())
        >>> reference = PayloadFile(directory).append(Payload(b"<p>one</p>", "html"))
        >>> RunPayloads(directory).file(reference.as_dictionary()).read_bytes()
        b'<p>one</p>'
    """

    def __init__(self, run_directory: Path) -> None:
        self._run_directory = run_directory
        self._index = MediaIndex(run_directory)

    def file(self, reference: Any) -> Path:
        """Return the file of a payload.

        Args:
            reference (Any): As a record has it.

        Raises:
            OSError: If the payload is gone, or the file cannot be written.
            ValueError: If it is no reference, or the payload is not what it says.
        """
        return self._encoded_file(Reference.from_dictionary(reference))

    def keep(self, reference: Reference) -> Path:
        """Return the file of a payload, or, if it cannot be made, one with the payload as it is.

        Args:
            reference (Reference): The payload.

        Raises:
            OSError: If the payload is gone, or the file cannot be written.
        """
        try:
            return self._encoded_file(reference)
        except (OSError, ImportError, MemoryError):
            # Elsewhere, or later, it can be made.
            raise
        except Exception:  # what a library makes of damaged data
            raw = self._read(reference)
            return self._kept_file(f"{hashlib.sha256(raw).hexdigest()}.bin", lambda: raw)

    def _encoded_file(self, reference: Reference) -> Path:
        if reference.encoding not in ENCODINGS:
            raise ValueError(f"this version does not know the encoding {reference.encoding[:50]!r}")
        try:
            raw = self._read(reference)
        except FileNotFoundError:
            if not any(self._run_directory.glob("journal*.jsonl")):
                # The journal comes back last.
                raise OSError(errno.ESTALE, "the run's folder was deleted, and may come back") from None
            # It went when every view had taken it.
            return media_folder(self._run_directory) / self._index.name_of(reference)
        return self._kept_file(name_of(raw, reference), lambda: encoded(raw, reference))

    def _kept_file(self, name: str, make: Callable[[], bytes]) -> Path:
        folder = media_folder(self._run_directory)
        path = folder / name
        if not is_kept(path):
            folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            write_whole(path, [make()])
        return path

    def _read(self, reference: Reference) -> bytes:
        if reference.length > LARGEST_PAYLOAD_BYTES:
            raise ValueError(f"a payload of {reference.length:,} bytes is too large")
        descriptor = open_regular(self._run_directory / MEDIA / reference.file)
        try:
            raw = os.pread(descriptor, reference.length, reference.offset)
        finally:
            os.close(descriptor)
        if len(raw) != reference.length:
            raise ValueError(f"{reference.file} has {len(raw):,} of the {reference.length:,} bytes of a payload")
        return raw


class HeldPayloads(RunPayloads):
    """Payloads of a tracker that is used directly: they are in memory, because there is no journal.

    Args:
        run_directory (Path): The run's folder.
        payloads (Sequence[Payload]): The payloads of one call.
    """

    def __init__(self, run_directory: Path, payloads: Sequence[Payload]) -> None:
        super().__init__(run_directory)
        self._payloads = payloads
        self.references = [
            # Its number in the place of an offset.
            payload.reference("payloads-held.bin", number, payload.size)
            for number, payload in enumerate(payloads)
        ]

    def _read(self, reference: Reference) -> bytes:
        data = self._payloads[reference.offset].data
        return data.read_bytes() if isinstance(data, Path) else bytes(data)


def name_of(raw: bytes, reference: Reference) -> str:
    """Return the name of the file that a payload becomes.

    Args:
        raw (bytes): The payload.
        reference (Reference): What it is.

    Example:
        >>> name_of(b"<p>one</p>", Reference("payloads-h-1.bin", 0, 10, "html"))[-9:]
        'a2f3.html'
    """
    # What is kept as it is has the hash that `sha256sum` prints.
    described = f"{reference.encoding} {reference.type} {reference.shape}" if reference.type else ""
    described += f" {reference.rate:g}" if reference.rate else ""
    digest = hashlib.sha256(f"{described}\n".encode() if described else b"")
    digest.update(raw)
    return f"{digest.hexdigest()}.{ENCODINGS[reference.encoding].extension}"
