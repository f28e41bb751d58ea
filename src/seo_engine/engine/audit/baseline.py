"""The baseline: the findings of an earlier audit, so that only new ones fail. It shrinks, and never grows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from seo_engine.engine.audit.audit import Audit
from seo_engine.engine.audit.finding import Finding
from seo_engine.engine.audit.page_audit import ERROR, UNKNOWN
from seo_engine.foundation.texts import as_json_data
from seo_engine.foundation.whole_files import write_export

_VERSION = 1
_MOST_BYTES = 1_000_000_000


class BaselineError(ValueError):
    """A baseline cannot be used; the message is one line."""


@dataclass(frozen=True, slots=True)
class Known:
    """A finding of the baseline."""

    rule: str
    path: str
    message: str


@dataclass(frozen=True)
class Comparison:
    """An audit beside its baseline.

    Args:
        new (tuple[Finding, ...]): Findings that the baseline does not have.
        remaining (tuple[Finding, ...]): Those that it has.
        mended (tuple[Known, ...]): What it has and the audit does not find any more.
        kept (Mapping[str, Known]): The baseline from now on, by fingerprint: without what is mended.
    """

    new: tuple[Finding, ...]
    remaining: tuple[Finding, ...]
    mended: tuple[Known, ...]
    kept: Mapping[str, Known]


def read_baseline(file: Path) -> dict[str, Known]:
    """Return the findings of a baseline by their fingerprints.

    Args:
        file (Path): The file.

    Raises:
        BaselineError: If it cannot be read, or is none.
    """
    try:
        with file.open("rb") as opened:
            contents = opened.read(_MOST_BYTES)
    except OSError as error:
        hint = "; --make-baseline makes one" if isinstance(error, FileNotFoundError) else ""
        raise BaselineError(f"{file}: {error.strerror}{hint}") from None
    try:
        plain = orjson.loads(contents)
        if plain["version"] != _VERSION:
            raise BaselineError(
                f"{file}: this program knows version {_VERSION} of the format, not {plain['version']!r}"
            )
        return {str(fingerprint): Known(**_texts(each)) for fingerprint, each in plain["findings"].items()}
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        raise BaselineError(f"{file}: this is not a baseline; --make-baseline makes one") from None


def write_baseline(file: Path, known: Mapping[str, Known]) -> None:
    """Write a baseline, whole or not at all: a line for each finding, so that a version control shows what changes.

    Args:
        file (Path): The file.
        known (Mapping[str, Known]): The findings by their fingerprints.

    Raises:
        OSError: If it cannot be written.
    """
    ordered = dict(sorted(known.items(), key=lambda each: (each[1].path, each[1].rule, each[0])))
    lines = [f"    {_json(fingerprint)}: {_json(asdict(each))}" for fingerprint, each in ordered.items()]
    findings = ",\n".join(lines)
    write_export(file, [f'{{\n  "version": {_VERSION},\n  "findings": {{\n{findings}\n  }}\n}}\n'.encode()])


def known_of(findings: Iterable[Finding]) -> dict[str, Known]:
    """Return findings as a baseline has them."""
    return {each.fingerprint: Known(each.rule, each.path, each.message) for each in findings}


def compare(audit: Audit, baseline: Mapping[str, Known]) -> Comparison:
    """Compare an audit with a baseline.

    What a rule could not judge this time stays in the baseline: nobody knows whether it is mended.

    Args:
        audit (Audit): The audit.
        baseline (Mapping[str, Known]): What `read_baseline` returned.
    """
    found = {finding.fingerprint for finding in audit.findings}
    judged = {
        rule
        for rule, tally in audit.tallies.items()
        if not (tally.states[UNKNOWN] or tally.states[ERROR] or tally.not_listed)
    }
    mended = {mark for mark, known in baseline.items() if mark not in found and known.rule in judged}
    return Comparison(
        new=_those(audit.findings, baseline, are_known=False),
        remaining=_those(audit.findings, baseline, are_known=True),
        mended=tuple(known for mark, known in baseline.items() if mark in mended),
        kept={mark: known for mark, known in baseline.items() if mark not in mended},
    )


def _those(findings: Sequence[Finding], baseline: Mapping[str, Known], *, are_known: bool) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if (finding.fingerprint in baseline) == are_known)


def _texts(each: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(text) for name, text in each.items()}


def _json(plain: Any) -> str:
    return orjson.dumps(as_json_data(plain)).decode()
