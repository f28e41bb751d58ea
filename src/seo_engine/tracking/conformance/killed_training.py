"""The main program of a training that is killed, to check what its tracker makes of that."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from seo_engine.tracking.conformance.subject import imported, log_values, subject_of, values_at
from seo_engine.tracking.experiment_tracker import ExperimentTracker

FIRST_STEPS = range(1, 41)
LATER_STEPS = range(41, 81)

READY = "ready"


def main(arguments: list[str]) -> None:
    """Train until killed, when a part has been delivered and a part perhaps not.

    Args:
        arguments (list[str]): As JSON: the folder of the run; the tracker, by its name or as `module:name`; and its
            settings.
    """
    folder, tracker, settings = json.loads(arguments[0])
    given = imported(tracker) if ":" in tracker else tracker
    subject = subject_of(given, Path(tempfile.mkdtemp(dir=folder)), settings, None)
    with subject.in_use():
        training = ExperimentTracker(subject.config(Path(folder)))
        log_values(training, values_at(FIRST_STEPS))
        training.flush()
        log_values(training, values_at(LATER_STEPS))
        print(READY, flush=True)
        # Until it is killed.
        sys.stdin.read()
