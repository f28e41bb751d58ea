"""Several processes work on a store at once, with locks and without."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from seo_engine.tracking.artifacts import catalog, committing, removal
from seo_engine.tracking.artifacts.store import ArtifactStore
from tests.tracking.artifacts.by_hand import check_nothing_is_left, files_in, in_child, read_by_hand

PROCESSES = 4
ROUNDS = 5


def at_once(work: Callable[[int], object]) -> None:
    """Have several processes work, who all begin at the same moment."""
    waits, begins = os.pipe()

    def begin(number: int) -> None:
        os.close(begins)
        os.read(waits, 1)
        work(number)

    children = [in_child(lambda number=number: begin(number)) for number in range(PROCESSES)]
    os.close(begins)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * PROCESSES
    os.close(waits)


@pytest.fixture(params=["with locks", "without locks"])
def _locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    if request.param == "without locks":
        monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("_locks")
def test_equal_content_of_several_processes_is_one_version_and_different_content_has_different_numbers(
    tmp_path: Path,
) -> None:
    store = ArtifactStore(tmp_path / "store")

    def log(number: int) -> None:
        folder = tmp_path / f"rank_{number}"
        folder.mkdir()
        for turn in range(ROUNDS):
            (folder / "equal").write_text(f"turn {turn}")
            store.commit(store.stage(folder / "equal", "equal", "model", aliases=[f"turn_{turn}"]))
            (folder / "own").write_text(f"turn {turn} of rank {number}")
            version = store.commit(store.stage(folder, "different", "model", aliases=[f"rank_{number}"]))
            assert files_in(store.get(f"different:v{version.number}")) == files_in(folder)

    at_once(log)
    versions = read_by_hand(store.folder)
    equal = [manifest for manifest in versions.values() if manifest["name"] == "equal"]
    # The processes may be at different turns.
    assert len({manifest["digest"] for manifest in equal}) == ROUNDS == len(equal)
    different = sorted(manifest["number"] for manifest in versions.values() if manifest["name"] == "different")
    assert different == list(range(PROCESSES * ROUNDS))
    assert store.aliases("different").keys() == {"latest", *(f"rank_{number}" for number in range(PROCESSES))}
    check_nothing_is_left(store.folder)


@pytest.mark.usefixtures("_locks")
def test_one_staging_that_several_processes_commit_at_once_is_one_version(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    folder, said = tmp_path / "model", tmp_path / "said"
    folder.mkdir()
    said.mkdir()
    (folder / "labels").write_bytes(b"\0" * 100_000)
    for turn in range(ROUNDS):
        (folder / "weights").write_text(f"turn {turn}")
        staged = store.stage(folder, "model", "model", aliases=["best"])

        def commit(number: int, staged: str = staged) -> None:
            (said / str(number)).write_text(store.commit(staged).label)

        at_once(commit)
        assert [path.read_text() for path in said.iterdir()] == [f"model:v{turn}"] * PROCESSES
    assert len(read_by_hand(store.folder)) == ROUNDS
    check_nothing_is_left(store.folder)


def test_content_that_one_process_deletes_and_others_keep_is_never_missing(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")

    def keep_and_delete(number: int) -> None:
        name = f"rank_{number}"
        content = tmp_path / f"content_{number}"
        for turn in range(ROUNDS):
            content.write_text("the same everywhere")
            version = store.commit(store.stage(content, name, "model"))
            if turn < ROUNDS - 1:
                store.delete(version.label)

    at_once(keep_and_delete)
    versions = read_by_hand(store.folder)
    assert versions.keys() == {f"rank_{number}:v{ROUNDS - 1}" for number in range(PROCESSES)}
    check_nothing_is_left(store.folder)


@pytest.mark.parametrize("first", ["commit", "delete"])
def test_nobody_deletes_between_the_look_for_content_and_the_manifest_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    store = ArtifactStore(tmp_path / "store")
    (tmp_path / "weights").write_text("0.5")
    store.commit(store.stage(tmp_path / "weights", "old", "model"))
    staged = store.stage(tmp_path / "weights", "new", "model")
    work: dict[str, Callable[[], object]] = {
        "commit": lambda: store.commit(staged),
        "delete": lambda: store.delete("old:v0"),
    }
    (is_at_it, says_so), (goes_on, says_go) = os.pipe(), os.pipe()
    # Where each of them has looked what is there, and not yet acted.
    room, step = {"commit": (committing, "_numbered"), "delete": (removal, "find_needed")}[first]
    act = getattr(room, step)

    def act_when_told(*arguments: object) -> object:
        found = act(*arguments) if first == "delete" else None
        os.write(says_so, b"!")
        os.read(goes_on, 1)
        return found if first == "delete" else act(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(room, step, act_when_told)
        child = in_child(work[first])
    os.read(is_at_it, 1)
    with monkeypatch.context() as patch:
        patch.setattr(catalog, "_PATIENCE_SECONDS", 0.0)
        (second,) = work.keys() - {first}
        with pytest.raises(TimeoutError, match="another process has been changing it"):
            work[second]()
    os.write(says_go, b"!")
    assert os.waitpid(child, 0)[1] == 0
    work[second]()
    assert read_by_hand(store.folder).keys() == {"new:v0"}
    check_nothing_is_left(store.folder)


def test_content_stays_where_the_file_system_has_no_locks_and_this_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    store = ArtifactStore(tmp_path / "store")
    (tmp_path / "weights").write_text("0.5")
    store.commit(store.stage(tmp_path / "weights", "model", "model"))
    assert "without locks" in store.delete("model").kept_because
    assert len(list(store.folder.glob("objects/*/*"))) == 1
    assert [finding.is_mended for finding in store.verify(mend=True).findings] == [False]
