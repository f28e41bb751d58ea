"""For the tests of a package that brings a tracker: `check_tracker` says whether it keeps to what the others do.

Example:
    >>> from seo_engine.testing import check_tracker
    >>> check_tracker("no_such_tracker")
    Traceback (most recent call last):
        ...
    seo_engine.tracking.trackers.plug_ins.UnusableTrackerError: there is no tracker 'no_such_tracker' here ...
"""

from __future__ import annotations

from seo_engine.tracking import ConformanceReport, check_tracker

__all__ = ["ConformanceReport", "check_tracker"]
