"""Experiment tracking: the journal, and TensorBoard and Weights & Biases as views of it."""

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.experiment_tracker import ExperimentTracker
from seo_engine.tracking.records.parts import Recorded
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker, IncompleteViewError
from seo_engine.tracking.trackers.memory_tracker import MemoryTracker
from seo_engine.tracking.trackers.tensorboard.tensorboard_tracker import TensorBoardTracker
from seo_engine.tracking.trackers.wandb.wandb_tracker import WandBTracker

__all__ = [
    "DestinationTracker",
    "ExperimentTracker",
    "IncompleteViewError",
    "MemoryTracker",
    "Recorded",
    "TensorBoardTracker",
    "TrackingConfig",
    "WandBTracker",
]
