"""What a store holds, read by hand; and processes that work on it and are killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What changes files: Python tells of each before it does it.
CHANGES = {f"os.{call}" for call in ("rename", "link", "remove", "rmdir", "mkdir", "chmod")}


def read_by_hand(store: Path) -> dict[str, dict[str, Any]]:
    """Return the manifests of all versions there are, after comparing all that they say with the files."""
    manifests = {}
    for path in sorted(store.glob("names/*/v*.json")):
        manifest = json.loads(path.read_bytes())
        if manifest["deleted"] is not None:
            assert manifest["files"] == []
            continue
        assert (path.parent.name, path.stem) == (manifest["name"], f"v{manifest['number']}")
        for file in manifest["files"]:
            content = (store / "objects" / file["sha256"][:2] / file["sha256"]).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size"], file["sha256"])
        assert manifest["digest"] == digest_by_hand(manifest)
        manifests[f"{path.parent.name}:{path.stem}"] = manifest
    return manifests


def digest_by_hand(manifest: dict[str, Any]) -> str:
    lines = [[file["path"], file["sha256"], file["size"], file["executable"]] for file in manifest["files"]]
    lines += [[each["uri"], each["checksum"], each["size"]] for each in manifest["references"]]
    texts = [json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" for line in lines]
    return hashlib.sha256(b"".join(sorted(texts))).hexdigest()


def check_nothing_is_left(store: Path) -> None:
    """Check that the store has what its versions need, and nothing else."""
    needed = {file["sha256"] for manifest in read_by_hand(store).values() for file in manifest["files"]}
    assert {path.name for path in store.glob("objects/*/*")} == needed
    assert list(store.glob("incoming/*")) == []


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def make_old(store: Path) -> None:
    """Make what is being made, or was when its process was killed, look old."""
    for path in [*store.glob("incoming/*"), *store.glob("names/*/.*"), *store.glob("names/*/aliases/.*")]:
        os.utime(path, (0, 0), follow_symlinks=False)


def in_child(work: Callable[[], Any]) -> int:
    """Start a child process that works, and return its id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        # Only this says why, and nothing of the test may run in the child.
        traceback.print_exc()
    finally:
        os._exit(status)


def is_killed_before_change(number: int, work: Callable[[], Any]) -> bool:
    """Have a child work, and kill it just before it changes a file for the nth time; False if it was done before."""

    def work_until_killed() -> None:
        count = 0

        def look(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal count
            if event in CHANGES or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
                count += 1
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(look)
        work()

    _, status = os.waitpid(in_child(work_until_killed), 0)
    assert status in (0, signal.SIGKILL)
    return status == signal.SIGKILL
