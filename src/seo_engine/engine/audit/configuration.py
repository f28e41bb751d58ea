"""AuditConfig: which rules apply, how strict they are, and what fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seo_engine.engine.audit.ignoring import read_ignores
from seo_engine.engine.audit.rule import ERROR, SEVERITIES, WARNING
from seo_engine.foundation.settings import Configuration, setting

NEVER = "never"


@dataclass
class AuditConfig(Configuration):
    """Settings of the audit: the table [audit] of seo.toml.

    Raises:
        ValueError: If a value is not allowed; the message names the field, the value and what is allowed.

    Example:
        >>> AuditConfig(severities={"title.missing": "fatal"})
        Traceback (most recent call last):
            ...
        ValueError: severities: title.missing must be one of error, warning, notice, got 'fatal'
    """

    fail_on: str = setting(
        NEVER,
        "Fail (exit code 1) if there is a finding of this severity or a worse one: never, error or warning.",
        allowed=(NEVER, ERROR, WARNING),
        flag="--fail-on",
    )
    switched_off: list[str] = setting([], "Rules that do not apply, such as title.too-long or social.*.")
    switched_on: list[str] = setting([], "Rules that apply although they are off by default.")
    severities: dict[str, Any] = setting({}, "How bad the faults of a rule are: error, warning or notice, by its id.")
    thresholds: dict[str, Any] = setting({}, 'Limits of rules by id and name, such as {"title.too-long.pixels" = 600}.')
    ignore: list[dict[str, Any]] = setting(
        [], "Findings to ignore: tables with rule, reason, until and perhaps pages, written as [[audit.ignore]]."
    )

    def validate_config(self) -> None:
        """Check the type and the value of every field.

        Raises:
            ValueError: If one is not allowed.
        """
        super().validate_config()
        for rule, severity in self.severities.items():
            if severity not in SEVERITIES:
                raise ValueError(f"severities: {rule} must be one of {', '.join(SEVERITIES)}, got {severity!r}")
        for name, limit in self.thresholds.items():
            if not isinstance(limit, int | float) or isinstance(limit, bool) or limit < 0:
                raise ValueError(f"thresholds: {name} must be a number that is not negative, got {limit!r}")
        read_ignores(self.ignore)
