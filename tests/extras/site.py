"""In an environment with the extra `site` alone, sites are read, and a training without trackers is journalled whole.

`make test-extras` installs that environment and runs this there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from seo_engine.engine.site.folder import SAMPLE_SITE, read_site
from seo_engine.engine.site.parsing import parse_page
from seo_engine.foundation.extras import missing_from
from seo_engine.tracking import read_run
from tests.extras.environment import check_environment, missing_extra_of_train

STEPS = 20

TRAINING = f"""
from seo_engine import ExperimentTracker
with ExperimentTracker() as tracker:
    for step in range({STEPS}):
        tracker.log_training_metrics(epoch=1, step=step, metrics={{"loss": 1 / (step + 1)}})
print(tracker.run_directory)
"""


def check_reading() -> None:
    """The bundled site and a page are read."""
    site = read_site(SAMPLE_SITE)
    assert len(site.usable_pages) == len(site.pages) >= 60 and site.skipped == {}
    page = parse_page("<title>Pots</title><h1>Our pots</h1><p>Made by hand.</p>", "pots.html")
    assert (page.title, page.main_text) == ("Pots", "Our pots\nMade by hand.")


def check_audit() -> None:
    """The bundled site is audited, and an address is said to need another extra."""
    command = [sys.executable, "-m", "seo_engine.cli", "audit"]
    finished = subprocess.run([*command, str(SAMPLE_SITE)], capture_output=True, text=True, check=False)
    assert finished.returncode == 0 and "nothing to mend on" in finished.stdout, finished.stderr
    refused = subprocess.run([*command, "https://example.org/"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and 'pip install "seo-engine[crawl]"' in refused.stderr, refused.stderr


def check_training_without_trackers() -> None:
    """Each tracker says what it needs; the training goes on, and its journal is complete."""
    finished = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    run = read_run(Path(finished.stdout.splitlines()[-1]))
    assert run.status == "finished" and run.metrics["training/loss"].count == STEPS
    errors = [line for line in finished.stderr.splitlines() if line.startswith("seo-engine error: ")]
    for tracker in ("TensorBoard", "Weights & Biases"):
        said = [line for line in errors if tracker in line and 'pip install "seo-engine[tracking]"' in line]
        assert said, f"{tracker}:\n{finished.stderr}"


def check_what_is_missing() -> None:
    """The extras that are not here are named in one line."""
    assert missing_from("site") == [] and missing_from("tracking") == ["pillow", "tensorboard", "torch", "wandb"]
    message = missing_extra_of_train()
    assert "peft" in message and "torch" in message and "selectolax" not in message, message


if __name__ == "__main__":
    check_environment(without=("torch", "tensorboard", "wandb", "PIL", "transformers", "pytest"))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        check_reading()
        check_audit()
        check_what_is_missing()
        check_training_without_trackers()
        os.chdir(Path(__file__).parent)
    print("site: the bundled site was read and audited, and a training without trackers was journalled whole")
