"""The command as people type it, and a small site for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

TOPICS = ("spade", "trowel", "lettuce", "compost", "willow", "garlic", "cloche", "saw", "tomato", "hoe")


def command(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seo_engine.cli", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=200, **options,
    )  # fmt: skip


def write_site(folder: Path, pages: int = 8) -> Path:
    folder.mkdir(parents=True)
    for topic in TOPICS[:pages]:
        words = " ".join(f"{topic} {number * len(topic)} garden" for number in range(30))
        (folder / f"{topic}.html").write_text(
            f"<html lang=en><head><title>All about the {topic} in a garden</title>"
            f"<meta name=description content='Everything there is to know about the {topic}, and where it is used.'>"
            f"</head><body><main><h1>The {topic}</h1><p>{words}</p></main></body></html>"
        )
    return folder
