"""A training whose W&B server fails and comes back."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from seo_engine.tracking.runs.ledger import DeliveryState, read_delivery
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.killing import training
from tests.tracking.read_views import journal_values, wandb_values
from tests.tracking.wandb_server import WandBServer

KEY = "0123456789" * 4

# Goes on at each line on its standard input.
TRAINING = """
    import sys
    from seo_engine import ExperimentTracker, TrackingConfig
    tracker = ExperimentTracker(
        TrackingConfig(
            tensorboard_logging=False, selective_logging=False, experiment_name="r", close_timeout_seconds=LIMIT,
            ONLY_WHAT_IS_LOGGED,
        )
    )
    for part in range(3):
        for step in range(20 * part + 1, 20 * part + 21):
            tracker.log_training_metrics(1, step, {"loss": 1 / step})
        print("logged", flush=True)
        sys.stdin.readline()
    print("stop requested:", tracker.stop_requested)
    tracker.close()
"""


class Outage:
    """A training with a server of its own, which fails in one way."""

    def __init__(self, failure: int | str, folder: Path, stack: ExitStack, limit: int) -> None:
        self.failure = failure
        self.folder = folder
        folder.mkdir()
        self._stack = stack
        self.server = stack.enter_context(WandBServer())
        self._environment = {
            "WANDB_BASE_URL": self.server.address,
            "WANDB_API_KEY": KEY,
            # wandb-core waits for up to a minute between two tries; a test need not.
            "WANDB_X_FILE_STREAM_RETRY_WAIT_MAX_SECONDS": "1",
            "WANDB_X_FILE_STREAM_TIMEOUT_SECONDS": "3",
        }
        self._program = TRAINING.replace("LIMIT", str(limit)).replace(
            "ONLY_WHAT_IS_LOGGED", ONLY_WHAT_IS_LOGGED_AS_TEXT
        )

    def train(self) -> None:
        self._process = self._stack.enter_context(training(self._program, self.folder, **self._environment))

    def wait_until_logged(self) -> None:
        assert self._process.stdout is not None and self._process.stdout.readline() == "logged\n"

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go on\n")
        self._process.stdin.flush()

    def fail(self) -> None:
        if self.failure == "down":
            self.server.close()
        else:
            self.server.failure = self.failure

    def heal(self) -> None:
        if self.failure == "down":
            rows, files = self.server.runs, self.server.files
            self.server = self._stack.enter_context(WandBServer(port=self.server.port))
            self.server.runs.update(rows)
            self.server.files.update(files)
        self.server.failure = None

    def wait_for_end(self) -> str:
        output, messages = self._process.communicate(timeout=120)
        assert self._process.returncode == 0, messages
        return output + messages

    def start_recovery(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "seo_engine.cli", "runs", "recover", "r"],
            cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), **self._environment},
        )  # fmt: skip

    @property
    def state(self) -> DeliveryState:
        return read_delivery(self.folder / "runs" / "r" / "delivery.json").get("wandb", DeliveryState())

    def assert_each_row_once(self) -> None:
        expected = journal_values(self.folder / "runs" / "r")
        assert len(expected) == 60
        assert wandb_values(self.server.rows) == expected, self.failure
