"""Says which rules and tables of the audit were last compared with their source too long ago: `make check-dates`."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator

from seo_engine.engine.audit.data import all_tables
from seo_engine.engine.audit.registry import own_rules

# Search engines change what they show several times a year.
MOST_DAYS = 180


def reviews() -> Iterator[tuple[str, str, datetime.date]]:
    """Yield what was reviewed, its source, and when."""
    for table in all_tables():
        yield f"the table {table.name}.toml", table.source, table.reviewed
    for rule in own_rules():
        yield f"the rule {rule.id}", rule.source, rule.reviewed


def outdated(today: datetime.date) -> list[str]:
    """Return a line for each review that is too old on a day."""
    days = ((what, source, (today - reviewed).days) for what, source, reviewed in reviews())
    return [f"{what} was compared with {source} {old} days ago" for what, source, old in days if old > MOST_DAYS]


if __name__ == "__main__":
    lines = outdated(datetime.datetime.now(tz=datetime.UTC).date())
    for line in lines:
        print(f"{line}; do it again, and write the day of it")
    if not lines:
        print(f"Every rule and table of the audit was reviewed within {MOST_DAYS} days.")
    sys.exit(bool(lines))
