"""What an ExperimentTracker writes to, for a run that was opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seo_engine.profiling import CodeProfiler
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.job.rank_opening import RankOpenRun
from seo_engine.tracking.observers.run_profile import Moment
from seo_engine.tracking.run_states.attached_run import AttachedRun
from seo_engine.tracking.run_states.owned_run import OwnedRun
from seo_engine.tracking.run_states.rank_run import RankRun
from seo_engine.tracking.runs.open_run import OpenRun, OwnOpenRun
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker


def state_of(
    run: OpenRun,
    config: TrackingConfig,
    profiler: CodeProfiler,
    extra_trackers: Sequence[DestinationTracker],
    moment: Callable[[], Moment],
) -> AttachedRun:
    """Return what a tracker writes to.

    Args:
        run (OpenRun): The opened run: of this process, of its rank, or of the process that has started this one.
        config (TrackingConfig): The settings.
        profiler (CodeProfiler): What is timed during this run.
        extra_trackers (Sequence[DestinationTracker]): Further destinations.
        moment (Callable[[], Moment]): Returns the current epoch and step of the training.
    """
    match run:
        case OwnOpenRun():
            return OwnedRun(run, config, profiler, extra_trackers, moment)
        case RankOpenRun():
            return RankRun(run, config, profiler, extra_trackers, moment)
    return AttachedRun(run, moment)
