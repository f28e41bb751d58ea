"""What both environments of `make test-extras` are asked: what is installed in them, and what `train` says there."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import seo_engine


def check_environment(without: tuple[str, ...]) -> None:
    """Check that the package is the installed one, and that modules of other extras are absent."""
    assert Path(seo_engine.__file__).is_relative_to(sys.prefix), seo_engine.__file__
    assert [name for name in without if importlib.util.find_spec(name) is not None] == []


def missing_extra_of_train() -> str:
    """Return the one line that `seo-engine train` prints where the extra `engine` is missing."""
    command = [str(Path(sys.executable).parent / "seo-engine"), "train"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 2 and finished.stdout == "", finished
    assert finished.stderr.startswith("error: this command needs "), finished.stderr
    assert finished.stderr.endswith(': run `pip install "seo-engine[engine]"`\n'), finished.stderr
    assert finished.stderr.count("\n") == 1, finished.stderr
    return finished.stderr
