from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.tracking.journal import reader as logging_queue_module
from seo_engine.tracking.journal.lines import encode_record
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.reader import ENDLESS_LINE, JournalReader, Position
from seo_engine.tracking.records.kind import new_record
from seo_engine.tracking.records.kinds import decode_record


def read_all(path: Path) -> list[bytes]:
    position, contents = Position(), []
    with JournalReader(path) as reader:
        while lines := reader.read(position):
            contents.extend(line.content for line in lines)
            position = lines[-1].end
    return contents


def test_read_goes_on_from_a_position(tmp_path: Path) -> None:
    queue = LoggingQueue(tmp_path / "journal.jsonl")
    queue.append(b"first\n")
    (first,) = queue.read(Position())
    queue.append(b"second\n")
    (second,) = queue.read(first.end)
    assert (second.content, second.end) == (b"second", Position(13, 2))
    assert queue.read(second.end) == []


def test_a_line_that_is_still_being_written_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"whole\nhalf")
    with JournalReader(path) as reader:
        assert [line.content for line in reader.read(Position())] == [b"whole"]


def test_a_torn_line_spoils_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"kind": "a", "time": 1}\n{"kind": "te')
    LoggingQueue(path).append(b'{"kind": "b", "time": 1}\n')
    assert [decode_record(line) is not None for line in read_all(path)] == [True, False, True]


def test_after_a_short_write_the_whole_line_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = LoggingQueue(tmp_path / "journal.jsonl")
    real_write, calls = os.write, []

    def write_only_half_at_first(descriptor: int, data: bytes) -> int:
        calls.append(data)
        return real_write(descriptor, data[: len(data) // 2] if len(calls) == 1 else data)

    monkeypatch.setattr(os, "write", write_only_half_at_first)
    queue.append(b'{"kind": "text"}\n')
    monkeypatch.undo()
    assert read_all(queue.path)[-1] == b'{"kind": "text"}'


def test_a_line_too_long_to_read_keeps_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_queue_module, "READ_BYTES", 64)
    monkeypatch.setattr(logging_queue_module, "LONGEST_LINE_BYTES", 256)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"first\n" + b"x" * 5000 + b"\nlast\n")
    assert read_all(path) == [b"first", ENDLESS_LINE, b"last"]


def test_lines_of_threads_and_processes_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    queue = LoggingQueue(path)
    program = (
        "import sys; from seo_engine.tracking.journal.logging_queue import LoggingQueue\n"
        "queue = LoggingQueue(sys.argv[1])\n"
        "for i in range(2000): queue.append((sys.argv[2] + ':' + str(i) + 'x' * (i % 300) + '\\n').encode())"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(path), f"process{n}"]) for n in range(2)]

    def append(name: str) -> None:
        for i in range(2000):
            queue.append(f"{name}:{i}{'x' * (i % 300)}\n".encode())

    threads = [threading.Thread(target=append, args=(f"thread{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0]
    lines = read_all(path)
    # A process that opens the journal while another writes may find half a line, and end it: a blank line is no record.
    assert lines.count(b"") <= len(processes)
    assert len(lines) == 6 * 2000 + lines.count(b"")
    for writer in ("process0", "process1", "thread0", "thread1", "thread2", "thread3"):
        mine = [line for line in lines if line.startswith(writer.encode())]
        assert mine == [f"{writer}:{i}{'x' * (i % 300)}".encode() for i in range(2000)]


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(contents=st.dictionaries(st.text("abcdef", min_size=1), plain, max_size=5))
def test_what_is_encoded_is_one_line_and_decodes_to_the_same(contents: dict[str, object]) -> None:
    record = {**new_record("of a later version"), **contents}
    line = encode_record(record)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decode_record(line[:-1]) == record


@given(st.binary(max_size=300))
def test_any_bytes_decode_to_a_record_or_to_none(line: bytes) -> None:
    record = decode_record(line)
    assert record is None or isinstance(record["kind"], str)
