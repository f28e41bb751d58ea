"""The rooms' configurations are one flat set of settings, and each source of them comes before the next one."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from seo_engine import SEOConfig, TrackingConfig, config
from seo_engine.config import ROOM_TABLES
from seo_engine.foundation.setting_sources.known_names import field_names
from seo_engine.foundation.setting_sources.variables import OTHER_VARIABLES, variable_of

SOURCE = Path(config.__file__).parent


def test_no_setting_is_declared_in_two_rooms() -> None:
    declared: dict[str, list[str]] = defaultdict(list)
    for room in SEOConfig.__mro__:
        for name in vars(room).get("__annotations__", {}):
            declared[name].append(room.__name__)
    assert {"seed", "wandb_mode", "trace_spans"} <= declared.keys()
    assert {name: rooms for name, rooms in declared.items() if len(rooms) > 1} == {}


def test_no_setting_has_the_name_of_a_table_and_no_two_have_one_variable() -> None:
    variables = [variable_of(name) for name in field_names(SEOConfig)]
    for table, of_room in ROOM_TABLES.items():
        assert table not in field_names(SEOConfig)
        assert not any(each.startswith(variable_of("", table)) for each in variables)
        variables += [variable_of(name, table) for name in (field_names(of_room) if of_room else ())]
    assert len(set(variables)) == len(variables) and not set(variables) & set(OTHER_VARIABLES)


def test_every_variable_that_the_source_names_is_known() -> None:
    variables = {variable_of(name) for name in field_names(SEOConfig)} | set(OTHER_VARIABLES)
    of_rooms = tuple(variable_of("", table) for table in ROOM_TABLES)
    for path in SOURCE.rglob("*.py"):
        for name in re.findall(r"SEO_ENGINE_[A-Z][A-Z_]*[A-Z]", path.read_text(encoding="utf-8")):
            # Of an example that is no setting.
            assert name in variables or name.startswith(of_rooms) or name in EXAMPLES, f"{path}: {name}"


EXAMPLES = ("SEO_ENGINE_PORT", "SEO_ENGINE_IS_FAST", "SEO_ENGINE_SERVICE_HOST")


def test_each_source_comes_before_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SEOConfig.load().number_of_epochs == 2
    Path("pyproject.toml").write_text("[tool.seo-engine]\nnumber_of_epochs = 3")
    assert SEOConfig.load().number_of_epochs == 3
    Path("seo.toml").write_text("number_of_epochs = 4")
    assert SEOConfig.load().number_of_epochs == 4
    Path("other.toml").write_text("number_of_epochs = 5")
    assert SEOConfig.load("other.toml").number_of_epochs == 5
    monkeypatch.setenv("SEO_ENGINE_NUMBER_OF_EPOCHS", "6")
    assert SEOConfig.load().number_of_epochs == SEOConfig.load("other.toml").number_of_epochs == 6
    assert SEOConfig.load(number_of_epochs=7).number_of_epochs == 7
    # An empty variable counts as not set.
    monkeypatch.setenv("SEO_ENGINE_NUMBER_OF_EPOCHS", "")
    assert SEOConfig.load().number_of_epochs == 4


def test_only_load_reads_the_environment_and_looks_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("seo.toml").write_text("seed = 3")
    monkeypatch.setenv("SEO_ENGINE_SEED", "4")
    assert SEOConfig().seed == 0 and not SEOConfig().is_given("seed")
    assert SEOConfig.from_toml("seo.toml").seed == 3
    monkeypatch.setenv("SEO_ENGINE_TENSORBOARD_LOG_DIR", "elsewhere")
    assert TrackingConfig().tensorboard_log_dir == "runs"


def test_what_stands_in_a_file_or_the_environment_counts_as_given(monkeypatch: pytest.MonkeyPatch) -> None:
    # W&B's own variables, such as WANDB_PROJECT, give way to what is given, also to the value of the default.
    Path("seo.toml").write_text('wandb_project = "seo-engine-experiments"')
    monkeypatch.setenv("SEO_ENGINE_WANDB_MODE", "auto")
    loaded = SEOConfig.load(seed=0)
    given = [name for name in field_names(SEOConfig) if loaded.is_given(name)]
    assert sorted(given) == ["seed", "wandb_mode", "wandb_project"]
    assert {"wandb_mode", "wandb_project"} <= set(loaded.as_dictionary()["given_fields"])


def test_the_nearest_file_is_read_up_to_the_root_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, folder = tmp_path / "repository", tmp_path / "repository" / "a" / "b"
    folder.mkdir(parents=True)
    (repository / ".git").mkdir()
    (tmp_path / "seo.toml").write_text("seed = 1")
    monkeypatch.chdir(folder)
    assert SEOConfig.load().seed == 0
    (repository / "seo.toml").write_text("seed = 2")
    assert SEOConfig.load().seed == 2
    # Without our table it is a file of other tools, be it valid or not.
    for text in (
        "[tool.ruff]\nline-length = 120",
        "[tool.",
        "[tool.seo-engine-plugin]\nseed = 9",
        'tool = "seo-engine"',
    ):
        (folder / "pyproject.toml").write_text(text)
        assert SEOConfig.load().seed == 2
    (folder.parent / "pyproject.toml").write_text('[tool."seo-engine"]\nseed = 3')
    assert SEOConfig.load().seed == 3
    (folder / "seo.toml").mkdir()
    assert SEOConfig.load().seed == 3


def test_without_a_repository_the_search_ends_in_the_home_folder_and_outside_of_both_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "sites" / "shop").mkdir(parents=True)
    outside.mkdir()
    (tmp_path / "seo.toml").write_text("seed = 1")
    (home / "seo.toml").write_text("seed = 2")
    # A home folder is often named by a link.
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    monkeypatch.chdir(home / "sites" / "shop")
    assert SEOConfig.load().seed == 2
    # Anybody may write into a folder such as /tmp.
    monkeypatch.chdir(outside)
    assert SEOConfig.load().seed == 0


def test_a_working_folder_that_is_gone_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert SEOConfig.load().seed == 0


def test_of_two_files_in_a_folder_the_own_one_is_read_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    config._warn_once.cache_clear()
    Path("seo.toml").write_text("seed = 1")
    Path("pyproject.toml").write_text("[tool.seo-engine]\nseed = 2")
    with caplog.at_level(logging.WARNING):
        assert SEOConfig.load().seed == SEOConfig.load().seed == 1
    assert caplog.messages == ["⚠️ seo.toml is read; [tool.seo-engine] in pyproject.toml is not"]


def test_tables_of_rooms_are_passed_over_and_a_dictionary_may_be_a_table() -> None:
    Path("seo.toml").write_text(
        "seed = 1\n[wandb_settings]\nquiet = true\n[crawl]\nmost_pages = 5\n[audit]\nthresholds = {}"
    )
    assert SEOConfig.load() == SEOConfig.from_toml("seo.toml") == SEOConfig(seed=1, wandb_settings={"quiet": True})
    Path("pyproject.toml").write_text(
        "[tool.seo-engine]\nseed = 2\n[tool.seo-engine.audit]\nfail_on = 'error'\n[tool.ruff]\ny = 1"
    )
    assert SEOConfig.load("pyproject.toml") == SEOConfig.from_toml("pyproject.toml") == SEOConfig(seed=2)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("seo.toml", "\nnumber_of_epoch = 3",
         "seo.toml:2: unknown setting 'number_of_epoch'; did you mean 'number_of_epochs'?"),
        ("seo.toml", "number-of-epochs = 3",
         "seo.toml:1: unknown setting 'number-of-epochs'; did you mean 'number_of_epochs'?"),
        # By its flag.
        ("seo.toml", "epochs = 3", "seo.toml:1: unknown setting 'epochs'; did you mean 'number_of_epochs'?"),
        ("seo.toml", "[audti]\nx = 1", "seo.toml:1: unknown setting 'audti'; did you mean 'audit'?"),
        ("seo.toml", "zzz = 1",
         "seo.toml:1: unknown setting 'zzz'; `seo-engine config show --all` says which there are"),
        ("seo.toml", "[crawl]\nmax_page = 5",
         "seo.toml:2: unknown setting 'max_page' in [crawl]; did you mean 'most_pages'?"),
        ("seo.toml", "audit = 3", "seo.toml:1: audit must be a table, [audit]"),
        ("seo.toml", "seed = 1\nseed = 2",
         "seo.toml: is not valid TOML: Cannot overwrite a value (at end of document)"),
        ("seo.toml", "seed = " + "[" * 100_000, "seo.toml: is not valid TOML: it is nested too deeply"),
        ("seo.toml", "#" * 1_000_001, "seo.toml: is larger than 1,000,000 bytes"),
        ("seo.toml", 'x = 1\n["a"]\nseed = 1',
         "seo.toml:1: unknown setting 'x'; `seo-engine config show --all` says which there are"),
        ("seo.toml", "# mine\nseed = -1", "seo.toml:2: seed must be at least 0, got -1"),
        ("pyproject.toml", "[tool.seo-engine]\n\nseed = 'a'",
         "pyproject.toml:3: seed must be a whole number, got 'a' (str)"),
        ("pyproject.toml", "[tool]\nseo-engine = 1",
         "pyproject.toml: tool.seo-engine must be a table, [tool.seo-engine]"),
        ("pyproject.toml", "[tool.seo-engine",
         "pyproject.toml: is not valid TOML: Expected ']' at the end of a table declaration (at end of document)"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_one_line_that_says_where(name: str, text: str, message: str) -> None:
    Path(name).write_text(text)
    with pytest.raises(ValueError) as raised:
        SEOConfig.load()
    assert str(raised.value) == message


def test_a_file_that_is_named_must_be_there_and_be_about_us(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^none\.toml: cannot be read: No such file or directory$"):
        SEOConfig.load("none.toml")
    Path("pyproject.toml").write_text("[tool.ruff]")
    with pytest.raises(ValueError, match=r"^pyproject.toml: has no table \[tool.seo-engine\]$"):
        SEOConfig.load("pyproject.toml")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", " 7 ", 7),
        ("learning_rate", "1e-4", 1e-4),
        ("system_metrics_interval_seconds", "5", 5.0),
        *(("wandb_logging", text, True) for text in ("true", "1", "Yes", "on")),
        *(("wandb_logging", text, False) for text in ("FALSE", "0", "no", "off")),
        ("wandb_notes", " as it is, [1] ", " as it is, [1] "),
        ("wandb_tags", "shop, spring,", ["shop", "spring"]),
        ("wandb_tags", '["a, b", "c"]', ["a, b", "c"]),
        # A pattern is no array.
        ("high_priority_metrics", "[lm]oss*", ["[lm]oss*"]),
        ("bottleneck_thresholds", '{"default": 3}', {"default": 3}),
        ("wandb_settings", '{"quiet": true}', {"quiet": True}),
    ],
)
def test_a_variable_is_of_the_type_of_its_field(
    name: str, text: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable_of(name), text)
    loaded = SEOConfig.load()
    assert getattr(loaded, name) == value and type(getattr(loaded, name)) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("NUMBER_OF_EPOCHS", "three", "SEO_ENGINE_NUMBER_OF_EPOCHS must be a whole number, got 'three'"),
        ("NUMBER_OF_EPOCHS", "-1", "SEO_ENGINE_NUMBER_OF_EPOCHS: number_of_epochs must be positive, got -1"),
        ("LEARNING_RATE", "fast", "SEO_ENGINE_LEARNING_RATE must be a number, got 'fast'"),
        ("LEARNING_RATE", "nan", "SEO_ENGINE_LEARNING_RATE: learning_rate must be positive, got nan"),
        ("WANDB_LOGGING", "maybe",
         "SEO_ENGINE_WANDB_LOGGING must be one of true, 1, yes, on, false, 0, no, off, got 'maybe'"),
        ("WANDB_MODE", "later", "SEO_ENGINE_WANDB_MODE: wandb_mode must be one of auto, online, offline, got 'later'"),
        ("WANDB_TAGS", "[1]", "SEO_ENGINE_WANDB_TAGS: wandb_tags must be a list of strings or None, got [1] (list)"),
        ("WANDB_TAGS", "[a]", "SEO_ENGINE_WANDB_TAGS must be a list, as `a,b` or as a JSON array, got '[a]'"),
        ("WANDB_SETTINGS", "[]", "SEO_ENGINE_WANDB_SETTINGS must be a JSON object, got '[]'"),
        ("WANDB_SETTINGS", "{" * 5000, f"SEO_ENGINE_WANDB_SETTINGS must be a JSON object, got '{'{' * 80}'"),
        ("WANDB_NOTES", "\udcff", "SEO_ENGINE_WANDB_NOTES must be a text in UTF-8, got '\\udcff'"),
        ("NUMBER_OF_EPOCH", "3",
         "SEO_ENGINE_NUMBER_OF_EPOCH: there is no such setting; did you mean SEO_ENGINE_NUMBER_OF_EPOCHS?"),
        ("number_of_epochs", "3",
         "SEO_ENGINE_number_of_epochs: there is no such setting; did you mean SEO_ENGINE_NUMBER_OF_EPOCHS?"),
        ("CRAWL_MOST_PAGE", "3",
         "SEO_ENGINE_CRAWL_MOST_PAGE: there is no such setting; did you mean SEO_ENGINE_CRAWL_MOST_PAGES?"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_variable_is_one_line_that_names_it(
    name: str, text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SEO_ENGINE_{name}", text)
    with pytest.raises(ValueError) as raised:
        SEOConfig.load()
    assert str(raised.value) == message


def test_a_secret_in_a_variable_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEO_ENGINE_SEED", "https://me:hunter2@example.org")
    with pytest.raises(ValueError, match=r"got 'https://\[redacted\]@example.org'"):
        SEOConfig.load()


def test_variables_that_others_set_are_warned_of_once_and_our_own_are_known(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config._warn_once.cache_clear()
    # As Kubernetes does for a service of this name; and those of a room.
    of_a_scheduler = ("PORT", "PORT_80_TCP", "PORT_80_TCP_ADDR", "PORT_80_TCP_PROTO", "SERVICE_HOST", "SERVICE_PORT")
    for name in (*of_a_scheduler, "CRAWL_MOST_PAGES", "CHILD", "LAUNCHER", "RUN"):
        monkeypatch.setenv(f"SEO_ENGINE_{name}", "1")
    monkeypatch.setenv("SEO_ENGINE_EMPTY", "")
    with caplog.at_level(logging.WARNING):
        assert SEOConfig.load() == SEOConfig.load() == SEOConfig()
    expected = [f"⚠️ SEO_ENGINE_{name} is not a setting of seo-engine, and is not read" for name in of_a_scheduler]
    assert caplog.messages == expected
