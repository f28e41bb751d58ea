"""Experiment tracking: the journal, and TensorBoard and Weights & Biases as views of it.

Other rooms use only the names exported here. Each is imported at its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seo_engine.foundation.lazy_names import lazy_names

if TYPE_CHECKING:
    from seo_engine.tracking.artifacts.contents import ArtifactReference
    from seo_engine.tracking.artifacts.lineage import Lineage, RunLinks
    from seo_engine.tracking.artifacts.manifests import ArtifactVersion
    from seo_engine.tracking.artifacts.names import LONGEST_ARTIFACT_NAME, version_name
    from seo_engine.tracking.artifacts.removal import Removed
    from seo_engine.tracking.artifacts.store import ArtifactStore, UsedArtifact
    from seo_engine.tracking.artifacts.verification import Verification
    from seo_engine.tracking.configuration import LONGEST_NAME, TrackingConfig
    from seo_engine.tracking.conformance.check_tracker import ConformanceReport, check_tracker
    from seo_engine.tracking.cost import TrackerCost, tracker_cost
    from seo_engine.tracking.delivery.child.tracker_in_child import TrackerInChild
    from seo_engine.tracking.delivery.merging import merge_runs
    from seo_engine.tracking.delivery.recovery import recover_run, unfinished_runs
    from seo_engine.tracking.delivery.replay import replay_run
    from seo_engine.tracking.experiment_tracker import ExperimentTracker
    from seo_engine.tracking.history.listing import list_parts, list_runs, sorted_runs, sorting_metric
    from seo_engine.tracking.history.main_metrics import best_of, last_and_best, main_metrics
    from seo_engine.tracking.history.rank_summary import most_unusual
    from seo_engine.tracking.history.run_profile import rank_traces, read_profile, read_rank_profiles
    from seo_engine.tracking.history.summary import RunSummary, read_run
    from seo_engine.tracking.job.launcher import read_launched_process
    from seo_engine.tracking.journal.rank_files import ranks_in_words
    from seo_engine.tracking.records.forms import (
        Audio,
        Box,
        Chart,
        ClassCounts,
        EmbeddedPoints,
        Embedding,
        File,
        Graph,
        GraphNode,
        Histogram,
        Html,
        Image,
        Markdown,
        MetricChart,
        ObjectFile,
        Picture,
        PlotlyFigure,
        PointCloud,
        Points,
        PrecisionRecall,
        Table,
        Video,
    )
    from seo_engine.tracking.records.kind import Recorded, Shown
    from seo_engine.tracking.records.loggable import Loggable
    from seo_engine.tracking.records.marks.run_marks import STATUSES
    from seo_engine.tracking.records.metrics import flat_metrics
    from seo_engine.tracking.records.model_architecture import ModelArchitecture, describe_model
    from seo_engine.tracking.run_states.late_marks import mark_run
    from seo_engine.tracking.runs.console import plain_message
    from seo_engine.tracking.runs.endings import lost_another_rank, status_after
    from seo_engine.tracking.runs.ledger import DeliveryState
    from seo_engine.tracking.runs.places import (
        CHECKPOINTS,
        RunNotFoundError,
        find_run,
        run_directories,
        trace_of,
    )
    from seo_engine.tracking.trackers.destination_tracker import (
        DestinationTracker,
        IncompleteViewError,
        NextStep,
        ShellCommand,
    )
    from seo_engine.tracking.trackers.memory_tracker import MemoryTracker
    from seo_engine.tracking.trackers.placement import Placement
    from seo_engine.tracking.trackers.registry import steps_after
    from seo_engine.tracking.trackers.tensorboard.tensorboard_tracker import TensorBoardTracker
    from seo_engine.tracking.trackers.wandb.wandb_tracker import WandBTracker
    from seo_engine.tracking.views.judged_metrics import is_judged

_MODULES = {
    "ArtifactReference": "artifacts.contents",
    "ArtifactStore": "artifacts.store",
    "ArtifactVersion": "artifacts.manifests",
    "Lineage": "artifacts.lineage",
    "Removed": "artifacts.removal",
    "RunLinks": "artifacts.lineage",
    "UsedArtifact": "artifacts.store",
    "Verification": "artifacts.verification",
    "version_name": "artifacts.names",
    "ConformanceReport": "conformance.check_tracker",
    "check_tracker": "conformance.check_tracker",
    "CHECKPOINTS": "runs.places",
    "STATUSES": "records.marks.run_marks",
    "ShellCommand": "trackers.destination_tracker",
    "DeliveryState": "runs.ledger",
    "DestinationTracker": "trackers.destination_tracker",
    "ExperimentTracker": "experiment_tracker",
    "Image": "records.forms",
    "Box": "records.forms",
    "Histogram": "records.forms",
    "Html": "records.forms",
    "Markdown": "records.forms",
    "Picture": "records.forms",
    "PlotlyFigure": "records.forms",
    "Audio": "records.forms",
    "Chart": "records.forms",
    "ClassCounts": "records.forms",
    "EmbeddedPoints": "records.forms",
    "Embedding": "records.forms",
    "File": "records.forms",
    "Graph": "records.forms",
    "GraphNode": "records.forms",
    "MetricChart": "records.forms",
    "ObjectFile": "records.forms",
    "Placement": "trackers.placement",
    "PointCloud": "records.forms",
    "Points": "records.forms",
    "PrecisionRecall": "records.forms",
    "Video": "records.forms",
    "IncompleteViewError": "trackers.destination_tracker",
    "LONGEST_ARTIFACT_NAME": "artifacts.names",
    "LONGEST_NAME": "configuration",
    "Loggable": "records.loggable",
    "MemoryTracker": "trackers.memory_tracker",
    "ModelArchitecture": "records.model_architecture",
    "NextStep": "trackers.destination_tracker",
    "Recorded": "records.kind",
    "RunNotFoundError": "runs.places",
    "RunSummary": "history.summary",
    "Shown": "records.kind",
    "Table": "records.forms",
    "TensorBoardTracker": "trackers.tensorboard.tensorboard_tracker",
    "TrackerCost": "cost",
    "TrackerInChild": "delivery.child.tracker_in_child",
    "TrackingConfig": "configuration",
    "WandBTracker": "trackers.wandb.wandb_tracker",
    "best_of": "history.main_metrics",
    "describe_model": "records.model_architecture",
    "find_run": "runs.places",
    "flat_metrics": "records.metrics",
    "is_judged": "views.judged_metrics",
    "last_and_best": "history.main_metrics",
    "list_parts": "history.listing",
    "list_runs": "history.listing",
    "lost_another_rank": "runs.endings",
    "main_metrics": "history.main_metrics",
    "mark_run": "run_states.late_marks",
    "merge_runs": "delivery.merging",
    "most_unusual": "history.rank_summary",
    "plain_message": "runs.console",
    "rank_traces": "history.run_profile",
    "ranks_in_words": "journal.rank_files",
    "read_launched_process": "job.launcher",
    "read_profile": "history.run_profile",
    "read_rank_profiles": "history.run_profile",
    "read_run": "history.summary",
    "recover_run": "delivery.recovery",
    "replay_run": "delivery.replay",
    "run_directories": "runs.places",
    "sorted_runs": "history.listing",
    "sorting_metric": "history.listing",
    "status_after": "runs.endings",
    "steps_after": "trackers.registry",
    "trace_of": "runs.places",
    "tracker_cost": "cost",
    "unfinished_runs": "delivery.recovery",
}

__all__ = [
    "CHECKPOINTS",
    "LONGEST_ARTIFACT_NAME",
    "LONGEST_NAME",
    "STATUSES",
    "ArtifactReference",
    "ArtifactStore",
    "ArtifactVersion",
    "Audio",
    "Box",
    "Chart",
    "ClassCounts",
    "ConformanceReport",
    "DeliveryState",
    "DestinationTracker",
    "EmbeddedPoints",
    "Embedding",
    "ExperimentTracker",
    "File",
    "Graph",
    "GraphNode",
    "Histogram",
    "Html",
    "Image",
    "IncompleteViewError",
    "Lineage",
    "Loggable",
    "Markdown",
    "MemoryTracker",
    "MetricChart",
    "ModelArchitecture",
    "NextStep",
    "ObjectFile",
    "Picture",
    "Placement",
    "PlotlyFigure",
    "PointCloud",
    "Points",
    "PrecisionRecall",
    "Recorded",
    "Removed",
    "RunLinks",
    "RunNotFoundError",
    "RunSummary",
    "ShellCommand",
    "Shown",
    "Table",
    "TensorBoardTracker",
    "TrackerCost",
    "TrackerInChild",
    "TrackingConfig",
    "UsedArtifact",
    "Verification",
    "Video",
    "WandBTracker",
    "best_of",
    "check_tracker",
    "describe_model",
    "find_run",
    "flat_metrics",
    "is_judged",
    "last_and_best",
    "list_parts",
    "list_runs",
    "lost_another_rank",
    "main_metrics",
    "mark_run",
    "merge_runs",
    "most_unusual",
    "plain_message",
    "rank_traces",
    "ranks_in_words",
    "read_launched_process",
    "read_profile",
    "read_rank_profiles",
    "read_run",
    "recover_run",
    "replay_run",
    "run_directories",
    "sorted_runs",
    "sorting_metric",
    "status_after",
    "steps_after",
    "trace_of",
    "tracker_cost",
    "unfinished_runs",
    "version_name",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
