"""Documents are read in processes that are replaced: no document stops the others, and none takes for ever."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pytest

from seo_engine.engine.site.document.main_text import RepetitionCount
from seo_engine.engine.site.page import NO_FILE, READ, TOO_COSTLY, UNREADABLE, Page
from seo_engine.engine.site.parsing import read_document, survey_document
from seo_engine.engine.site.reading import reading_processes as module
from seo_engine.engine.site.reading.reading_processes import ReadingProcessError, ReadingProcesses
from seo_engine.engine.site.reading.request import ReadingRequest
from seo_engine.engine.site.response import Response


def requests(folder: Path, **documents: str | bytes) -> list[ReadingRequest]:
    found: list[ReadingRequest] = []
    for name, document in documents.items():
        path = folder / f"{name}.html"
        path.write_bytes(document if isinstance(document, bytes) else document.encode())
        found.append(ReadingRequest(os.fsencode(path), path.name))
    return found


def read_requests(asked: Iterable[ReadingRequest], processes: int | None = None) -> Iterator[Page]:
    with ReadingProcesses(processes) as reading:
        yield from reading.read(asked)


# Each takes minutes, or more memory than there is, in the parser or in what is done with its tree.
COSTLY = {
    "attributes_behind_quotes": "<p " + " ".join(f'a{number}=">"' for number in range(60_000)) + ">",
    "closed_where_many_are_open": "<div>" * 100_000 + "</p>" * 100_000,
    "as_many_formats_for_each_paragraph": "".join(f"<b a{number}>" for number in range(30_000)) + "<p>x" * 30_000,
    "lists_in_lists": "<ul><li>" * 100_000,
    "an_endless_base_for_each_link": f"<base href=http://a.example/{'x' * 300_000}/>" + "<a href=b>b</a>" * 300,
    "formats_in_formats": "".join(f"<b a{number}>" for number in range(60_000)),
}


def test_a_document_that_takes_too_long_is_a_page_with_a_state_and_the_others_are_read(tmp_path: Path) -> None:
    asked = requests(
        tmp_path, first="<title>First", **{name: f"<title>T</title>{html}" for name, html in COSTLY.items()}
    )
    asked += requests(tmp_path, last="<title>Last")
    pages = list(read_requests(asked, processes=2))
    assert [page.path for page in pages] == [request.path for request in asked]
    assert [page.state for page in pages] == [READ, *[TOO_COSTLY] * len(COSTLY), READ]
    assert (pages[0].title, pages[-1].title) == ("First", "Last")
    assert pages[1].facts.size.bytes == Path(os.fsdecode(asked[1].file)).stat().st_size


def test_pages_come_in_the_order_of_their_documents_from_many_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WORTH_A_PROCESS", 5)
    asked = requests(tmp_path, **{f"p{number:03}": f"<title>{number}" for number in range(300)})
    asked[7] = ReadingRequest(
        asked[7].file,
        "other.html",
        "https://a.example/",
        Response(200, (("content-type", "text/html; charset=koi8-r"),)),
    )
    pages = list(read_requests(asked, processes=4))
    assert [page.title for page in pages] == [str(number) for number in range(300)]
    assert (pages[7].url, pages[7].facts.encoding.declared_in) == ("https://a.example/", "transport")


def test_a_page_is_the_same_whether_its_document_is_read_here_or_in_a_process(tmp_path: Path) -> None:
    case = Path(__file__).parents[3] / "src/seo_engine/sample_site"
    files = sorted(case.rglob("*.html"))[:9]
    assert [*read_requests([ReadingRequest(os.fsencode(file), file.name) for file in files])] == [
        read_document(file.read_bytes(), file.name) for file in files
    ]


def test_documents_are_taken_as_they_are_needed(tmp_path: Path) -> None:
    (request,) = requests(tmp_path, a="<title>A")
    taken = 0

    def endless() -> Iterator[ReadingRequest]:
        nonlocal taken
        while True:
            taken += 1
            yield request

    pages = read_requests(endless(), processes=1)
    assert next(pages).title == "A"
    pages.close()  # type: ignore[attr-defined]
    assert taken < 20


def test_answers_that_nobody_took_are_not_taken_for_others(tmp_path: Path) -> None:
    asked = requests(tmp_path, **{f"p{number}": f"<title>{number}" for number in range(9)})
    with ReadingProcesses(1) as reading:
        surveyed = reading.survey(asked)
        assert next(surveyed) == set()
        surveyed.close()  # type: ignore[attr-defined]
        assert [page.title for page in reading.read(asked)] == [str(number) for number in range(9)]


def test_a_process_in_place_of_another_knows_what_the_site_repeats(tmp_path: Path) -> None:
    page = "<title>T</title><p>Repeated on each page of this site</p><p>What this page is about, at some length."
    asked = requests(tmp_path, a=page, b=page, c=page, slow=COSTLY["lists_in_lists"], z=page)
    with ReadingProcesses(1) as reading:
        count = RepetitionCount()
        for keys in reading.survey(asked):
            count.add({key for key in keys if key in keys_of_first_block(page)})
        reading.know(count.repetition())
        texts = [each.main_text for each in reading.read(asked)]
    about = "What this page is about, at some length."
    assert texts == [about, about, about, "", about]


def keys_of_first_block(html: str) -> set[int]:
    return survey_document(html.partition("<p>What")[0].encode(), "x")


def test_a_signal_that_the_program_blocks_still_ends_what_takes_too_long(tmp_path: Path) -> None:
    asked = requests(tmp_path, slow=COSTLY["lists_in_lists"], last="<title>Last")
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
    try:
        assert [page.state for page in read_requests(asked)] == [TOO_COSTLY, READ]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


BROKEN_PIPE = """
import os, signal, sys
from seo_engine.engine.site.reading.reading_processes import ReadingProcesses
from seo_engine.engine.site.reading.request import ReadingRequest

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
with ReadingProcesses(1) as reading:
    pages = reading.read(ReadingRequest(os.fsencode(sys.argv[1]), "a.html") for _ in range(9))
    print(next(pages).title)
    (process,) = reading._processes
    process.process.kill()
    process.process.wait()
    process.send(b"r")
    print(len(list(pages)))
"""


def test_a_program_that_a_broken_pipe_ends_goes_on_when_a_document_ends_its_process(tmp_path: Path) -> None:
    # Commands that write into others often ask for this.
    file = tmp_path / "a.html"
    file.write_text("<title>A")
    command = [sys.executable, "-c", BROKEN_PIPE, str(file)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (finished.returncode, finished.stdout) == (0, "A\n8\n"), finished.stderr


def test_a_forked_process_that_ends_takes_nothing_away(tmp_path: Path) -> None:
    asked = requests(tmp_path, **{f"p{number:02}": f"<title>{number}" for number in range(20)})
    program = (
        "import os, sys; from seo_engine.engine.site.folder import read_pages\n"
        "titles = []\n"
        "for page in read_pages(sys.argv[1], processes=1):\n"
        "    child = os.fork()\n"
        "    if child == 0: sys.exit()\n"
        "    os.waitpid(child, 0); titles.append(page.title)\n"
        "print(len(titles))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert finished.stdout == f"{len(asked)}\n"


def test_many_items_of_microdata_and_headings_by_role_are_read_in_time(tmp_path: Path) -> None:
    html = "<title>T</title>" + "<div itemscope><span itemprop=a>x</span></div><p role=heading>Two</p>" * 1_500
    (page,) = read_requests(requests(tmp_path, items=html))
    assert (page.state, len(page.facts.structured_data), len(page.headings)) == (READ, 1_500, 1_500)


def test_what_is_no_file_is_a_page_with_a_state(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    names = ["folder", "pipe", "missing"]
    pages = read_requests([ReadingRequest(os.fsencode(tmp_path / name), name) for name in names])
    assert [page.state for page in pages] == [NO_FILE, NO_FILE, UNREADABLE]


def test_a_file_that_is_larger_than_any_memory_is_read_as_far_as_documents_are(tmp_path: Path) -> None:
    (request,) = requests(tmp_path, sparse=b"<title>Pots</title>" + (b"<p>" + b"Text. " * 20) * 50_000)
    os.truncate(request.file, 1 << 40)
    (page,) = read_requests([request])
    assert (page.title, page.state, page.facts.size.bytes) == ("Pots", READ, 1 << 40)
    assert page.facts.size.behind["p"] > 30_000


def test_no_process_is_left_when_somebody_takes_no_more_pages(tmp_path: Path) -> None:
    asked = requests(tmp_path, **{f"p{number}": "<title>T" for number in range(9)})
    pages = read_requests(asked, processes=1)
    next(pages)
    (child,) = [each for each in psutil.Process().children() if "reading_process" in " ".join(each.cmdline())]
    pages.close()  # type: ignore[attr-defined]
    assert not child.is_running()


def test_a_document_whose_process_somebody_kills_is_read_by_another(tmp_path: Path) -> None:
    asked = requests(tmp_path, **{f"p{number}": f"<title>T{number}" for number in range(9)})
    pages = read_requests(asked, processes=1)
    next(pages)
    (child,) = [each for each in psutil.Process().children() if "reading_process" in " ".join(each.cmdline())]
    os.kill(child.pid, signal.SIGKILL)
    assert [page.title for page in pages] == [f"T{number}" for number in range(1, 9)]


def test_a_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    requests(tmp_path, a="<title>A", b="<title>B")
    program = (
        "import sys, time; from pathlib import Path; from seo_engine.engine.site.folder import read_pages\n"
        "pages = read_pages(sys.argv[1]); next(pages); print('one', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == "one\n"
        children = psutil.Process(parent.pid).children()
        parent.send_signal(signal.SIGKILL)
    gone, alive = psutil.wait_procs(children, timeout=30)
    assert len(gone) == 1 and alive == []


def test_a_fault_of_ours_costs_one_page_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A module that is found before ours, in the child alone: it fails on one document.
    failing = (
        "import seo_engine.engine.site.reading.reading_process as real\n"
        "read = real.read_document\n"
        "def fail(data, path, **about):\n"
        "    if b'Fault' in data: raise ZeroDivisionError('in our code')\n"
        "    return read(data, path, **about)\n"
        "real.read_document = fail\n"
        "main = real.main\n"
    )
    (tmp_path / "failing_process.py").write_text(failing)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(module, "_PROGRAM", "failing_process")
    asked = requests(tmp_path, a="<title>A", b="<title>Fault", c="<title>C")
    with caplog.at_level(logging.ERROR, logger="seo_engine"):
        pages = list(read_requests(asked))
    assert [page.state for page in pages] == [READ, UNREADABLE, READ]
    assert caplog.messages == ["❌ b.html could not be read: ZeroDivisionError: in our code"]


def test_a_process_that_cannot_start_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PROGRAM", "no_such_module")
    with pytest.raises(ReadingProcessError, match="ends at once: ModuleNotFoundError: No module named") as error:
        list(read_requests(requests(tmp_path, a="<title>A")))
    assert "\n" not in str(error.value)


def test_no_documents_need_no_process() -> None:
    assert list(read_requests([])) == []
