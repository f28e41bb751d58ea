"""`seo-engine train` as people type it: in a process of its own, with a tiny model in place of the packaged one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seo_engine.tracking import list_runs, read_run
from tests.cli.commands import command, write_site
from tests.tracking.killing import wait_until
from tests.tracking.read_views import read_tensorboard, read_wandb


def test_train_ends_well_and_says_what_improved_and_what_to_type_next(
    trained: subprocess.CompletedProcess[str], place: Path
) -> None:
    assert trained.returncode == 0, trained.stderr
    for words in (
        "before", "after", "without a model", "validation loss", "ROUGE-L of titles", "slowest operations", "fine_tune",
        "The tracker's calls took", "--logdir runs", "runs show runs/first", " sync runs/first/wandb\n", " leet ",
    ):  # fmt: skip
        assert words in trained.stdout, words
    # In a pipe: plain lines, neither colours nor emojis nor bars.
    assert "Fine-tuning: 0 of 4" in trained.stderr and "Fine-tuning: 4 of 4" in trained.stderr
    for sign in ("\x1b", "✅", "⚠️", "Traceback", "Warning"):
        assert sign not in trained.stdout + trained.stderr, sign


def test_train_logs_what_it_promises_to_both_views(trained: subprocess.CompletedProcess[str], place: Path) -> None:
    run = read_run(place / "runs" / "first")
    assert run.status == "finished"
    measures = ("rouge_l_title", "rouge_l_description", "titles_within_limits", "descriptions_within_limits")
    promised = {
        *(f"training/{name}" for name in ("loss", "accuracy", "learning_rate", "gradient_norm", "weight_norm")),
        "training/tokens_per_second",
        *(f"evaluation/{name}" for name in ("loss", "perplexity", *measures)),
        *(f"evaluation/baseline_{name}" for name in measures),
        "performance/cpu_usage_percent",
        "performance/memory_usage_mb",
    }
    assert promised <= run.metrics.keys()
    tensorboard = read_tensorboard(run.directory)
    assert promised <= tensorboard.scalars.keys()
    assert any(tag.startswith("snippets/") for tag in tensorboard.texts)
    assert "experiment/hyperparameters" in tensorboard.texts and "model/architecture" in tensorboard.texts
    assert promised <= {name for row in read_wandb(run.directory / "wandb").rows for name in row}
    assert (run.directory / "checkpoints" / "adapter" / "adapter_model.safetensors").is_file()
    assert all(state.pending == 0 and not state.dropped for state in run.delivery.values())


def test_runs_list_and_show_what_was_trained(trained: subprocess.CompletedProcess[str], place: Path) -> None:
    listed = command("runs", "list", cwd=place)
    assert listed.returncode == 0 and "first" in listed.stdout and "finished" in listed.stdout
    shown = command("runs", "show", "first", cwd=place)
    for words in ("training/loss", "lora_rank", "fine_tune", "tensorboard", "pending"):
        assert words in shown.stdout, words
    by_path = json.loads(command("runs", "show", "runs/first", "--json", cwd=place).stdout)
    assert by_path["metrics"]["training/loss"]["count"] == 4 and by_path["status"] == "finished"
    assert any(run["name"] == "first" for run in json.loads(command("runs", "list", "--json", cwd=place).stdout))


def test_train_prints_json_alone_on_standard_output(place: Path) -> None:
    finished = command(
        "train", "site", "--model", "model", "--epochs", "1", "--no-wandb", "--no-tensorboard", "--json", cwd=place
    )
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout)
    assert result["status"] == "finished" and set(result["delivery"]) == {"run_logs"}
    assert {"before", "after", "baseline", "samples", "tracker_cost"} <= result.keys()


def _no_folder(folder: Path) -> list[str]:
    return ["/nowhere"]


def _empty_folder(folder: Path) -> list[str]:
    (folder / "empty").mkdir()
    return ["empty"]


def _jpegs(folder: Path) -> list[str]:
    (folder / "pictures").mkdir()
    for number in range(3):
        (folder / "pictures" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    return ["pictures"]


def _jpegs_named_html(folder: Path) -> list[str]:
    (folder / "pictures").mkdir()
    (folder / "pictures" / "a.html").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    return ["pictures"]


def _one_page(folder: Path) -> list[str]:
    return [str(write_site(folder / "site", pages=1))]


def _wrong_type(folder: Path) -> list[str]:
    (folder / "seo.toml").write_text('number_of_epochs = "three"')
    return [str(write_site(folder / "site")), "--config", "seo.toml"]


def _unknown_setting(folder: Path) -> list[str]:
    (folder / "seo.toml").write_text("epochs = 3")
    return [str(write_site(folder / "site")), "--config", "seo.toml"]


def _negative_rate(folder: Path) -> list[str]:
    return [str(write_site(folder / "site")), "--learning-rate", "-1"]


def _no_model(folder: Path) -> list[str]:
    return [str(write_site(folder / "site")), "--model", "./nothing"]


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (_no_folder, "/nowhere: there is no such folder"),
        (_empty_folder, "empty: there is no page in it"),
        (_jpegs, "pictures: there is no page in it"),
        (_jpegs_named_html, "pictures: no file in it can be read as a page"),
        (_one_page, "1 of 1 pages"),
        (_wrong_type, "seo.toml:1: number_of_epochs must be a whole number, got 'three' (str)"),
        (_unknown_setting, "seo.toml:1: unknown setting 'epochs'; did you mean 'number_of_epochs'?"),
        (_negative_rate, "learning_rate must be positive, got -1.0"),
        (_no_model, "there is no such folder"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(tmp_path: Path, prepare: Any, words: str) -> None:
    finished = command("train", *prepare(tmp_path), cwd=tmp_path)
    assert finished.returncode == 2
    last = finished.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and words in last, finished.stderr
    # At most a counted warning of skipped files beside it.
    assert len(finished.stderr.strip().splitlines()) <= 2 and "Traceback" not in finished.stderr
    assert finished.stdout == "" and not (tmp_path / "runs").exists()


def test_a_missing_extra_is_named_with_the_command_that_brings_it(tmp_path: Path) -> None:
    hide = (
        "import importlib.metadata; find = importlib.metadata.distribution\n"
        "importlib.metadata.distribution = lambda name: find('no such library' if name == 'peft' else name)\n"
        "from seo_engine.cli import main; main(['train'])"
    )
    finished = subprocess.run([sys.executable, "-c", hide], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert finished.stderr.strip() == 'error: this command needs peft: run `pip install "seo-engine[engine]"`'


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_in_order(place: Path, number: signal.Signals, exit_code: int) -> None:
    name = f"stopped_{number.name}"
    messages = place / f"{name}.txt"
    with messages.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "seo_engine.cli",
             "train", "site", "--model", "model", "--epochs", "500", "--name", name],
            cwd=place, stdout=subprocess.PIPE, stderr=stderr, text=True,
        )  # fmt: skip
    wait_until(lambda: "Fine-tuning: " in messages.read_text() or process.poll() is not None)
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    errors = messages.read_text()
    assert process.returncode == exit_code, errors
    assert "Traceback" not in errors and "with a checkpoint" in errors
    run = read_run(place / "runs" / name)
    assert run.status == "interrupted" and all(state.pending == 0 for state in run.delivery.values())
    assert list((run.directory / "checkpoints").glob("checkpoint-*"))
    assert (run.directory / "checkpoints" / "adapter" / "adapter_model.safetensors").is_file()
    assert "checkpoints/adapter" in output
    assert read_wandb(run.directory / "wandb").exit_code == 1
    assert name in {run.name for run in list_runs(place / "runs")}


def test_how_far_a_large_site_is_read_is_shown(tmp_path: Path) -> None:
    for number in range(1_001):
        (tmp_path / f"{number}.html").write_text(f"<title>Pot {number}</title><p>Pot {number} is of red clay.")
    finished = command("train", tmp_path, cwd=tmp_path)
    assert finished.returncode == 2
    shown = finished.stderr.splitlines()
    assert shown[0].startswith("Comparing the pages: 1 of 1001")
    assert "Comparing the pages: 1001 of 1001" in shown and "Reading the pages: 1001 of 1001" in shown
    # The error follows, whole.
    assert shown[-1].startswith(f"error: {tmp_path}: 0 of 1001 pages have")


def test_a_small_site_is_read_without_a_word(place: Path) -> None:
    finished = command("train", write_site(place / "small", pages=2), cwd=place)
    assert finished.returncode == 2 and len(finished.stderr.splitlines()) == 1
