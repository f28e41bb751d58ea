"""The command `seo-engine`: composes the rooms, computes nothing."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO, Any

import click

from seo_engine import __version__
from seo_engine.config import SEOConfig
from seo_engine.tracking import ExperimentTracker
from seo_engine.tracking.delivery import DeliveryState
from seo_engine.tracking.endings import status_after
from seo_engine.tracking.run_history import RunNotFoundError, RunSummary, find_run, list_runs, read_run
from seo_engine.tracking.run_logs import plain_message

# What `pip install "seo-engine[engine]"` brings.
_ENGINE_LIBRARIES = (
    "accelerate", "datasketch", "filelock", "gguf", "peft", "platformdirs", "rouge_score", "safetensors", "selectolax",
    "transformers",
)  # fmt: skip


class CommandError(click.ClickException):
    """Something that the user can mend: one line, exit code 2, no traceback."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message, plain where the output is not a terminal."""
        message = f"❌ {self.format_message()}"
        click.echo(message if sys.stderr.isatty() else plain_message(message), err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Fine-tune a language model on your own web site, and look at every run.

    \b
    Examples:
      seo-engine train                        the bundled site, with the packaged model
      seo-engine train ./public --epochs 3    your own site, a folder of HTML files
      seo-engine runs list                    the runs so far
      seo-engine runs show RUN                metrics, hyperparameters, where the time went
    """


@main.command()
@click.argument("site", required=False, type=click.Path(path_type=Path))
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="TOML file of settings, name = value.")
@click.option("--model", "model_name", help="The packaged model, a local folder, or a name on the hub.")
@click.option("--epochs", "number_of_epochs", type=int, help="How often each page is learnt from.")
@click.option("--learning-rate", type=float, help="Highest learning rate.")
@click.option("--seed", type=int, help="Of the split, the first weights and the order of pages.")
@click.option("--name", "experiment_name", help="Name of the run's folder.")
@click.option("--log-dir", "tensorboard_log_dir", help="Folder of all runs.")
@click.option("--wandb-mode", help="auto, online or offline.")
@click.option("--no-wandb", is_flag=True, help="Do not track in Weights & Biases.")
@click.option("--no-tensorboard", is_flag=True, help="Do not track in TensorBoard.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def train(
    site: Path | None,
    config_file: Path | None,
    no_wandb: bool,
    no_tensorboard: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Fine-tune a language model to write the titles and descriptions of SITE, a folder of HTML files.

    Without SITE it learns from a bundled one. Everything is tracked in TensorBoard and Weights & Biases, without an
    account: W&B stays offline until you log in. Ctrl-C ends the run in order and keeps a checkpoint.

    \b
    Examples:
      seo-engine train
      seo-engine train ./public --epochs 3 --name spring
      seo-engine train ./public --model ./my-model --wandb-mode online
    """
    started = time.perf_counter()
    overrides = {name: value for name, value in settings.items() if value is not None}
    overrides |= {"wandb_logging": False} if no_wandb else {}
    overrides |= {"tensorboard_logging": False} if no_tensorboard else {}
    _require_engine()
    # Notes of transformers and peft to each other's developers, of no use to anybody here.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Only now, when it is known that the libraries are there.
    from seo_engine.engine.language_model import require_model
    from seo_engine.engine.site.folder import SAMPLE_SITE, read_site
    from seo_engine.engine.training.training import require_usable_pages
    from seo_engine.engine.training.training import train as train_on_pages
    from seo_engine.reports.console import command, plain_console, relative_path
    from seo_engine.reports.progress import ProgressDisplay
    from seo_engine.reports.runs import next_steps
    from seo_engine.reports.training import training_summary
    from seo_engine.tracking.cost import tracker_cost

    try:
        config = SEOConfig.from_toml(config_file, **overrides) if config_file else SEOConfig(**overrides)
        pages = require_usable_pages(read_site(site or SAMPLE_SITE))
        require_model(config.model_name)
    except ValueError as error:
        raise CommandError(str(error)) from None

    notes, output = plain_console(sys.stderr), plain_console(sys.stdout)
    stop = StopSignal()
    tracker = ExperimentTracker(config)
    if tracker.run_directory is None:
        raise CommandError("training needs a run's folder; see the message above, or experiment_tracking_enabled")
    notes.print(f"{len(pages)} pages of {site or 'the bundled site'}; watch the run with:")
    notes.print(f"  {command('tensorboard')} --logdir {relative_path(tracker.run_directory.parent)}")
    status = "failed"
    ended_by: BaseException | None = None
    try:
        with stop, ProgressDisplay(notes) as progress:
            result = train_on_pages(pages, config, tracker, progress=progress, stop_requested=stop)
        status = "interrupted" if result.interrupted else "finished"
    except BaseException as raised:
        status, ended_by = status_after(raised), raised
        if isinstance(raised, KeyboardInterrupt):
            raise SystemExit(stop.exit_code) from None
        if isinstance(raised, ValueError):
            raise CommandError(str(raised)) from None
        raise
    finally:
        tracker.close(status, ended_by)
    wall_seconds = time.perf_counter() - started
    profiling_data = config.code_profiler.profiling_data()
    if as_json:
        contents = asdict(result) | {
            "run_directory": tracker.run_directory,
            "status": status,
            "wall_seconds": wall_seconds,
            "training_view": profiling_data["training"],
            "bottlenecks": profiling_data["bottlenecks"],
            "recommendations": profiling_data["recommendations"],
            "tracker_cost": asdict(tracker_cost(profiling_data)),
            "delivery": {name: state.as_dictionary() for name, state in tracker.delivery.items()},
        }
        click.echo(json.dumps(contents, default=str, indent=2))
    else:
        output.print(training_summary(result, profiling_data))
        output.print(next_steps(tracker.run_directory, tracker.delivery, result.adapter))
    if status == "interrupted":
        raise SystemExit(stop.exit_code)


@main.group()
def runs() -> None:
    """Look at the runs there are, and mend them.

    \b
    Examples:
      seo-engine runs list
      seo-engine runs show seo_engine_1700000000 --json
      seo-engine runs recover
      seo-engine runs replay seo_engine_1700000000 --to wandb
    """


_log_directory = click.option(
    "--log-dir", "log_directory", default="runs", show_default=True, help="Folder of all runs."
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@runs.command("list")
@_log_directory
@_as_json
def list_command(log_directory: str, as_json: bool) -> None:
    """List the runs, the newest first."""
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.runs import runs_table

    found = list_runs(log_directory)
    if as_json:
        click.echo(json.dumps([_as_plain(run) for run in found], indent=2))
    elif found:
        plain_console(sys.stdout).print(runs_table(found))
    else:
        click.echo(f"There is no run in {log_directory} yet; `seo-engine train` makes one.")


@runs.command("show")
@click.argument("run")
@_log_directory
@_as_json
def show_command(run: str, log_directory: str, as_json: bool) -> None:
    """Show one RUN, named by its folder's name or its path."""
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.runs import run_details

    try:
        summary = read_run(_find(log_directory, run))
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from None
    if as_json:
        click.echo(json.dumps(_as_plain(summary), indent=2))
    else:
        plain_console(sys.stdout).print(run_details(summary))


@runs.command("recover")
@click.argument("run", required=False)
@_log_directory
@_as_json
def recover_command(run: str | None, log_directory: str, as_json: bool) -> None:
    """Complete the views of RUN after a kill or an outage; without RUN, of every unfinished run.

    The journal holds all that was logged. What TensorBoard and Weights & Biases have of it already is left as it is,
    the rest is delivered, each record once. A run that is still open is left alone.

    \b
    Examples:
      seo-engine runs recover
      seo-engine runs recover seo_engine_1700000000 --json
    """
    from seo_engine.tracking.recovery import recover_run, unfinished_runs

    directories = [_find(log_directory, run)] if run is not None else unfinished_runs(Path(log_directory))
    if not directories and not as_json:
        click.echo(f"Every run in {log_directory} is complete, or still open.")
    delivered = {}
    for directory in directories:
        delivered[directory] = _with_progress(str(directory), partial(recover_run, directory))
    _show_deliveries(delivered, as_json)


@runs.command("replay")
@click.argument("run")
@click.option(
    "--to", "view", required=True, type=click.Choice(["tensorboard", "wandb"]), help="The tracker that gets the run."
)
@click.option("--all", "show_all", is_flag=True, help="Show every value, in a run of its own beside this one: RUN_all.")
@_log_directory
@_as_json
def replay_command(run: str, view: str, show_all: bool, log_directory: str, as_json: bool) -> None:
    """Give RUN to a tracker that it was not made with, with times and steps as they were.

    \b
    Examples:
      seo-engine runs replay seo_engine_1700000000 --to wandb
      seo-engine runs replay seo_engine_1700000000 --to tensorboard --all
    """
    from seo_engine.tracking.replay import replay_run

    work = partial(replay_run, _find(log_directory, run), view, show_all=show_all)
    directory, states = _with_progress(run, work)
    _show_deliveries({directory: states}, as_json)


def _find(log_directory: str, run: str) -> Path:
    try:
        return find_run(log_directory, run)
    except RunNotFoundError as error:
        raise CommandError(str(error)) from None


def _with_progress(name: str, work: Callable[..., Any]) -> Any:
    """Do work on a run that tells how far its views are, and show that."""
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.progress import ProgressDisplay

    def show(states: dict[str, DeliveryState]) -> None:
        for view, state in states.items():
            if not state.accepted:
                # Its worker is still on its way.
                continue
            display(f"{name}: {view}", state.accepted - state.pending, state.accepted)

    try:
        with ProgressDisplay(plain_console(sys.stderr)) as display:
            return work(progress=show)
    except ValueError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or name}: {error.strerror or error}") from None


def _show_deliveries(delivered: dict[Path, dict[str, DeliveryState]], as_json: bool) -> None:
    """Show ledgers, and end with status 1 if something is not delivered."""
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.runs import delivery_table, next_steps

    if as_json:
        plain = {
            str(directory): {name: state.as_dictionary() for name, state in states.items()}
            for directory, states in delivered.items()
        }
        click.echo(json.dumps(plain, indent=2))
    else:
        output = plain_console(sys.stdout)
        for directory, states in delivered.items():
            output.print(str(directory), delivery_table(states), sep="\n")
            output.print(next_steps(directory, states, None))
    if not all(state.is_complete for states in delivered.values() for state in states.values()):
        raise SystemExit(1)


class StopSignal:
    """Ctrl-C and SIGTERM as a wish to stop: the first ends the work in order, the second at once."""

    def __init__(self) -> None:
        self._received: int | None = None
        self._handlers_before: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Return whether the work should end."""
        return self._received is not None

    @property
    def exit_code(self) -> int:
        """int: 130 after Ctrl-C, 143 after SIGTERM, as shells expect."""
        return 128 + (self._received or signal.SIGINT)

    def __enter__(self) -> StopSignal:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers_before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            raise KeyboardInterrupt
        self._received = number
        click.echo("Stopping after this step, with a checkpoint; once more stops at once.", err=True)


def _require_engine() -> None:
    missing = [name for name in _ENGINE_LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(f'this command needs {", ".join(missing)}: run `pip install "seo-engine[engine]"`')


def _as_plain(run: RunSummary) -> dict[str, Any]:
    return {**asdict(run), "directory": str(run.directory), "seconds": run.seconds}
