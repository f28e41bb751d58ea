"""Every test runs in a folder of its own, with no account and no setting of the developer's."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests run side by side, and two processes that use all cores at once are many times slower. Before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Tests start hundreds of processes. Each would compile the whole package if none may keep what it compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A loaded machine is no reason to fail; no test asserts a time.
settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_machine")


# Their comparisons say what differs, as those in tests do.
pytest.register_assert_rewrite("tests.tracking.read_views", "tests.tracking.job.started_by_ranks")


@pytest.fixture(autouse=True)
def fresh_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("WANDB_", "MLFLOW_", "SEO_ENGINE_")) or name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
            monkeypatch.delenv(name)
    # No .netrc with a key, and no cache of an earlier run.
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def no_account_of_an_earlier_test() -> Iterator[None]:
    yield
    # wandb keeps in the process what it once read from the environment.
    if (setup := sys.modules.get("wandb.sdk.wandb_setup")) is not None and setup._singleton is not None:
        sys.modules["wandb.sdk.lib.wbauth.authenticate"].unauthenticate_session()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    package_logger = logging.getLogger("seo_engine")
    handlers, level = list(package_logger.handlers), package_logger.level
    yield
    package_logger.handlers[:] = handlers
    package_logger.setLevel(level)
