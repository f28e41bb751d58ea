"""What git says of the working folder: which code is checked out, and what has changed since."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TypedDict

from seo_engine.foundation.redaction import redact_text

# git answers from local files; if those hang, the run starts without its answer.
_LONGEST_QUESTION_SECONDS = 1.0

# In a process of its own, nobody waits for it.
_LONGEST_COMPARISON_SECONDS = 20.0

# Of a larger file that changed, only its name is kept.
_LARGEST_COMPARED_FILE = "1m"

# A repository may name programs of its own for these, which a reader must not start.
_NO_PROGRAMS = {"core.fsmonitor": "false", "core.hooksPath": os.devnull}
_NO_FILTER = {"clean": "", "process": "", "required": "false"}

# Whoever commits meanwhile must not find the index locked.
_NO_LOCKS = "--no-optional-locks"

# A submodule names programs of its own.
_NOT_WITHIN_SUBMODULES = "--ignore-submodules=dirty"

CUT = "\n[the rest is left out]\n"


class GitState(TypedDict):
    """The code that a run was started from; a part that git does not know is empty."""

    commit: str
    remote: str


def read_git() -> GitState:
    """Return the commit that is checked out here, and its remote without secrets in the address."""
    return {
        "commit": ask_git("rev-parse", "--verify", "HEAD"),
        "remote": redact_text(ask_git("config", "--get", "remote.origin.url")),
    }


def read_branch() -> str:
    """Return the branch that is checked out here; empty where there is none."""
    return redact_text(ask_git("symbolic-ref", "--short", "HEAD"))


def count_changed_files() -> int | None:
    """Return how many files differ from the commit, new ones too; None where git does not know."""
    options = ["--porcelain", "-z", "--no-renames", "--untracked-files=normal", _NOT_WITHIN_SUBMODULES]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        answer = _run([_NO_LOCKS, "status", *options], _LONGEST_COMPARISON_SECONDS, _environment())
        return answer.stdout.count("\0") if answer.returncode == 0 else None
    return None


def read_uncommitted_changes(most_bytes: int) -> str:
    """Return what differs from the commit, new files too, as a patch without secrets; empty if nothing does.

    Args:
        most_bytes (int): How much of it is read; of a longer one, the end is left out.
    """
    index = ask_git("rev-parse", "--git-path", "index")
    top = ask_git("rev-parse", "--show-toplevel")
    if not index or not top:
        return ""
    patch = ""
    # The index may be no file, or the folder for temporary files full.
    with contextlib.suppress(OSError, subprocess.SubprocessError), tempfile.TemporaryDirectory() as folder:
        # A copy, in which new files can be announced without a change to the user's own.
        copy = Path(folder, "index")
        with contextlib.suppress(FileNotFoundError):
            # With its time: from that, git knows which files may have changed within the same second.
            shutil.copy2(index, copy)
        environment = {**_environment(), "GIT_INDEX_FILE": str(copy)}
        # A new repository within this one cannot be announced; it is passed over.
        add = ["add", "--intent-to-add", "--all", "--ignore-errors"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            _run([_NO_LOCKS, "-C", top, *add], _LONGEST_COMPARISON_SECONDS, environment)
        patch = _compare(top, environment, most_bytes)
    return redact_text(patch)


def ask_git(*question: str) -> str:
    """Return git's answer, empty if it has none.

    Args:
        *question (str): Its arguments.
    """
    try:
        answer = _run(question, _LONGEST_QUESTION_SECONDS)
    except (OSError, subprocess.SubprocessError):
        # git is missing or hangs: a run does not need it.
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _environment() -> dict[str, str]:
    """Return the environment in which git starts none of the programs that a repository names."""
    settings = dict(_NO_PROGRAMS)
    for name in ask_git("config", "-z", "--name-only", "--get-regexp", r"^filter\.").split("\0"):
        driver = name.rpartition(".")[0]
        settings |= {f"{driver}.{key}": value for key, value in _NO_FILTER.items()} if driver else {}
    # After those that the user may have there. An option `-c` would not take a name with an equals sign in it.
    given = os.environ.get("GIT_CONFIG_COUNT", "")
    first = int(given) if given.isdecimal() else 0
    environment = {**os.environ, "GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (name, value) in enumerate(settings.items(), first):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return environment


def _run(
    arguments: list[str] | tuple[str, ...], seconds: float, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds,
        env=environment,
    )


def _compare(top: str, environment: dict[str, str], most_bytes: int) -> str:
    """Return the beginning of the patch: git is stopped as soon as it has said more than is kept."""
    options = ["--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"]
    command = ["git", _NO_LOCKS, "-c", f"core.bigFileThreshold={_LARGEST_COMPARED_FILE}", "-C", top, "diff"]
    process = subprocess.Popen(
        [*command, *options, _NOT_WITHIN_SUBMODULES, "HEAD"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    # It may hang, as on a network's file system.
    limit = threading.Timer(_LONGEST_COMPARISON_SECONDS, process.kill)
    with process:
        assert process.stdout is not None
        limit.start()
        patch = process.stdout.read(most_bytes + 1)
        limit.cancel()
        process.kill()
    text = patch[:most_bytes].decode(errors="replace")
    return text if len(patch) <= most_bytes else text + CUT
