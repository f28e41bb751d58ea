"""What can be kept and what cannot, and what goes wrong while it is put aside."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seo_engine.tracking.artifacts.incoming import cloning, staging
from seo_engine.tracking.artifacts.store import ArtifactStore
from tests.tracking.artifacts.by_hand import check_nothing_is_left, files_in, in_child, read_by_hand


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    return folder


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def _socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(folder / "socket"))


def _name_that_is_no_text(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9")).write_text("x")


def _link(target: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "sub" / "link").symlink_to(target)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_pipe, "pipe: it is neither a file nor a folder"),
        (_socket, "socket: it is neither a file nor a folder"),
        (_name_that_is_no_text, r"the path 'caf\\udce9' is not valid UTF-8"),
        (_link("../../elsewhere"), "link: this link leads nowhere"),
        (_link("/etc/hostname"), "link: this link leads out of the folder"),
        (_link("../.."), "link: this link leads out of the folder"),
        (_link(".."), "link: this link leads back to a folder that it is in"),
        (_link("link"), "link: this link leads nowhere"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_a_line_that_says_where(
    store: ArtifactStore, folder: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(folder)
    with pytest.raises(ValueError, match=said) as raised:
        store.stage(folder, "data", "dataset")
    assert "\n" not in str(raised.value)
    assert not store.folder.exists()


def test_links_that_stay_in_the_folder_are_what_they_name(store: ArtifactStore, folder: Path) -> None:
    (folder / "sub" / "link").symlink_to("../a.txt")
    (folder / "again").symlink_to("sub")
    (folder.parent / "entrance").symlink_to(folder)
    store.commit(store.stage(folder.parent / "entrance", "data", "dataset"))
    assert files_in(store.get("data")) == dict.fromkeys(("a.txt", "sub/link", "again/link"), b"a")


def test_a_folder_without_files_or_with_the_store_in_it_is_refused(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "empty" / "in it").mkdir(parents=True)
    with pytest.raises(ValueError, match="empty holds neither a file nor a reference"):
        store.stage(tmp_path / "empty", "data", "dataset")
    with pytest.raises(FileNotFoundError):
        store.stage(tmp_path / "missing", "data", "dataset")
    with pytest.raises(ValueError, match="it is neither a file nor a folder"):
        store.stage("/dev/null", "data", "dataset")
    (tmp_path / "file").write_text("x")
    store.commit(store.stage(tmp_path / "file", "data", "dataset"))
    with pytest.raises(ValueError, match="artifacts: this is the store of artifacts"):
        store.stage(tmp_path, "data", "dataset")
    # What was got from it can be kept again.
    assert store.commit(store.stage(store.get("data"), "again", "dataset")).label == "again:v0"
    check_nothing_is_left(store.folder)


def test_names_of_every_sort_come_back(store: ArtifactStore, folder: Path) -> None:
    for name in (" ", "a\nb", "\x1b[31m", "ü" * 100, "-rf", "~", "*", "\\", "0", "request.json", "lock", "con"):
        (folder / name).write_text(name)
    deep = folder / "/".join(["d" * 20] * 60)
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    store.commit(store.stage(folder, "data", "dataset"))
    assert files_in(store.get("data", folder.parent / "copy")) == files_in(folder)


def test_final_files_are_linked_and_stay_what_they_are(store: ArtifactStore, folder: Path) -> None:
    mode = (folder / "a.txt").stat().st_mode
    staged = store.stage(folder / "a.txt", "data", "dataset", is_final=True)
    waiting = store.folder / "incoming" / staged / "0"
    # On a file system with reflinks it is one.
    is_linked = waiting.samefile(folder / "a.txt")
    store.commit(staged)
    manifest = read_by_hand(store.folder)["data:v0"]
    kept = store.folder / "objects" / manifest["files"][0]["sha256"][:2] / manifest["files"][0]["sha256"]
    assert kept.samefile(folder / "a.txt") == is_linked
    assert (folder / "a.txt").stat().st_mode == mode
    check_nothing_is_left(store.folder)


@pytest.mark.parametrize("is_final", [False, True])
def test_a_store_on_another_device_gets_a_copy(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, folder: Path, is_final: bool
) -> None:
    disk = tmp_path_factory.mktemp("disk")
    if disk.stat().st_dev == folder.stat().st_dev:
        pytest.skip("there is no other device")
    store = ArtifactStore(disk / "artifacts")
    (folder / "large").write_bytes(os.urandom(3_000_000))
    store.commit(store.stage(folder, "data", "dataset", is_final=is_final))
    assert files_in(store.get("data", tmp_path / "copy")) == files_in(folder)
    check_nothing_is_left(store.folder)


@pytest.mark.parametrize("reason", [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_what_the_kernel_does_not_copy_is_copied_by_hand(
    store: ArtifactStore, folder: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(reason, "not here")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    with (folder / "sparse").open("wb") as file:
        file.write(b"begin")
        file.seek(3_000_000)
        file.write(b"end")
    store.commit(store.stage(folder, "data", "dataset"))
    assert files_in(store.get("data")) == files_in(folder)


@pytest.mark.parametrize("change", [b"more", b""])
def test_a_file_that_grows_or_shrinks_while_it_is_copied_is_an_error_and_leaves_nothing(
    store: ArtifactStore, folder: Path, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    copy = cloning._copy

    def copy_while_it_changes(*arguments: Any) -> None:
        copy(*arguments)
        if change:
            (folder / "a.txt").write_bytes((folder / "a.txt").read_bytes() + change)
        else:
            os.truncate(folder / "a.txt", 0)

    monkeypatch.setattr(cloning, "_copy", copy_while_it_changes)
    with pytest.raises(OSError, match=r"a\.txt changed while it was copied; wait until it is written, then try again"):
        store.stage(folder, "data", "dataset")
    assert list(store.folder.glob("incoming/*")) == []


def test_an_unreadable_file_is_an_error_that_names_it_and_leaves_nothing(
    store: ArtifactStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For the superuser, who tests on CI, modes mean nothing.
    def refuse(path: Path, **_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(cloning, "open_regular", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied: .*a\.txt"):
        store.stage(folder, "data", "dataset")
    assert list(store.folder.glob("incoming/*")) == []


def test_a_full_disk_leaves_nothing_of_a_staging_and_all_of_it_for_the_next_commit(
    store: ArtifactStore, folder: Path
) -> None:
    (folder / "large").write_bytes(os.urandom(500_000))

    def with_little_room(work: Callable[[], object], said: str = "File too large") -> None:
        # As a full disk: no file can grow beyond this.
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        with pytest.raises(OSError, match=said):
            work()

    said = "File too large: '.*/folder/large' -> '.*/incoming/"
    child = in_child(lambda: with_little_room(lambda: store.stage(folder, "data", "dataset"), said))
    assert os.waitpid(child, 0)[1] == 0
    assert list(store.folder.glob("incoming/*")) == []
    staged = store.stage(folder, "data", "dataset")
    child = in_child(lambda: with_little_room(lambda: store.commit(staged)))
    assert os.waitpid(child, 0)[1] == 0
    assert read_by_hand(store.folder) == {}
    store.commit(staged)
    assert files_in(store.get("data")) == files_in(folder)
    check_nothing_is_left(store.folder)


def test_a_store_that_cannot_be_written_is_an_error_that_names_it(
    store: ArtifactStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Any, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(OSError, match=r"Read-only file system: '.*artifacts'"):
        store.stage(folder, "data", "dataset")


def test_a_folder_with_more_files_than_a_manifest_holds_is_refused_at_once(
    store: ArtifactStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seo_engine.tracking.artifacts.incoming import source_files

    monkeypatch.setattr(source_files, "LARGEST_MANIFEST_BYTES", 2_000)
    for number in range(20):
        (folder / str(number)).write_text("x")
    with pytest.raises(ValueError, match=r"folder: it has more than \d files; pack them into fewer, as with tar"):
        store.stage(folder, "data", "dataset")
    monkeypatch.undo()
    monkeypatch.setattr(staging, "LARGEST_MANIFEST_BYTES", 2_000)
    with pytest.raises(ValueError, match="its list of files and references is too long"):
        store.stage(folder, "data", "dataset")
    assert list(store.folder.glob("incoming/*")) == []
