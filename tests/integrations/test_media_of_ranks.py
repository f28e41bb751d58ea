"""Pictures that several ranks log: which a view shows, and where their data are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seo_engine.tracking.delivery.merging import merge_runs
from seo_engine.tracking.delivery.replay import replay_run
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.job.launching import Rank, launch, torchrun_variables
from tests.tracking.logged_media import pixels
from tests.tracking.read_views import read_journal, read_tensorboard

TRAINING = f"""
import sys
import numpy
from seo_engine import ExperimentTracker, TrackingConfig

rank, mode = int(sys.argv[1]), sys.argv[2]
config = TrackingConfig(
    experiment_name="r", wandb_logging=False, rank_metrics=mode, close_timeout_seconds=60, {ONLY_WHAT_IS_LOGGED_AS_TEXT}
)
with ExperimentTracker(config) as tracker:
    for step in range(1, 4):
        tracker.log_image("sample", numpy.full((4, 5), 10 * rank + step, dtype="uint8"), epoch=0, step=step)
"""


def train(folder: Path, mode: str, *ranks: int) -> Path:
    """Run some of the two ranks of a job in a folder, and return the folder of the run."""
    folder.mkdir(exist_ok=True)
    variables = {"TORCHELASTIC_RUN_ID": "job", "TORCHELASTIC_RESTART_COUNT": "0"}
    done = launch(
        folder, *(Rank(rank, torchrun_variables(rank, 2, **variables), (mode,), 0.0, TRAINING) for rank in ranks)
    )
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "r"


def shown(directory: Path) -> dict[str, list[int]]:
    """Return the colours of the pictures that TensorBoard shows, by name."""
    pictures = read_tensorboard(directory).pictures
    return {name: [int(pixels(each.png).max()) for each in found] for name, found in pictures.items()}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("first", {"images/sample": [1, 2, 3]}),
        ("all", {"rank_0/images/sample": [1, 2, 3], "rank_1/images/sample": [11, 12, 13]}),
    ],
)
def test_media_follow_rank_metrics_and_all_are_kept(tmp_path: Path, mode: str, expected: dict[str, list[int]]) -> None:
    directory = train(tmp_path, mode, 0, 1)
    assert shown(directory) == expected
    assert [record["kind"] for _, record in read_journal(directory)].count("image") == 6
    # Of all ranks, also of those that no view shows.
    assert len(list((directory / "media").glob("*.png"))) == 6
    assert not list((directory / "media").glob("payloads-*"))


def test_parts_of_two_hosts_are_merged_with_their_media(tmp_path: Path) -> None:
    second, first = train(tmp_path / "two", "all", 1), train(tmp_path / "one", "all", 0)
    kept = {path.name: path.read_bytes() for path in (second / "media").iterdir()}
    merge_runs([first, second])
    assert shown(first) == {"rank_0/images/sample": [1, 2, 3], "rank_1/images/sample": [11, 12, 13]}
    # The other part stays as it was, and the run needs it no longer.
    assert {path.name: path.read_bytes() for path in (second / "media").iterdir()} == kept
    shutil.rmtree(tmp_path / "two")
    copy, _ = replay_run(first, "tensorboard", show_all=True)
    assert shown(copy) == shown(first)
