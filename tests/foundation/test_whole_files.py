"""A file is written whole or not at all, and a failed writing leaves nothing for long."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seo_engine.foundation.whole_files import write_export, write_whole


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


def test_an_export_goes_through_a_link_which_stays(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to("target.json")
    for contents in (b"new", b"newer"):
        write_export(tmp_path / "link.json", [contents])
        assert (tmp_path / "target.json").read_bytes() == contents
        assert (tmp_path / "link.json").is_symlink()


def test_a_private_file_replaces_a_link_or_a_pipe_that_somebody_put_there(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("theirs")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        write_export(tmp_path / name, [b"ours"], private=True)
        assert not (tmp_path / name).is_symlink() and (tmp_path / name).read_bytes() == b"ours"
    assert (tmp_path / "target").read_text() == "theirs"


def test_an_export_is_written_to_what_is_no_file_as_open_would(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)
        write_export(pipe, [b"a", b"b"])
        assert read.result() == b"ab"
    assert pipe.is_fifo()
    with pytest.raises(IsADirectoryError):
        write_export(tmp_path, [b"a"])


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "no_folder" / "file"
    with pytest.raises(FileNotFoundError) as raised:
        write_whole(path, [b"a"])
    assert raised.value.filename == str(path)
