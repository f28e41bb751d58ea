"""Six outages of a W&B server, at three moments of a training."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.tracking.killing import wait_until
from tests.tracking.wandb_outage import Outage

FAILURES = [400, 401, 429, 500, "hangs", "down"]


@pytest.mark.parametrize("when", ["at init", "during the run", "at finish"])
def test_a_failing_server_disturbs_nothing_and_gets_everything_later(tmp_path: Path, when: str) -> None:
    with ExitStack() as stack:
        # At finish the server never comes back in time.
        limit = 60 if when == "during the run" else 8
        outages = [Outage(failure, tmp_path / str(failure), stack, limit) for failure in FAILURES]
        for outage in outages:
            if when == "at init":
                outage.fail()
            outage.train()
        for outage in outages:
            outage.wait_until_logged()
            if when != "at init":
                wait_until(lambda outage=outage: len(outage.server.runs) == 1 and len(outage.server.rows) == 20)
            if when == "during the run":
                outage.fail()
            outage.go_on()
        for outage in outages:
            outage.wait_until_logged()
            if when == "during the run" and outage.failure != "down":
                outage.server.refused.wait()
            if when == "during the run":
                outage.heal()
            if when == "at finish":
                outage.fail()
            outage.go_on()
        for outage in outages:
            outage.wait_until_logged()
            outage.go_on()
        for outage in outages:
            said = outage.wait_for_end()
            if when != "during the run":
                assert outage.state.pending > 0 and "seo-engine runs recover" in said, outage.failure
                outage.heal()
                outage.start_recovery()
        for outage in outages:
            if when != "during the run":
                outage.wait_for_end()
            assert outage.state.is_complete, (outage.failure, outage.state)
            outage.assert_each_row_once()
