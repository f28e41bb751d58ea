"""The command as people type it: in a process of its own, with a tiny model in place of the packaged one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seo_engine.tracking.run_history import list_runs, read_run
from tests.engine.test_language_model import save_tiny_model
from tests.tracking.killing import wait_until
from tests.tracking.views import read_tensorboard, read_wandb

TOPICS = ("spade", "trowel", "lettuce", "compost", "willow", "garlic", "cloche", "saw", "tomato", "hoe")


def command(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seo_engine.cli", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=200, **options,
    )  # fmt: skip


def write_site(folder: Path, pages: int = 8) -> Path:
    folder.mkdir(parents=True)
    for topic in TOPICS[:pages]:
        words = " ".join(f"{topic} {number * len(topic)} garden" for number in range(30))
        (folder / f"{topic}.html").write_text(
            f"<html lang=en><head><title>All about the {topic} in a garden</title>"
            f"<meta name=description content='Everything there is to know about the {topic}, and where it is used.'>"
            f"</head><body><main><h1>The {topic}</h1><p>{words}</p></main></body></html>"
        )
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    write_site(folder / "site")
    save_tiny_model(folder / "model")
    return folder


@pytest.fixture(scope="module")
def trained(place: Path) -> Iterator[subprocess.CompletedProcess[str]]:
    yield command("train", "site", "--model", "model", "--epochs", "2", "--name", "first", cwd=place)


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


def test_train_prints_json_alone_on_standard_output(place: Path) -> None:
    finished = command(
        "train", "site", "--model", "model", "--epochs", "1", "--no-wandb", "--no-tensorboard", "--json", cwd=place
    )
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout)
    assert result["status"] == "finished" and set(result["delivery"]) == {"run_logs"}
    assert {"before", "after", "baseline", "samples", "tracker_cost"} <= result.keys()


def test_runs_list_and_show(trained: subprocess.CompletedProcess[str], place: Path) -> None:
    listed = command("runs", "list", cwd=place)
    assert listed.returncode == 0 and "first" in listed.stdout and "finished" in listed.stdout
    shown = command("runs", "show", "first", cwd=place)
    for words in ("training/loss", "lora_rank", "fine_tune", "tensorboard", "pending"):
        assert words in shown.stdout, words
    by_path = json.loads(command("runs", "show", "runs/first", "--json", cwd=place).stdout)
    assert by_path["metrics"]["training/loss"]["count"] == 4 and by_path["status"] == "finished"
    assert any(run["name"] == "first" for run in json.loads(command("runs", "list", "--json", cwd=place).stdout))


def test_an_unknown_run_and_an_empty_list_are_told_plainly(tmp_path: Path) -> None:
    unknown = command("runs", "show", "nothing", cwd=tmp_path)
    assert unknown.returncode == 2 and unknown.stderr.startswith("error: no run 'nothing'")
    assert "no run in runs yet" in command("runs", "list", cwd=tmp_path).stdout


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
        (_empty_folder, "empty: there is no .html file in it"),
        (_jpegs, "pictures: there is no .html file in it"),
        (_jpegs_named_html, "pictures: no file in it can be read as a page"),
        (_one_page, "1 of 1 pages"),
        (_wrong_type, "seo.toml: number_of_epochs must be a whole number, got 'three' (str)"),
        (_unknown_setting, "seo.toml: unknown setting 'epochs'"),
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
        "import importlib.util, sys; find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'peft' else find(name, *rest)\n"
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


def test_help_has_examples() -> None:
    for arguments in ([], ["train"], ["runs"]):
        finished = command(*arguments, "--help")
        assert finished.returncode == 0 and "Examples:" in finished.stdout
