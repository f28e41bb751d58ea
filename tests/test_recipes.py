"""The recipes of CONTRIBUTING.md, followed: each change touches the files that its recipe names, and no others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import seo_engine
from seo_engine.tracking import read_run
from tests.tracking.read_views import read_tensorboard, read_wandb, wandb_file

SOURCE = Path(seo_engine.__file__).parent


class ChangedPackage:
    """A copy of the package with changes, and which files they touch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "package" / "seo_engine"
        self.touched: set[str] = set()
        # With what is compiled already: Python itself sees which modules were changed.
        shutil.copytree(SOURCE, self.package, ignore=shutil.ignore_patterns("sample_site"))

    def add(self, path: str, text: str) -> None:
        assert not (self.package / path).exists()
        (self.package / path).write_text(text, encoding="utf-8")
        self.touched.add(path)

    def insert(self, path: str, before: str, text: str) -> None:
        """Insert lines before the first line that begins so."""
        file = self.package / path
        contents = file.read_text(encoding="utf-8")
        assert f"\n{before}" in contents
        file.write_text(contents.replace(f"\n{before}", f"\n{text}{before}", 1), encoding="utf-8")
        self.touched.add(path)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join([str(self.package.parent), str(self.folder)])
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )


IMAGE_KIND = '''
"""Images of a test."""

from __future__ import annotations

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.forms import Image, Picture
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown


def _contents(name: str, png: bytes, width: int, height: int, epoch: float, step: int) -> Record:
    return {"name": f"images/{name}", "png": png.hex(), "size": [width, height], "epoch": epoch, "step": step}


def _shown(record: Record, payloads: Payloads) -> Shown:
    image = Image(record["name"], lambda: [Picture(bytes.fromhex(record["png"]), *record["size"])])
    return Shown(IMAGE_FOR_TEST, record, record["epoch"], record["step"], media=((image,),))


IMAGE_FOR_TEST = Kind(
    "image_for_test", "log_image_for_test", {**MOMENT, "name": str, "png": str, "size": list}, _shown, _contents
)
'''

IMAGE_CALL = '''    def log_image_for_test(self, name: str, png: bytes, width: int, height: int) -> None:
        """Log an image."""
        epoch, step = self._moment(None, None)
        self._take("image_for_test", name=name, png=png, width=width, height=height, epoch=epoch, step=step)

'''

LOGS_AN_IMAGE = """
import io
from PIL import Image
from seo_engine import ExperimentTracker, MemoryTracker, TrackingConfig
from seo_engine.tracking import DestinationTracker
class TrackerOfLastYear(DestinationTracker):
    name = "last_year"
    seen = 0
    def setup(self):
        self.available = True
    def show(self, shown, recorded):
        self.seen += len(shown.numbers)
file = io.BytesIO()
Image.new("RGB", (8, 4), "#4e79a7").save(file, "PNG")
config = TrackingConfig(
    wandb_mode="offline", experiment_name="r", enable_code_profiling=False, system_metrics_interval_seconds=0,
    record_surroundings=False,
)
last_year, memory = TrackerOfLastYear(), MemoryTracker()
with ExperimentTracker(config, extra_trackers=[last_year, memory]) as tracker:
    tracker.log_training_metrics(1, 7, {"loss": 0.5})
    tracker.log_image_for_test("blue", file.getvalue(), 8, 4)
assert last_year.seen == 1
assert [name for name, _ in memory.calls] == [
    "log_experiment_config", "log_training_metrics", "log_image_for_test", "log_end"
]
for state in tracker.delivery.values():
    assert state.is_complete and not state.dropped and not state.unknown_records, tracker.delivery
"""


def test_a_kind_of_record_is_one_module_one_line_and_one_call(tmp_path: Path) -> None:
    changed = ChangedPackage(tmp_path)
    records = "tracking/records/"
    changed.add(records + "image_for_test.py", IMAGE_KIND)
    changed.insert(
        records + "kinds.py",
        "from seo_engine.tracking.records.kind import",
        "from seo_engine.tracking.records.image_for_test import IMAGE_FOR_TEST\n",
    )
    changed.insert(records + "kinds.py", "        *RUN_MARKS,", "        IMAGE_FOR_TEST,\n")
    changed.insert(records + "loggable.py", "    def _take_metrics(", IMAGE_CALL)
    finished = changed.run("-c", LOGS_AN_IMAGE)
    assert finished.returncode == 0, finished.stderr
    directory = tmp_path / "runs" / "r"
    (picture,) = read_tensorboard(directory).pictures["images/blue"]
    assert (picture.step, picture.width, picture.height) == (7, 8, 4) and picture.png.startswith(b"\x89PNG")
    rows = read_wandb(directory / "wandb").rows
    assert [row["global_step"] for row in rows] == [7, 7]
    assert wandb_file(directory / "wandb", rows[1]["images/blue"]).read_bytes().startswith(b"\x89PNG")
    assert changed.touched == {records + name for name in ("image_for_test.py", "kinds.py", "loggable.py")}


def test_a_version_without_the_kind_passes_over_it_counts_it_and_says_so_once(tmp_path: Path) -> None:
    changed = ChangedPackage(tmp_path)
    program = """
import logging
from seo_engine import ExperimentTracker, TrackingConfig
config = TrackingConfig(
    wandb_logging=False, experiment_name="r", enable_code_profiling=False, system_metrics_interval_seconds=0,
    record_surroundings=False,
)
with ExperimentTracker(config) as tracker:
    for _ in range(3):
        tracker.logging_queue.append(b'{"kind":"image_for_test","time":1.0,"rank":0,"name":"images/blue"}' + b"\\n")
    tracker.log_training_metrics(1, 1, {"loss": 0.5})
state = tracker.delivery["tensorboard"]
assert state.is_complete and state.unknown_records == 3 and not state.dropped, state
"""
    finished = changed.run("-c", program)
    assert finished.returncode == 0, finished.stderr
    said = [line for line in finished.stderr.splitlines() if "image_for_test" in line and "tensorboard" in line]
    assert len(said) == 1, finished.stderr
    run = read_run(tmp_path / "runs" / "r")
    assert run.unknown_records == 3 and run.unreadable_lines == 0 and run.metrics["training/loss"].count == 1
    shown = changed.run("-m", "seo_engine.cli", "runs", "show", "r")
    assert "3 records are of kinds that this version does not know" in shown.stdout


TRACKER_OF_ANOTHER_PACKAGE = '''
"""A tracker of a package that is not ours: it writes comma-separated values."""

from pathlib import Path

from seo_engine import DestinationTracker


class CommaSeparatedTracker(DestinationTracker):
    name = "comma_separated"

    def __init__(self, path: Path) -> None:
        self.path = path

    def setup(self):
        self.file = self.path.open("w")
        self.available = True

    def show(self, shown, recorded):
        for name, value in shown.numbers.items():
            self.file.write(f"{recorded.number},{shown.step},{name},{value}\\n")

    def flush(self):
        self.file.flush()
'''


def test_a_tracker_of_another_package_touches_no_file_of_ours(tmp_path: Path) -> None:
    changed = ChangedPackage(tmp_path)
    (tmp_path / "another_package").mkdir()
    (tmp_path / "another_package" / "__init__.py").write_text(TRACKER_OF_ANOTHER_PACKAGE)
    program = """
from pathlib import Path
from another_package import CommaSeparatedTracker
from seo_engine import ExperimentTracker, TrackingConfig
config = TrackingConfig(
    tensorboard_logging=False, wandb_logging=False, enable_code_profiling=False, system_metrics_interval_seconds=0,
    record_surroundings=False,
)
with ExperimentTracker(config, extra_trackers=[CommaSeparatedTracker(Path("values.csv"))]) as tracker:
    tracker.log_hyperparameters({"learning_rate": 0.1})
    tracker.log_training_metrics(epoch=1, step=1, metrics={"loss": 0.5})
    tracker.log_text("note", "hello")
    tracker.log_profiling_data({"timings": {"forward_pass": 0.25}})
    assert tracker.flush()
state = tracker.delivery["comma_separated"]
assert state.is_complete and not state.dropped and state.delivered == 6, state
"""
    finished = changed.run("-c", program)
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "values.csv").read_text().splitlines() == [
        "3,1,training/loss,0.5",
        "5,1,profiling/timing/forward_pass,0.25",
    ]
    assert not changed.touched


def test_a_setting_with_a_flag_is_one_field(tmp_path: Path) -> None:
    changed = ChangedPackage(tmp_path)
    changed.insert(
        "tracking/configuration.py",
        "    wandb_logging: bool",
        '    rehearsal_steps: int = setting(3, "Steps of a rehearsal.", above=0, flag="--rehearsal-steps")\n',
    )
    shown = changed.run("-m", "seo_engine.cli", "train", "--help")
    assert "--rehearsal-steps INTEGER" in shown.stdout and "Steps of a rehearsal." in shown.stdout
    refused = changed.run("-m", "seo_engine.cli", "train", "--rehearsal-steps", "0")
    assert refused.returncode == 2 and "rehearsal_steps must be positive, got 0" in refused.stderr
    assert changed.touched == {"tracking/configuration.py"}


COMMAND = '''
"""`seo-engine greet`."""

import click


@click.command()
def greet() -> None:
    """Say hello."""
    click.echo("hello")
'''


def test_a_command_is_one_module_and_one_line(tmp_path: Path) -> None:
    changed = ChangedPackage(tmp_path)
    changed.add("cli/greet.py", COMMAND)
    changed.insert("cli/__init__.py", '    "runs":', '    "greet": "seo_engine.cli.greet:greet",\n')
    assert changed.run("-m", "seo_engine.cli", "greet").stdout == "hello\n"
    assert "Say hello." in changed.run("-m", "seo_engine.cli", "--help").stdout
    assert changed.touched == {"cli/greet.py", "cli/__init__.py"}


INTEGRATION = '''
"""Tracks the steps of a framework of a test."""

from seo_engine.tracking import Loggable


class StepListener:
    def __init__(self, tracker: Loggable) -> None:
        self._tracker = tracker

    def on_step(self, step: int, loss: float) -> None:
        self._tracker.log_training_metrics(epoch=1, step=step, metrics={"loss": loss})
'''


def test_an_integration_is_one_module_over_what_can_be_logged_to(tmp_path: Path) -> None:
    changed = ChangedPackage(tmp_path)
    changed.add("integrations/framework_for_test.py", INTEGRATION)
    program = """
from seo_engine import MemoryTracker
from seo_engine.integrations.framework_for_test import StepListener
tracker = MemoryTracker()
StepListener(tracker).on_step(1, 0.5)
assert tracker.calls == [("log_training_metrics", {"epoch": 1, "step": 1, "metrics": {"loss": 0.5}})]
"""
    finished = changed.run("-c", program)
    assert finished.returncode == 0, finished.stderr
    assert changed.touched == {"integrations/framework_for_test.py"}
