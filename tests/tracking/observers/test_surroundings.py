"""What a run ran in: read by a process of its own, recorded without secrets, and sent no further than asked."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy
import psutil
import pytest
import torch
from click.testing import CliRunner

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.cli import main
from seo_engine.tracking.observers import surroundings as observer
from seo_engine.tracking.payloads.run_payloads import RunPayloads
from seo_engine.tracking.surroundings.git import count_changed_files, read_uncommitted_changes
from seo_engine.tracking.surroundings.machine import describe_machine
from seo_engine.tracking.surroundings.packages import installed_packages
from seo_engine.tracking.surroundings.seeds import read_seeds
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.read_views import read_journal, read_tensorboard, wandb_messages

# Without what git of this machine is told.
GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
SECRET = "hunter2hunter2"
SETTINGS = ", ".join(
    f"{name}={value!r}" for name, value in ONLY_WHAT_IS_LOGGED.items() if name != "record_surroundings"
)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | GIT).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a folder with one commit, of which one file has changed since, one is new, and one is ignored."""
    folder = tmp_path / "code"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "fast-lr")
    git(folder, "remote", "add", "origin", "https://me:hunter2@example.org/code.git")
    (folder / "model.py").write_text("layers = 2\n")
    (folder / ".gitignore").write_text("runs/\n*.secret\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "The first")
    (folder / "model.py").write_text(f"layers = 3\nAPI_KEY = '{SECRET}'\n")
    (folder / "new file.py").write_text("print('new')\n")
    (folder / "not.secret").write_text("ignored")
    return folder


def run_program(folder: Path, settings: str = "", body: str = "pass", **environment: str) -> list[dict[str, Any]]:
    """Run a program that opens a run in a folder, and return the records that say what it ran in."""
    (folder / "train.py").write_text(
        textwrap.dedent(f"""
            import os, sys
            from seo_engine import ExperimentTracker, TrackingConfig
            token = "{SECRET}"
            config = TrackingConfig(
                {settings or "wandb_logging=False, tensorboard_logging=False"},
                experiment_name="r", print_summary=False,
                {SETTINGS}
            )
            with ExperimentTracker(config) as tracker:
                {body}
        """)
    )
    subprocess.run(
        [sys.executable, "train.py", "--api-key", SECRET],
        cwd=folder, check=True, timeout=200, env=os.environ | GIT | environment,
    )  # fmt: skip
    return [record for _, record in read_journal(folder / "runs" / "r") if record["kind"] in ("surroundings", "file")]


def kept(folder: Path, record: dict[str, Any]) -> str:
    return RunPayloads(folder / "runs" / "r").file(record["payloads"][0]).read_text()


def test_a_run_says_which_code_machine_packages_environment_and_seeds_it_had(repository: Path) -> None:
    record, later = run_program(
        repository,
        body="tracker.flush(); tracker._run._surroundings._thread.join(); import torch; torch.manual_seed(17)",
        HF_TOKEN=SECRET, OMP_NUM_THREADS="2", PYTHONHASHSEED="5", MY_OWN="private",
    )  # fmt: skip
    assert record["git"] == {
        "commit": git(repository, "rev-parse", "HEAD"), "branch": "fast-lr", "changed_files": 3,
        "remote": "https://[redacted]@example.org/code.git",
    }  # fmt: skip
    assert record["command"][-3:] == ["train.py", "--api-key", "[redacted]"]
    assert record["python"]["version"] == sys.version.split()[0] and record["python"]["executable"] == sys.executable
    assert record["packages"]["torch"] == torch.__version__
    assert {"orjson", "typing-extensions"} <= record["packages"].keys()
    assert record["machine"]["memory_bytes"] == psutil.virtual_memory().total
    assert record["machine"]["threads"] == psutil.cpu_count() and record["machine"]["processor"]
    assert record["environment"]["OMP_NUM_THREADS"] == "2" and record["environment"]["HF_TOKEN"] == "[redacted]"
    assert "MY_OWN" not in record["environment"]
    assert record["seeds"] == {"PYTHONHASHSEED": "5"}
    # Chosen when the rest was recorded already.
    assert later["seeds"] == {"PYTHONHASHSEED": "5", "torch": 17} and not later["packages"]
    assert SECRET not in (repository / "runs" / "r" / "journal.jsonl").read_text()
    shown = CliRunner().invoke(main, ["runs", "show", str(repository / "runs" / "r")]).output
    assert f"commit {record['git']['commit']} on fast-lr, 3 files changed since" in shown
    assert f"machine {record['machine']['processor']}, {psutil.cpu_count()} threads" in shown
    assert "torch 17" in shown


def test_a_folder_without_git_and_a_detached_commit_are_said_as_they_are(repository: Path, tmp_path: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    (record,) = run_program(repository)
    assert record["git"]["commit"] == git(repository, "rev-parse", "HEAD") and record["git"]["branch"] == ""
    plain = tmp_path / "plain"
    plain.mkdir()
    (record,) = run_program(plain, GIT_CEILING_DIRECTORIES=str(tmp_path))
    assert record["git"] == {"commit": "", "remote": "", "branch": ""}


def test_changes_and_program_are_kept_where_they_are_asked_for_and_go_to_no_server(repository: Path) -> None:
    asked = "record_uncommitted_changes=True, record_program_source=True, wandb_mode='offline'"
    _, changes, source = run_program(repository, asked)
    patch = kept(repository, changes)
    assert "-layers = 2\n+layers = 3\n" in patch and "+print('new')\n" in patch
    assert "API_KEY = '[redacted]'" in patch and "ignored" not in patch
    program = kept(repository, source)
    assert "with ExperimentTracker(config) as tracker:" in program and 'token = "[redacted]"' in program
    run = repository / "runs" / "r"
    assert SECRET not in patch + program
    texts = read_tensorboard(run).texts
    assert texts["source/uncommitted_changes.patch"][0].startswith("A file, in the folder of the run")
    assert "| branch | fast-lr |" in texts["experiment/surroundings"][0]
    sent = [file.path for message in wandb_messages(run / "wandb", "files") for file in message.files]
    assert not [path for path in sent if path.startswith("source/")]
    assert "layers = 3" not in "".join(
        each.read_text(errors="ignore") for each in run.glob("wandb/**/*.*") if each.is_file()
    )
    # The user's own index says nothing of the new file.
    assert git(repository, "diff", "--cached", "--name-only") == ""


def test_changes_and_program_go_to_wandb_where_that_is_asked_for_too(repository: Path) -> None:
    asked = "record_uncommitted_changes=True, record_program_source=True, wandb_source_code=True, wandb_mode='offline'"
    run_program(repository, f"tensorboard_logging=False, {asked}")
    folder = repository / "runs" / "r" / "wandb"
    sent = {file.path for message in wandb_messages(folder, "files") for file in message.files}
    assert {"source/uncommitted_changes.patch", "source/program.py"} <= sent
    (patch,) = folder.glob("offline-run-*/files/source/uncommitted_changes.patch")
    assert "+layers = 3" in patch.read_text() and SECRET not in patch.read_text()


def test_a_patch_is_bounded_and_large_or_binary_files_are_only_named(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    (repository / "data.csv").write_text("1,2,3\n" * 400_000)
    (repository / "weights.bin").write_bytes(os.urandom(5_000))
    patch = read_uncommitted_changes(1_000_000)
    assert "data.csv" in patch and "1,2,3" not in patch and "weights.bin" in patch and len(patch) < 5_000
    (repository / "long.txt").write_text("a line\n" * 20_000)
    cut = read_uncommitted_changes(50_000)
    assert len(cut) < 51_000 and cut.endswith("[the rest is left out]\n")


def test_programs_that_a_repository_names_are_not_started(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", git_module(tmp_path), "module")
    git(repository, "commit", "-q", "-m", "A module", "module", ".gitmodules")
    monkeypatch.chdir(repository)
    # In the environment, as this process has it for others.
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "color.ui")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")
    trap = f"touch '{tmp_path}/started'; cat"
    programs = ("diff.external", "core.fsmonitor", "diff.python.textconv", "core.pager")
    filters = ("filter.lfs.clean", "filter.odd=name.v2.clean", "filter.lfs.process", "filter.odd=name.v2.process")
    for name in (*programs, *filters):
        git(repository, "config", name, trap)
        git(repository / "module", "config", name, trap)
    git(repository, "config", "filter.lfs.required", "true")
    hook = repository / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{trap}\n")
    hook.chmod(0o755)
    (repository / ".gitattributes").write_text("*.py diff=python filter=lfs\n.gitignore filter=odd=name.v2\n")
    os.utime(repository / ".gitignore", (1, 1))
    (repository / "module" / ".gitattributes").write_text("*.py filter=lfs\n")
    (repository / "module" / "model.py").write_text("layers = 9\n")
    assert "+layers = 3" in read_uncommitted_changes(1_000_000)
    assert count_changed_files() == 3
    assert not (tmp_path / "started").exists()


def git_module(tmp_path: Path) -> str:
    folder = tmp_path / "module"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "model.py").write_text("layers = 8\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "The first")
    return str(folder)


def test_whoever_commits_meanwhile_does_not_find_the_index_locked(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    index = repository / ".git" / "index"
    # git would like to note that this file is the same, with another time.
    os.utime(repository / ".gitignore", (1, 1))
    before = index.read_bytes()
    assert count_changed_files() == 2
    read_uncommitted_changes(1_000)
    assert index.read_bytes() == before


def test_a_change_within_the_second_of_the_commit_is_in_the_patch(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    # Then the time of the index is all that says whether the content must be compared.
    git(repository, "config", "core.trustctime", "false")
    git(repository, "config", "core.checkStat", "minimal")
    model = repository / "model.py"
    for text in ("layers = 4\n", "layers = 5\n"):
        model.write_text(text)
        os.utime(model, (1_000_000, 1_000_000))
        if text == "layers = 4\n":
            git(repository, "commit", "-q", "-m", "The second", "model.py")
            os.utime(repository / ".git" / "index", (1_000_000, 1_000_000))
    assert "-layers = 4\n+layers = 5\n" in read_uncommitted_changes(1_000_000)


def test_a_repository_within_the_repository_and_an_index_that_is_none_hide_nothing_else(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    git(repository, "init", "-q", "another")
    patch = read_uncommitted_changes(1_000_000)
    assert "+layers = 3" in patch and "+print('new')\n" in patch
    (repository / ".git" / "index").unlink()
    os.mkfifo(repository / ".git" / "index")
    assert read_uncommitted_changes(1_000_000) == ""


def test_a_seed_is_known_where_somebody_chose_it_and_the_library_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "random")
    monkeypatch.setenv("PL_GLOBAL_SEED", "12")
    torch.manual_seed(2**40)
    numpy.random.seed(99)
    assert read_seeds() == {"PL_GLOBAL_SEED": "12", "torch": 2**40, "numpy": 99}
    numpy.random.rand()
    numpy.random.seed([1, 2, 3])
    assert "numpy" not in read_seeds()
    monkeypatch.delenv("PL_GLOBAL_SEED")
    torch.manual_seed(67280421310721)
    assert read_seeds() == {}


def test_the_package_of_a_name_is_the_first_on_the_import_path(tmp_path: Path) -> None:
    for path in ("a/torch-2.1.dist-info", "a/torch", "b/torch-1.0.dist-info", "b/Zope.Interface-8.7-py3.11.egg-info"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "file.zip").write_text("")
    path = [str(tmp_path / "a"), str(tmp_path / "file.zip"), str(tmp_path / "b"), str(tmp_path / "missing")]
    assert installed_packages(path) == {"torch": "2.1", "zope-interface": "8.7"}


def open_run(tmp_path: Path, **settings: Any) -> ExperimentTracker:
    wanted = ONLY_WHAT_IS_LOGGED | {
        "tensorboard_log_dir": str(tmp_path), "experiment_name": "r", "wandb_logging": False,
        "tensorboard_logging": False, "record_surroundings": True,
    }  # fmt: skip
    return ExperimentTracker(TrackingConfig(**(wanted | settings)))


def test_what_cannot_be_read_is_said_once_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(observer, "_MAIN_PROGRAM", "seo_engine.no_such_module")
    with open_run(tmp_path) as tracker:
        tracker.log_metrics({"loss": 1.0})
    assert [record["kind"] for _, record in read_journal(tmp_path / "r")] == ["start", "training", "end"]
    (message,) = [each.message for each in caplog.records if "runs in" in each.message]
    assert "No module named" in message


def test_a_fact_that_the_system_hides_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise psutil.AccessDenied

    for name in ("virtual_memory", "cpu_count"):
        monkeypatch.setattr(psutil, name, refuse)
    described = describe_machine()
    assert described["host"] and described["threads"] == os.cpu_count()
    assert not {"memory_bytes", "usable_memory_bytes", "cores"} & described.keys()


def test_a_program_that_comes_through_a_pipe_is_not_read_a_second_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    program = f"""
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(
            wandb_logging=False, tensorboard_logging=False, experiment_name="r", record_program_source=True,
            print_summary=False, {SETTINGS}
        )
        ExperimentTracker(config).close()
    """
    process = subprocess.Popen([sys.executable, "pipe.py"], cwd=tmp_path)
    (tmp_path / "pipe.py").write_text(textwrap.dedent(program))
    assert process.wait(200) == 0
    kinds = [record["kind"] for _, record in read_journal(tmp_path / "runs" / "r")]
    assert kinds == ["start", "surroundings", "end"]


def test_the_end_of_a_run_does_not_wait_for_a_reading_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer, "child_command", lambda module: ["sleep", "1000"])
    monkeypatch.setattr(observer, "_LONGEST_WAIT_SECONDS", 0.1)
    open_run(tmp_path).close()
    assert [record["kind"] for _, record in read_journal(tmp_path / "r")] == ["start", "end"]
    assert not [each for each in psutil.Process().children() if "sleep" in each.name()]


def test_nothing_is_read_where_nobody_wants_it(tmp_path: Path) -> None:
    open_run(tmp_path, record_surroundings=False).close()
    assert [record["kind"] for _, record in read_journal(tmp_path / "r")] == ["start", "end"]
