"""A process that is killed at any moment leaves versions whole or absent, and the next one completes its work."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seo_engine.tracking.artifacts.incoming import staging
from seo_engine.tracking.artifacts.store import ArtifactStore
from tests.tracking.artifacts.by_hand import (
    check_nothing_is_left,
    files_in,
    in_child,
    is_killed_before_change,
    make_old,
    read_by_hand,
)

Work = Callable[[ArtifactStore], Any]

CONTENT = {"weights.bin": b"\0\1" * 5_000, "again.bin": b"\0\1" * 5_000, "sub/config.json": b"{}"}
OTHER_CONTENT = {"weights.bin": b"\0\1" * 5_000, "notes.txt": b"older"}


def write(folder: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path / "model", CONTENT)


@pytest.fixture
def store_before(tmp_path: Path) -> Path:
    """A store with a version that has some content in common with the model."""
    store = ArtifactStore(tmp_path / "before")
    store.commit(store.stage(write(tmp_path / "older", OTHER_CONTENT), "net", "model", aliases=["best"]))
    return store.folder


def at_every_moment(
    tmp_path: Path, store_before: Path, work: Callable[[ArtifactStore], Any]
) -> Iterator[ArtifactStore]:
    """Yield a store in which a process that worked was killed, for every moment."""
    for number in itertools.count(1):
        folder = shutil.copytree(store_before, tmp_path / "store")
        is_killed = is_killed_before_change(number, lambda folder=folder: work(ArtifactStore(folder)))
        yield ArtifactStore(folder)
        shutil.rmtree(folder)
        if not is_killed:
            assert number > 5
            return


@pytest.mark.parametrize("kind", ["new", "equal"])
def test_a_commit_that_is_killed_at_any_moment_is_completed_once_by_another(
    tmp_path: Path, model: Path, store_before: Path, kind: str
) -> None:
    prepared = ArtifactStore(store_before)
    if kind == "equal":
        prepared.commit(prepared.stage(model, "net", "model"))
    staged = prepared.stage(model, "net", "model", aliases=["best", "final"], run="run_1")
    for store in at_every_moment(tmp_path, store_before, lambda store: store.commit(staged)):
        # Whole or absent, before anybody looks after it.
        assert {"net:v0"} <= read_by_hand(store.folder).keys() <= {"net:v0", "net:v1"}
        assert store.commit(staged).label == store.commit(staged).label == "net:v1"
        versions = read_by_hand(store.folder)
        assert versions.keys() == {"net:v0", "net:v1"}
        assert {file["path"] for file in versions["net:v1"]["files"]} == CONTENT.keys()
        assert store.aliases("net") == {"best": 1, "final": 1, "latest": 1}
        check_nothing_is_left(store.folder)


def test_what_a_killed_commit_needs_stays_when_a_version_with_the_same_content_is_deleted(
    tmp_path: Path, model: Path, store_before: Path
) -> None:
    staged = ArtifactStore(store_before).stage(model, "net", "model")
    for store in at_every_moment(tmp_path, store_before, lambda store: store.commit(staged)):
        store.delete("net:v0", force=True)
        assert store.commit(staged).label == "net:v1"
        assert files_in(store.get("net:v1")) == CONTENT
        check_nothing_is_left(store.folder)


def test_a_commit_that_is_killed_again_and_again_is_completed_in_the_end(
    tmp_path: Path, model: Path, store_before: Path
) -> None:
    staged = ArtifactStore(store_before).stage(model, "net", "model", aliases=["best"])
    store = ArtifactStore(store_before)
    # Each one comes a little further than the one before.
    kills = next(
        number for number in itertools.count(1) if not is_killed_before_change(number, lambda: store.commit(staged))
    )
    assert kills > 10
    assert read_by_hand(store.folder).keys() == {"net:v0", "net:v1"}
    check_nothing_is_left(store.folder)
    assert store.commit(staged).label == "net:v1"


def test_a_staging_that_is_killed_at_any_moment_is_whole_or_garbage(
    tmp_path: Path, model: Path, store_before: Path
) -> None:
    outcomes = set()
    for store in at_every_moment(tmp_path, store_before, lambda store: store.stage(model, "net", "model")):
        make_old(store.folder)
        assert store.verify(mend=True).is_whole
        versions = read_by_hand(store.folder)
        outcomes.add(len(versions))
        if len(versions) == 2:
            assert files_in(store.get("net")) == CONTENT
        check_nothing_is_left(store.folder)
    assert outcomes == {1, 2}


def test_a_deletion_that_is_killed_at_any_moment_harms_no_other_version(
    tmp_path: Path, model: Path, store_before: Path
) -> None:
    prepared = ArtifactStore(store_before)
    prepared.commit(prepared.stage(model, "net", "model", aliases=["final"]))
    prepared.get("net")
    for store in at_every_moment(tmp_path, store_before, lambda store: store.delete("net:v1", force=True)):
        versions = read_by_hand(store.folder)
        assert {"net:v0"} <= versions.keys() <= {"net:v0", "net:v1"}
        if "net:v1" in versions:
            store.delete("net:v1", force=True)
        make_old(store.folder)
        store.verify(mend=True)
        assert read_by_hand(store.folder).keys() == {"net:v0"}
        assert files_in(store.get("net")) == OTHER_CONTENT
        assert [path.name for path in store.folder.glob("checkouts/*")] == [store.resolve("net").digest]
        check_nothing_is_left(store.folder)
        assert store.commit(store.stage(model, "net", "model")).label == "net:v2"


def test_a_checkout_that_is_killed_at_any_moment_is_whole_or_absent(
    tmp_path: Path, model: Path, store_before: Path
) -> None:
    (model / "run.sh").write_bytes(b"#!/bin/sh\n")
    (model / "run.sh").chmod(0o755)
    prepared = ArtifactStore(store_before)
    prepared.commit(prepared.stage(model, "net", "model"))
    for store in at_every_moment(tmp_path, store_before, lambda store: store.get("net")):
        for checkout in store.folder.glob("checkouts/*"):
            assert files_in(checkout) == files_in(model)
        assert files_in(store.get("net")) == files_in(model)
        make_old(store.folder)
        store.verify(mend=True)
        check_nothing_is_left(store.folder)


def test_files_that_are_got_for_somebody_are_all_there_or_none_when_it_is_killed(
    tmp_path: Path, model: Path, store_before: Path
) -> None:
    prepared = ArtifactStore(store_before)
    prepared.commit(prepared.stage(model, "net", "model"))
    target = tmp_path / "target" / "files"
    for _ in at_every_moment(tmp_path, store_before, lambda store: store.get("net", target)):
        if target.exists():
            assert files_in(target) == CONTENT
        shutil.rmtree(target.parent, ignore_errors=True)


def test_an_alias_that_is_moved_by_a_killed_process_names_the_old_or_the_new_version(
    tmp_path: Path, model: Path, store_before: Path
) -> None:
    prepared = ArtifactStore(store_before)
    prepared.commit(prepared.stage(model, "net", "model"))
    named = [
        store.aliases("net")["best"]
        for store in at_every_moment(tmp_path, store_before, lambda store: store.set_alias("net:v1", "best"))
    ]
    assert named == sorted(named) and set(named) == {0, 1}


def test_a_staging_in_work_is_no_garbage_although_it_looks_old(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(tmp_path / "store")
    (is_at_it, says_so), (goes_on, says_go) = os.pipe(), os.pipe()
    clone = staging.clone_file

    def clone_when_told(*arguments: Any, **options: Any) -> int:
        os.write(says_so, b"!")
        os.read(goes_on, 1)
        return clone(*arguments, **options)

    monkeypatch.setattr(staging, "clone_file", clone_when_told)
    child = in_child(lambda: store.stage(model, "net", "model"))
    os.read(is_at_it, 1)
    make_old(store.folder)
    assert store.verify(mend=True).findings == ()
    os.write(says_go, b"!" * len(CONTENT))
    assert os.waitpid(child, 0)[1] == 0
    assert [finding.versions for finding in store.verify(mend=True).findings] == [("net:v0",)]
    assert files_in(store.get("net")) == CONTENT
