"""A real TensorBoard server, as people start it: with its live data server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.tracking.killing import wait_until


class TensorBoardServer:
    def __init__(self, log_directory: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._log_directory = log_directory

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "tensorboard.main", "--logdir", str(self._log_directory),
                "--port", str(self._port), "--reload_interval", "1",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait()

    def ask(self, path: str, **query: str) -> Any:
        """Return the server's answer, or None while it has none."""
        address = f"http://127.0.0.1:{self._port}/data/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address) as response:
                return json.load(response)
        except (urllib.error.URLError, ConnectionError):
            return None

    def scalars(self, run: str, tag: str) -> list[tuple[int, float]]:
        """Return step and value of the points that the server shows now."""
        points = self.ask("plugin/scalars/scalars", run=run, tag=tag) or []
        return [(step, value) for _, step, value in points]

    def wait_for_scalars(self, run: str, tag: str, expected: list[tuple[int, float]]) -> None:
        """Wait until the server shows just these points."""
        seen: list[tuple[int, float]] = []

        def look() -> bool:
            seen[:] = self.scalars(run, tag)
            return seen == expected

        try:
            wait_until(look)
        except AssertionError:
            raise AssertionError(f"TensorBoard shows {seen} instead of {expected}") from None
