"""Projector: embeddings as files that TensorBoard's PROJECTOR tab reads."""

from __future__ import annotations

import errno
import hashlib
import importlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from seo_engine.foundation.whole_files import PRIVATE_FOLDER, open_regular, write_whole
from seo_engine.tracking.records.forms import EmbeddedPoints, Embedding
from seo_engine.tracking.trackers.tensorboard.summaries import text_summary

CONFIGURATION = "projector_config.pbtxt"
FOLDER = "projector"

LARGEST_CONFIGURATION_BYTES = 10_000_000

_ROWS_AT_ONCE = 1_000
_NOT_IN_FOLDERS = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_FOLDER = 80


class Projector:
    """Writes the files of each embedding whole, and then replaces the tab's configuration, which names them.

    The same embeddings make the same files, byte for byte, in whichever order and however often they are written.

    Args:
        run_directory (Path): The folder of the event files, where TensorBoard looks for the configuration.
    """

    def __init__(self, run_directory: Path) -> None:
        self._run_directory = run_directory
        # Read once: what is added is known.
        self._known: dict[str, Any] | None = None

    def write(self, embedding: Embedding) -> Any:
        """Write an embedding, and return as a summary where it is.

        Args:
            embedding (Embedding): The embedding.

        Raises:
            OSError: If a file cannot be written.
        """
        points = embedding.read()
        title = f"{embedding.name}, step {embedding.step}"
        folder = Path(FOLDER) / _folder_name(embedding.name) / f"{embedding.step:08d}"
        self._make(folder)
        write_whole(self._run_directory / folder / "tensors.tsv", _vectors_as_lines(points.vectors))
        if points.columns:
            write_whole(self._run_directory / folder / "metadata.tsv", _labels_as_lines(points))
        if points.sprite is not None:
            write_whole(self._run_directory / folder / "sprite.png", [points.sprite.read_bytes()])
        self._configure(_entry(title, folder, points))
        count, dimensions = points.vectors.shape
        return text_summary(embedding.name, f"{count:,} points of {dimensions:,} dimensions: `{title}` under PROJECTOR")

    def _make(self, folder: Path) -> None:
        for part in (*reversed(folder.parents), folder):
            path = self._run_directory / part
            if path != self._run_directory and path.is_symlink():
                # A run that somebody sent must not lead elsewhere.
                raise OSError(errno.ELOOP, "the folder of an embedding must be no link", str(path))
        (self._run_directory / folder).mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)

    def _configure(self, entry: Any) -> None:
        from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

        if self._known is None:
            self._known = {each.tensor_name: each for each in self._entries()}
        self._known[entry.tensor_name] = entry
        configuration = ProjectorConfig(embeddings=[self._known[name] for name in sorted(self._known)])
        text: str = importlib.import_module("google.protobuf.text_format").MessageToString(configuration)
        write_whole(self._run_directory / CONFIGURATION, [text.encode()])

    def _entries(self) -> Sequence[Any]:
        """Return the embeddings that the configuration names; none if it is missing or damaged."""
        from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

        try:
            with open(open_regular(self._run_directory / CONFIGURATION), "rb") as file:
                text = file.read(LARGEST_CONFIGURATION_BYTES)
        except FileNotFoundError:
            return []
        configuration = ProjectorConfig()
        text_format: Any = importlib.import_module("google.protobuf.text_format")
        try:
            text_format.Parse(text, configuration)
        except (text_format.ParseError, UnicodeDecodeError):
            return []
        entries: Sequence[Any] = configuration.embeddings
        return entries


def _folder_name(name: str) -> str:
    """Return a folder for a name: different names have different ones.

    Example:
        >>> _folder_name("embeddings/words"), _folder_name("embeddings words")
        ('embeddings-words-3d0100', 'embeddings-words-d1d165')
    """
    plain = _NOT_IN_FOLDERS.sub("-", name)[:_LONGEST_FOLDER].strip("-.")
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _entry(title: str, folder: Path, points: EmbeddedPoints) -> Any:
    from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo, SpriteMetadata

    entry = EmbeddingInfo(
        tensor_name=title, tensor_shape=list(points.vectors.shape), tensor_path=str(folder / "tensors.tsv")
    )
    if points.columns:
        entry.metadata_path = str(folder / "metadata.tsv")
    if points.sprite is not None:
        width, height = points.sprite_size
        entry.sprite.CopyFrom(SpriteMetadata(image_path=str(folder / "sprite.png"), single_image_dim=[width, height]))
    return entry


def _vectors_as_lines(vectors: Any) -> Iterator[bytes]:
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        # Far faster than a number after the other: the shortest words that are the same float.
        rows = orjson.dumps(vectors[start : start + _ROWS_AT_ONCE], option=orjson.OPT_SERIALIZE_NUMPY)
        yield rows[2:-2].replace(b"],[", b"\n").replace(b",", b"\t") + b"\n"


def _labels_as_lines(points: EmbeddedPoints) -> Iterator[bytes]:
    # A single column has no name there.
    lines: Sequence[Sequence[Any]] = points.rows if len(points.columns) == 1 else [points.columns, *points.rows]
    for line in lines:
        cells = (" ".join(str(cell).split()) or "-" for cell in line)
        yield "\t".join(cells).encode("utf-8", "replace") + b"\n"
