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
        self.address = f"http://127.0.0.1:{self._port}"
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
        address = f"{self.address}/data/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address) as response:
                return json.load(response)
        except (urllib.error.URLError, ConnectionError):
            return None

    def hyperparameters(self) -> tuple[set[str], set[str], dict[str, dict[str, Any]], dict[str, str]]:
        """Return what the HPARAMS tab shows: its columns, metrics, values by run, and statuses by run."""
        experiment = self._post("plugin/hparams/experiment", {"experimentName": ""}) or {}
        columns = {each["name"] for each in experiment.get("hparamInfos", [])}
        metrics = {each["name"]["tag"] for each in experiment.get("metricInfos", [])}
        statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
        asked = {"experimentName": "", "allowedStatuses": statuses, "startIndex": 0, "sliceSize": 100}
        groups = (self._post("plugin/hparams/session_groups", asked) or {}).get("sessionGroups", [])
        # Each run is a group of its own.
        rows = {group["sessions"][0]["name"]: group for group in groups}
        values = {name: group["hparams"] for name, group in rows.items()}
        return columns, metrics, values, {name: group["sessions"][0]["status"] for name, group in rows.items()}

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.address}/data/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request) as response:
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
