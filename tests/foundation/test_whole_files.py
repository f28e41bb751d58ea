"""A file is written whole or not at all, and a failed writing leaves nothing for long."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seo_engine.foundation.whole_files import write_whole


def test_a_writing_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    write_whole(path, [b"old"])

    def parts() -> Iterator[bytes]:
        yield b"new"
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_whole(path, parts())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_partial_file_in_a_folder_that_became_read_only_goes_with_the_next_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(path: Path, *_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", str(path))

    path = tmp_path / "profile.json"
    with monkeypatch.context() as patch:
        # For the superuser, who tests on CI, modes mean nothing.
        patch.setattr(Path, "replace", read_only)
        patch.setattr(Path, "unlink", read_only)
        with pytest.raises(OSError, match="Read-only"):
            write_whole(path, [b"first"])
    assert len(list(tmp_path.iterdir())) == 1
    another = tmp_path / "another.json"
    write_whole(another, [b"second"])
    assert list(tmp_path.iterdir()) == [another]
