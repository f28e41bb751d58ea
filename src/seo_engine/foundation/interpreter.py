"""Starts child processes on the Python of this one, which can import what it can."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# A process that has this variable was started to be a child. If it runs the training instead, it must start none.
CHILD_MARK = "SEO_ENGINE_CHILD"

# Other programs may have Python within them, and be named by `sys.executable`. With our arguments they might train.
_NAME_OF_INTERPRETER = re.compile(r"(python|pypy)w?(\d+(\.\d+)?)?[dmtu]{0,2}(-dbg)?(\.exe)?", re.IGNORECASE)

_FLAGS = {"ignore_environment": "-E", "no_user_site": "-s", "no_site": "-S", "dont_write_bytecode": "-B"}

# The first line on standard input says what can be imported: a command line is bounded, and other users can read it.
# Our package comes from where the training has it, and not from another version that lies earlier on the path.
_PROGRAM = f"""
import importlib.machinery, importlib.util, json, os, sys
os.environ.pop({CHILD_MARK!r}, None)
training = json.loads(sys.stdin.buffer.readline())
if sys.implementation.cache_tag != training["python"]:
    sys.exit(f"{{sys.executable}} is {{sys.implementation.cache_tag}}, but the training runs on {{training['python']}}")
sys.path[:] = training["import_path"]
spec = importlib.machinery.PathFinder.find_spec("seo_engine", [training["folder_of_package"]])
if spec is not None:
    sys.modules["seo_engine"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["seo_engine"])
importlib.import_module(sys.argv[1]).main(sys.argv[2:])
"""


class NoInterpreterError(Exception):
    """There is no Python interpreter that a child process could run on."""


def child_command(module: str) -> list[str]:
    """Return the command that starts a child process, without the child's own arguments.

    Args:
        module (str): Its main program: a module with a function `main` that takes the arguments.

    Returns:
        list[str]: It needs `import_line()` as the first line on its standard input.

    Raises:
        NoInterpreterError: If no interpreter is certain to be this Python.

    Example:
        >>> command = child_command("seo_engine.tracking.delivery.delivery_process")
        >>> "-P" in command, command[-3]
        (True, '-c')
    """
    # Those that decide what is found. Others, such as `-W error` or `-X importtime`, are meant for the training.
    flags = [option for name, option in _FLAGS.items() if getattr(sys.flags, name)]
    # -P: until the import path is set, a user's file in the working folder must not shadow the standard library.
    return [_find_interpreter(), "-P", *flags, "-X", f"utf8={sys.flags.utf8_mode}", "-c", _PROGRAM, module]


def start_interpreter(
    command: Sequence[str], environment: Mapping[str, str] = os.environ, **options: Any
) -> subprocess.Popen[bytes]:
    """Start a child process. Its standard input is a pipe, by whose end it notices that this process is gone.

    Args:
        command (Sequence[str]): As `child_command` returns it, with the child's own arguments.
        environment (Mapping[str, str]): Its variables.
        **options (Any): Further ones of `subprocess.Popen`, such as `stdout`.

    Returns:
        subprocess.Popen[bytes]: The process; it awaits `import_line()` first.

    Raises:
        OSError: If it cannot be started.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        env={**environment, CHILD_MARK: "1"},
        # In its own session, it does not get the Ctrl-C that is meant for the training.
        start_new_session=True,
        **options,
    )


def disown_child(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes in a forked process: the child must see their ends when the training dies."""
    for stream in (process.stdin, process.stdout):
        # The raw file, because the buffer around it may be locked by a thread that this process does not have.
        raw: Any = getattr(stream, "raw", stream)
        if raw is not None:
            raw.close()


def import_line() -> bytes:
    """Return what a child process needs to import what this one can, as one line.

    Example:
        >>> sorted(json.loads(import_line()))
        ['folder_of_package', 'import_path', 'python']
    """
    contents = {
        "python": sys.implementation.cache_tag,
        "folder_of_package": str(Path(sys.modules["seo_engine"].__path__[0]).absolute().parent),
        "import_path": _import_path(),
    }
    return json.dumps(contents).encode() + b"\n"


def _find_interpreter() -> str:
    if CHILD_MARK in os.environ:
        raise NoInterpreterError("this program was itself started in place of a Python interpreter")
    if getattr(sys, "frozen", False):
        raise NoInterpreterError("a frozen program has no Python interpreter")
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefixes = dict.fromkeys([sys.exec_prefix, sys.base_exec_prefix])
    candidates = [
        sys.executable,
        getattr(sys, "_base_executable", None),
        *(str(Path(prefix, "bin", name)) for prefix in prefixes),
    ]
    for each in candidates:
        if (
            each
            and _NAME_OF_INTERPRETER.fullmatch(Path(each).name)
            and Path(each).is_file()
            and os.access(each, os.X_OK)
        ):
            return str(Path(each).absolute())
    raise NoInterpreterError(
        f"sys.executable is {sys.executable!r}, not a Python interpreter; set it to the path of {name}"
    )


def _import_path() -> list[str]:
    """Return the absolute import path; what may hold the user's own files is behind the libraries.

    That is the working folder and the folder of the program: there, a file may have the name of a library.
    """
    own_folders = {str(folder) for folder in (_FOLDER_AT_IMPORT, _working_folder(), _folder_of_program())}
    entries = dict.fromkeys(_absolute(entry) for entry in sys.path if isinstance(entry, str))
    return sorted(filter(None, entries), key=lambda entry: os.path.realpath(entry) in own_folders)


def _absolute(entry: str) -> str:
    """Return an entry as this process has used it, whatever its working folder was then; empty if it is nowhere."""
    path = Path(getattr(sys.path_importer_cache.get(entry), "path", entry))
    working_folder = _working_folder()
    if working_folder is not None:
        path = working_folder / path
    return str(path) if path.is_absolute() else ""


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return None


def _folder_of_program() -> Path | None:
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(os.path.realpath(file)).parent if isinstance(file, str) else None


# `python -m` has put the working folder of the start on the path.
_FOLDER_AT_IMPORT = _working_folder()
