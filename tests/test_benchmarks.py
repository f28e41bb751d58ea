"""What `make benchmark` reads and says: its figures themselves are not tested."""

import json
from pathlib import Path

import pytest

from benchmarks.report import OURS, budget_table
from benchmarks.rows import METRICS, REFERENCE, row_named
from seo_engine import ExperimentTracker, TrackingConfig


def test_the_reference_writes_the_record_that_the_tracker_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = TrackingConfig(
        experiment_name="run", tensorboard_log_dir=str(tmp_path), tensorboard_logging=False, wandb_logging=False
    )
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 7, METRICS)
    journal = (tmp_path / "run" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    ours = next(record for record in map(json.loads, journal) if record["kind"] == "training")
    reference = row_named(REFERENCE)
    log = reference.open()
    log.call(7)
    assert reference.read(tmp_path) == 1
    log.close()
    written = json.loads((tmp_path / "written.jsonl").read_text(encoding="utf-8"))
    assert written | {"time": 0} == ours | {"time": 0}


def test_arrow_files_count_up_to_their_torn_end(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    whole, torn = tmp_path / "vectors-0000.arrow", tmp_path / "vectors-0001.arrow"
    for path, steps in ((whole, [[1, 2]]), (torn, [[3, 4], [5, 6]])):
        batches = [pyarrow.record_batch({"step": each}) for each in steps]
        with pyarrow.ipc.new_stream(path, batches[0].schema) as stream:
            for batch in batches:
                stream.write_batch(batch)
    torn.write_bytes(torn.read_bytes()[:-20])
    assert row_named("expman").read(tmp_path) == 4


def test_the_budgets_name_the_reference_once_it_is_measured() -> None:
    figures = {"back_to_back": {"median": 3.0, "p99": 9.0}}
    assert len(budget_table({"rows": {OURS: figures}})) == 1
    figures["beside_reference"] = {"median": 1.5, "p99": 2.0}
    _, call, p99 = budget_table({"rows": {OURS: figures}})
    assert call[2:] == ["× 1.50", "× 1.60"]
    assert p99[2:] == ["× 2.00", "× 1.60"]
