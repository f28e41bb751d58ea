"""`seo-engine train`: fine-tune a language model on a site, and report."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seo_engine.cli.errors import CommandError, errors_in_one_line
from seo_engine.cli.json_output import as_json_text, json_option
from seo_engine.cli.launching import end_without_launcher, is_launcher_gone, launch, settings_of_launcher
from seo_engine.cli.options import config_option, configured, read_settings, setting_options, with_variable
from seo_engine.cli.stop_signal import StopSignal
from seo_engine.config import SEOConfig
from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.foundation.commands import command, relative_path
from seo_engine.foundation.extras import require_extra
from seo_engine.foundation.texts import one_line
from seo_engine.tracking import (
    ExperimentTracker,
    lost_another_rank,
    read_launched_process,
    status_after,
    tracker_cost,
)

if TYPE_CHECKING:
    from rich.console import Console

    from seo_engine.engine.site.site import Site
    from seo_engine.engine.training.training import TrainingResult
    from seo_engine.profiling import ProfilingData


@click.command()
@click.argument("site", required=False)
@config_option
@setting_options(SEOConfig)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="How many processes of this machine train together: one for each GPU, for example. By default, one.",
)
@click.option(
    "--allow-private", is_flag=True,
    help=with_variable(
        "Fetch an address of a private network or of this machine, too.", CrawlConfig, "allow_private", "true"
    ),
)  # fmt: skip
@json_option
def train(
    site: str | None,
    config_file: Path | None,
    processes: int | None,
    allow_private: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Fine-tune a language model to write the titles and descriptions of SITE.

    SITE is a folder of HTML files, a crawl (a WARC file, or an export), or an address, which is crawled into the run's
    folder. Without SITE, it uses the bundled site. Everything is tracked in TensorBoard and Weights & Biases, without
    an account: W&B stays offline until you log in. Ctrl-C stops cleanly and saves a checkpoint.

    \b
    Examples:
      seo-engine train
      seo-engine train ./public --epochs 3 --name spring
      seo-engine train https://example.org/docs/
      seo-engine train ./public --model ./my-model --wandb-mode online
      seo-engine train ./public --processes 4
      torchrun --nproc-per-node 4 --no-python seo-engine train ./public
    """
    started = time.perf_counter()
    with errors_in_one_line():
        require_extra("engine", needed_by="this command")
        launched = read_launched_process(os.environ)
    _silence_libraries()
    # Imported only now that the libraries are known to be installed.
    from seo_engine.engine.language_model import require_model
    from seo_engine.engine.site.crawling.crawl import is_crawled
    from seo_engine.engine.site.folder import SAMPLE_SITE
    from seo_engine.engine.site.source import read_source
    from seo_engine.engine.training.training import require_usable_pages
    from seo_engine.engine.training.training import train as train_on_pages
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.progress import ProgressDisplay, ReadingDisplay
    from seo_engine.reports.runs import next_steps
    from seo_engine.reports.training import training_summary

    # Of several processes, the first one speaks.
    is_first = launched.rank == 0
    notes, output = plain_console(sys.stderr, quiet=not is_first), plain_console(sys.stdout, quiet=not is_first)
    with errors_in_one_line():
        config = _configured(config_file, settings, notes, is_first)
        read = None
        if site is not None and is_crawled(site):
            at_once = max(launched.processes, processes or 1)
            crawl_config = _checked_crawl(site, config, config_file, allow_private, at_once)
        else:
            with ReadingDisplay(notes) as display:
                read = read_source(
                    site or SAMPLE_SITE, base_url=config.base_url, host=config.site_host, progress=display
                )
            require_usable_pages(read)
        require_model(config.model_name)
    if launched.processes == 1 and processes is not None and processes > 1:
        raise SystemExit(launch(processes, sys.argv[1:], config))
    if processes is not None and processes != launched.processes:
        said = f"--processes {processes}: the launcher has already started {launched.processes} processes"
        raise _said_once(said, is_first)
    end_without_launcher()
    # This command has a longer summary of its own.
    config.print_summary = False
    stop = StopSignal(is_first)
    tracker = ExperimentTracker(config)
    if tracker.run_directory is None:
        raise CommandError(
            "training needs a run folder; see the message above, or set experiment_tracking_enabled=True"
        )
    status = "failed"
    ended_by: BaseException | None = None
    try:
        if read is None:
            read = _crawled(str(site), tracker.run_directory, crawl_config, config_file, notes)
        pages = require_usable_pages(read)
        name = one_line(site) if site else "the bundled site"
        notes.print(f"{len(pages)} pages of {name}{_together(launched.processes, config)}", markup=False)
        _say_what_was_read(read, notes)
        notes.print("Watch the run with:")
        notes.print(f"  {command('tensorboard')} --logdir {relative_path(tracker.run_directory.parent)}")
        with stop, ProgressDisplay(notes) as progress:
            result = train_on_pages(
                pages, config, tracker, progress=progress, stop_requested=lambda: stop() or is_launcher_gone()
            )
        status = "interrupted" if result.interrupted else "finished"
    except BaseException as raised:
        status, ended_by = status_after(raised), raised
        if isinstance(raised, _CrawlStopped):
            status = "interrupted"
            raise SystemExit(raised.exit_code) from None
        if isinstance(raised, KeyboardInterrupt):
            raise SystemExit(stop.exit_code) from None
        if isinstance(raised, ValueError):
            raise CommandError(str(raised)) from None
        if launched.processes > 1 and lost_another_rank(raised):
            said = f"another process of this training has ended: {one_line(str(raised))}"
            raise _said_once(said, is_first) from None
        raise
    finally:
        tracker.close(status, ended_by)
    wall_seconds = time.perf_counter() - started
    profiling_data = config.code_profiler.profiling_data()
    if as_json and is_first:
        contents = _as_plain(result, tracker, profiling_data, status, wall_seconds)
        click.echo(as_json_text(contents))
    elif not as_json:
        output.print(training_summary(result, profiling_data))
        output.print(next_steps(tracker.run_directory, tracker.delivery, result.adapter))
    if status == "interrupted":
        raise SystemExit(stop.exit_code)


class _CrawlStopped(Exception):
    """The user has stopped the crawl before the training."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code


def _configured(config_file: Path | None, settings: Mapping[str, Any], notes: Console, is_first: bool) -> SEOConfig:
    if (handed_on := settings_of_launcher()) is not None:
        return SEOConfig(**handed_on)
    sources = read_settings(config_file, is_said=is_first)
    config = configured(SEOConfig, sources, settings)
    if config_file is None and sources.file is not None:
        # Nobody has named it.
        notes.print(f"Settings of {one_line(sources.file.path)}", markup=False)
    return config


def _checked_crawl(
    site: str, config: SEOConfig, config_file: Path | None, allow_private: bool, processes: int
) -> CrawlConfig:
    """Return the settings of a crawl that can be made; it begins when the run has a folder."""
    from seo_engine.engine.site.crawling.crawl import starts_of

    require_extra("crawl", needed_by="a crawl")
    if processes > 1:
        raise CommandError(
            f"several processes cannot crawl together; run first: {command('seo-engine')} crawl {shlex.quote(site)} "
            "-o FOLDER, and train on FOLDER/site.warc.gz"
        )
    if config.base_url or config.site_host:
        raise CommandError("--base-url and --host are for folders; the pages of a live site have addresses")
    # What is odd in the file has been said.
    sources = read_settings(config_file, is_said=False)
    crawl_config = configured(CrawlConfig, sources, {"allow_private": allow_private or None})
    starts_of(site, crawl_config)
    return crawl_config


def _crawled(site: str, folder: Path, config: CrawlConfig, config_file: Path | None, notes: Console) -> Site:
    """Crawl a site into the run's folder, and read it."""
    from seo_engine.engine.site.crawling.crawl import crawl_site
    from seo_engine.engine.site.crawling.crawl_process import ARCHIVE
    from seo_engine.engine.site.site import SiteError
    from seo_engine.engine.site.warc import read_warc
    from seo_engine.reports.crawl import CrawlDisplay, crawl_report, no_page_of
    from seo_engine.reports.progress import ReadingDisplay

    notes.print(f"Fetching {one_line(site)} ...", markup=False)
    stop = StopSignal(said="Stopping after the requests in flight")
    result = None
    # A second Ctrl-C does not wait for the requests in flight.
    with contextlib.suppress(KeyboardInterrupt), stop, CrawlDisplay(notes) as display:
        result = crawl_site(site, folder, config, progress=display, stop_requested=stop)
    if result is not None:
        notes.print(crawl_report(result))
    if result is None or stop():
        options = f" --config {shlex.quote(str(config_file))}" if config_file is not None else ""
        options += " --allow-private" if config.allow_private else ""
        into = shlex.quote(str(relative_path(folder)))
        notes.print(
            f"Go on with:\n  {command('seo-engine')} crawl {shlex.quote(site)} -o {into}{options}", markup=False
        )
        notes.print(f"and then with:\n  {command('seo-engine')} train {into}/{ARCHIVE}", markup=False)
        raise _CrawlStopped(stop.exit_code)
    if result.pages == 0:
        raise SiteError(no_page_of(site, result))
    with ReadingDisplay(notes) as reading:
        return read_warc(result.archive, progress=reading)


def _say_what_was_read(site: Site, notes: Console) -> None:
    from seo_engine.reports.training import pages_table

    for note in site.notes:
        notes.print(one_line(note), markup=False)
    if site.left_out or site.passed_over or any(site.fixed_phrases.values()):
        notes.print(pages_table(site))


def _said_once(message: str, is_first: bool) -> BaseException:
    """Return the error with which all processes end, and which the first one says."""
    return CommandError(message) if is_first else SystemExit(CommandError.exit_code)


def _together(processes: int, config: SEOConfig) -> str:
    """Return in words how many processes share the training; they may have to take more pages at a time."""
    if processes == 1:
        return ""
    pages = config.pages_of_each(processes) * processes
    more = f", {pages} pages at a time rather than {config.train_batch_size}" if pages > config.train_batch_size else ""
    return f", in {processes} processes{more}"


def _silence_libraries() -> None:
    """Keep the developer warnings of transformers and peft off the terminal."""
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def _as_plain(
    result: TrainingResult,
    tracker: ExperimentTracker,
    profiling_data: ProfilingData,
    status: str,
    wall_seconds: float,
) -> dict[str, Any]:
    return asdict(result) | {
        "run_directory": tracker.run_directory,
        "status": status,
        "wall_seconds": wall_seconds,
        "training_view": profiling_data["training"],
        "bottlenecks": profiling_data["bottlenecks"],
        "recommendations": profiling_data["recommendations"],
        "tracker_cost": asdict(tracker_cost(profiling_data)),
        "delivery": {name: state.as_dictionary() for name, state in tracker.delivery.items()},
    }
