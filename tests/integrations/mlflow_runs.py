"""MLflow runs that our tracker made, as MLflow's own client reads them, and a server in whose way a test can stand."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow

from seo_engine import TrackingConfig
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.killing import kill_tree, wait_until

Point = tuple[str, int, int, float]


def configuration(folder: Path, tracking_uri: str = "", **settings: Any) -> TrackingConfig:
    """Return the settings of a run that MLflow alone shows; its experiment has the name of the folder."""
    own = {"tracking_uri": tracking_uri} if tracking_uri else {}
    return TrackingConfig(
        **{  # type: ignore[arg-type]
            "tensorboard_log_dir": str(folder),
            "experiment_name": "r",
            "tensorboard_logging": False,
            "wandb_logging": False,
            "print_summary": False,
            "selective_logging": False,
            "additional_trackers": ["mlflow"],
            "tracker_settings": {"mlflow": {**own, "experiment_name": folder.name}},
            **ONLY_WHAT_IS_LOGGED,
        }
        | settings
    )


class MLflowRuns:
    """The MLflow runs of an experiment.

    Args:
        tracking_uri (str): The store.
        experiment (str): The name of the experiment.
    """

    def __init__(self, tracking_uri: str, experiment: str) -> None:
        self.client = mlflow.MlflowClient(tracking_uri)
        self._experiment = experiment

    @property
    def all(self) -> list[Any]:
        """list[Any]: Those that there are."""
        experiment = self.client.get_experiment_by_name(self._experiment)
        return list(self.client.search_runs([experiment.experiment_id])) if experiment is not None else []

    @property
    def only(self) -> Any:
        """Any: The only one."""
        (run,) = self.all
        return run

    def points(self) -> list[Point]:
        """Return all points of the run: name, step, time in milliseconds, value."""
        run = self.only
        history = [each for name in run.data.metrics for each in self.client.get_metric_history(run.info.run_id, name)]
        return sorted((each.key, each.step, each.timestamp, each.value) for each in history)

    def values(self, name: str) -> list[tuple[int, float]]:
        """Return the points of a metric: step and value."""
        return [(step, value) for key, step, _, value in self.points() if key == name]

    def files(self, folder: str | None = None) -> list[str]:
        """Return the paths of the files of the run."""
        found = self.client.list_artifacts(self.only.info.run_id, folder)
        return sorted(path for each in found for path in (self.files(each.path) if each.is_dir else [each.path]))

    def read(self, path: str, folder: Path) -> bytes:
        """Return a file of the run."""
        return Path(self.client.download_artifacts(self.only.info.run_id, path, str(folder))).read_bytes()


@contextlib.contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Run a real tracking server with a database and files in a folder, and yield its address."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'server.db'}", "--artifacts-destination", str(folder / "files")),
    ]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
    try:
        wait_until(lambda: process.poll() is not None or _answers(port))
        assert process.poll() is None, (folder / "server.log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        kill_tree(process.pid)
        process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        return re.match(rb"HTTP/1\.\d 200", connection.recv(100)) is not None
    return False


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Gate:
    """Stands before a server: takes connections and says nothing, until it is opened."""

    def __init__(self, server: str) -> None:
        self._target = ("127.0.0.1", int(server.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = threading.Event()
        self.asked = threading.Event()
        threading.Thread(target=self._take, daemon=True).start()

    def open(self) -> None:
        """Let everything through from now on, also what waits."""
        self._open.set()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._pass_on, args=(self._listener.accept()[0],), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        self.asked.set()
        self._open.wait()
        with contextlib.suppress(OSError), client, socket.create_connection(self._target) as server:
            answers = threading.Thread(target=_pump, args=(server, client), daemon=True)
            answers.start()
            _pump(client, server)
            answers.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
