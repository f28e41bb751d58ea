"""Artifacts that runs log and use: kept beside the runs, shown in every view, and once, whatever is killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from seo_engine import ExperimentTracker, MemoryTracker, TrackingConfig
from seo_engine.tracking import ArtifactReference, ArtifactStore
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.trackers.tensorboard.tensorboard_tracker import TensorBoardTracker
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED, ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.job.launching import Rank, launch, torchrun_variables
from tests.tracking.killing import training, wait_until
from tests.tracking.read_views import read_journal, read_tensorboard, wandb_messages
from tests.tracking.wandb_server import WandBServer, use_server

SECRET = "https://me:hunter2@h"


def config(folder: Path, **settings: Any) -> TrackingConfig:
    wanted = ONLY_WHAT_IS_LOGGED | {
        "tensorboard_log_dir": str(folder / "runs"), "artifact_dir": str(folder / "artifacts"), "experiment_name": "r",
        "wandb_logging": False, "tensorboard_logging": False, "print_summary": False,
    }  # fmt: skip
    return TrackingConfig(**(wanted | settings))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a folder with what a training saves."""
    folder = tmp_path / "model"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(bytes(range(256)) * 400)
    (folder / "tokenizer" / "vocabulary.json").write_text('{"a": 1}')
    return folder


def objects(folder: Path) -> set[str]:
    """Return the hashes of what the store holds, each computed here."""
    files = (folder / "artifacts" / "objects").glob("*/*")
    return {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def log_contents(run: Path) -> str:
    (log,) = (run / "logs").glob("training_progress_*.log")
    return log.read_text()


def test_a_version_holds_what_there_was_at_the_call_and_every_view_says_so(tmp_path: Path, model: Path) -> None:
    everything = config(tmp_path, wandb_logging=True, wandb_mode="offline", tensorboard_logging=True)
    weights = (model / "weights.bin").read_bytes()
    with ExperimentTracker(everything) as tracker:
        tracker.log_artifact(
            "model", model, "model", ["best", "small"], {"loss": 0.5, "api_key": "hunter2"}, 1, 100,
            description=f"from {SECRET}", references=[ArtifactReference("s3://bucket/data.tar", size=3)],
        )  # fmt: skip
        # The training goes on, and saves over it.
        (model / "weights.bin").write_bytes(b"later")
        tracker.log_metrics({"loss": 0.4}, step=101)
    run = tmp_path / "runs" / "r"
    assert all(state.is_complete and not state.media_not_shown for state in tracker.delivery.values())
    store = ArtifactStore(tmp_path / "artifacts")
    version = store.resolve("model:best")
    assert (version.label, version.run, version.metadata) == ("model:v0", "r", {"loss": 0.5, "api_key": "[redacted]"})
    assert version.description == "from https://[redacted]@h"
    assert {file.path: file.sha256 for file in version.files} == {
        "weights.bin": hashlib.sha256(weights).hexdigest(),
        "tokenizer/vocabulary.json": hashlib.sha256(b'{"a": 1}').hexdigest(),
    }
    assert {file.sha256 for file in version.files} == objects(tmp_path)
    (text,) = read_tensorboard(run).texts["artifacts/model"]
    assert text.startswith("**model:v0** (model): 2 files, 0.1 MB; 1 elsewhere; as best, small")
    assert "step 100 artifacts/model: model:v0" in log_contents(run)
    (sent,) = wandb_messages(run / "wandb", "artifact")
    assert (sent.name, sent.type, json.loads(sent.metadata)) == ("model", "model", version.metadata)
    assert {"best", "small"} <= {*sent.aliases}
    entries = {entry.path: entry for entry in sent.manifest.contents}
    # What a later `wandb sync` uploads.
    assert Path(entries["weights.bin"].local_path).read_bytes() == weights
    assert entries["bucket/data.tar"].ref == "s3://bucket/data.tar"
    assert not list((run / "wandb").rglob("*weights*")), "no copy is in the run"


def test_a_version_that_a_run_uses_is_read_and_remembered(tmp_path: Path, model: Path) -> None:
    with ExperimentTracker(config(tmp_path, experiment_name="maker")) as maker:
        maker.log_artifact("data", model, "dataset", "clean")
        # At once: whether the background has come to it or not.
        used = maker.use_artifact("data:clean")
        assert used.label == "data:v0" and (used.path / "weights.bin").read_bytes() == bytes(range(256)) * 400
    with ExperimentTracker(config(tmp_path, tensorboard_logging=True)) as tracker:
        assert tracker.use_artifact("data").copy_to(tmp_path / "copy").joinpath("tokenizer").is_dir()
        with pytest.raises(ValueError, match=r"no artifact 'dota'.*nearest name is 'data'"):
            tracker.use_artifact("dota")
        with pytest.raises(ValueError, match="named by a text such as 'model:best', got None"):
            tracker.use_artifact(None)  # type: ignore[arg-type]
        tracker.log_artifact("model", model / "weights.bin", "model")
    lineage = ArtifactStore(tmp_path / "artifacts").lineage("data")
    assert lineage.made_by is not None and lineage.made_by.run == "maker"
    assert [(each.run, each.made) for each in lineage.used_by] == [("maker", ("data:v0",)), ("r", ("model:v0",))]
    (text,) = read_tensorboard(tmp_path / "runs" / "r").texts["artifacts/data"]
    assert text.startswith("used **data:v0** (dataset)")


def test_what_cannot_be_kept_is_said_counted_and_stops_nothing(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "empty").mkdir()
    mistakes: Sequence[tuple[Any, ...]] = (
        ("model", tmp_path / "missing", "model"), ("../model", model, "model"), ("model", model, ""),
        ("model", model, "model", ["latest"]), ("model", tmp_path / "empty", "model"), ("model", None, "model"),
        ("model", model, "model", [], {"f": open}), ("model", 3, "model"),
        ("model", model, "model", None),
    )  # fmt: skip
    with ExperimentTracker(config(tmp_path)) as tracker:
        for mistake in mistakes:
            tracker.log_artifact(*mistake)
        tracker.log_metrics({"loss": 0.5})
    kinds = [record["kind"] for _, record in read_journal(tmp_path / "runs" / "r")]
    end = read_journal(tmp_path / "runs" / "r")[-1][1]
    assert kinds.count("artifact") + end["dropped"]["misuse"] == len(mistakes) and "training" in kinds
    assert caplog.text.count("Skipping a call of log_artifact") == end["dropped"]["misuse"] >= 8
    assert not [*(tmp_path / "artifacts" / "incoming").glob("*")]


@pytest.mark.parametrize("moment", ["after the call", "within the commit"])
def test_a_kill_leaves_a_version_that_whoever_completes_the_run_makes_whole_and_once(
    tmp_path: Path, model: Path, moment: str
) -> None:
    program = f"""
        import os, signal
        from seo_engine import ExperimentTracker, TrackingConfig
        from seo_engine.tracking.artifacts import committing
        def die(*arguments): os.kill(os.getpid(), signal.SIGKILL)
        if {moment == "within the commit"}:
            committing._numbered = die
        config = TrackingConfig(
            experiment_name="r", wandb_logging=False, tensorboard_logging=False, {ONLY_WHAT_IS_LOGGED_AS_TEXT}
        )
        tracker = ExperimentTracker(config)
        tracker.log_artifact("model", "model", "model", "best")
        if {moment == "within the commit"}:
            tracker.flush()
        die()
    """
    with training(program, tmp_path) as process:
        assert process.wait(100) == -signal.SIGKILL
        run = tmp_path / "runs" / "r"
        wait_until(lambda: "model:v0" in log_contents(run) or None if [*run.glob("logs/training_progress*")] else None)
    recover_run(run)
    store = ArtifactStore(tmp_path / "artifacts")
    assert [version.label for version in store.versions("model").present] == ["model:v0"]
    assert store.aliases("model")["best"] == 0 and store.verify().is_whole and not store.verify().findings
    assert len(objects(tmp_path)) == 2


def test_equal_content_of_several_ranks_is_one_version(tmp_path: Path, model: Path) -> None:
    program = f"""
        import sys
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(
            experiment_name="r", wandb_logging=False, tensorboard_logging=False, {ONLY_WHAT_IS_LOGGED_AS_TEXT}
        )
        with ExperimentTracker(config) as tracker:
            tracker.log_artifact("model", "model", "model")
            tracker.log_training_metrics(1, 1, {{"loss": 1.0}})
    """
    path = tmp_path / "train.py"
    path.write_text("\n".join(line[8:] for line in program.splitlines()))
    launch(tmp_path, *(Rank(rank, torchrun_variables(rank, 3), program=path) for rank in range(3)))
    store = ArtifactStore(tmp_path / "artifacts")
    assert [version.label for version in store.versions("model").present] == ["model:v0"]
    assert not [*(tmp_path / "artifacts" / "incoming").glob("*")]
    said = log_contents(tmp_path / "runs" / "r")
    assert "artifacts/model: model:v0" in said and "rank_2/artifacts/model: model:v0" in said


def test_a_server_gets_a_version_once_and_learns_what_a_run_uses(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WandBServer() as server:
        use_server(monkeypatch, server)
        with ExperimentTracker(config(tmp_path, wandb_logging=True, experiment_name="a")) as first:
            first.log_artifact("model", model, "model", "best")
        (model / "weights.bin").write_bytes(b"better")
        with ExperimentTracker(config(tmp_path, wandb_logging=True)) as tracker:
            tracker.log_artifact("model", model, "model", "best")
            tracker.log_artifact("model", model, "model")
            tracker.use_artifact("model:v0")
        assert all(state.is_complete and not state.media_not_shown for state in tracker.delivery.values())
        before, after = server.artifacts.committed
        assert before.files["weights.bin"] == bytes(range(256)) * 400 and after.files["weights.bin"] == b"better"
        assert after.aliases == {"best", "latest"} and not before.aliases
        assert before.used_by == {server_run(tracker)} and not after.used_by
        # Of a view that is made again, nothing comes twice.
        assert tracker.run_directory is not None
        (tracker.run_directory / "delivery.json").unlink()
        recover_run(tracker.run_directory)
        assert len(server.artifacts.committed) == 2


def server_run(tracker: ExperimentTracker) -> str:
    return tracker.delivery["wandb"].details["id"]


def test_a_version_that_a_server_does_not_take_is_pending_and_sent_when_it_does(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WandBServer() as server:
        use_server(monkeypatch, server)
        server.refuses_files = True
        with ExperimentTracker(config(tmp_path, wandb_logging=True, close_timeout_seconds=6)) as tracker:
            tracker.log_artifact("model", model, "model")
            tracker.log_metrics({"loss": 0.5})
        assert not tracker.delivery["wandb"].is_complete and not server.artifacts.committed
        server.refuses_files = False
        assert tracker.run_directory is not None
        states = recover_run(tracker.run_directory)
        assert states["wandb"].is_complete
        (kept,) = server.artifacts.committed
        assert {*kept.files} == {"weights.bin", "tokenizer/vocabulary.json"}


def test_closing_waits_for_artifacts_that_the_server_stores_slowly(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with WandBServer() as server:
        use_server(monkeypatch, server)
        # The files of one version come together, its manifest after them: longer than half of what closing has.
        server.artifact_seconds = 2.0
        with ExperimentTracker(config(tmp_path, wandb_logging=True, close_timeout_seconds=8)) as tracker:
            tracker.log_artifact("first", model, "model")
            tracker.log_artifact("second", model, "model")
        assert tracker.delivery["wandb"].is_complete, tracker.delivery
        assert {each.name for each in server.artifacts.committed} == {"first", "second"}
        assert "error" not in caplog.text


def test_without_tracking_artifacts_can_be_used_and_none_is_kept(tmp_path: Path, model: Path) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    store.commit(store.stage(model, "model", "model"))
    with ExperimentTracker(config(tmp_path, experiment_tracking_enabled=False)) as tracker:
        tracker.log_artifact("model", model / "weights.bin", "model")
        assert (tracker.use_artifact("model").path / "weights.bin").is_file()
    assert len(store.versions("model").present) == 1 and not (tmp_path / "runs").exists()


def test_a_test_double_remembers_the_call_and_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    double = MemoryTracker()
    double.log_artifact("model", "model", "model", "best", step=3)
    ((call, arguments),) = double.calls
    assert call == "log_artifact" and arguments["name"] == "model" and arguments["step"] == 3
    assert not [*tmp_path.iterdir()]


def test_a_tracker_used_alone_keeps_artifacts(tmp_path: Path, model: Path) -> None:
    with TensorBoardTracker(config(tmp_path, tensorboard_logging=True)) as tracker:
        tracker.log_artifact("model", model, "model")
    assert ArtifactStore(tmp_path / "artifacts").resolve("model").run == "r"


def test_a_run_without_its_artifacts_says_that_they_are_not_there_and_makes_no_store(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        tracker.log_artifact("model", model, "model")
        tracker.use_artifact("model")
    (tmp_path / "artifacts").rename(tmp_path / "elsewhere")
    run = tmp_path / "runs" / "r"
    states = recover_run(run, ["tensorboard", "run_logs"])
    assert states["tensorboard"].media_not_shown == 2 and states["tensorboard"].is_complete
    assert f"there are no artifacts in {tmp_path / 'artifacts'}" in caplog.text
    assert not (tmp_path / "artifacts").exists()


def test_a_deleted_version_is_not_made_again_by_a_view_that_is(tmp_path: Path, model: Path) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        tracker.log_artifact("model", model, "model")
    store = ArtifactStore(tmp_path / "artifacts")
    store.delete("model:v0")
    states = recover_run(tmp_path / "runs" / "r", ["tensorboard"])
    assert states["tensorboard"].media_not_shown == 1
    assert not store.versions("model").present and not objects(tmp_path)


def test_a_disk_that_is_full_for_a_while_costs_no_version(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seo_engine.tracking.artifacts import committing

    full, link = [True, True], os.link

    def refuse_twice(*arguments: Any) -> None:
        if full:
            full.pop()
            raise OSError(28, "No space left on device")
        link(*arguments)

    monkeypatch.setattr(committing.os, "link", refuse_twice)
    with ExperimentTracker(config(tmp_path)) as tracker:
        tracker.log_artifact("model", model, "model")
        tracker.log_metrics({"loss": 0.5})
        assert tracker.flush(60)
    assert not full and tracker.delivery["run_logs"].is_complete
    assert ArtifactStore(tmp_path / "artifacts").resolve("model").label == "model:v0"
