"""The main program of the process that stands by until a training without W&B is killed."""

from __future__ import annotations

import sys

from seo_engine.tracking.runs.training_end import FAREWELL, ignore_signals_to_the_training


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
    from pathlib import Path

    from seo_engine.tracking.delivery.recovery import recover_run

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    recover_run(Path(arguments[0]))
