"""Renews the generated parts of the documents: `make docs`.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`. Its text comes from the configuration's
fields, or from `benchmarks/results.json`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import rank_tables, report
from benchmarks.report import RESULTS, as_markdown
from seo_engine import TrackingConfig
from seo_engine.engine.audit.configuration import AuditConfig
from seo_engine.engine.audit.registry import own_rules
from seo_engine.engine.configuration import TrainingConfig
from seo_engine.engine.site.configuration import SiteConfig
from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.foundation.settings import Configuration
from seo_engine.profiling import ProfilingConfig

ROOT = Path(__file__).parent.parent
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))

# The settings that people change; docs/configuration.md has all of them.
OFTEN_CHANGED = (
    "experiment_name",
    "tensorboard_log_dir",
    "tensorboard_logging",
    "wandb_logging",
    "wandb_mode",
    "wandb_project",
    "wandb_entity",
    "wandb_tags",
    "high_priority_metrics",
    "selective_logging",
    "experiment_logging_interval",
    "close_timeout_seconds",
)

_PART = re.compile(r"(?P<begin><!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)


def settings_table(configuration: type[Configuration], names: Iterable[str]) -> str:
    """Return settings as a table: name, default, meaning."""
    fields = {field.name: field for field in dataclasses.fields(configuration)}
    lines = [["setting", "default", "meaning"], ["---", "---", "---"]]
    for name in names:
        field = fields[name]
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        shown = repr(default).replace("'", '"')
        lines.append([f"`{name}`", f"`{shown}`", field.metadata["meaning"]])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rules_table() -> str:
    """Return the rules of the audit as a table."""
    lines = [["rule", "severity", "of pages", "what it finds", "limits", "source"], ["---"] * 6]
    for rule in own_rules():
        limits = ", ".join(f"{name} {limit:g}" for name, limit in rule.thresholds.items())
        source = "heuristic" if rule.is_heuristic else f"[source]({rule.source})"
        switched = rule.severity if rule.is_on else f"{rule.severity}, off by default"
        trigger = rule.trigger.replace("<", "&lt;").replace("|", "\\|")
        lines.append([f"`{rule.id}`", switched, rule.gate.name, trigger, limits, source])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _names(configuration: type[Configuration], *, without: type[Configuration] = Configuration) -> list[str]:
    left_out = {field.name for field in dataclasses.fields(without)}
    return [field.name for field in dataclasses.fields(configuration) if field.name not in left_out]


_RESULTS = json.loads(RESULTS.read_text(encoding="utf-8"))

PARTS: dict[str, Callable[[], str]] = {
    "often-changed-settings": lambda: settings_table(TrackingConfig, OFTEN_CHANGED),
    "tracking-settings": lambda: settings_table(TrackingConfig, _names(TrackingConfig, without=ProfilingConfig)),
    "profiling-settings": lambda: settings_table(ProfilingConfig, _names(ProfilingConfig)),
    "site-settings": lambda: settings_table(SiteConfig, _names(SiteConfig)),
    "crawl-settings": lambda: settings_table(CrawlConfig, _names(CrawlConfig)),
    "audit-settings": lambda: settings_table(AuditConfig, _names(AuditConfig)),
    "audit-rules": rules_table,
    "training-settings": lambda: settings_table(TrainingConfig, _names(TrainingConfig)),
    "front-page-benchmark": lambda: as_markdown(report.front_page_table(_RESULTS)),
    "calls": lambda: as_markdown(report.cost_table(_RESULTS)),
    "losses": lambda: as_markdown(report.loss_table(_RESULTS)),
    "budgets": lambda: as_markdown(report.budget_table(_RESULTS)),
    "one-call": lambda: report.call_line(_RESULTS),
    "fine-tune": lambda: report.fine_tune_line(_RESULTS),
    "origin": lambda: report.origin_line(_RESULTS),
    "regions": lambda: as_markdown(report.regions_table(_RESULTS)),
    "region-budgets": lambda: as_markdown(report.regions_budget_table(_RESULTS)),
    "one-region": lambda: report.region_line(_RESULTS),
    "rank-calls": lambda: as_markdown(rank_tables.rank_calls_table(_RESULTS["ranks"])),
    "rank-deliveries": lambda: as_markdown(rank_tables.delivery_table(_RESULTS["ranks"])),
    "rank-capacity": lambda: as_markdown(rank_tables.capacity_table(_RESULTS["ranks"])),
    "large-training": lambda: as_markdown(rank_tables.large_training_table(_RESULTS["ranks"])),
    "ranks-origin": lambda: report.origin_line(_RESULTS["ranks"]),
    "media": lambda: as_markdown(report.media_table(_RESULTS["media"])),
    "media-budgets": lambda: as_markdown(report.media_budget_table(_RESULTS["media"])),
    "media-origin": lambda: report.origin_line(_RESULTS["media"]),
    "reading": lambda: as_markdown(report.reading_table(_RESULTS["reading"])),
    "reading-budgets": lambda: as_markdown(report.reading_budget_table(_RESULTS["reading"])),
    "reading-origin": lambda: report.reading_origin_line(_RESULTS["reading"]),
    "regions-origin": lambda: report.origin_line(_RESULTS["regions"]),
}


def renewed(document: str) -> str:
    """Return a document with its generated parts made anew."""
    return _PART.sub(lambda part: f"{part['begin']}\n{PARTS[part['name']]()}\n\n{part['end']}", document)


def main() -> None:
    """Renew every document."""
    for path in DOCUMENTS:
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
