"""The programs of a document, run as its readers would."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

# Runs each program in a process of its own, but imports only once what takes seconds.
RUN_EACH = """
import os, sys, types
if len(sys.argv) > 2:
    import torch.utils.tensorboard
for program in sys.argv[1:]:
    process = os.fork()
    if process == 0:
        sys.argv = ["-c"]
        # As if it had been started alone: it finds no name of ours.
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(program, "<string>", "exec"), vars(main))
        break
    if os.waitpid(process, 0)[1]:
        sys.exit(f"failed:\\n{program}")
"""


def run_programs_of(document: Path, folder: Path) -> None:
    """Run every program of a document in a folder."""
    programs = programs_of(document.read_text(encoding="utf-8"))
    finished = subprocess.run(
        [sys.executable, "-c", RUN_EACH, *programs], cwd=folder, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr


def programs_of(text: str) -> list[str]:
    """Return every program of a document."""
    programs = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "Trainer(..." not in block]
    assert programs
    return programs
