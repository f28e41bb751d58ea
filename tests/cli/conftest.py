"""One training with the command, which several tests look at."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import command, write_site
from tests.engine.test_language_model import save_tiny_model


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    write_site(folder / "site")
    save_tiny_model(folder / "model")
    return folder


@pytest.fixture(scope="session")
def trained(place: Path) -> Iterator[subprocess.CompletedProcess[str]]:
    yield command("train", "site", "--model", "model", "--epochs", "2", "--name", "first", cwd=place)
