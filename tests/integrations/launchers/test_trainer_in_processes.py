"""A real Trainer on two processes that `accelerate launch` starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from seo_engine.tracking.history.summary import read_run
from tests.tracking.job.launching import ends, runs_in
from tests.tracking.read_views import assert_each_value_once, read_journal

PROGRAM = """
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
from seo_engine import TrackingConfig
from seo_engine.integrations.transformers import ExperimentTrackingCallback

model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=64, n_positions=16))
data = [{"input_ids": torch.arange(i, i + 8) % 64, "labels": torch.arange(i, i + 8) % 64} for i in range(64)]
arguments = TrainingArguments(
    output_dir="out", use_cpu=True, per_device_train_batch_size=4, num_train_epochs=2, logging_steps=1, report_to=[],
    eval_strategy="epoch", save_strategy="no", disable_tqdm=True, run_name="r",
)
config = TrackingConfig(wandb_mode="offline", selective_logging=False, system_metrics_interval_seconds=0)
trainer = Trainer(
    model, arguments, train_dataset=data, eval_dataset=data[:8], callbacks=[ExperimentTrackingCallback(config)]
)
trainer.train()
"""


def test_a_trainer_on_two_processes_is_one_run(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"]
    options = ["--num_processes=2", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
    done = subprocess.run(
        # Two processes without a GPU: what accelerate calls several GPUs is torchrun.
        [*command, *options, "--main_process_port=0", str(program)],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=False,
        env=os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert runs_in(tmp_path) == ["r"] and "error" not in done.stderr.split("seo-engine", 1)[1], done.stderr
    directory = tmp_path / "runs" / "r"
    # The Trainer gives its metrics to the first process alone; the other one has its part, with its profile.
    records = [record for _, record in read_journal(directory)]
    steps = [each["step"] for each in records if "training/loss" in each.get("metrics", {})]
    assert steps == list(range(1, 17))
    kinds = {record["kind"] for record in records if record["rank"] == 1}
    assert kinds - {"console"} == {"start", "profiling", "end"}
    assert_each_value_once(directory)
    (end,) = ends(directory)
    assert (end["status"], end["vanished_ranks"], end["missing_ranks"]) == ("finished", [], [])
    assert read_run(directory).step == 16
