"""Renews what is kept of the golden views: `python -m tests.tracking.golden`, in a commit that says why they change."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from tests.tracking.golden.views import FOLDER, make_views, views_as_text

os.environ["TZ"] = "UTC"
time.tzset()
with tempfile.TemporaryDirectory() as folder:
    os.environ["HOME"] = folder
    os.chdir(folder)
    for name, text in views_as_text(make_views(Path(folder))).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
