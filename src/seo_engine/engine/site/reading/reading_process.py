"""The main program of a process that reads documents: one request in, one page out, until its parent is gone.

A parser in C cannot be stopped from within its process. So the process has the kernel end it, if a document takes too
long or too much memory, and its parent starts another one.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from seo_engine.engine.site.document.main_text import NO_REPETITION, Repetition
from seo_engine.engine.site.page import FRAGMENT, READ, TOO_COSTLY, Page
from seo_engine.engine.site.parsing import COUNTED_BYTES, READ_BYTES, name_behind, read_document, survey_document
from seo_engine.engine.site.reading.request import NOT_STORED, ReadingRequest, contents_of, is_fragment
from seo_engine.foundation.extras import import_of_extra

# Of the processor's time, so that a busy machine makes no page costly.
LONGEST_SECONDS = 1.0

# The largest ordinary page takes a tenth of this.
MOST_MEMORY_BYTES = 1024**3

# A page of 2 MB may say what makes a thousand times as much, as an address that each of its links is completed with.
MOST_ANSWER_BYTES = 16 * 1024 * 1024

_LENGTH = struct.Struct(">I")

# The first byte of a message says what it is: a document to read, one to survey, or what the site repeats.
TO_READ, TO_SURVEY, TO_KNOW = b"r", b"s", b"k"


def write_frame(stream: BinaryIO, contents: bytes) -> None:
    """Write a message with its length in front, and send it."""
    stream.write(_LENGTH.pack(len(contents)) + contents)
    stream.flush()


def take_frame(buffer: bytearray) -> bytes | None:
    """Take the first message out of a buffer; None if it is not complete.

    Example:
        >>> buffer = bytearray(b"\\0\\0\\0\\2ab\\0")
        >>> take_frame(buffer), take_frame(buffer), buffer
        (b'ab', None, bytearray(b'\\x00'))
    """
    if len(buffer) < _LENGTH.size:
        return None
    end = _LENGTH.size + _LENGTH.unpack_from(buffer)[0]
    if len(buffer) < end:
        return None
    contents = bytes(buffer[_LENGTH.size : end])
    del buffer[:end]
    return contents


def main(arguments: Sequence[str]) -> None:
    """Read documents until standard input ends.

    Args:
        arguments (Sequence[str]): None.
    """
    msgpack = import_of_extra("msgspec.msgpack", extra="site", needed_by="reading a page")
    requests, repetitions = msgpack.Decoder(ReadingRequest), msgpack.Decoder(Repetition)
    repetition = NO_REPETITION
    # What a library prints must not get between the pages.
    pages = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    # Whoever started this process may have blocked it.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = MOST_MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, MOST_MEMORY_BYTES)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A page makes thousands of objects and no circles; looking for some takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000)
    # The first message says that the process can read.
    write_frame(pages, b"")
    received = bytearray()
    incoming: Any = sys.stdin.buffer
    # Not the descriptor: what has come with the line before is in the buffer already.
    while arrived := incoming.read1(1 << 16):
        received += arrived
        while (message := take_frame(received)) is not None:
            kind, contents = message[:1], message[1:]
            if kind == TO_KNOW:
                repetition = repetitions.decode(contents)
            elif kind == TO_SURVEY:
                write_frame(pages, msgpack.encode(survey_file(requests.decode(contents))))
            else:
                write_frame(pages, _answer(requests.decode(contents), repetition, msgpack.encode))


def _answer(request: ReadingRequest, repetition: Repetition, encode: Callable[[Page], bytes]) -> bytes:
    """Return a page as a message that is not larger than its parent can take."""
    page = read_file(request, repetition)
    answer = encode(page)
    if len(answer) <= MOST_ANSWER_BYTES:
        return answer
    return encode(request.unread(TOO_COSTLY, page.facts.size.bytes))


def read_file(request: ReadingRequest, repetition: Repetition = NO_REPETITION) -> Page:
    """Read the file of a document; a page with a state, if it cannot be read."""
    data, size, state = contents_of(request, COUNTED_BYTES)
    if state != READ:
        return request.unread(state)
    with _bounded():
        try:
            page = read_document(
                data,
                request.path,
                own_address=request.own_address,
                response=request.response,
                size=size,
                repetition=repetition,
            )
        except (MemoryError, RecursionError):
            page = request.unread(TOO_COSTLY, size)
    if page.state == READ and request.record_at == NOT_STORED and is_fragment(data):
        return request.unread(FRAGMENT, size)
    return name_behind(page, data)


def survey_file(request: ReadingRequest) -> set[int]:
    """Return what of a document its site may repeat; nothing, if it cannot be read."""
    data, _, state = contents_of(request, READ_BYTES)
    if state != READ or (request.record_at == NOT_STORED and is_fragment(data)):
        return set()
    with _bounded(), contextlib.suppress(MemoryError, RecursionError):
        return survey_document(data, request.path, request.response)
    return set()


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    # The timer's signal ends the process; nothing has to look at a clock.
    signal.setitimer(signal.ITIMER_PROF, LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
