"""A web server that misbehaves in every way that crawlers meet, on a port of this machine."""

from __future__ import annotations

import gzip
import itertools
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each path as the server's table says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: OddServer = self.server  # type: ignore[assignment]
        with server.lock:
            server.asked[self.path] += 1
            server.headers.append((self.path, dict(self.headers)))
        answer = server.answers.get(self.path) or server.answers.get(urlsplit(self.path).path) or server.otherwise
        with suppress(OSError):
            answer(self)

    def send(self, body: bytes | str, status: int = 200, **headers: str) -> None:
        """Answer in order."""
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        named = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(data))}
        named.update({name.replace("_", "-"): value for name, value in headers.items()})
        for name, value in named.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class OddServer(ThreadingHTTPServer):
    """Counts what it is asked for."""

    daemon_threads = True

    def __init__(self, host: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, 0), Handler)
        self.lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.headers: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, Answer] = {}
        self.otherwise: Answer = lambda handler: handler.send(page("missing"), 404)

    @property
    def address(self) -> str:
        """str: Where it is."""
        host, port = self.server_address[:2]
        return f"http://[{host}]:{port}" if self.address_family == socket.AF_INET6 else f"http://{host}:{port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: crawlers go away while they are answered."""


@contextmanager
def odd_server(host: str = "127.0.0.1", **answers: Answer) -> Iterator[OddServer]:
    """Serve; `answers` are by path, with `_` for a slash."""
    server = OddServer(host)
    server.answers = {f"/{name.strip('_').replace('__', '/')}": answer for name, answer in answers.items()}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def page(title: str, *links: str) -> str:
    """Return a page with links."""
    anchors = "".join(f'<p><a href="{link}">{link}</a>' for link in links)
    return f"<!doctype html><title>{title}</title><h1>{title}</h1><p>Pots of red clay, thrown by hand.{anchors}"


def says(body: bytes | str, status: int = 200, **headers: str) -> Answer:
    """Return an answer that is always the same."""
    return lambda handler: handler.send(body, status, **headers)


def in_turn(*answers: Answer) -> Answer:
    """Return the first answer the first time, and so on; the last one goes on."""
    following = itertools.chain(answers, itertools.repeat(answers[-1]))
    lock = threading.Lock()

    def answer(handler: Handler) -> None:
        with lock:
            now = next(following)
        now(handler)

    return answer


def slow(handler: Handler) -> None:
    """Send a byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    while True:
        handler.wfile.write(b"<")
        handler.wfile.flush()
        time.sleep(0.2)


def endless(handler: Handler) -> None:
    """Send as much as is taken, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    while True:
        handler.wfile.write(b"<p>more " * 10_000)


def endless_headers(handler: Handler) -> None:
    """Send headers as long as they are taken."""
    handler.send_response(200)
    for number in itertools.count():
        handler.send_header(f"X-{number}", "more " * 1_000)
        handler.flush_headers()


def odd_headers(handler: Handler) -> None:
    """Send names of headers that are none, and a line that is long."""
    body = page("Odd").encode()
    handler.wfile.write(
        b"HTTP/1.1 200 OK\r\nX-\xfc: 1\r\nX Y: 2\r\n: 3\r\nX-Long: " + b"x" * 20_000 +
        b"\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )  # fmt: skip


def of_status(status: int) -> Answer:
    """Return an answer with a status that may be none."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(f"HTTP/1.1 {status} So\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n".encode())

    return answer


def bomb(handler: Handler) -> None:
    """Send little that becomes a gigabyte."""
    compressor = gzip.compress(b"\0" * 10_000_000)
    handler.send(compressor * 100, Content_Encoding="gzip")


def reset(handler: Handler) -> None:
    """Break the connection off in the middle."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"<title>")
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The socket closes with the last of those that have it.
    for each in (handler.rfile, handler.wfile, handler.connection):
        each.close()


def too_short(handler: Handler) -> None:
    """Send less than was said."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(page("short").encode())
    handler.wfile.flush()
    handler.close_connection = True
