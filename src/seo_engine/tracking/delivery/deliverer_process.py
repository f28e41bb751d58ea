"""The main program of the child process of rank 0 that delivers what all ranks log.

It outlives rank 0: it follows the journals of all ranks until each of them has ended or vanished, and then ends the
run.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from seo_engine.tracking.delivery.child.messages import Begin, decode_message
from seo_engine.tracking.delivery.child.report_pipe import open_report_pipe
from seo_engine.tracking.delivery.rank_delivery import RankDelivery
from seo_engine.tracking.runs.lifecycle import read_configuration
from seo_engine.tracking.runs.training_end import ignore_signals_to_the_training


def main(arguments: list[str]) -> None:
    """Deliver until the run has ended.

    Args:
        arguments (list[str]): The run's folder, and the process id of rank 0.
    """
    run_directory, training_process = Path(arguments[0]), int(arguments[1])
    ignore_signals_to_the_training()
    pipe = open_report_pipe(run_directory, "")
    beginning = decode_message(sys.stdin.buffer.readline())
    assert isinstance(beginning, Begin)
    config = read_configuration(beginning.configuration)
    # This process has nothing else to do.
    config.asynchronous_logging = True

    delivery = RankDelivery(run_directory, config, training_process, pipe.send_progress)
    threading.Thread(target=_wake_at_requests, args=(delivery,), name="request-thread", daemon=True).start()
    delivery.run()
    pipe.send_operations([each.as_dictionary() for each in config.code_profiler.statistics()])
    delivery.report(closed=True)
    pipe.end()


def _wake_at_requests(delivery: RankDelivery) -> None:
    """Deliver at once whenever rank 0 asks for it; that it is gone, its journal and its lock say."""
    for _ in sys.stdin.buffer:
        delivery.wake()
