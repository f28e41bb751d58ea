"""What was measured before a training, kept beside its checkpoints, so that a restart need not measure it again."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seo_engine.engine.snippets import Snippet
from seo_engine.foundation.whole_files import write_whole

logger = logging.getLogger(__name__)

_FILE = "before.json"


class FirstMeasures(NamedTuple):
    """The base model's measures on the held-out pages, and what it wrote for them."""

    measures: dict[str, float]
    snippets: list[Snippet]


def keep_first_measures(checkpoints: Path, measures: dict[str, float], snippets: Sequence[Snippet]) -> None:
    """Write down what was measured before the training.

    Args:
        checkpoints (Path): The folder of checkpoints; it is created if it does not exist.
        measures (dict[str, float]): The measures.
        snippets (Sequence[Snippet]): What the base model wrote, one for each held-out page.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> keep_first_measures(folder, {"loss": 3.5}, [Snippet("Pots", "Fired at home.")])
        >>> read_first_measures(folder)
        FirstMeasures(measures={'loss': 3.5}, snippets=[Snippet(title='Pots', description='Fired at home.')])
    """
    checkpoints.mkdir(parents=True, exist_ok=True)
    contents = {"measures": measures, "snippets": [[each.title, each.description] for each in snippets]}
    write_whole(checkpoints / _FILE, [json.dumps(contents).encode()])


def read_first_measures(checkpoints: Path) -> FirstMeasures | None:
    """Return what was measured before the training; None if it is not there, or damaged.

    Args:
        checkpoints (Path): The folder of checkpoints.
    """
    try:
        contents = json.loads((checkpoints / _FILE).read_bytes())
        measures = {str(name): float(value) for name, value in contents["measures"].items()}
        return FirstMeasures(measures, [Snippet(str(title), str(text)) for title, text in contents["snippets"]])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("⚠️ %s cannot be read, so the base model is measured again: %s", checkpoints / _FILE, error)
        return None
