"""`seo-engine runs recover`, `merge` and `replay`: complete the views of runs, and make others."""

from __future__ import annotations

from functools import partial

import click

from seo_engine.cli.json_output import as_json_text, json_option
from seo_engine.cli.runs.naming import find, folder_of, log_directory_option, no_runs
from seo_engine.cli.runs.views import exit_unless_complete, show_deliveries, show_views, with_progress
from seo_engine.foundation.commands import relative_path
from seo_engine.foundation.texts import one_line
from seo_engine.tracking import (
    merge_runs,
    ranks_in_words,
    recover_run,
    replay_run,
    run_directories,
    unfinished_runs,
)


@click.command("recover")
@click.argument("run", required=False)
@log_directory_option
@json_option
def recover_command(run: str | None, log_directory: str, as_json: bool) -> None:
    """Complete the views of RUN after a kill or an outage; without RUN, of every unfinished run.

    The journal holds everything that was logged. Records that TensorBoard and Weights & Biases already have stay as
    they are; each of the others is delivered once. A run that is still open is left alone.

    \b
    Examples:
      seo-engine runs recover
      seo-engine runs recover seo_engine_1700000000 --json
    """
    directories = [find(log_directory, run)] if run is not None else unfinished_runs(folder_of(log_directory))
    if not directories and not as_json:
        complete = f"Every run in {one_line(log_directory)} is complete, or still open."
        click.echo(complete if run_directories(log_directory) else no_runs(log_directory))
    delivered = {}
    for directory in directories:
        delivered[directory] = with_progress(str(directory), partial(recover_run, directory))
    show_deliveries(delivered, as_json)


@click.command("merge")
@click.argument("folders", nargs=-1, required=True)
@log_directory_option
@json_option
def merge_command(folders: tuple[str, ...], log_directory: str, as_json: bool) -> None:
    """Make one run of the parts in FOLDERS, which hosts without a shared folder have kept.

    Copy the folders to one host first. The one that has rank 0 gets what the ranks of the others have logged, and its
    views are completed. The others stay as they are. Do it again whenever you like: nothing is added twice.

    \b
    Examples:
      seo-engine runs merge runs/seo_engine_1700000000 from_node_2/seo_engine_1700000001
      seo-engine runs merge seo_engine_1700000000 runs/.parts/seo_engine.rank-00001
    """
    directories = [find(log_directory, folder) for folder in folders]
    merged = with_progress(str(directories[0]), partial(merge_runs, directories))
    states = merged.delivery
    if as_json:
        delivery = {name: state.as_dictionary() for name, state in states.items()}
        plain = {"directory": str(merged.directory), "ranks": merged.ranks, "bytes_added": merged.bytes_added}
        click.echo(as_json_text({**plain, "delivery": delivery}))
    else:
        added = f"{merged.bytes_added:,} bytes of their journals are new" if merged.bytes_added else "nothing is new"
        said = f"{relative_path(merged.directory)} has {ranks_in_words(merged.ranks)}; {added}"
        show_views(said, merged.directory, states)
    exit_unless_complete(states)


@click.command("replay")
@click.argument("run")
@click.option(
    "--to",
    "view",
    required=True,
    help="The tracker that gets the run: tensorboard, wandb, or one that another package brings.",
)
@click.option("--all", "show_all", is_flag=True, help="Show every value, in a separate run next to this one: RUN_all.")
@log_directory_option
@json_option
def replay_command(run: str, view: str, show_all: bool, log_directory: str, as_json: bool) -> None:
    """Deliver RUN to another tracker, with its original times and steps.

    \b
    Examples:
      seo-engine runs replay seo_engine_1700000000 --to wandb
      seo-engine runs replay seo_engine_1700000000 --to tensorboard --all
    """
    work = partial(replay_run, find(log_directory, run), view, show_all=show_all)
    directory, states = with_progress(run, work)
    show_deliveries({directory: states}, as_json)
