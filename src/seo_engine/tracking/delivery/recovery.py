"""Recovery: completes the views of a run from its journal."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.conclusion import conclude
from seo_engine.tracking.delivery.deliveries import Deliveries
from seo_engine.tracking.delivery.payload_release import release_payloads
from seo_engine.tracking.journal.rank_files import is_part
from seo_engine.tracking.journal.rank_journals import end_of_journal, open_journal
from seo_engine.tracking.journal.reader import Journal
from seo_engine.tracking.runs.ledger import DeliveryState, read_delivery
from seo_engine.tracking.runs.lifecycle import Lifecycle, is_open, read_configuration, read_lifecycle
from seo_engine.tracking.runs.places import DELIVERY, run_directories
from seo_engine.tracking.trackers.registry import configured_destinations, is_optional

logger = logging.getLogger(__name__)

# Delivery continues while there is progress within this time; `wandb.init` alone may take a minute and a half.
LONGEST_STANDSTILL_SECONDS = 100.0
_LOOK_SECONDS = 1.0

_LONGEST_RELEASE_SECONDS = 600.0

Progress = Callable[[dict[str, DeliveryState]], None]


def recover_run(
    run_directory: Path, views: Sequence[str] | None = None, progress: Progress = lambda states: None
) -> dict[str, DeliveryState]:
    """Complete the views of a run that was killed, or whose trackers were not reached.

    Args:
        run_directory (Path): The run's folder.
        views (Sequence[str] | None): Their names; None means those that the run's configuration enables.
        progress (Progress): Called about once a second with the ledgers.

    Returns:
        dict[str, DeliveryState]: The ledger of each view.

    Raises:
        RunStillOpenError: If the run's process is alive.
        OSError: If the journal cannot be read or written.
        ValueError: If the journal does not say how the run began.
    """
    life = conclude(run_directory, "killed")
    config = read_configuration(life.configuration)
    names = configured_destinations(config) if views is None else views
    return deliver_rest(run_directory, config, life, names, progress)


def unfinished_runs(log_directory: Path) -> list[Path]:
    """Return the runs of this machine that `recover_run` would complete, the oldest first.

    Args:
        log_directory (Path): The folder of all runs.

    Returns:
        list[Path]: Folders of runs that no process writes and that have no end, or incomplete views; not of parts.
    """
    found = []
    for directory in run_directories(log_directory):
        try:
            if is_open(directory) or is_part(directory):
                continue
            life = read_lifecycle(directory)
            # On a shared file system there is no telling whether another machine's run is still open.
            if life.host == platform.node() and not is_complete(directory, life):
                found.append((life.started, directory))
        except (OSError, ValueError) as error:
            logger.warning("⚠️ %s", error)
    return [directory for _, directory in sorted(found)]


def is_complete(run_directory: Path, life: Lifecycle) -> bool:
    """Return whether a run has an end, and its views have all of it.

    Args:
        run_directory (Path): The run's folder.
        life (Lifecycle): How it began and ended.

    Raises:
        OSError: If the journal cannot be read.
    """
    states = read_delivery(run_directory / DELIVERY)
    # An attached process may have logged after the end.
    logged = end_of_journal(run_directory)
    views = configured_destinations(read_configuration(life.configuration))
    return life.status is not None and all(
        name in states and states[name].is_complete and states[name].offset >= logged
        for name in views
        # Log files are for people; nobody misses the end of one.
        if is_optional(name)
    )


def deliver_rest(
    run_directory: Path,
    config: TrackingConfig,
    life: Lifecycle,
    names: Collection[str],
    progress: Progress = lambda states: None,
) -> dict[str, DeliveryState]:
    """Deliver the journal of an ended run for as long as there is progress, and close the views.

    Args:
        run_directory (Path): The run's folder.
        config (TrackingConfig): The settings.
        life (Lifecycle): Identity of the run, and how it ended.
        names (Collection[str]): The views, by their names; one that cannot be used here is left out.
        progress (Progress): Called about once a second with the ledgers.

    Returns:
        dict[str, DeliveryState]: The ledger of each view.
    """
    with ExitStack() as journals:

        def open_again() -> Journal:
            return journals.enter_context(open_journal(run_directory))

        deliveries = Deliveries(run_directory, open_again, config, life, config.code_profiler)
        deliveries.start(names)
        standstill, before = 0.0, None
        while standstill < LONGEST_STANDSTILL_SECONDS and not deliveries.flush(_LOOK_SECONDS):
            positions = {name: state.offset for name, state in deliveries.states.items()}
            standstill = standstill + _LOOK_SECONDS if positions == before else 0.0
            before = positions
            progress(deliveries.states)
        deliveries.close(life.status or "killed", config.close_timeout_seconds)
    release_payloads(run_directory, config, _LONGEST_RELEASE_SECONDS)
    return deliveries.states
