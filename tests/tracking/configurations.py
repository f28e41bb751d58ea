"""Settings that several tests share."""

from __future__ import annotations

from typing import Any

# Switches off what a run logs by itself, for tests of exactly what the training logged.
ONLY_WHAT_IS_LOGGED: dict[str, Any] = {
    "enable_code_profiling": False,
    "system_metrics_interval_seconds": 0,
    "record_surroundings": False,
    "capture_console": "off",
}

# The same in the text of a program that a test runs.
ONLY_WHAT_IS_LOGGED_AS_TEXT = ", ".join(f"{name}={value!r}" for name, value in ONLY_WHAT_IS_LOGGED.items())
