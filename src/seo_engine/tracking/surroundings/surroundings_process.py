"""The main program of the process that reads what a run runs in, so that the training does not wait for it."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.whole_files import open_regular
from seo_engine.tracking.surroundings.beginning import read_environment
from seo_engine.tracking.surroundings.git import (
    CUT,
    count_changed_files,
    read_branch,
    read_git,
    read_uncommitted_changes,
)
from seo_engine.tracking.surroundings.machine import describe_machine
from seo_engine.tracking.surroundings.packages import installed_packages

MOST_SOURCE_BYTES = 1_000_000

# Below the training, which must not be slower for it.
_NICENESS = 10


def main(arguments: list[str]) -> None:
    """Print what can be read, as one line of JSON.

    Args:
        arguments (list[str]): What else is asked for: `uncommitted_changes`, or `source:` and the file of the program.
    """
    os.nice(_NICENESS)
    sys.stdout.write("\n" + json.dumps(_answer(arguments)) + "\n")


def _answer(questions: list[str]) -> dict[str, Any]:
    git: dict[str, Any] = {**read_git(), "branch": read_branch()}
    if git["commit"] and (changed := count_changed_files()) is not None:
        git["changed_files"] = changed
    answer: dict[str, Any] = {
        "git": git,
        "python": {
            "version": platform.python_version(),
            "implementation": platform.python_implementation(),
            "executable": sys.executable,
        },
        "machine": describe_machine(),
        "packages": installed_packages(sys.path),
        "environment": read_environment(),
    }
    for question in questions:
        name, _, path = question.partition(":")
        answer[name] = read_uncommitted_changes(MOST_SOURCE_BYTES) if not path else _source(Path(path))
    return answer


def _source(path: Path) -> str:
    """Return a program without secrets; empty if it cannot be read, or comes from a pipe."""
    try:
        with os.fdopen(open_regular(path, may_be_link=True), "rb") as file:
            data = file.read(MOST_SOURCE_BYTES + 1)
    except OSError:
        return ""
    text = redact_text(data[:MOST_SOURCE_BYTES].decode(errors="replace"))
    return text if len(data) <= MOST_SOURCE_BYTES else text + CUT
