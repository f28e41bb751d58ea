"""Waiting for what another process delivers."""

from __future__ import annotations

import time
from pathlib import Path

from seo_engine.tracking.runs.ledger import DeliveryState, update_delivery, wait_for_delivery


def test_a_server_that_has_never_answered_is_waited_for_only_briefly(tmp_path: Path) -> None:
    path = tmp_path / "delivery.json"
    update_delivery(path, {"tensorboard": DeliveryState(offset=9), "wandb": DeliveryState(no_answer="refused")})
    began = time.monotonic()
    assert not wait_for_delivery(path, ["tensorboard", "wandb"], lambda: 9, 3600, without_answer_seconds=0.05)
    assert time.monotonic() - began < 600
    assert wait_for_delivery(path, ["tensorboard"], lambda: 9, 3600)
    # A tracker that is only slow is waited for.
    assert not wait_for_delivery(path, ["tensorboard"], lambda: 10, 0.05, without_answer_seconds=0.0)
