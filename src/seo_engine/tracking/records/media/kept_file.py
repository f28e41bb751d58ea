"""Files that a tool cannot show: it says where they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seo_engine.tracking.payloads.payload import MEDIA


def where_it_is(what: str, file: Callable[[], Path], caption: str = "") -> str:
    """Return in Markdown where a file is.

    Args:
        what (str): What it is, such as `A video`.
        file (Callable[[], Path]): Returns the file in the run's `media/`.
        caption (str): What it shows, in words.

    Example:
        >>> where_it_is("A video", lambda: Path("runs/r/media/0f.mp4"), "a walk")
        'a walk\\n\\nA video, in the folder of the run: `media/0f.mp4`'
    """
    # From the run's folder, which may be moved.
    return f"{caption}\n\n{what}, in the folder of the run: `{MEDIA}/{file().name}`".strip()
