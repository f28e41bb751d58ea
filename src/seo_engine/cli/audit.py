"""`seo-engine audit`: what is wrong with a site, in the order in which to mend it."""

from __future__ import annotations

import dataclasses
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seo_engine.cli.errors import CommandError, errors_in_one_line, unreadable
from seo_engine.cli.json_output import as_json_text, json_option
from seo_engine.cli.options import config_option, configured, read_settings, setting_option, setting_options
from seo_engine.cli.stop_signal import StopSignal
from seo_engine.config import SEOConfig
from seo_engine.engine.audit.configuration import AuditConfig
from seo_engine.engine.audit.gate import is_failed
from seo_engine.foundation.commands import command, relative_path
from seo_engine.foundation.extras import MissingExtraError, require_extra
from seo_engine.foundation.texts import one_line
from seo_engine.foundation.whole_files import write_export

if TYPE_CHECKING:
    from rich.console import Console

    from seo_engine.engine.audit.audit import Audit
    from seo_engine.engine.audit.baseline import Comparison
    from seo_engine.engine.site.site import Site

# The exit codes, besides 0 for a passed audit and 2 for bad use.
GATE_FAILED, NOT_AUDITABLE, INTERNAL_ERROR, INTERRUPTED = 1, 3, 4, 130

_OF_A_RULE = ("id", "severity", "trigger", "why", "mend", "source", "is_heuristic", "is_on", "thresholds")


class NotAuditableError(CommandError):
    """The site cannot be read, so nothing is known of it: one line, exit code 3."""

    exit_code = NOT_AUDITABLE


class InternalError(CommandError):
    """A fault of this program: one line, exit code 4."""

    exit_code = INTERNAL_ERROR


@click.command()
@click.argument("site", required=False)
@config_option
@setting_options(AuditConfig)
@setting_option(SEOConfig, "base_url")
@setting_option(SEOConfig, "site_host")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to write, in the form of its ending: .jsonl, .csv, .sarif or .md. Can be given several times.",
)
@click.option(
    "--baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Findings of an earlier audit: only new ones fail. What is mended is taken out of the file.",
)
@click.option(
    "--make-baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all findings of now into a baseline.",
)
@click.option("--list-rules", is_flag=True, help="List the rules, what each finds, and whether it is on.")
@click.option("--debug", is_flag=True, help="Show where this program has failed, if it does.")
@json_option
def audit(
    site: str | None,
    config_file: Path | None,
    outputs: tuple[Path, ...],
    baseline: Path | None,
    make_baseline: Path | None,
    list_rules: bool,
    debug: bool,
    as_json: bool,
    base_url: str | None,
    site_host: str | None,
    **settings: Any,
) -> None:
    """Look for what is wrong with SITE: a folder of HTML files, a crawl (a WARC file, or an export), or an address.

    A line for each kind of fault says on how many pages it is, and how to mend it, the worst first. Which rules apply,
    how strict they are, and what is ignored stands in the table [audit] of seo.toml.

    \b
    Exit codes: 0 passed, 1 the gate of --fail-on has failed, 2 bad use, 3 the site cannot be audited,
    4 a fault of this program.

    \b
    Examples:
      seo-engine audit ./public
      seo-engine audit ./public --base-url https://example.org/ -o audit.md -o audit.sarif
      seo-engine audit ./public --fail-on error --baseline audit-baseline.json
      seo-engine audit https://example.org/ --json
      seo-engine audit --list-rules
    """
    with errors_in_one_line():
        sources = read_settings(config_file)
        config = configured(AuditConfig, sources, settings)
        site_config = configured(SEOConfig, sources, {"base_url": base_url, "site_host": site_host})
        if list_rules:
            _list_rules(config, as_json)
            return
    if site is None:
        raise click.UsageError("Missing argument 'SITE'.")
    forms = [(file, _form(file)) for file in outputs]
    try:
        found, comparison = _audited(site, config, site_config, config_file, baseline)
        # Written before anything is printed, whose reader may have gone.
        for file, form in forms:
            write_export(file, [form(found).encode("utf-8", "surrogateescape")])
        _write_baselines(found, comparison, baseline, make_baseline)
    except (click.ClickException, SystemExit):
        raise
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except OSError as error:
        raise unreadable("the output", error) from None
    except Exception as error:
        raise _internal_error(error, debug) from None
    if as_json:
        click.echo(as_json_text(_as_plain(found, comparison)))
    else:
        _show(site, found, comparison, outputs, make_baseline)
    if is_failed(found.findings if comparison is None else comparison.new, config.fail_on):
        raise SystemExit(GATE_FAILED)


def _internal_error(error: Exception, debug: bool) -> InternalError:
    if debug:
        traceback.print_exception(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    said = (
        f"a fault of seo-engine: {type(error).__name__}: {one_line(error)} ({Path(place.filename).name}:{place.lineno})"
    )
    return InternalError(said if debug else f"{said}; --debug shows more")


def _audited(
    site: str, config: AuditConfig, site_config: SEOConfig, config_file: Path | None, baseline: Path | None
) -> tuple[Audit, Comparison | None]:
    from seo_engine.engine.audit.audit import audit_pages
    from seo_engine.engine.audit.baseline import compare, read_baseline
    from seo_engine.engine.audit.positions import with_positions

    with errors_in_one_line():
        known = read_baseline(baseline) if baseline is not None else None
        require_extra("site", needed_by="an audit")
    read = _read(site, site_config, config_file)
    with errors_in_one_line():
        found = audit_pages(read.pages, config)
    if read.source.is_dir():
        found = dataclasses.replace(found, findings=with_positions(found.findings, read.source))
    return found, compare(found, known) if known is not None else None


def _write_baselines(
    found: Audit, comparison: Comparison | None, baseline: Path | None, make_baseline: Path | None
) -> None:
    from seo_engine.engine.audit.baseline import known_of, write_baseline

    if make_baseline is not None:
        write_baseline(make_baseline, known_of(found.findings))
    if baseline is not None and comparison is not None and comparison.mended:
        write_baseline(baseline, comparison.kept)


def _show(
    site: str, found: Audit, comparison: Comparison | None, outputs: Sequence[Path], make_baseline: Path | None
) -> None:
    from seo_engine.reports.audit.summary import audit_summary
    from seo_engine.reports.console import plain_console

    output = plain_console(sys.stdout)
    output.print(audit_summary(found, comparison))
    if next_step := _next_step(site, found, outputs, make_baseline):
        output.print(next_step, markup=False)


def _form(file: Path) -> Callable[[Audit], str]:
    from seo_engine.reports.audit.forms import FORMS

    form = FORMS.get(file.suffix.lower())
    if form is None:
        raise CommandError(f"{file}: an output must end with {', '.join(FORMS)}")
    return form


def _read(site: str, config: SEOConfig, config_file: Path | None) -> Site:
    """Read a site, or crawl it first; what cannot be read is no bad use of the command."""
    from seo_engine.engine.site.crawling.crawl import is_crawled
    from seo_engine.engine.site.site import SiteError
    from seo_engine.engine.site.source import read_source
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.progress import ReadingDisplay

    notes = plain_console(sys.stderr)
    try:
        if is_crawled(site):
            read = _crawl(site, config_file, notes)
        elif not os.path.lexists(site):
            raise CommandError(f"{site}: there is no such folder or file")
        else:
            with ReadingDisplay(notes) as display:
                read = read_source(site, base_url=config.base_url, host=config.site_host, progress=display)
    except SiteError as error:
        raise NotAuditableError(str(error)) from None
    except MissingExtraError as error:
        raise CommandError(str(error)) from None
    for note in read.notes:
        notes.print(one_line(note), markup=False)
    return read


def _crawl(site: str, config_file: Path | None, notes: Console) -> Site:
    """Fetch the pages of a live site, which are not kept."""
    from seo_engine.engine.site.crawling.configuration import CrawlConfig
    from seo_engine.engine.site.crawling.crawl import crawl_site
    from seo_engine.engine.site.warc import read_warc
    from seo_engine.reports.crawl import CrawlDisplay, no_page_of

    with errors_in_one_line():
        crawl_config = configured(CrawlConfig, read_settings(config_file, is_said=False), {})
    stop = StopSignal(said="Stopping after the requests in flight")
    with tempfile.TemporaryDirectory(prefix="seo_engine_audit_") as folder:
        with stop, CrawlDisplay(notes) as display:
            result = crawl_site(site, folder, crawl_config, progress=display, stop_requested=stop)
        if stop():
            raise SystemExit(stop.exit_code)
        if result.pages == 0:
            raise NotAuditableError(no_page_of(site, result))
        return read_warc(result.archive)


def _list_rules(config: AuditConfig, as_json: bool) -> None:
    from seo_engine.engine.audit.registry import all_rules, applied_rules
    from seo_engine.reports.audit.rules_table import rules_table
    from seo_engine.reports.console import plain_console

    rules = all_rules()
    applied = {each.rule.id: each for each in applied_rules(config, rules)}
    if not as_json:
        plain_console(sys.stdout).print(rules_table(rules, applied))
        return
    plain = [
        {name: getattr(rule, name) for name in _OF_A_RULE}
        | {"gate": rule.gate.name, "reviewed": rule.reviewed.isoformat(), "is_applied": rule.id in applied}
        for rule in rules
    ]
    click.echo(as_json_text(plain))


def _as_plain(found: Audit, comparison: Comparison | None) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "pages": found.pages,
        "unread": dict(found.unread),
        "not_indexable": dict(found.not_indexable),
        "severities": found.severities,
        "seconds": found.seconds,
        "reviewed": found.reviewed.isoformat(),
        "rules": {
            rule: {"states": dict(tally.states), "faults": tally.faults, "reason": tally.reason}
            for rule, tally in found.tallies.items()
        },
        "findings": [dataclasses.asdict(finding) for finding in found.findings],
        "ignored": [{**dataclasses.asdict(entry), "findings": count} for entry, count in found.ignored.items()],
    }
    if comparison is not None:
        plain["baseline"] = {
            "new": [finding.fingerprint for finding in comparison.new],
            "remaining": len(comparison.remaining),
            "mended": [dataclasses.asdict(known) for known in comparison.mended],
        }
    return plain


def _next_step(site: str, found: Audit, outputs: Sequence[Path], make_baseline: Path | None) -> str:
    written = [*outputs, *([make_baseline] if make_baseline is not None else [])]
    if written:
        return f"Written: {', '.join(str(relative_path(file)) for file in written)}"
    if not found.findings:
        return ""
    return f"All of them, with their places: {command('seo-engine')} audit {shlex.quote(site)} -o audit.md -o audit.csv"
