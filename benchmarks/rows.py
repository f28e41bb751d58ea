"""The trackers that are compared: how each is opened, called and closed, and which of its records are on the disk."""

from __future__ import annotations

import contextlib
import csv
import importlib
import importlib.util
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

METRICS = {"loss": 0.5, "accuracy": 0.25, "learning_rate": 1e-4, "gradient_norm": 1.5, "weight_norm": 10.0}
DISTRIBUTIONS = ("seo-engine", "torch", "tensorboard", "wandb", "lightning-fabric", "mlflow", "trackio")
DISTRIBUTIONS += ("expman-rs", "pluto-ml")
NAMES = {f"training/{name}": value for name, value in METRICS.items()}


class Log(NamedTuple):
    """An open tracker: `call` logs five numbers at a step, `close` closes it as its documentation says."""

    call: Callable[[int], Any]
    close: Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """One tracker; `read` returns how many whole records are in its folder after all its processes have ended."""

    name: str
    title: str
    open: Callable[[], Log]
    read: Callable[[Path], int]
    distribution: str | None = None
    # A tracker that takes milliseconds per call is measured with fewer calls.
    slow: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether its distribution is installed."""
        return is_installed(self.distribution)


def is_installed(distribution: str | None) -> bool:
    """Whether a distribution can be imported; None is the standard library or this project."""
    try:
        return distribution is None or importlib.util.find_spec(distribution) is not None
    except ModuleNotFoundError:
        # Its parent package is not installed.
        return False


def _open_floor() -> Log:
    from collections import deque

    kept: deque[Any] = deque()
    return Log(lambda step: kept.append((step, METRICS.copy())), lambda: None)


def _open_written() -> Log:
    """Open the least that keeps a record through a kill: the same record as ours, written by the caller."""
    import orjson

    descriptor = os.open("written.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def log(step: int) -> None:
        record = {"kind": "training", "time": time.time(), "epoch": 1, "step": step, "rank": 0, "metrics": NAMES.copy()}
        os.write(descriptor, orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))

    return Log(log, lambda: os.close(descriptor))


def _read_written(folder: Path) -> int:
    return (folder / "written.jsonl").read_bytes().count(b"\n")


def _open_ours() -> Log:
    from seo_engine import ExperimentTracker, SEOConfig

    tracker = ExperimentTracker(
        SEOConfig(wandb_mode="offline", selective_logging=False, experiment_name="run", close_timeout_seconds=600)
    )
    return Log(lambda step: tracker.log_training_metrics(1, step, METRICS), tracker.close)


def _read_ours(folder: Path) -> int:
    """Return the smallest of the counts in the journal, in TensorBoard's files and in W&B's files."""
    directory = folder / "runs" / "run"
    in_journal = (directory / "journal.jsonl").read_bytes().count(b'{"kind":"training"')
    return min(in_journal, _read_events(directory), _read_wandb(directory))


def _open_summary_writer() -> Log:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter("direct")

    def log(step: int) -> None:
        for name, value in NAMES.items():
            writer.add_scalar(name, value, global_step=step)

    return Log(log, writer.close)


def _read_events(folder: Path) -> int:
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    values = 0
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        for event in LegacyEventFileLoader(str(path)).Load():
            values += sum(value.tag in NAMES for value in event.summary.value)
    return values // len(NAMES)


def _open_wandb() -> Log:
    import wandb

    run = wandb.init(mode="offline", settings=wandb.Settings(silent=True, console="off"))
    return Log(lambda step: run.log(NAMES, step=step), run.finish)


def _read_wandb(folder: Path) -> int:
    from seo_engine.tracking.trackers.wandb.fragments import read_fragment

    return sum(read_fragment(path).rows for path in folder.rglob("*.wandb"))


def _open_both() -> Log:
    writer, run = _open_summary_writer(), _open_wandb()
    return Log(lambda step: (writer.call(step), run.call(step)), lambda: (writer.close(), run.close()))


def _open_fabric(logger_name: str) -> Log:
    loggers: Any = importlib.import_module("lightning_fabric.loggers")
    logger = getattr(loggers, logger_name)(root_dir="fabric")
    return Log(lambda step: logger.log_metrics(NAMES, step), lambda: logger.finalize("success"))


def _read_csv(folder: Path) -> int:
    rows = 0
    for path in folder.rglob("metrics.csv"):
        with path.open(newline="") as file:
            rows += sum(row.get("step", "") != "" for row in csv.DictReader(file))
    return rows


def _open_mlflow(synchronous: bool) -> Log:
    mlflow: Any = importlib.import_module("mlflow")
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.start_run()

    def close() -> None:
        if not synchronous:
            mlflow.flush_async_logging()
        mlflow.end_run()

    return Log(lambda step: mlflow.log_metrics(NAMES, step=step, synchronous=synchronous), close)


def _open_trackio() -> Log:
    os.environ["TRACKIO_DIR"] = str(Path.cwd() / "trackio")
    trackio: Any = importlib.import_module("trackio")
    trackio.init(project="benchmark", name="run", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    return Log(lambda step: trackio.log(dict(NAMES), step=step), trackio.finish)


def _open_expman() -> Log:
    expman: Any = importlib.import_module("expman")
    experiment = expman.Experiment("benchmark", base_dir="expman", redirect_console=False)
    return Log(lambda step: experiment.log_vector(NAMES, step=step), experiment.close)


def _read_expman(folder: Path) -> int:
    """Return how many steps are in the Arrow files of a run, or in the one Parquet file that replaces them."""
    import pyarrow
    from pyarrow import parquet

    steps: set[int] = set()
    for path in folder.rglob("vectors*.arrow"):
        # Whatever is whole before a torn end counts.
        with contextlib.suppress(pyarrow.ArrowInvalid, OSError), pyarrow.ipc.open_stream(path) as batches:
            for batch in batches:
                steps.update(batch["step"].to_pylist())
    for path in folder.rglob("vectors.parquet"):
        steps.update(parquet.read_table(path, columns=["step"])["step"].to_pylist())
    return len(steps)


def _open_pluto(settings: Mapping[str, Any]) -> Log:
    """Open a run of Pluto, which cannot begin without a server: one on loopback answers until it has begun."""
    os.environ["PLUTO_DISABLE_TELEMETRY"] = "1"
    pluto: Any = importlib.import_module("pluto")
    with _answering({"organization": {"slug": "benchmark"}, "url": "", "runId": 1}) as url:
        addresses = dict.fromkeys(("url_app", "url_api", "url_ingest", "url_py"), url)
        quiet = {"disable_console": True, "disable_system_metrics": True, "disable_iface": True}
        run = pluto.init(project="benchmark", name="run", settings={"_auth": "key", **addresses, **quiet, **settings})
    return Log(lambda step: run.log(NAMES, step=step), run.finish)


@contextmanager
def _answering(body: Mapping[str, Any]) -> Iterator[str]:
    """Answer every POST on loopback with the same JSON, for as long as the context lasts; yield the address."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            answer = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _count(pattern: str, question: str) -> Callable[[Path], int]:
    def read(folder: Path) -> int:
        rows = 0
        for path in folder.rglob(pattern):
            with closing(sqlite3.connect(path)) as database:
                rows += int(database.execute(question).fetchone()[0])
        return rows

    return read


_read_mlflow = _count("mlflow.db", "SELECT COUNT(DISTINCT step) FROM metrics WHERE key = 'training/loss'")
_read_trackio = _count("benchmark*.db", "SELECT COUNT(*) FROM metrics")
_read_pluto = _count("sync.db", "SELECT COUNT(DISTINCT step) FROM sync_queue WHERE record_type = 0")
_read_pluto_offline = _count("store.db", "SELECT COUNT(DISTINCT step) FROM num WHERE key = 'training/loss'")

ROWS = (
    Row("floor", "a copy of the dictionary in a deque", _open_floor, lambda folder: 0),
    Row("written", "a copy, orjson and `os.write`", _open_written, _read_written),
    Row("seo_engine", "**ExperimentTracker**, TensorBoard and W&B", _open_ours, _read_ours),
    Row("summary_writer", "`SummaryWriter.add_scalar`, five times", _open_summary_writer, _read_events),
    Row("wandb", "`wandb.log`, offline", _open_wandb, _read_wandb),
    Row(
        "both", "both SDKs, one after the other", _open_both,
        lambda folder: min(_read_events(folder), _read_wandb(folder)),
    ),
    Row(
        "fabric_tensorboard", "Lightning Fabric `TensorBoardLogger`", lambda: _open_fabric("TensorBoardLogger"),
        _read_events, "lightning_fabric",
    ),
    Row(
        "fabric_csv", "Lightning Fabric `CSVLogger`", lambda: _open_fabric("CSVLogger"), _read_csv, "lightning_fabric",
    ),
    Row("mlflow", "MLflow, SQLite", lambda: _open_mlflow(True), _read_mlflow, "mlflow", slow=True),
    Row("mlflow_asynchronous", "MLflow, asynchronous", lambda: _open_mlflow(False), _read_mlflow, "mlflow", slow=True),
    Row("trackio", "trackio", _open_trackio, _read_trackio, "trackio"),
    Row("expman", "expman-rs `log_vector`", _open_expman, _read_expman, "expman"),
    # There is no server to wait for at the end.
    Row(
        "pluto", "Pluto, its server out of reach", lambda: _open_pluto({"sync_process_shutdown_timeout": 1.0}),
        _read_pluto, "pluto",
    ),
    Row(
        "pluto_offline", "Pluto, offline",
        lambda: _open_pluto({"sync_process_enabled": False, "disable_store": False}), _read_pluto_offline, "pluto",
    ),
)  # fmt: skip


# What our call is compared with in one process: the least that keeps a record through a kill.
REFERENCE = "written"


def row_named(name: str) -> Row:
    """Return one of the rows."""
    return {row.name: row for row in ROWS}[name]


def versions(distributions: Iterable[str] = DISTRIBUTIONS) -> Mapping[str, str]:
    """Return the versions of everything that is compared, or that it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
