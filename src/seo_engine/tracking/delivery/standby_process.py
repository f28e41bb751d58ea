"""The main program of the process that stands by until a training without W&B is killed."""

from __future__ import annotations

import sys

from seo_engine.tracking.delivery.child.leaving import FAREWELL, ignore_signals_to_the_training


def main(arguments: list[str]) -> None:
    """Wait until the training is gone, and complete its run unless it has said farewell.

    Args:
        arguments (list[str]): The run's folder.
    """
    ignore_signals_to_the_training()
    if FAREWELL in sys.stdin.buffer:
        return
    # Imported only now: until then, this process costs next to nothing.
    import logging
    import os
    from pathlib import Path

    from seo_engine.tracking.delivery.child.child_log import ChildLog
    from seo_engine.tracking.delivery.recovery import recover_run
    from seo_engine.tracking.runs.lifecycle import read_lifecycle

    run_directory = Path(arguments[0])
    with ChildLog(run_directory, "standby", read_lifecycle(run_directory)).open() as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    recover_run(run_directory)
