"""SEO Engine: fine-tune a language model on your own site, and track and profile any training run.

Public names are imported at first use, so that `import seo_engine` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seo_engine.config import SEOConfig
    from seo_engine.engine.configuration import TrainingConfig
    from seo_engine.profiling import CodeProfiler, ProfilingConfig
    from seo_engine.tracking import (
        DestinationTracker,
        ExperimentTracker,
        MemoryTracker,
        TensorBoardTracker,
        TrackingConfig,
        WandBTracker,
    )

__version__ = "0.1.0"

__all__ = [
    "CodeProfiler",
    "DestinationTracker",
    "ExperimentTracker",
    "MemoryTracker",
    "ProfilingConfig",
    "SEOConfig",
    "TensorBoardTracker",
    "TrackingConfig",
    "TrainingConfig",
    "WandBTracker",
    "__version__",
]

_MODULES = {
    "SEOConfig": "seo_engine.config",
    "TrainingConfig": "seo_engine.engine.configuration",
    "CodeProfiler": "seo_engine.profiling",
    "ProfilingConfig": "seo_engine.profiling",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES.get(name, "seo_engine.tracking")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
