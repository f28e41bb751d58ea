"""`seo-engine crawl`: a live site into a folder."""

from __future__ import annotations

import base64
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from seo_engine.cli.errors import CommandError, errors_in_one_line
from seo_engine.cli.json_output import as_json_text, json_option
from seo_engine.cli.options import config_option, configured, read_settings, setting_options, with_variable
from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.foundation.extras import require_extra

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OF_THE_CONNECTION = ("connection", "content-length", "host", "te", "transfer-encoding", "upgrade")
_VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")


@click.command()
@click.argument("source")
@click.option("--output", "-o", "folder", required=True, type=click.Path(path_type=Path), help="Folder for the crawl.")
@config_option
@setting_options(CrawlConfig)
@click.option(
    "--include", multiple=True, metavar="PATTERN",
    help=with_variable("Fetch only addresses that match, as '/docs/*'.", CrawlConfig, "include"),
)  # fmt: skip
@click.option(
    "--exclude", multiple=True, metavar="PATTERN",
    help=with_variable("Do not fetch addresses that match.", CrawlConfig, "exclude"),
)  # fmt: skip
@click.option(
    "--header", "header_variables", multiple=True, metavar="NAME=VARIABLE",
    help="Send a header whose value is in this variable of the environment.",
)  # fmt: skip
@click.option("--cookie", "cookie_variable", metavar="VARIABLE", help="Send the cookies in this variable.")
@click.option(
    "--basic-auth", "password_variable", metavar="VARIABLE", help="Sign in with user:password in this variable."
)
@click.option(
    "--ignore-robots", multiple=True, metavar="HOST",
    help=with_variable("Do not obey the robots.txt of this host, which is yours.", CrawlConfig, "ignore_robots"),
)  # fmt: skip
@click.option(
    "--render", is_flag=True,
    help=with_variable("Run the scripts of pages in Chromium, and keep both versions.", CrawlConfig, "render", "true"),
)  # fmt: skip
@click.option(
    "--allow-private", is_flag=True,
    help=with_variable("Fetch from a private network or from this machine, too.", CrawlConfig, "allow_private", "true"),
)  # fmt: skip
@json_option
def crawl(
    source: str,
    folder: Path,
    config_file: Path | None,
    include: Sequence[str],
    exclude: Sequence[str],
    header_variables: Sequence[str],
    cookie_variable: str | None,
    password_variable: str | None,
    ignore_robots: Sequence[str],
    render: bool,
    allow_private: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Fetch the pages of a site into a folder, politely, each of them once.

    SOURCE is the address where it begins; or a sitemap or a list of addresses, whose pages alone are fetched: a file
    or an address that ends in .xml, .xml.gz or .txt. If it was stopped or killed, run the same command to continue;
    after the end, it tries again what has failed. `seo-engine train FOLDER/site.warc.gz` learns from the pages.

    \b
    Examples:
      seo-engine crawl https://example.org/ -o site
      seo-engine crawl https://example.org/ -o site --include '/docs/*' --max-pages 500
      seo-engine crawl urls.txt -o site
      seo-engine crawl https://app.example.org/ -o site --render
      seo-engine crawl https://staging.example.org/ -o site --basic-auth STAGING
    """
    with errors_in_one_line():
        require_extra("crawl", needed_by="this command")
    from seo_engine.cli.stop_signal import StopSignal
    from seo_engine.engine.site.crawling.crawl import crawl_site
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.crawl import CrawlDisplay, crawl_report, next_step, no_page_of

    with errors_in_one_line():
        # What was not typed may stand in the file or the environment.
        settings |= {
            "include": list(include) or None, "exclude": list(exclude) or None,
            "ignore_robots": list(ignore_robots) or None, "render": render or None,
            "allow_private": allow_private or None,
        }  # fmt: skip
        config = configured(CrawlConfig, read_settings(config_file), settings)
        headers = _headers(header_variables, cookie_variable, password_variable)
    notes, output = plain_console(sys.stderr), plain_console(sys.stdout)
    stop = StopSignal(said="Stopping after the requests in flight; run the same command to continue")
    try:
        with errors_in_one_line(), stop, CrawlDisplay(notes) as display:
            result = crawl_site(source, folder, config, headers=headers, progress=display, stop_requested=stop)
    except KeyboardInterrupt:
        raise SystemExit(stop.exit_code) from None
    if as_json:
        click.echo(as_json_text(asdict(result)))
    else:
        output.print(crawl_report(result))
        if result.pages:
            output.print(next_step(result))
    if stop():
        raise SystemExit(stop.exit_code)
    if result.pages == 0:
        raise CommandError(no_page_of(source, result))


def _headers(
    header_variables: Sequence[str], cookie_variable: str | None, password_variable: str | None
) -> Mapping[str, str]:
    """Return the headers whose values are in the environment, so that no list of processes shows them."""
    headers: dict[str, str] = {}
    for each in header_variables:
        name, separator, variable = each.partition("=")
        if not separator or not _HEADER_NAME.fullmatch(name):
            raise CommandError(f"--header takes NAME=VARIABLE, got {each!r}")
        if name.lower() in _OF_THE_CONNECTION:
            raise CommandError(f"--header {name}: the crawler itself decides on this one")
        headers[name] = _value_of_header(variable)
    if cookie_variable is not None:
        headers["Cookie"] = _value_of_header(cookie_variable)
    if password_variable is not None:
        password = _variable(password_variable)
        if ":" not in password:
            raise CommandError(f"the variable {password_variable} must be user:password; it has no colon")
        headers["Authorization"] = "Basic " + base64.b64encode(password.encode()).decode()
    return headers


def _variable(name: str) -> str:
    if name not in os.environ:
        # Whoever gives the secret itself does not find it in the message, and so in a log.
        shown = name if _VARIABLE_NAME.fullmatch(name) else "of this name"
        raise CommandError(f"the environment has no variable {shown}; give the name of one, whose value is sent")
    value = os.environ[name]
    if not value.isprintable():
        raise CommandError(f"the variable {name} has a character that cannot be sent, as a line break")
    return value


def _value_of_header(name: str) -> str:
    value = _variable(name)
    if not value.isascii():
        raise CommandError(f"the variable {name} has a character that no header may have")
    return value
