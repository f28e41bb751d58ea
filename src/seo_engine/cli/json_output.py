"""JSON for scripts: the option of each command that has a result, and how it is written."""

from __future__ import annotations

from typing import Any

import click
import orjson

from seo_engine.foundation.texts import as_json_data

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def as_json_text(plain: Any) -> str:
    """Return JSON that every reader takes: NaN and infinities are null, and paths and the like are text."""
    return orjson.dumps(as_json_data(plain), default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
