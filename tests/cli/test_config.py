"""`seo-engine config show` as people type it, and that every command takes its settings from the same places."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from seo_engine import SEOConfig
from seo_engine.config import ROOM_TABLES
from seo_engine.foundation.setting_sources.known_names import field_names
from tests.cli.commands import command, write_site

GUIDE = Path(__file__).parents[2] / "docs" / "configuration.md"


def show(*options: str, **variables: str) -> dict[str, Any]:
    shown = command("config", "show", "--json", *options, env={**os.environ, **variables})
    assert shown.returncode == 0, shown.stderr
    contents: dict[str, Any] = json.loads(shown.stdout)
    return contents


def test_each_source_comes_before_the_next_one_and_is_named() -> None:
    def epochs(*options: str, **variables: str) -> tuple[Any, ...]:
        setting = show("--all", *options, **variables)["settings"]["number_of_epochs"]
        return setting["value"], *setting["source"].values()

    assert epochs() == (2, "default", "", None)
    Path("pyproject.toml").write_text("[tool.seo-engine]\nnumber_of_epochs = 3")
    assert epochs() == (3, "file", "pyproject.toml", 2)
    Path("seo.toml").write_text("number_of_epochs = 4")
    assert epochs() == (4, "file", "seo.toml", 1)
    Path("other.toml").write_text("\n\nnumber_of_epochs = 5")
    named = ("--config", "other.toml")
    assert epochs(*named) == (5, "file", "other.toml", 3)
    variable = {"SEO_ENGINE_NUMBER_OF_EPOCHS": "6"}
    assert epochs(*named, **variable) == (6, "variable", "SEO_ENGINE_NUMBER_OF_EPOCHS", None)
    assert epochs(*named, "--epochs", "7", **variable) == (7, "flag", "--epochs", None)


def test_it_says_first_which_file_was_read_and_shows_what_is_not_a_default(tmp_path: Path) -> None:
    Path("seo.toml").write_text("seed = 0\n[crawl]\nmost_pages = 7\n[wandb_settings]\nquiet = true")
    variables = {"SEO_ENGINE_CRAWL_INCLUDE": "/a,/b", "SEO_ENGINE_WANDB_LOGGING": "1", "SEO_ENGINE_PORT": "80"}
    shown = command("config", "show", "--no-wandb", env={**os.environ, **variables})
    assert shown.stderr == "warning: SEO_ENGINE_PORT is not a setting of seo-engine, and is not read\n"
    said, _, head, *rows = shown.stdout.splitlines()
    assert said == "The settings are read from seo.toml."
    assert head.split() == ["setting", "value", "source"]
    assert [" ".join(row.split()) for row in rows] == [
        "seed 0 seo.toml:1",
        "wandb_logging False --no-wandb",
        "wandb_settings {'quiet': True} seo.toml:4",
        "crawl.most_pages 7 seo.toml:3",
        "crawl.include ['/a', '/b'] SEO_ENGINE_CRAWL_INCLUDE",
    ]


def test_it_shows_what_the_guide_says_of_the_file_that_the_guide_has() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    (file,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    ((variable, value, typed, expected),) = re.findall(
        r"```\n\$ (\w+)=(\w+) seo-engine (.*?)\n(.*?)```", guide, re.DOTALL
    )
    Path("seo.toml").write_text(file)
    shown = command(*typed.split(), env={**os.environ, variable: value}).stdout
    assert [line.rstrip() for line in shown.splitlines()] == expected.splitlines()


def test_without_a_file_it_says_where_it_looked(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    below = tmp_path / "below"
    below.mkdir()
    assert command("config", "show", cwd=below).stdout.splitlines() == [
        f"No seo.toml, and no pyproject.toml with a table [tool.seo-engine], was found in {below}, {tmp_path}.",
        "Every setting has its default; `seo-engine config show --all` shows them.",
    ]


def test_all_of_them_are_shown_and_secrets_are_not() -> None:
    Path("seo.toml").write_text('wandb_notes = "cloned with https://me:hunter2@git.example.org/site.git"')
    settings = show("--all")["settings"]
    of_rooms = {f"{table}.{name}" for table, room in ROOM_TABLES.items() for name in field_names(room)}
    assert settings.keys() == field_names(SEOConfig) | of_rooms
    assert settings["wandb_notes"]["value"] == "cloned with https://[redacted]@git.example.org/site.git"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("config show", "error: seo.toml:1: unknown setting 'sed'; did you mean 'seed'?"),
        ("runs list", "error: seo.toml:1: unknown setting 'sed'; did you mean 'seed'?"),
        ("train", "error: seo.toml:1: unknown setting 'sed'; did you mean 'seed'?"),
        ("crawl https://example.org/ -o site", "error: seo.toml:1: unknown setting 'sed'; did you mean 'seed'?"),
        ("runs list --config none.toml", "error: none.toml: cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line_and_exit_code_2(typed: str, expected: str) -> None:
    Path("seo.toml").write_text("sed = 1")
    finished = command(*shlex.split(typed))
    assert (finished.returncode, finished.stdout, finished.stderr) == (2, "", f"{expected}\n")


def test_a_bad_variable_is_one_line_and_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEO_ENGINE_NUMBER_OF_EPOCHS", "three")
    finished = command("train")
    assert finished.returncode == 2
    assert finished.stderr == "error: SEO_ENGINE_NUMBER_OF_EPOCHS must be a whole number, got 'three'\n"


def test_runs_are_looked_for_where_a_training_would_put_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    below = tmp_path / "below"
    below.mkdir()

    def folder(*options: str) -> str:
        said = command("runs", "list", *options, cwd=below).stdout
        return said.removeprefix("No runs in ").partition(";")[0]

    Path("seo.toml").write_text('tensorboard_log_dir = "of_the_file"')
    (below / "other.toml").write_text('tensorboard_log_dir = "of_another"')
    assert folder() == "of_the_file" and folder("--config", "other.toml") == "of_another"
    monkeypatch.setenv("SEO_ENGINE_TENSORBOARD_LOG_DIR", "of_the_variable")
    assert folder() == "of_the_variable" and folder("--log-dir", "typed") == "typed"


def test_a_training_takes_its_settings_from_the_same_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = write_site(tmp_path / "site")

    def said(*options: str) -> str:
        # No training: this model is refused after the pages have been read.
        return command("train", site, *options).stderr.splitlines()[-1]

    Path("seo.toml").write_text('model_name = "./of_the_file"')
    assert "'./of_the_file': there is no such folder" in said()
    monkeypatch.setenv("SEO_ENGINE_MODEL_NAME", "./of_the_variable")
    assert "'./of_the_variable': there is no such folder" in said()
    assert "'./typed': there is no such folder" in said("--model", "./typed")


def test_a_crawl_has_a_table_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(*options: str) -> str:
        # No crawl: this address is refused after the settings have been checked.
        return command("crawl", "http://127.0.0.1:9/", "-o", "site", *options).stderr.strip()

    refused = "error: 127.0.0.1 is in a private network; give --allow-private if it is yours"
    expected = "must begin with /, as paths do, with http or with a wildcard, got"
    Path("seo.toml").write_text('seed = 1\n[crawl]\ninclude = ["docs"]')
    assert said() == f"error: seo.toml:3: include {expected} 'docs'"
    assert said("--include", "/docs/") == refused
    monkeypatch.setenv("SEO_ENGINE_CRAWL_INCLUDE", "shop")
    assert said() == f"error: SEO_ENGINE_CRAWL_INCLUDE: include {expected} 'shop'"
    assert said("--include", "page") == f"error: include {expected} 'page'"


def test_a_training_that_crawls_takes_the_settings_of_a_crawl() -> None:
    Path("seo.toml").write_text("[crawl]\ndelay_seconds = -1")
    finished = command("train", "https://example.org/")
    assert finished.returncode == 2
    # Nobody has named the file.
    assert finished.stderr.splitlines() == [
        "Settings of seo.toml",
        "error: seo.toml:2: delay_seconds must be at least 0, got -1",
    ]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("train", ["--epochs", "SEO_ENGINE_NUMBER_OF_EPOCHS]", "SEO_ENGINE_WANDB_LOGGING=false]", "--config"]),
        ("crawl", ["SEO_ENGINE_CRAWL_MOST_PAGES]", "SEO_ENGINE_CRAWL_INCLUDE]", "SEO_ENGINE_CRAWL_RENDER=true]"]),
        ("runs list", ["SEO_ENGINE_TENSORBOARD_LOG_DIR]", "--config"]),
        ("config show", ["SEO_ENGINE_SEED]", "--config", "Examples:"]),
    ],
)
def test_help_says_the_variable_of_each_flag(typed: str, expected: list[str]) -> None:
    words = command(*typed.split(), "--help").stdout.split()
    assert [each for each in expected if each not in words] == []
