"""Where payloads are appended, and what becomes of them when folders, disks and processes go."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seo_engine.tracking.payloads import payload_file as payload_files
from seo_engine.tracking.payloads.payload import Payload, Reference
from seo_engine.tracking.payloads.payload_file import PayloadFile, is_in_use
from seo_engine.tracking.payloads.run_payloads import RunPayloads


def read(directory: Path, reference: Reference) -> bytes:
    return RunPayloads(directory).file(reference.as_dictionary()).read_bytes()


def page(text: str) -> Payload:
    return Payload(text.encode(), "html")


def test_threads_that_append_at_once_each_have_a_place(tmp_path: Path) -> None:
    appended = PayloadFile(tmp_path)
    texts = [f"<p>{number}</p>" * 1_000 for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        references = list(pool.map(lambda text: appended.append(page(text)), texts))
    assert [read(tmp_path, reference).decode() for reference in references] == texts


def test_only_the_owner_can_read_payloads(tmp_path: Path) -> None:
    appended = PayloadFile(tmp_path)
    reference = appended.append(page("private"))
    assert appended.path is not None and appended.path.stat().st_mode & 0o777 == 0o600
    assert RunPayloads(tmp_path).file(reference.as_dictionary()).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "media").stat().st_mode & 0o777 == 0o700


def test_a_deleted_file_is_restored_with_all_that_was_appended_before_and_after(tmp_path: Path) -> None:
    appended = PayloadFile(tmp_path / "run")
    before = appended.append(page("before"))
    shutil.rmtree(tmp_path / "run")
    after = appended.append(page("after"))
    assert appended.restore() and not appended.restore()
    later = appended.append(page("later"))
    assert [read(tmp_path / "run", each) for each in (before, after, later)] == [b"before", b"after", b"later"]


def test_a_process_without_upkeep_restores_its_file_when_it_appends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_files, "FOLLOW_SECONDS", 0.0)
    (tmp_path / "run").mkdir()
    appended = PayloadFile(tmp_path / "run", creates_folder=False)
    before = appended.append(page("before"))
    shutil.rmtree(tmp_path / "run")
    between = appended.append(page("between"))
    # The folder is its owner's to make.
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    after = appended.append(page("after"))
    texts = [read(tmp_path / "run", each) for each in (before, between, after)]
    assert texts == [b"before", b"between", b"after"]


def test_where_there_is_no_run_yet_no_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no run in"):
        PayloadFile(tmp_path / "run", creates_folder=False).append(page("early"))
    assert not (tmp_path / "run").exists()


def test_a_forked_process_has_a_file_of_its_own(tmp_path: Path) -> None:
    appended = PayloadFile(tmp_path)
    first = appended.append(page("parent"))
    process = os.fork()
    if not process:
        appended.renew_after_fork()
        os._exit(0 if appended.append(page("child")).offset == 0 else 1)
    assert os.waitpid(process, 0)[1] == 0
    second = appended.append(page("parent again"))
    assert second.offset == first.length
    assert len(list((tmp_path / "media").glob("payloads-*.bin"))) == 2
    assert read(tmp_path, second) == b"parent again"


def test_a_second_file_of_a_process_does_not_touch_the_first(tmp_path: Path) -> None:
    first, second = PayloadFile(tmp_path), PayloadFile(tmp_path)
    references = [each.append(page(text)) for each, text in ((first, "one"), (second, "two"))]
    assert references[0].file != references[1].file
    assert [read(tmp_path, each) for each in references] == [b"one", b"two"]


def test_a_file_is_in_use_until_it_is_closed(tmp_path: Path) -> None:
    appended = PayloadFile(tmp_path)
    appended.append(page("one"))
    path = appended.path
    assert path is not None and is_in_use(path)
    appended.close()
    assert not is_in_use(path)


def test_a_disk_that_takes_a_part_of_a_payload_is_asked_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, offset: write(descriptor, data[:3], offset))
    reference = PayloadFile(tmp_path).append(page("a long text"))
    assert read(tmp_path, reference) == b"a long text"


def test_a_file_is_appended_by_its_path_without_being_held_in_memory(tmp_path: Path) -> None:
    source = tmp_path / "page.html"
    source.write_bytes(os.urandom(3 << 20))
    appended = PayloadFile(tmp_path)
    reference = appended.append(Payload(source, "html"))
    assert read(tmp_path, reference) == source.read_bytes()
    assert appended.append(page("next")).offset == 3 << 20


def test_a_payload_that_was_cut_short_is_not_shown_as_if_it_were_whole(tmp_path: Path) -> None:
    appended = PayloadFile(tmp_path)
    reference = appended.append(page("a long text"))
    assert appended.path is not None
    os.truncate(appended.path, 5)
    with pytest.raises(ValueError, match="has 5 of the 11 bytes of a payload"):
        read(tmp_path, reference)


def test_equal_payloads_become_one_file_and_equal_bytes_of_another_shape_another(tmp_path: Path) -> None:
    appended = PayloadFile(tmp_path)
    shapes = ((2, 8, 1), (2, 8, 1), (4, 4, 1))
    references = [appended.append(Payload(bytes(16), "pixels", shape, "uint8")) for shape in shapes]
    payloads = RunPayloads(tmp_path)
    files = [payloads.file(reference.as_dictionary()) for reference in references]
    assert files[0] == files[1] != files[2]


def test_several_threads_that_ask_for_one_payload_find_it_whole(tmp_path: Path) -> None:
    reference = PayloadFile(tmp_path).append(Payload(os.urandom(300 * 300 * 3), "pixels", (300, 300, 3), "uint8"))
    start = threading.Barrier(8)

    def ask() -> bytes:
        start.wait()
        return read(tmp_path, reference)

    with ThreadPoolExecutor(8) as pool:
        found = {future.result() for future in [pool.submit(ask) for _ in range(8)]}
    assert len(found) == 1
    assert len(list((tmp_path / "media").glob("*.png"))) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"file": "../../etc/passwd"},
        {"file": "payloads-h-1.bin/../../x"},
        {"file": 5},
        {"offset": -1},
        {"offset": True},
        {"length": 1.5},
        {"encoding": None},
        {"encoding": "pickle"},
        {"shape": [1 << 40, 1 << 40, 1], "type": "uint8"},
        {"shape": "no", "type": "uint8"},
        {"shape": [1], "type": "object"},
        {"length": 1 << 40},
        {"offset": 1 << 63},
        {"encoding": "pixels"},
    ],
    ids=str,
)
def test_what_somebodys_journal_refers_to_leads_nowhere(tmp_path: Path, changed: dict[str, object]) -> None:
    reference = PayloadFile(tmp_path).append(page("text")).as_dictionary()
    with pytest.raises(ValueError):
        RunPayloads(tmp_path).file(reference | changed)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
def test_a_link_in_the_place_of_a_payload_file_is_not_followed(tmp_path: Path) -> None:
    appended = PayloadFile(tmp_path)
    reference = appended.append(page("text"))
    assert appended.path is not None
    appended.path.rename(tmp_path / "elsewhere")
    appended.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        read(tmp_path, reference)


@pytest.mark.parametrize("made", ["link", "pipe"])
def test_what_stands_in_the_place_of_a_kept_file_is_not_read(tmp_path: Path, made: str) -> None:
    reference = PayloadFile(tmp_path).append(page("text"))
    path = RunPayloads(tmp_path).file(reference.as_dictionary())
    path.unlink()
    if made == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        RunPayloads(tmp_path).file(reference.as_dictionary())


def test_a_folder_of_media_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    reference = PayloadFile(tmp_path / "elsewhere").append(page("text"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "media").symlink_to(tmp_path / "elsewhere" / "media")
    with pytest.raises(OSError, match="must be no link"):
        RunPayloads(tmp_path / "run").file(reference.as_dictionary())
    assert len(list((tmp_path / "elsewhere" / "media").iterdir())) == 1


def test_what_cannot_become_a_file_of_its_kind_is_kept_as_it_is(tmp_path: Path) -> None:
    # Not a number.
    reference = PayloadFile(tmp_path).append(Payload(b"\xff" * 8, "values", (1,), "float64"))
    kept = RunPayloads(tmp_path).keep(reference)
    assert kept.suffix == ".bin" and kept.read_bytes() == b"\xff" * 8
