"""The callback acts once for each event, describes a run once, is copied and pickled, and raises nothing."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.integrations.transformers import ExperimentTrackingCallback
from seo_engine.tracking.history.summary import read_run
from tests.integrations.tiny_trainer import counts_of, tiny_trainer, untracked
from tests.tracking.read_views import read_journal, read_tensorboard


def config_in(folder: Path, **settings: Any) -> TrackingConfig:
    return TrackingConfig(tensorboard_log_dir=str(folder / "runs"), wandb_logging=False, **settings)


def records_of(tracker: ExperimentTracker | None, kind: str) -> list[dict[str, Any]]:
    assert tracker is not None and tracker.run_directory is not None
    return [record for _, record in read_journal(tracker.run_directory) if record["kind"] == kind]


def test_evaluations_of_every_name_are_logged_as_evaluations(tmp_path: Path) -> None:
    with ExperimentTracker(config_in(tmp_path)) as tracker:
        trainer = tiny_trainer(
            tmp_path, [ExperimentTrackingCallback(tracker)], eval_sets=("one", "one_two"),
            compute_metrics=lambda _: {"rewards/chosen": 1.0, "per_class": {"a": 0.5}},
        )  # fmt: skip
        trainer.train()
        trainer.evaluate(trainer.train_dataset, metric_key_prefix="test")  # type: ignore[arg-type]
        trainer.predict(trainer.train_dataset, metric_key_prefix="final")  # type: ignore[arg-type]
        trainer.log({"note": "a sentence", "value": 1.0, "nested": {"deep": 2.0}})  # type: ignore[dict-item]
    assert tracker.run_directory is not None
    metrics = read_run(tracker.run_directory).metrics
    groups = {"evaluation/one": 2, "evaluation/one_two": 2, "test": 1, "final": 1}
    evaluated = {f"{group}/{name}": count for group, count in groups.items()
                 for name in ("loss", "rewards/chosen", "per_class/a")}  # fmt: skip
    logged = {name for record in records_of(tracker, "evaluation") for name in record["metrics"]}
    assert logged == evaluated.keys()
    assert {name: metrics[name].count for name in logged} == evaluated
    speeds = {f"performance/{group.replace('/', '_')}_{speed}" for group in groups
              for speed in ("seconds", "samples_per_second", "steps_per_second")}  # fmt: skip
    assert speeds < metrics.keys()
    training = {name for record in records_of(tracker, "training") for name in record["metrics"]}
    assert training == {
        "training/loss", "training/learning_rate", "training/gradient_norm", "training/mean_loss", "training/value",
        "nested/deep",
    }  # fmt: skip
    (text,) = records_of(tracker, "text")
    assert (text["name"], text["text"]) == ("text/note", "a sentence")
    assert records_of(tracker, "end")[-1]["dropped"] == {}
    scalars = read_tensorboard(tracker.run_directory).scalars
    assert [each.step for each in scalars["evaluation/one_two/loss"]] == [4, 8]


def twice_the_same(config: TrackingConfig) -> list[Any]:
    callback = ExperimentTrackingCallback(config)
    return [callback, callback]


def two_with_one_tracker(config: TrackingConfig) -> list[Any]:
    tracker = ExperimentTracker(config)
    return [ExperimentTrackingCallback(tracker), ExperimentTrackingCallback(tracker)]


def two_with_one_configuration(config: TrackingConfig) -> list[Any]:
    return [ExperimentTrackingCallback(config), ExperimentTrackingCallback(config)]


def one_and_its_copy(config: TrackingConfig) -> list[Any]:
    callback = ExperimentTrackingCallback(ExperimentTracker(config))
    return [callback, copy.deepcopy(callback)]


@pytest.mark.parametrize("make", [twice_the_same, two_with_one_tracker, two_with_one_configuration, one_and_its_copy])
@pytest.mark.parametrize("added_later", [False, True])
def test_a_callback_that_is_added_twice_logs_and_times_once(tmp_path: Path, make: Any, added_later: bool) -> None:
    first, second = make(config_in(tmp_path))
    trainer = tiny_trainer(
        tmp_path, [first] if added_later else [first, second], save_strategy="epoch", gradient_accumulation_steps=2
    )
    if added_later:
        trainer.add_callback(second)
    trainer.train()
    trainer.evaluate()
    trainer.predict(trainer.train_dataset)  # type: ignore[arg-type]
    tracker = first.tracker
    assert second.tracker is tracker and tracker is not None
    tracker.close()
    assert [record["step"] for record in records_of(tracker, "training")] == [1, 2, 3, 4, 4]
    assert [record["step"] for record in records_of(tracker, "evaluation")] == [2, 4, 4, 4]
    assert len(records_of(tracker, "hyperparameters")) == len(records_of(tracker, "model_architecture")) == 1
    counts = counts_of(tracker)
    assert {name: counts[name] for name in ("training_step", "optimizer_step", "forward_pass", "evaluate")} == {
        "training_step": 4, "optimizer_step": 4, "forward_pass": 8, "evaluate": 4,
    }  # fmt: skip
    assert (counts["load_batch"], counts["log_step"], counts["save_checkpoint"]) == (4, 4, 2)


def test_the_class_and_an_instance_of_it_begin_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    callback = ExperimentTrackingCallback()
    tiny_trainer(tmp_path, [ExperimentTrackingCallback, callback], max_steps=1).train()
    assert callback.tracker is not None
    callback.tracker.close()
    assert len(list((tmp_path / "runs").glob("*/journal.jsonl"))) == 1
    assert len(records_of(callback.tracker, "model_architecture")) == 1


def test_two_callbacks_with_runs_of_their_own_both_log(tmp_path: Path) -> None:
    callbacks = [ExperimentTrackingCallback(config_in(tmp_path)) for _ in range(2)]
    tiny_trainer(tmp_path, callbacks, max_steps=1).train()
    for callback in callbacks:
        assert callback.tracker is not None
        callback.tracker.close()
        assert len(records_of(callback.tracker, "hyperparameters")) == 1


def test_two_trainers_with_one_tracker_both_log(tmp_path: Path) -> None:
    with ExperimentTracker(config_in(tmp_path)) as tracker:
        teacher, student = (tiny_trainer(tmp_path, [ExperimentTrackingCallback(tracker)], max_steps=2) for _ in "12")
        teacher.train()
        student.train()
        teacher.evaluate()
    assert [record["step"] for record in records_of(tracker, "training")] == [1, 2, 2, 1, 2, 2]
    # They have the same arguments and models of the same form.
    assert len(records_of(tracker, "hyperparameters")) == len(records_of(tracker, "model_architecture")) == 1


def test_a_second_training_logs_only_what_has_changed(tmp_path: Path) -> None:
    with ExperimentTracker(config_in(tmp_path)) as tracker:
        callback = ExperimentTrackingCallback(tracker, {"lora_rank": 8, "corpus": {"pages": 3}})
        trainer = tiny_trainer(tmp_path, [callback], max_steps=1)
        trainer.train()
        trainer.train()
        assert len(records_of(tracker, "hyperparameters")) == 1 and len(records_of(tracker, "settings")) == 2
        trainer.args.learning_rate = 0.5
        trainer.train()
        assert trainer.model is not None
        for parameter in list(trainer.model.parameters())[:1]:
            parameter.requires_grad = False
        trainer.train()
    first, second = records_of(tracker, "hyperparameters")
    assert first["hyperparameters"]["lora_rank"] == 8
    assert second["hyperparameters"] == {"learning_rate": 0.5}
    assert records_of(tracker, "settings")[-1]["settings"] == {"training_arguments": {"learning_rate": 0.5}}
    whole, partly = [record["architecture"] for record in records_of(tracker, "model_architecture")]
    assert partly["trainable_parameters"] < whole["trainable_parameters"] == whole["parameters"]
    assert tracker.run_directory is not None
    run = read_run(tracker.run_directory)
    assert run.hyperparameters["learning_rate"] == 0.5 and run.hyperparameters["corpus"] == {"pages": 3}
    assert run.settings["training_arguments"]["learning_rate"] == 0.5 and len(run.settings["training_arguments"]) > 80


def test_a_pickled_callback_logs_to_the_same_run(tmp_path: Path) -> None:
    with ExperimentTracker(config_in(tmp_path)) as tracker:
        callback = ExperimentTrackingCallback(tracker, {"lora_rank": 8})
        # It has been in a Trainer.
        tiny_trainer(tmp_path, [callback], max_steps=1).train()
        (tmp_path / "callback.pickle").write_bytes(pickle.dumps(callback))
        program = (
            "import pathlib, pickle; from tests.integrations.tiny_trainer import tiny_trainer\n"
            f"callback = pickle.loads(pathlib.Path({str(tmp_path / 'callback.pickle')!r}).read_bytes())\n"
            f"tiny_trainer(pathlib.Path({str(tmp_path)!r}), [callback], max_steps=2).train()\n"
        )
        root = Path(__file__).parents[2]
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, cwd=root)
    assert [record["step"] for record in records_of(tracker, "training")] == [1, 1, 1, 2, 2]


def test_a_callback_without_a_run_is_pickled_with_its_settings(tmp_path: Path) -> None:
    callback = ExperimentTrackingCallback(config_in(tmp_path, experiment_name="folds"), {"lora_rank": 8})
    for copied in (pickle.loads(pickle.dumps(callback)), copy.deepcopy(callback), copy.copy(callback)):
        assert copied.tracker is None and copied._config.experiment_name == "folds"
        assert copied._hyperparameters == {"lora_rank": 8}


def test_a_subclass_with_arguments_of_its_own_is_copied_whole(tmp_path: Path) -> None:
    tracker, _ = untracked()
    callback = NamedCallback("fold", tracker)
    copied = copy.deepcopy(callback)
    assert copied.name == ["fold"] and copied.name is not callback.name and copied.tracker is tracker
    assert pickle.loads(pickle.dumps(callback)).name == ["fold"]
    tiny_trainer(tmp_path, [copied], max_steps=1).train()
    assert counts_of(tracker)["training_step"] == 1


class NamedCallback(ExperimentTrackingCallback):
    def __init__(self, name: str, tracker: ExperimentTracker) -> None:
        super().__init__(tracker)
        self.name = [name]


@pytest.mark.parametrize(
    ("report_to", "settings", "said"),
    [
        (["tensorboard"], {}, "TensorBoard will get everything twice"),
        (["tensorboard"], {"tensorboard_logging": False}, None),
        ("none", {}, None),
    ],
)
def test_a_second_logger_in_report_to_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, report_to: Any, settings: dict[str, Any], said: str | None
) -> None:
    with ExperimentTracker(config_in(tmp_path, **settings)) as tracker:
        trainer = tiny_trainer(tmp_path, [ExperimentTrackingCallback(tracker)], report_to=report_to, max_steps=1)
        trainer.train()
        trainer.train()
    messages = [message for message in caplog.messages if "report_to" in message]
    assert len(messages) == (said is not None) and all(said in message for message in messages if said)


def test_both_loggers_in_report_to_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), wandb_mode="offline")
    with ExperimentTracker(config) as tracker:
        trainer = tiny_trainer(tmp_path, [ExperimentTrackingCallback(tracker)], max_steps=1)
        # As if the Trainer had made its own callbacks of them, which would open a W&B run.
        trainer.args.report_to = ["wandb", "tensorboard", "codecarbon"]
        trainer.train()
    assert "TensorBoard and W&B will get everything twice, because report_to also names them" in caplog.text


def test_what_fails_in_the_callback_is_said_once_and_ends_no_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExperimentTracker(config_in(tmp_path)) as tracker:
        callback = ExperimentTrackingCallback(tracker)

        def failing(*arguments: Any, **others: Any) -> None:
            raise KeyError("broken")

        for name in ("begin_step", "end_step", "end_evaluation", "begin_training"):
            monkeypatch.setattr(callback._clock, name, failing)
        trainer = tiny_trainer(tmp_path, [callback])
        trainer.train()
    assert trainer.state.global_step == 8
    messages = [message for message in caplog.messages if "the training continues" in message]
    assert messages == [
        f"⚠️ Tracking failed in {name}; the training continues: KeyError: 'broken'"
        for name in ("on_train_begin", "on_step_begin", "on_step_end", "on_evaluate")
    ]
    assert len(records_of(tracker, "training")) == 9


def test_a_run_that_cannot_begin_raises_only_if_that_is_wished(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    tiny_trainer(tmp_path, [ExperimentTrackingCallback(config_in(tmp_path))], max_steps=1).train()
    callback = ExperimentTrackingCallback(config_in(tmp_path, on_setup_failure="raise"))
    with pytest.raises(OSError):
        tiny_trainer(tmp_path, [callback], max_steps=1).train()


def test_a_model_that_cannot_be_described_costs_no_metric(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExperimentTracker(config_in(tmp_path)) as tracker:
        trainer = tiny_trainer(tmp_path, [ExperimentTrackingCallback(tracker)])

        def refuse(model: Any) -> str:
            raise RuntimeError("no form")

        monkeypatch.setattr(type(trainer.model), "__repr__", refuse)
        trainer.evaluate()
    assert "The training cannot be described: no form" in caplog.text
    assert len(records_of(tracker, "evaluation")) == 1


def test_a_training_that_begins_again_with_smaller_batches_is_logged_whole(tmp_path: Path) -> None:
    with ExperimentTracker(config_in(tmp_path)) as tracker:
        trainer = tiny_trainer(tmp_path, [ExperimentTrackingCallback(tracker), TooLarge()], auto_find_batch_size=True)
        trainer.train()
    assert trainer.args.train_batch_size == 4 and trainer._train_batch_size < 4
    losses = [record["step"] for record in records_of(tracker, "training") if "training/loss" in record["metrics"]]
    assert losses == [entry["step"] for entry in trainer.state.log_history if "loss" in entry]


class TooLarge(TrainerCallback):
    """Lets the Trainer believe, once, that a batch does not fit into the memory."""

    def __init__(self) -> None:
        self.is_full = True

    def on_step_begin(self, *arguments: Any, **others: Any) -> None:
        if self.is_full:
            self.is_full = False
            raise RuntimeError("CUDA out of memory.")
