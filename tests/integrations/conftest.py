"""For the tests of real frameworks and tools."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# trackio reads it once, when it is imported; otherwise the tests would write into the user's own folder.
os.environ["TRACKIO_DIR"] = tempfile.mkdtemp(prefix="seo_engine_trackio_")
atexit.register(shutil.rmtree, os.environ["TRACKIO_DIR"], ignore_errors=True)
