"""A W&B server that fails in every way that is known of it."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults.outcome import Outcome, examine
from tests.faults.training import Training
from tests.tracking.killing import wait_until
from tests.tracking.wandb_server import WandBServer

FAILURES: tuple[int | str, ...] = (400, 401, 429, 500, "hangs", "down", "stops")
MOMENTS = ("before the run", "during the run", "at its end")


def failing_server(folder: Path, chance: random.Random) -> Outcome:
    """the W&B server answers 400, 401, 429, 500, not at all, is down, or asks to stop"""
    failure, moment = chance.choice(FAILURES), chance.choice(MOMENTS)
    with WandBServer() as server:
        environment = {
            "WANDB_BASE_URL": server.address,
            "WANDB_API_KEY": "0123456789" * 4,
            # wandb-core waits for up to a minute between two tries; a campaign need not.
            "WANDB_X_FILE_STREAM_RETRY_WAIT_MAX_SECONDS": "1",
            "WANDB_X_FILE_STREAM_TIMEOUT_SECONDS": "3",
        }
        limit = 60 if moment == "during the run" else 8
        training = Training(
            folder, environment=environment, wandb_mode="online", close_timeout_seconds=limit, pause_seconds=0.01
        )
        if moment == "before the run":
            _fail(server, failure)
        with training:
            if moment != "before the run":
                wait_until(lambda: server.runs and server.rows)
                training.wait_for_calls(training.calls.returned + chance.randint(1, 100))
                _fail(server, failure)
            training.wait_for_calls(training.calls.returned + chance.randint(50, 300))
            if moment == "during the run":
                server = _heal(server, failure)
            training.finish()
        if moment != "during the run" and failure != "stops":
            server = _heal(server, failure)
            training.recover()
        outcome = examine(training, rows_on_server=server.rows)
        outcome.faults = [f"{failure} {moment}: {fault}" for fault in outcome.faults]
        server.close()
        return outcome


def _fail(server: WandBServer, failure: int | str) -> None:
    if failure == "down":
        server.close()
    elif failure == "stops":
        server.stops_runs = True
    else:
        server.failure = failure


def _heal(server: WandBServer, failure: int | str) -> WandBServer:
    if failure == "down":
        healed = WandBServer(port=server.port)
        healed.runs.update(server.runs)
        healed.files.update(server.files)
        return healed.__enter__()
    server.failure = None
    return server
