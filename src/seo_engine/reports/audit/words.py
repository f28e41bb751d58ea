"""Counts and limits of an audit in words: what every form for people says."""

from __future__ import annotations

from seo_engine.engine.audit.audit import Audit
from seo_engine.engine.audit.page_audit import ERROR, UNKNOWN
from seo_engine.foundation.texts import count_of

# It has a sentence of its own.
_UNREAD = ("could not be read",)


def counts_of(audit: Audit) -> str:
    """Return how many findings there are, by severity."""
    counted = [count_of(count, severity) for severity, count in audit.severities.items() if count]
    return ", ".join(counted) or "nothing to mend"


def coverage(audit: Audit) -> str:
    """Return in sentences what was not judged, and how old the knowledge of the rules is."""
    said = [f"{count_of(count, 'document')} could not be read ({state})." for state, count in audit.unread.items()]
    silent = {reason: count for reason, count in audit.not_indexable.items() if reason not in _UNREAD}
    if silent:
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in silent.items())
        pages = count_of(sum(silent.values()), "page")
        said.append(f"{pages} cannot come up in a search, so the rules about search results pass over them: {reasons}.")
    for states, what in ((UNKNOWN, "could not be judged everywhere"), (ERROR, "have failed")):
        rules = [rule for rule, tally in audit.tallies.items() if tally.states[states]]
        if rules:
            said.append(f"{count_of(len(rules), 'rule')} {what}: {', '.join(rules)}.")
    not_listed = sum(tally.not_listed for tally in audit.tallies.values())
    if not_listed:
        said.append(f"{count_of(not_listed, 'further fault')} of a kind that a page has often are not listed.")
    if ignored := sum(audit.ignored.values()):
        said.append(f"{count_of(ignored, 'finding')} ignored, as the configuration says.")
    for entry in audit.expired:
        said.append(f"{entry.rule} is no longer ignored: that ended on {entry.until}.")
    said.append(f"What search engines ask for was checked on {audit.reviewed} or later.")
    return " ".join(said)
