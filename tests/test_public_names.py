from __future__ import annotations

import subprocess
import sys

import seo_engine


def test_the_public_names_are_these() -> None:
    assert seo_engine.__all__ == [
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
    for name in seo_engine.__all__:
        assert getattr(seo_engine, name) is not None


def test_what_is_heavy_is_imported_only_when_it_is_used() -> None:
    program = """
import sys
import seo_engine
assert not [name for name in sys.modules if name.startswith("seo_engine.")]
seo_engine.SEOConfig(), seo_engine.ExperimentTracker
heavy = {"torch", "wandb", "tensorboard", "transformers", "numpy", "rich", "click"} & set(sys.modules)
sys.exit(", ".join(heavy) or 0)
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
