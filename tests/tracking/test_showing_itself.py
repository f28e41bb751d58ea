"""How tracker, configuration and profiler show themselves: in a line, in a notebook, and to `help()`."""

from __future__ import annotations

import dataclasses
import pydoc
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seo_engine
from seo_engine import CodeProfiler, ExperimentTracker, SEOConfig, TrackingConfig
from seo_engine.foundation.settings import Configuration, setting


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrackingConfig:
    monkeypatch.chdir(tmp_path)
    return TrackingConfig(experiment_name="cnn", wandb_logging=False, print_summary=False)


def test_a_configuration_shows_what_was_given(config: TrackingConfig) -> None:
    assert repr(TrackingConfig()) == "TrackingConfig()"
    assert repr(config) == "TrackingConfig(experiment_name='cnn', wandb_logging=False, print_summary=False)"
    changed = SEOConfig(number_of_epochs=2)
    changed.wandb_mode = "offline"
    assert repr(changed) == "SEOConfig(number_of_epochs=2, wandb_mode='offline')"


def test_a_configuration_of_ones_own_shows_itself_too() -> None:
    @dataclass
    class Own(TrackingConfig):
        """Mine."""

        depth: int = setting(3, "How deep.")
        plain: int = 5

    assert repr(Own(depth=4, plain=6)) == "Own(depth=4, plain=6)"
    assert (Own.__doc__ or "").startswith("Mine.\n\n    Args:\n        depth (int): How deep. Default: 3.\n")

    @dataclass
    class Silent(Configuration):
        depth: int = setting(3, "How deep.")

        def __repr__(self) -> str:
            return "silent"

    assert repr(Silent()) == "silent" and "How deep." in (Silent.__doc__ or "")


def test_in_a_notebook_a_configuration_is_a_table_of_what_was_given(config: TrackingConfig) -> None:
    page = dataclasses.replace(config, wandb_notes="<script>")._repr_html_()
    assert page.startswith("<b>TrackingConfig: 4 of ")
    given, defaults = page.split("<details>")
    assert "&#x27;&lt;script&gt;&#x27;" in given and "<script>" not in page
    assert "close_timeout_seconds" in defaults and "close_timeout_seconds" not in given


def test_a_tracker_shows_its_run_its_step_and_what_is_pending(config: TrackingConfig) -> None:
    assert repr(ExperimentTracker(TrackingConfig(experiment_tracking_enabled=False))) == (
        "<ExperimentTracker: tracking is off>"
    )
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5}, step=7)
        assert tracker.flush()
        assert repr(tracker) == "<ExperimentTracker runs/cnn: open, step 7>"
        assert tracker.run_directory is not None
        with ExperimentTracker.attach(tracker.run_directory) as attached:
            assert repr(attached) == "<ExperimentTracker runs/cnn: attached to another process's run, step 0>"
        page = tracker._repr_html_()
    assert page.startswith("<b>Run runs/cnn</b><table><tr><td>state</td><td>open</td></tr>")
    assert "<td>step</td><td>7</td>" in page and "tensorboard --logdir runs" in page
    assert repr(tracker) == "<ExperimentTracker runs/cnn: closed, step 7>"


def test_a_tracker_that_records_nothing_says_why(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    tracker = ExperimentTracker(TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs")))
    assert repr(tracker).startswith("<ExperimentTracker: nothing is recorded: ")
    assert "nothing is recorded" in tracker._repr_html_()
    tracker.close()


def test_a_profiler_shows_how_much_it_measured_and_what_took_longest() -> None:
    profiler = CodeProfiler()
    assert repr(profiler).startswith("<CodeProfiler: 0 operations in ")
    for _ in profiler.profile_steps(range(3)):
        with profiler.profile_operation("<forward>"):
            time.sleep(0.01)
    shown = repr(profiler)
    assert (
        shown.startswith("<CodeProfiler: 3 training steps, 3 operations in ") and "; most own time: <forward>" in shown
    )
    page = profiler._repr_html_()
    assert "&lt;forward&gt;" in page and "<forward>" not in page and "<th>own time</th>" in page
    profiler.enabled = False
    assert repr(profiler) == "<CodeProfiler: off>"


def test_to_show_a_profiler_warns_of_nothing(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    profiler = CodeProfiler()
    profiler.add_span("unified_training_logging", "experiment_tracking", 0, 10**10)
    monkeypatch.setattr(CodeProfiler, "wall_seconds", lambda profiler: 20.0)
    assert repr(profiler) and profiler._repr_html_() and profiler.bottlenecks() and profiler.categories()
    assert not caplog.messages
    profiler.profiling_data()
    assert "Experiment tracking takes 50.0 %" in caplog.text


def test_the_category_of_an_operation_may_be_left_out(caplog: pytest.LogCaptureFixture) -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("forward_pass"):
        pass

    @profiler.profile_operation("tokenize")
    def tokenize() -> None:
        pass

    tokenize()
    assert {each.category for each in profiler.statistics()} == {"training_loop"} and not caplog.text
    profiler.profile_operation("a", "my_category")
    profiler.profile_operation("a", "dataloading")
    assert "'my_category' is kept; the known ones are data_loading, experiment_tracking, " in caplog.text
    assert "'dataloading' is kept; did you mean 'data_loading'?" in caplog.text


@pytest.mark.parametrize("name", [name for name in seo_engine.__all__ if name.endswith("Config")])
def test_help_on_a_configuration_says_of_each_field_type_sentence_and_default(name: str) -> None:
    configuration = getattr(seo_engine, name)
    text = " ".join(pydoc.render_doc(configuration, renderer=pydoc.plaintext).replace("|", " ").split())
    entries = text.partition("Args:")[2].partition("Example:")[0]
    for field in dataclasses.fields(configuration):
        assert f" {field.name} (" in entries, field.name
        meaning = " ".join(field.metadata["meaning"].replace("|", " ").split())
        assert meaning in entries, field.name
    assert entries.count("Default: ") == len(dataclasses.fields(configuration))


@pytest.mark.parametrize("name", [name for name in seo_engine.__all__ if name[0].isupper()])
def test_help_on_a_public_class_shows_a_loop_before_anything_internal(name: str) -> None:
    public = getattr(seo_engine, name)
    text = pydoc.render_doc(public, renderer=pydoc.plaintext)
    description = text.partition("Method resolution order")[0]
    assert (public.__doc__ or "").splitlines()[0] in description
    example = description.partition("Example:")[2]
    assert ">>>" in example
    if name not in ("TrainingConfig", "DestinationTracker"):
        assert re.search(r"(>>>|\.\.\.)\s+for \w+", example), name


def test_a_configuration_of_ones_own_keeps_what_is_hidden_hidden_and_never_fails_to_show_itself() -> None:
    @dataclass
    class Own(TrackingConfig):
        hidden: str = dataclasses.field(default="", repr=False)
        hf_token: str = ""
        weights: Any = dataclasses.field(default_factory=lambda: np.zeros(3))
        later: int = dataclasses.field(init=False)
        ours: int = dataclasses.field(default=1, metadata={"meaning": "Of another library."})
        print_summary: bool = setting(False, "Mine.")

    own = Own(hidden="behind", hf_token="hf_abcdefghijklmnopqrstuvwxyz012345")
    for shown in (repr(own), own._repr_html_()):
        assert "behind" not in shown and "abcdefghijk" not in shown and "hf_token" in shown
    text = Own.__doc__ or ""
    assert text.count("print_summary (") == 1 and "print_summary (bool): Mine. Default: False." in text

    @dataclass(slots=True)
    class Slotted(Configuration):
        """Mine."""

        depth: int = setting(3, "How deep.")

    assert (Slotted.__doc__ or "").count("Args:") == 1


def test_an_inherited_way_to_show_a_configuration_is_kept() -> None:
    class Silent:
        def __repr__(self) -> str:
            return "silent"

    @dataclass(repr=False)
    class Mixed(Silent, TrackingConfig):
        pass

    class Derived(Mixed):
        pass

    assert repr(Mixed()) == repr(Derived()) == "silent"


def test_half_made_objects_can_be_shown_in_a_debugger() -> None:
    for made in (object.__new__(ExperimentTracker), TrackingConfig.__new__(TrackingConfig)):
        assert repr(made) and made._repr_html_()
