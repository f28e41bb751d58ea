"""A setting that declares a flag is an option of the command, and nothing else has to be touched for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from seo_engine.cli.errors import errors_in_one_line
from seo_engine.cli.options import given, setting_options
from seo_engine.cli.train import train
from seo_engine.config import SEOConfig
from seo_engine.foundation.settings import Configuration, setting


@dataclass
class ThrowAwayConfig(Configuration):
    beam_width: int = setting(4, "Answers that are followed at the same time.", above=0, flag="--beams")
    temperature: float = setting(0.5, "How freely answers are chosen.", at_least=0)
    style: str | None = setting(None, "Who is imitated.", flag="--style")
    sampling: bool = setting(True, "Choose by chance.", flag="--no-sampling")


def run(*arguments: str) -> tuple[Result, list[ThrowAwayConfig]]:
    made: list[ThrowAwayConfig] = []

    @click.command()
    @setting_options(ThrowAwayConfig)
    def command(**settings: Any) -> None:
        with errors_in_one_line():
            made.append(ThrowAwayConfig(**given(settings)))

    return CliRunner().invoke(command, arguments), made


def test_a_setting_with_a_flag_gets_an_option_that_ends_in_the_configuration() -> None:
    result, made = run("--beams", "7", "--style", "plain", "--no-sampling")
    assert result.exit_code == 0, result.output
    assert made == [ThrowAwayConfig(beam_width=7, style="plain", sampling=False)]


def test_what_is_not_given_keeps_the_default() -> None:
    assert run()[1] == [ThrowAwayConfig()]


def test_the_help_is_the_meaning_and_the_order_that_of_the_fields() -> None:
    words = " ".join(run("--help")[0].output.split())
    expected = (
        "--beams INTEGER Answers that are followed at the same time. [env var: SEO_ENGINE_BEAM_WIDTH] "
        "--style TEXT Who is imitated. [env var: SEO_ENGINE_STYLE] "
        "--no-sampling Do not choose by chance. [env var: SEO_ENGINE_SAMPLING=false]"
    )
    assert expected in words


def test_a_setting_without_a_flag_gets_no_option() -> None:
    result, made = run("--temperature", "1")
    assert result.exit_code == 2 and "No such option" in result.output and not made
    assert "How freely" not in run("--help")[0].output


def test_the_option_is_of_the_fields_type_and_the_value_passes_its_checks() -> None:
    result, made = run("--beams", "seven")
    assert result.exit_code == 2 and "'seven' is not a valid integer" in result.output and not made
    result, made = run("--beams", "-7")
    assert result.exit_code == 2 and not made
    assert result.output == "error: beam_width must be positive, got -7\n"


def test_a_flag_of_a_field_that_cannot_be_an_option_is_refused() -> None:
    @dataclass
    class Lists(Configuration):
        names: list[str] = setting([], "Names.", flag="--names")

    @dataclass
    class Switches(Configuration):
        sampling: bool = setting(False, "Choose by chance.", flag="--sampling")

    for configuration, words in ((Lists, "names: no option"), (Switches, "sampling: a flag")):
        with pytest.raises(TypeError, match=words):
            setting_options(configuration)


def test_train_has_an_option_for_each_flag_of_the_engine_and_each_flag_is_its_own() -> None:
    flags = Counter(option for parameter in train.params for option in parameter.opts)
    declared = {field.metadata["flag"] for field in fields(SEOConfig)} - {None}
    assert {"--model", "--epochs", "--learning-rate", "--seed", "--name", "--log-dir", "--wandb-mode"} <= declared
    assert {"--no-wandb", "--no-tensorboard"} <= declared <= flags.keys()
    assert set(flags.values()) == {1}
