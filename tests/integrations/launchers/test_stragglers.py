"""A real training of three ranks, one of which loads its data slowly: who is slow, and one trace of all of them."""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from tests.cli.commands import command

PROGRAM = """
import time
import torch
import torch.distributed as distributed
from torch.nn.parallel import DistributedDataParallel
from seo_engine import ExperimentTracker, TrackingConfig

torch.set_num_threads(1)
distributed.init_process_group("gloo")
rank = distributed.get_rank()
model = DistributedDataParallel(torch.nn.Linear(64, 8))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

def batches():
    for _ in range(40):
        if rank == 1:
            time.sleep(0.03)
        yield torch.randn(4, 64)

config = TrackingConfig(experiment_name="r", wandb_logging=False, rank_metrics="reduced")
with ExperimentTracker(config) as tracker:
    profiler = config.code_profiler
    for step, batch in enumerate(profiler.profile_steps(batches()), start=1):
        with profiler.profile_operation("forward_pass", "training_loop"):
            loss = model(batch).square().mean()
        with profiler.profile_operation("backward_pass", "training_loop"):
            loss.backward()
        with profiler.profile_operation("optimizer_step", "training_loop"):
            optimizer.step()
        tracker.log_metrics({"loss": loss.item()}, step=step)
    tracker.log_text("sample", f"of rank {rank}")
distributed.destroy_process_group()
"""


def test_the_rank_that_the_others_wait_for_is_named_with_what_to_do_and_all_are_in_one_trace(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "3", "train.py"],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=False,
        timeout=200,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    shown = command("runs", "show", "r", cwd=tmp_path).stdout
    assert "see what rank 1 loads" in shown
    assert "of rank 0" in shown
    profile = json.loads(command("runs", "show", "r", "--profile", "--json", cwd=tmp_path).stdout)
    comparison = profile["comparison"]
    assert (comparison["slowest_rank"], comparison["slowest_part"]) == (1, "data_loading")
    assert comparison["skew_seconds"] > 0.02
    assert "rank 1 is the slowest in" in command("runs", "show", "r", "--profile", cwd=tmp_path).stdout
    traced = command("runs", "trace", "r", "--output", "all.json", cwd=tmp_path)
    assert traced.stdout == "3 ranks in all.json, which opens in https://ui.perfetto.dev\n"
    events = json.loads((tmp_path / "all.json").read_text())["traceEvents"]
    ends = {
        rank: [each["ts"] + each["dur"] for each in events if each["name"] == "backward_pass" and each["pid"] == rank]
        for rank in range(3)
    }
    # All ranks end their backward pass together, so on one clock much closer to one another than to the next step.
    apart = [max(moments) - min(moments) for moments in zip(*ends.values(), strict=True)]
    steps = [after - before for before, after in itertools.pairwise(ends[1])]
    assert len(apart) == 40
    assert statistics.median(apart) < statistics.median(steps) / 2


def test_a_run_of_one_process_has_its_trace_already(tmp_path: Path) -> None:
    (tmp_path / "runs" / "r").mkdir(parents=True)
    (tmp_path / "runs" / "r" / "journal.jsonl").write_bytes(b'{"kind":"start","time":1.0,"configuration":{}}\n')
    traced = command("runs", "trace", "r", cwd=tmp_path)
    assert traced.returncode == 2
    assert traced.stderr == "error: runs/r has one process; its trace is runs/r/profile/trace.json\n"
