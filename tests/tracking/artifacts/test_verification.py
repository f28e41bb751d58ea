"""A store that is damaged, full of garbage, or written by somebody who means harm."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seo_engine.tracking.artifacts import verification
from seo_engine.tracking.artifacts.store import ArtifactStore
from seo_engine.tracking.artifacts.verification import (
    BROKEN_MANIFEST,
    DAMAGED,
    GARBAGE,
    MISSING,
    UNNEEDED,
    WAITING,
)
from tests.tracking.artifacts.by_hand import check_nothing_is_left, digest_by_hand, files_in, make_old, read_by_hand

SECRET = "secret of this machine"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """A store with two versions, which have a file in common."""
    store = ArtifactStore(tmp_path / "artifacts")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "same").write_text("same")
    for number in range(2):
        (folder / "own").write_text(f"own of {number}")
        store.commit(store.stage(folder, "model", "model", aliases=[f"alias_{number}"]))
    return store


def kept(store: ArtifactStore, label: str, path: str) -> Path:
    file = next(file for file in read_by_hand(store.folder)[label]["files"] if file["path"] == path)
    return store.folder / "objects" / file["sha256"][:2] / file["sha256"]


def rewrite(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


def test_a_damaged_content_is_named_with_its_versions_and_healed_by_the_same_content(
    store: ArtifactStore, tmp_path: Path
) -> None:
    path = kept(store, "model:v0", "same")
    rewrite(path, b"Same")
    found = store.verify()
    assert [(each.kind, each.what, each.versions, each.is_mended) for each in found.findings] == [
        (DAMAGED, str(path), ("model:v0", "model:v1"), False)
    ]
    assert not found.is_whole and found.versions == 2 and found.objects == 3
    assert path.read_bytes() == b"Same"
    # Set aside, it is still there, and never given to anybody.
    assert [each.is_mended for each in store.verify(mend=True).findings] == [True]
    assert path.with_name(f"{path.name}.damaged").read_bytes() == b"Same"
    with pytest.raises(OSError, match="model:v0: the store does not hold what 'same' was"):
        store.get("model:v0", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert [each.kind for each in store.verify(mend=True).findings] == [MISSING]
    store.commit(store.stage(tmp_path / "folder", "model", "model"))
    assert store.verify().is_whole
    assert files_in(store.get("model:v0")) == {"same": b"same", "own": b"own of 0"}


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: rewrite(path, b"longer than before")])
def test_what_is_missing_or_has_another_size_is_never_given_to_anybody(
    store: ArtifactStore, damage: Callable[[Path], None]
) -> None:
    damage(kept(store, "model:v1", "own"))
    with pytest.raises(OSError, match="the store does not hold what 'own' was; `seo-engine artifacts verify`"):
        store.get("model:v1")
    (finding,) = store.verify().findings
    assert finding.kind in (MISSING, DAMAGED) and finding.versions == ("model:v1",)
    assert files_in(store.get("model:v0")) == {"same": b"same", "own": b"own of 0"}


def test_garbage_goes_and_what_is_staged_is_completed_only_when_asked(store: ArtifactStore, tmp_path: Path) -> None:
    waiting = store.stage(tmp_path / "folder" / "same", "other", "model")
    unneeded = store.folder / "objects" / "ab" / ("ab" * 32)
    unneeded.parent.mkdir(exist_ok=True)
    unneeded.write_text("x")
    (store.folder / "checkouts" / ("cd" * 32)).mkdir(parents=True)
    killed = store.folder / "incoming" / "model.half"
    killed.mkdir()
    (killed / "0").write_text("half")
    partial = store.folder / "names" / "model" / "aliases" / ".best.0123"
    partial.write_text("{")
    before = {path: path.lstat().st_mtime_ns for path in store.folder.rglob("*")}
    # It is too young to be garbage: a process may be at it.
    assert [each.kind for each in store.verify().findings] == [WAITING, UNNEEDED, UNNEEDED]
    assert {path: path.lstat().st_mtime_ns for path in store.folder.rglob("*")} == before
    make_old(store.folder)
    kinds = sorted(each.kind for each in store.verify(mend=True).findings)
    assert kinds == sorted([GARBAGE, WAITING, UNNEEDED, UNNEEDED, GARBAGE])
    assert store.verify().findings == ()
    assert store.commit(waiting).label == "other:v0"
    assert not partial.exists() and list(store.folder.glob("checkouts/*")) == []
    check_nothing_is_left(store.folder)


def test_a_staging_that_another_process_commits_meanwhile_is_no_garbage(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = store.stage(tmp_path / "folder" / "same", "other", "model")
    find = verification.waiting_in_order

    def find_and_commit(*arguments: Any) -> Any:
        found = find(*arguments)
        store.commit(staged)
        return found

    monkeypatch.setattr(verification, "waiting_in_order", find_and_commit)
    assert store.verify(mend=True).findings == ()
    assert store.names() == ["model", "other"]


def changed(**values: Any) -> Callable[[dict[str, Any]], bytes]:
    return lambda manifest: json.dumps(manifest | values).encode()


def with_file(**values: Any) -> Callable[[dict[str, Any]], bytes]:
    def change(manifest: dict[str, Any]) -> bytes:
        manifest["files"][0] |= values
        manifest["digest"] = digest_by_hand(manifest)
        return json.dumps(manifest).encode()

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: b"", "it is not JSON"),
        (lambda _: b"[" * 100_000, "it is not JSON"),
        (lambda _: b"[]", "it is not a JSON object"),
        (lambda manifest: json.dumps(manifest).encode()[:-10], "it is not JSON"),
        (with_file(path="../../../elsewhere"), "'../../../elsewhere' is not a path within a folder"),
        (with_file(path="/etc/passwd"), "'/etc/passwd' is not a path within a folder"),
        (with_file(path="a/../../b"), "is not a path within a folder"),
        (with_file(path=""), "is not a path within a folder"),
        (with_file(path="a\0b"), "is not valid UTF-8"),
        (with_file(path="x" * 5_000), "is not valid UTF-8 of at most 4096 bytes"),
        (with_file(path=5), "path is not a text"),
        (with_file(path="same"), "two files have the same path"),
        (with_file(path="same/own"), "'same' is both a file and a folder"),
        (with_file(sha256="../../../../etc/passwd"), "sha256 is not a SHA-256"),
        (with_file(sha256=""), "files have no sha256"),
        (with_file(size=-1), "size is not a whole number"),
        (with_file(size=True), "size is not a whole number"),
        (with_file(size=2**70), "size is not a whole number|not JSON"),
        (with_file(executable="yes"), "executable is neither true nor false"),
        (changed(digest="0" * 64), "digest is not that of its files"),
        (changed(digest="../x"), "digest is not a SHA-256"),
        (changed(name="other"), "staging is of another artifact"),
        (changed(name="../other"), "an artifact's name must be plain"),
        (changed(number=1), "it is of model:v1"),
        (changed(number=10**12), "number is not that of a version"),
        (changed(type="\x1b[31m"), "an artifact's type must be plain"),
        (changed(metadata=[1]), "metadata is not an object"),
        (changed(files={}), "files is not a list"),
        (changed(files=[1]), "files is not a list"),
        (changed(references=[{"uri": "no address"}]), "a reference must be an address"),
        (changed(created=1e300), "created is not a time"),
        (changed(created="now"), "created is not a time"),
        (changed(description=None), "description is not a text"),
        (changed(staging="../../x"), "is not an id that `stage` returned"),
    ],
)
def test_a_broken_or_hostile_manifest_is_told_in_a_line_and_harms_nothing(
    store: ArtifactStore, tmp_path: Path, change: Callable[[dict[str, Any]], bytes], said: str
) -> None:
    path = store.folder / "names" / "model" / "v0.json"
    path.write_bytes(change(json.loads(path.read_bytes())))
    with pytest.raises(ValueError, match=said) as raised:
        store.resolve("model:v0")
    assert "\n" not in str(raised.value) and str(path) in str(raised.value) and "\x1b" not in str(raised.value)
    # The others are there as before.
    versions = store.versions("model")
    assert [version.label for version in versions.present] == ["model:v1"]
    assert versions.problems == [str(raised.value)]
    assert store.resolve("model").label == "model:v1"
    found = store.verify(mend=True)
    assert [each.kind for each in found.findings if each.kind != UNNEEDED] == [BROKEN_MANIFEST]
    # Nobody knows what it needs: nothing goes.
    assert not any(each.is_mended for each in found.findings)
    assert "v0.json" in store.delete("model:v1", force=True).kept_because
    assert len(list(store.folder.glob("objects/*/*"))) == 3
    with pytest.raises(ValueError, match=said):
        store.delete("model:v0")
    store.delete("model:v0", force=True)
    store.verify(mend=True)
    (tmp_path / "new").write_text("new")
    assert store.commit(store.stage(tmp_path / "new", "model", "model")).label == "model:v2"
    check_nothing_is_left(store.folder)


def test_the_newest_version_is_not_passed_over_because_it_cannot_be_read(store: ArtifactStore) -> None:
    (store.folder / "names" / "model" / "v1.json").write_text("{")
    with pytest.raises(ValueError, match=r"v1\.json: it is not JSON"):
        store.resolve("model")
    assert store.resolve("model:alias_0").label == "model:v0"


def test_links_in_a_store_lead_nowhere(store: ArtifactStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    content = kept(store, "model:v1", "own")
    content.unlink()
    content.symlink_to(secret)
    path = store.folder / "names" / "model" / "v1.json"
    manifest = json.loads(path.read_bytes())
    next(file for file in manifest["files"] if file["path"] == "own")["size"] = len(SECRET)
    manifest["digest"] = digest_by_hand(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(OSError, match="the store does not hold what 'own' was"):
        store.get("model:v1", tmp_path / "copy")
    assert [each.kind for each in store.verify().findings] == [DAMAGED]
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        store.resolve("model:v1")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="it is not a regular file"):
        store.resolve("model:v1")
    assert store.resolve("model:v0").number == 0


def test_strange_names_in_a_store_hide_nothing(store: ArtifactStore, tmp_path: Path) -> None:
    names = store.folder / "names"
    for name in ("..x", "a b", "\x1b[31m", "x" * 200):
        (names / name).mkdir()
        (names / name / "v0.json").write_text("{}")
    (names / "a file").write_text("x")
    for name in ("v01.json", "v9999999999999.json", "vx.json", "best.json"):
        (names / "model" / name).write_text("{}")
    for alias, content in {
        "v0": '{"number": 1}',
        "bad": "{",
        "gone": '{"number": 7}',
        "big": '{"number": 1e9}',
    }.items():
        (names / "model" / "aliases" / alias).write_text(content)
    assert store.names() == ["model"]
    assert store.aliases("model") == {"alias_0": 0, "alias_1": 1, "gone": 7, "latest": 1}
    with pytest.raises(ValueError, match="model:gone names v7, which is not there"):
        store.resolve("model:gone")
    assert store.resolve("model:v0").number == 0
    (store.folder / "incoming" / "a file").write_text("x")
    assert store.verify().is_whole
    (tmp_path / "new").write_text("new")
    assert store.commit(store.stage(tmp_path / "new", "model", "model")).label == "model:v2"


def test_a_request_of_somebody_else_is_not_carried_out(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    staged = store.stage(tmp_path / "new", "model", "model")
    request = store.folder / "incoming" / staged / "request.json"
    plain = json.loads(request.read_bytes())
    for change, said in (
        ({"aliases": ["../x"]}, "an alias must be plain"),
        ({"staging": "model." + "0" * 32}, "it is of model.0000"),
        ({"files": [plain["files"][0] | {"path": "../x"}]}, "is not a path within a folder"),
        ({"files": [plain["files"][0] | {"size": 99}]}, "new has 3 bytes, not the 99 that were staged"),
    ):
        request.write_text(json.dumps(plain | change))
        with pytest.raises((ValueError, OSError), match=said):
            store.commit(staged)
        assert [each.is_mended for each in store.verify(mend=True).findings if each.kind == WAITING] in ([], [False])
    # A link is neither read nor moved, and what it names keeps its mode.
    content, secret = request.with_name("0"), tmp_path / "secret"
    secret.write_text("new")
    secret.chmod(0o644)
    content.unlink()
    content.symlink_to(secret)
    for sha256 in ("", "ab" * 32):
        request.write_text(json.dumps(plain | {"files": [plain["files"][0] | {"sha256": sha256}]}))
        with pytest.raises(OSError, match=r"Too many levels of symbolic links|it is not a regular file"):
            store.commit(staged)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o644
    content.unlink()
    content.write_text("new")
    request.write_text(json.dumps(plain))
    assert store.commit(staged).label == "model:v2"
    check_nothing_is_left(store.folder)


def test_a_full_list_of_uses_is_an_error_and_stays(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from seo_engine.tracking.artifacts import line_files

    monkeypatch.setattr(line_files, "_LARGEST_FILE_BYTES", 300)
    with pytest.raises(OSError, match=r"uses\.jsonl is full"):
        for number in range(20):
            store.note_use("model", f"run_{number}")
    assert len(store.lineage("model").used_by) >= 1
