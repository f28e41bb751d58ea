"""What `--json` prints can be read by every reader of JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

from seo_engine.cli.json_output import as_json_text


def test_nan_and_infinities_are_null_and_paths_are_text() -> None:
    text = as_json_text({"loss": math.nan, "best": math.inf, "folder": Path("runs/r"), "steps": [1, 2.5], 404: 2})
    strict = json.loads(text, parse_constant=refuse)
    assert strict == {"loss": None, "best": None, "folder": "runs/r", "steps": [1, 2.5], "404": 2}


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")
