"""What is recorded when a run begins: where, how and from which code it was started, without secrets."""

from __future__ import annotations

import logging
import os
import platform
import sys
from pathlib import Path
from typing import Any, TypedDict

from seo_engine.foundation.redaction import redact, redact_command, redact_text
from seo_engine.tracking.surroundings.git import ask_git, read_git

logger = logging.getLogger(__name__)

# Variables that affect how the training computes, or how its processes find each other; the rest is private.
_ENVIRONMENT_PREFIXES = (
    "ACCELERATE_", "CUDA_", "HF_", "KMP_", "LOCAL_RANK", "MASTER_", "MKL_", "NCCL_", "OMP_", "OPENBLAS_", "PYTORCH_",
    "RANK", "SLURM_JOB", "TOKENIZERS_", "TORCH_", "TRANSFORMERS_", "WANDB_", "WORLD_SIZE",
)  # fmt: skip


class ProgramState(TypedDict):
    """The program of a process, and its file relative to the repository or the working folder; empty if unknown."""

    program: str
    code_path: str


def describe_beginning() -> dict[str, Any]:
    """Return what is recorded at the start of a run in addition to its configuration.

    Returns:
        dict[str, Any]: Plain data without secrets: process, host, Python, the command line, the folder, the
            environment variables that matter to the training, and the state of git.
    """
    return {
        "process": os.getpid(),
        "host": platform.node(),
        "python": platform.python_version(),
        "command": redact_command(sys.orig_argv),
        "arguments": redact_command(sys.argv[1:]),
        **read_program(),
        "folder": redact_text(_folder()),
        "environment": read_environment(),
        "git": read_git(),
    }


def read_environment() -> dict[str, str]:
    """Return the environment variables that matter to a training, without secrets."""
    # Another thread may remove a variable meanwhile.
    environment = {
        name: value
        for name in sorted(os.environ)
        if name.startswith(_ENVIRONMENT_PREFIXES) and (value := os.environ.get(name)) is not None
    }
    redacted: dict[str, str] = redact(environment)
    return redacted


def read_program() -> ProgramState:
    """Return which program this process runs, as W&B names it: its file, or `-m` and its module."""
    main = sys.modules.get("__main__")
    module, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    # Python names a program that it reads from standard input `<stdin>`.
    path = file if isinstance(file, str) and not file.startswith("<") else ""
    try:
        name = f"-m {module.name}" if module is not None else path and str(Path(path).absolute())
        code_path = path and _within(Path(path), Path(ask_git("rev-parse", "--show-toplevel") or _folder()))
    except Exception as error:  # the folder was deleted, or the program is something unusual
        logger.debug("The program cannot be described: %s", error)
        return {"program": "", "code_path": ""}
    return {"program": redact_text(name), "code_path": redact_text(code_path)}


def _within(path: Path, folder: Path) -> str:
    """Return a path relative to a folder, or an empty text if it is not in it."""
    path, folder = path.resolve(), folder.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        # It was deleted.
        return ""
