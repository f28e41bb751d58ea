"""Tests for the encoder of metrics: the usual way of a call records what the closer look does."""

import math
import secrets
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.reader import Position
from seo_engine.tracking.records.kinds import decode_record
from seo_engine.tracking.records.metric_encoder import MetricEncoder

NAMES = ("loss", "training/accuracy", "val/acc", "naïve 📈")

values = st.floats() | st.integers(-(2**65), 2**65) | st.booleans() | st.none()
moments = st.floats() | st.integers(-(2**65), 2**65)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=500)
@given(metrics=st.dictionaries(st.sampled_from(NAMES), st.floats() | values), epoch=moments, step=moments)
def test_what_goes_the_usual_way_is_recorded_as_by_the_closer_look(
    tmp_path: Path, metrics: dict[str, Any], epoch: float, step: int
) -> None:
    encoder = MetricEncoder()
    encoder.record("training", 1, 1, dict.fromkeys(NAMES, 0.5))
    spans: list[tuple[int, int]] = []
    with LoggingQueue(tmp_path / f"{secrets.token_hex(8)}.jsonl") as journal:
        ended = encoder.plain_writer("training", journal, lambda *span: spans.append(span))(7, epoch, step, metrics)
        written = [decode_record(line.content) for line in journal.read(Position())]
    assert spans == ([(7, ended)] if ended is not None else [])
    if ended is not None:
        looked_at = encoder.record("training", epoch, step, metrics)
        (record,) = written
        assert record is not None
        assert record | {"time": looked_at["time"]} == looked_at
    else:
        assert not written
        is_usual = type(step) is int and all(type(value) is float for value in metrics.values())
        numbers = [epoch, step, sum(metrics.values()) if is_usual else 0.0]
        assert not is_usual or any(not math.isfinite(number) or abs(number) >= 2**63 for number in numbers)
