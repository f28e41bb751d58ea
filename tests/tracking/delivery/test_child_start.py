"""The child starts wherever the training runs, with what the training can import; otherwise that is said at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import orjson
import pytest

import seo_engine
from seo_engine.foundation.interpreter import child_command, import_line
from tests.tracking.killing import PATIENCE_SECONDS
from tests.tracking.read_views import read_tensorboard, read_wandb

PACKAGE = Path(seo_engine.__file__).parent
LIBRARIES = str(Path(orjson.__file__).parents[1])

# The interpreter without the packages of the virtual environment.
BARE_PYTHON = getattr(sys, "_base_executable", sys.executable)

# Log files are delivered by a child, which costs a tenth of W&B. `imported` is there for what a test changes after it.
TRAINING = """
    from seo_engine import ExperimentTracker, TrackingConfig
    from seo_engine.tracking.trackers.registry import DESTINATIONS
    DESTINATIONS["run_logs"] = DESTINATIONS["run_logs"]._replace(runs_in_child=True)
    {between}
    config = TrackingConfig(
        experiment_name="r", wandb_logging=False, tensorboard_logging=False, record_surroundings=False,
        close_timeout_seconds=600,
    )
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {{"loss": 0.5}})
        {within}
    state = tracker.delivery["run_logs"]
    open("delivery", "w").write(f"[{{state.delivered}}, {{state.pending}}]")
"""

WANDB_TRAINING = """
    from seo_engine import ExperimentTracker, TrackingConfig
    config = TrackingConfig(
        experiment_name="r", wandb_mode="offline", tensorboard_logging=False, close_timeout_seconds=600
    )
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
"""


def trains(between: str = "pass", within: str = "pass") -> str:
    return textwrap.dedent(TRAINING).format(between=between, within=within)


def run(command: list[str | Path], folder: Path, **environment: str) -> str:
    """Run a training in a folder, and return what it printed on standard error."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(
        command,
        cwd=folder,
        env=plain | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def delivered_and_pending(folder: Path) -> list[int]:
    return json.loads((folder / "delivery").read_text())


def all_are_delivered(folder: Path) -> bool:
    delivered, pending = delivered_and_pending(folder)
    return delivered > 0 and pending == 0


def on_path(*entries: str | Path, index: int = 0) -> str:
    return f"import sys\nsys.path[{index}:{index}] = {[str(entry) for entry in entries]!r}\n"


@pytest.mark.parametrize("flags", [[], ["-I"], ["-S"], ["-I", "-S"], ["-E", "-B"]], ids=" ".join)
def test_the_package_is_found_through_the_path_of_the_program(flags: list[str], tmp_path: Path) -> None:
    program = on_path(PACKAGE.parent, LIBRARIES) + trains()
    run([BARE_PYTHON, *flags, "-c", program], tmp_path)
    assert all_are_delivered(tmp_path)


def test_relative_entries_are_those_of_the_folder_in_which_they_were_used(tmp_path: Path) -> None:
    (tmp_path / "source").symlink_to(PACKAGE.parent)
    (tmp_path / "elsewhere").mkdir()
    program = on_path("source", LIBRARIES) + trains(between="import os; os.chdir('elsewhere')")
    run([BARE_PYTHON, "-S", "-c", program], tmp_path)
    assert all_are_delivered(tmp_path / "elsewhere")


def test_a_relative_pythonpath_is_that_of_the_start(tmp_path: Path) -> None:
    (tmp_path / "source").symlink_to(PACKAGE.parent)
    (tmp_path / "elsewhere").mkdir()
    program = trains(between="import os; os.chdir('elsewhere')")
    run([BARE_PYTHON, "-c", program], tmp_path, PYTHONPATH=f"source{os.pathsep}{LIBRARIES}")
    assert all_are_delivered(tmp_path / "elsewhere")


@pytest.mark.parametrize("started_as", ["script", "module", "command"])
def test_a_package_beside_the_program_is_found_and_no_file_there_hides_a_library(
    started_as: str, tmp_path: Path
) -> None:
    (tmp_path / "seo_engine").symlink_to(PACKAGE)
    # Written when the training has imported what it needs, so that only the child could mistake them.
    between = (
        "[open(f'{name}.py', 'w').write('raise SystemExit(1)') for name in ('json', 'logging', 'psutil', 'orjson')]"
    )
    program = on_path(LIBRARIES, index=1) + trains(between)
    (tmp_path / "train.py").write_text(program)
    command = {"script": ["train.py"], "module": ["-m", "train"], "command": ["-c", program]}[started_as]
    run([BARE_PYTHON, *command], tmp_path)
    assert all_are_delivered(tmp_path)


def test_the_package_is_found_in_a_zip_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "libraries.zip", "w") as archive:
        for path in PACKAGE.rglob("*"):
            if path.suffix != ".pyc":
                archive.write(path, path.relative_to(PACKAGE.parent))
    program = on_path(tmp_path / "libraries.zip", LIBRARIES) + trains()
    run([BARE_PYTHON, "-c", program], tmp_path)
    assert all_are_delivered(tmp_path)


def test_a_child_that_is_started_again_finds_what_the_first_has_found(tmp_path: Path) -> None:
    (tmp_path / "source").symlink_to(PACKAGE.parent)
    (tmp_path / "elsewhere").mkdir()
    between = "import os, psutil, sys"
    within = (
        "tracker.flush(); os.chdir('elsewhere'); sys.path[:] = []; sys.executable = None; "
        "psutil.Process().children()[0].kill(); tracker.log_training_metrics(1, 2, {'loss': 0.4}); tracker.flush()"
    )
    program = on_path("source", LIBRARIES) + trains(between, within)
    run([BARE_PYTHON, "-S", "-c", program], tmp_path)
    assert all_are_delivered(tmp_path / "elsewhere")


def test_flags_that_are_meant_for_the_training_do_not_reach_the_child(tmp_path: Path) -> None:
    program = on_path(PACKAGE.parent, LIBRARIES) + trains()
    said = run([BARE_PYTHON, "-W", "error::ImportWarning", "-X", "importtime", "-v", "-c", program], tmp_path)
    assert "delivery_process" not in said and all_are_delivered(tmp_path)
    log = next((tmp_path / "runs" / "r" / "logs").glob("run_logs_process_*.log"))
    assert "import time" not in log.read_text()


NOT_A_PYTHON = "/bin/sh"


@pytest.mark.parametrize("executable", [None, "", NOT_A_PYTHON, "/nowhere/python3"])
def test_another_interpreter_of_the_same_python_is_found(executable: str | None, tmp_path: Path) -> None:
    run([sys.executable, "-c", f"import sys; sys.executable = {executable!r}\n" + trains()], tmp_path)
    assert all_are_delivered(tmp_path)


WITHOUT_INTERPRETER = """
import sys
sys._base_executable = sys.exec_prefix = sys.base_exec_prefix = ""
sys.executable = {executable!r}
"""


@pytest.mark.parametrize(
    "executable, reason",
    [
        (None, "sys.executable is None, not a Python interpreter"),
        ("", "sys.executable is '', not a Python interpreter"),
        (NOT_A_PYTHON, "sys.executable is '/bin/sh', not a Python interpreter"),
    ],
)
def test_without_an_interpreter_one_sentence_says_so_and_nothing_waits(
    executable: str | None, reason: str, tmp_path: Path
) -> None:
    program = WITHOUT_INTERPRETER.format(executable=executable) + trains(within="assert not tracker.flush(600)")
    said = run([sys.executable, "-c", program], tmp_path)
    assert said.count(f"its process is given up: {reason}; set it to the path of") == 1
    delivered, pending = delivered_and_pending(tmp_path)
    assert delivered == 0 and pending > 0
    assert "seo-engine runs recover" in said


def test_a_frozen_program_is_not_started(tmp_path: Path) -> None:
    said = run([sys.executable, "-c", "import sys; sys.frozen = True\n" + trains()], tmp_path)
    assert said.count("its process is given up: a frozen program has no Python interpreter") == 1
    assert delivered_and_pending(tmp_path)[0] == 0


@pytest.mark.skipif(PACKAGE.parent == Path(LIBRARIES), reason="needs the package apart from its libraries")
def test_a_child_that_cannot_import_is_given_up_with_the_reason_in_one_sentence(tmp_path: Path) -> None:
    program = on_path(PACKAGE.parent, LIBRARIES) + trains(f"import psutil, sys; sys.path.remove({LIBRARIES!r})")
    said = run([BARE_PYTHON, "-I", "-c", program], tmp_path)
    assert said.count("its process is given up: ModuleNotFoundError: No module named") == 1
    assert "Traceback" not in said and "is restarted" not in said
    assert delivered_and_pending(tmp_path)[0] == 0


def test_a_program_with_the_name_of_an_interpreter_is_not_started_for_ever(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    imposter = tmp_path / "python3"
    program.write_text(
        f"import sys; sys.executable = {str(imposter)!r}; open({str(tmp_path / 'starts')!r}, 'a').write('.')\n"
        + trains()
    )
    imposter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}"\n')
    imposter.chmod(0o700)
    said = run([sys.executable, program], tmp_path)
    # The training, and three tries of its child.
    assert (tmp_path / "starts").read_text() == "...."
    assert said.count("is given up") == 1


def test_a_child_that_ends_again_and_again_while_it_imports_the_sdk_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "wandb.py").write_text("import os; os.write(2, b'no such processor\\n'); os._exit(1)")
    program = """
        from seo_engine.tracking.delivery.child import supervised_child
        supervised_child.MOST_CHILDREN_IN_VAIN = supervised_child.MOST_FAILED_STARTS = 2
    """
    said = run(
        [sys.executable, "-c", textwrap.dedent(program) + textwrap.dedent(WANDB_TRAINING)],
        tmp_path,
        PYTHONPATH=str(tmp_path / "libraries"),
    )
    assert said.count("its process is given up: no such processor") == 1


def test_an_interpreter_of_another_version_says_so(tmp_path: Path) -> None:
    line = import_line().replace(sys.implementation.cache_tag.encode(), b"cpython-27")
    ended = subprocess.run(
        child_command("seo_engine.tracking.delivery.delivery_process"), input=line, capture_output=True, check=False
    )
    assert ended.returncode == 1 and b"but the training runs on cpython-27" in ended.stderr


# Whatever writes to the three descriptors, as a library in C does, must not reach a file of the run.
WRITES_TO_STANDARD_STREAMS = """
    import os
    for descriptor in range(3):
        try:
            os.write(descriptor, b"from a library in C\\n")
        except OSError:
            pass
        assert os.path.realpath(f"/proc/self/fd/{descriptor}").find("/runs/r") < 0
"""


@pytest.mark.parametrize(
    "closed_by_shell, closed_by_program",
    [("<&-", ""), (">&-", ""), ("2>&-", ""), ("<&- >&- 2>&-", ""), ("", "2"), ("", "0, 1, 2")],
)
def test_no_file_of_the_run_takes_the_place_of_a_closed_standard_stream(
    closed_by_shell: str, closed_by_program: str, tmp_path: Path
) -> None:
    between = f"import os; [os.close(each) for each in ({closed_by_program + ',' if closed_by_program else ''})]"
    program = trains(between, writing_to_standard_streams(tmp_path))
    run(["sh", "-c", f'exec "$0" -c "$1" {closed_by_shell}', sys.executable, program], tmp_path)
    assert all_are_delivered(tmp_path)
    assert_only_we_have_written(tmp_path)


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_wandb_and_tensorboard_get_the_run_of_a_training_without_standard_streams(closed: str, tmp_path: Path) -> None:
    training = textwrap.dedent(WANDB_TRAINING).replace("tensorboard_logging=False, ", "")
    program = training + f"    {writing_to_standard_streams(tmp_path)}"
    run(["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, program], tmp_path)
    assert_wandb_holds_the_run(tmp_path)
    assert read_tensorboard(tmp_path / "runs" / "r").scalars["training/loss"][0].value == 0.5
    assert_only_we_have_written(tmp_path)


def writing_to_standard_streams(folder: Path) -> str:
    # In a file, because the command line is in the journal.
    (folder / "writes.py").write_text(textwrap.dedent(WRITES_TO_STANDARD_STREAMS))
    return "exec(open('writes.py').read())"


def assert_only_we_have_written(folder: Path) -> None:
    lines = (folder / "runs" / "r" / "journal.jsonl").read_bytes().splitlines()
    assert all(json.loads(line)["kind"] for line in lines)
    assert not any(
        b"from a library in C" in path.read_bytes() for path in (folder / "runs").rglob("*") if path.is_file()
    )


def test_wandb_gets_the_run_although_a_file_of_the_user_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "wandb.py").write_text("raise SystemExit(1)")
    (tmp_path / "train.py").write_text(textwrap.dedent(WANDB_TRAINING))
    run([sys.executable, "train.py"], tmp_path)
    assert_wandb_holds_the_run(tmp_path)


def test_wandb_gets_the_run_of_an_isolated_training_without_site(tmp_path: Path) -> None:
    paths = [PACKAGE.parent, *dict.fromkeys(path for path in sys.path if path.endswith("site-packages"))]
    run([BARE_PYTHON, "-I", "-S", "-c", on_path(*paths) + textwrap.dedent(WANDB_TRAINING)], tmp_path)
    assert_wandb_holds_the_run(tmp_path)


def assert_wandb_holds_the_run(folder: Path) -> None:
    view = read_wandb(folder / "runs" / "r" / "wandb")
    assert view.exit_code == 0 and any(row.get("training/loss") == 0.5 for row in view.rows)
