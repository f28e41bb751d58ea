"""What is kept, under which numbers and names, and how it comes back."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from seo_engine.tracking.artifacts.contents import ArtifactReference
from seo_engine.tracking.artifacts.store import ArtifactStore
from tests.tracking.artifacts.by_hand import check_nothing_is_left, files_in, read_by_hand


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "weights.bin").write_bytes(b"\0\1" * 1_000)
    (folder / "sub" / "größe.txt").write_text("12")
    (folder / "sub" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "sub" / "run.sh").chmod(0o755)
    return folder


def keep(store: ArtifactStore, path: Path, name: str = "model", **options: object) -> str:
    return store.commit(store.stage(path, name, "model", **options)).label  # type: ignore[arg-type]


def test_a_folder_comes_back_as_it_was(store: ArtifactStore, model: Path, tmp_path: Path) -> None:
    before = files_in(model)
    staged = store.stage(model, "model", "model", description="the first", run="run_1", metadata={"loss": 0.1})
    # From now on it belongs to its owner again.
    (model / "weights.bin").write_bytes(b"changed")
    version = store.commit(staged)
    manifest = read_by_hand(store.folder)["model:v0"]
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == {
        path: hashlib.sha256(content).hexdigest() for path, content in before.items()
    }
    assert [file["path"] for file in manifest["files"] if file["executable"]] == ["sub/run.sh"]
    assert (manifest["description"], manifest["run"], manifest["metadata"]) == ("the first", "run_1", {"loss": 0.1})
    for folder in (store.get("model"), store.get("model", tmp_path / "there" / "copy")):
        assert files_in(folder) == before
        assert os.access(folder / "sub" / "run.sh", os.X_OK)
        assert not (folder / "empty").exists()
    # The copy is its owner's; the content of the store is nobody's to write to.
    assert stat.S_IMODE((tmp_path / "there" / "copy" / "weights.bin").stat().st_mode) & 0o600 == 0o600
    kept = store.folder / "objects" / manifest["files"][-1]["sha256"][:2] / manifest["files"][-1]["sha256"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o400
    assert kept.samefile(store.get("model") / "weights.bin")
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert version.size == sum(map(len, before.values()))
    check_nothing_is_left(store.folder)


def test_content_that_versions_have_in_common_is_kept_once_and_equal_versions_are_one(
    store: ArtifactStore, model: Path
) -> None:
    assert keep(store, model) == "model:v0"
    assert keep(store, model, aliases=["best"], metadata={"other": 1}) == "model:v0"
    (model / "sub" / "größe.txt").write_text("13")
    assert keep(store, model) == "model:v1"
    assert keep(store, model / "weights.bin", name="other") == "other:v0"
    assert len(list(store.folder.glob("objects/*/*"))) == 4
    # Going back to earlier content is no new version either.
    (model / "sub" / "größe.txt").write_text("12")
    assert keep(store, model) == "model:v0"
    assert store.aliases("model") == {"best": 0, "latest": 1}
    assert store.names() == ["model", "other"]
    check_nothing_is_left(store.folder)


def test_the_mode_of_a_program_is_a_part_of_its_version(store: ArtifactStore, model: Path) -> None:
    keep(store, model)
    (model / "sub" / "run.sh").chmod(0o644)
    assert keep(store, model) == "model:v1"
    assert os.access(store.get("model:v0") / "sub" / "run.sh", os.X_OK)
    assert not stat.S_IMODE((store.get("model:v1") / "sub" / "run.sh").stat().st_mode) & stat.S_IXUSR


def test_a_version_is_named_by_number_alias_or_digest(store: ArtifactStore, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "weights").write_text(str(number))
        keep(store, tmp_path / "weights", aliases=["best"] if number == 1 else [])
    digest = store.resolve("model:v0").digest
    names = ("model", "model:latest", "model:best", "model:v0", f"model@{digest[:8]}", f"model@{digest}")
    assert [store.resolve(name).number for name in names] == [2, 2, 1, 0, 0, 0]
    assert store.set_alias("model:v0", "best").number == 0 == store.resolve("model:best").number
    for name, said in {
        "modle": "no artifact 'modle' in .*; the nearest name is 'model'",
        "model:bets": "model has no alias 'bets'; it has latest, best, and v0 to v2",
        "model:v7": "model has no v7; it has v0 to v2",
        "model@abcdef12": "no version of model has a digest that begins with abcdef12",
        "model@": "after @ stands the beginning of a digest",
        "model:": "an alias must be plain",
        "../model": "an artifact's name must be plain",
        "": "an artifact's name must be plain",
    }.items():
        with pytest.raises(ValueError, match=said):
            store.resolve(name)


def test_a_version_that_is_committed_late_takes_no_alias_from_a_newer_one(store: ArtifactStore, tmp_path: Path) -> None:
    staged = []
    for number in range(2):
        (tmp_path / "weights").write_text(str(number))
        staged.append(store.stage(tmp_path / "weights", "model", "model", aliases=["best"]))
    newer, older = store.commit(staged[1]), store.commit(staged[0])
    assert (newer.label, older.label) == ("model:v0", "model:v1")
    assert store.aliases("model")["best"] == newer.number
    # Somebody who moves it means it, whatever was staged when.
    store.set_alias(older.label, "best")
    assert store.aliases("model")["best"] == older.number


@pytest.mark.parametrize("committed_by", ["whoever uses it", "whoever mends the store"])
def test_what_waits_gets_its_numbers_in_the_order_in_which_it_was_kept(
    store: ArtifactStore, tmp_path: Path, committed_by: str
) -> None:
    for number in range(9):
        (tmp_path / "weights.txt").write_text(f"{number}")
        store.stage(tmp_path / "weights.txt", "model", "model")
    if committed_by == "whoever uses it":
        store.commit_waiting("model")
    else:
        store.verify(mend=True)
    contents = [(store.get(f"model:v{number}") / "weights.txt").read_text() for number in range(9)]
    assert contents == [f"{number}" for number in range(9)]


def test_what_is_elsewhere_is_a_part_of_the_version_and_not_of_the_folder(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("see there")
    references = [ArtifactReference("s3://bucket/data.tar", "md5:1", 10), ArtifactReference("https://example.org/ä")]
    for path, label in ((tmp_path / "note.txt", "data:v0"), (None, "data:v1")):
        staged = store.stage(path, "data", "dataset", references=references)
        assert store.commit(staged).label == label
        assert read_by_hand(store.folder)[label]["references"][0]["checksum"] == "md5:1"
    assert files_in(store.get("data:v0")) == {"note.txt": b"see there"}
    assert files_in(store.get("data:v1", tmp_path / "nothing")) == {} and (tmp_path / "nothing").is_dir()
    changed = [ArtifactReference("s3://bucket/data.tar", "md5:2", 10), references[1]]
    assert store.commit(store.stage(None, "data", "dataset", references=changed)).label == "data:v2"
    with pytest.raises(ValueError, match="looks like it holds a secret"):
        store.stage(None, "data", "dataset", references=[ArtifactReference("https://me:hunter2@example.org/x")])


def test_a_deleted_number_is_never_used_again_and_what_only_it_held_goes(store: ArtifactStore, model: Path) -> None:
    keep(store, model)
    (model / "weights.bin").write_bytes(b"new")
    staged = store.stage(model, "model", "model", aliases=["best"])
    store.commit(staged)
    store.get("model:v1")
    with pytest.raises(ValueError, match="model:v1 has the alias best; move it first, or force the deletion"):
        store.delete("model")
    removed = store.delete("model", force=True)
    assert (removed.version, removed.objects, removed.size) == ("model:v1", 1, 3)
    assert store.aliases("model") == {"latest": 0}
    for name in ("model:v1", "model:best"):
        with pytest.raises(ValueError, match=r"deleted|no alias"):
            store.resolve(name)
    with pytest.raises(ValueError, match="model:v1 was deleted"):
        store.commit(staged)
    with pytest.raises(ValueError, match="model:v1 was deleted"):
        store.delete("model:v1")
    assert keep(store, model) == "model:v2"
    check_nothing_is_left(store.folder)
    for number in (0, 2):
        store.delete(f"model:v{number}")
    with pytest.raises(ValueError, match="all versions of model were deleted"):
        store.resolve("model")
    assert store.aliases("model") == {}
    assert list(store.folder.glob("objects/*/*")) == [] == list(store.folder.glob("checkouts/*"))


def test_lineage_says_who_made_and_used_a_version_and_what_else_they_did(store: ArtifactStore, tmp_path: Path) -> None:
    def made(name: str, run: str) -> str:
        (tmp_path / "file").write_text(f"{name} of {run}")
        return keep(store, tmp_path / "file", name=name, run=run)

    made("data", "collect")
    for run in ("train_1", "train_2", "train_1"):
        store.note_use("data:v0", run)
    made("model", "train_1")
    made("report", "train_1")
    store.note_use("model", "deploy with token=hunter22")
    lineage = store.lineage("data")
    assert lineage.made_by is not None and (lineage.made_by.run, lineage.made_by.made) == ("collect", ("data:v0",))
    assert [(run.run, run.made, run.used) for run in lineage.used_by] == [
        ("train_1", ("model:v0", "report:v0"), ("data:v0",)),
        ("train_2", (), ("data:v0",)),
    ]
    assert "hunter22" not in (store.folder / "names" / "model" / "uses.jsonl").read_text()
    # A line that a kill tore, or somebody wrote, spoils only itself.
    uses = store.folder / "names" / "data" / "uses.jsonl"
    other = {"run": "x", "host": "h", "time": 1}
    lines = [json.dumps({"number": 10**12, **other}), json.dumps({"number": 0, **other, "run": 5}), "[1]", '{"num']
    uses.write_text(uses.read_text() + "\n".join(lines))
    store.note_use("data:v0", "train_3")
    assert [run.run for run in store.lineage("data").used_by] == ["train_1", "train_2", "train_3"]


def test_secrets_are_not_kept_and_what_is_no_plain_data_is_refused(store: ArtifactStore, model: Path) -> None:
    staged = store.stage(
        model, "model", "model",
        metadata={"api_key": "hunter22", "nested": [{"password": "hunter22"}], "nan": float("nan")},
        description="made with token='hunter22'", run="run_1",
    )  # fmt: skip
    store.commit(staged)
    manifest = (store.folder / "names" / "model" / "v0.json").read_text()
    assert "hunter22" not in manifest and json.loads(manifest)["metadata"]["nan"] is None
    for options, said in (
        ({"metadata": {"object": object()}}, "metadata must be texts, numbers, lists and dictionaries"),
        ({"metadata": {"much": "x" * 2_000_000}}, "metadata must be at most 1,000,000 bytes"),
        ({"metadata": [1]}, "metadata must be a dictionary"),
        ({"description": "x" * 20_000}, "description must be a text of at most 10,000 characters"),
        ({"aliases": ["latest"]}, "an alias must be neither latest nor a number"),
        ({"aliases": "best"}, "aliases must be a list"),
        ({"references": [ArtifactReference("no address")]}, "a reference must be an address"),
        ({"references": [ArtifactReference("s3://b/x", size=-1)]}, "the size of a reference"),
    ):
        with pytest.raises(ValueError, match=said):
            store.stage(model, "model", "model", **options)  # type: ignore[arg-type]
    for name, kind in (
        ("../x", "model"),
        ("x" * 121, "model"),
        ("a/b", "model"),
        ("", "model"),
        ("model", "two words"),
    ):
        with pytest.raises(ValueError, match="must be"):
            store.stage(model, name, kind)
    check_nothing_is_left(store.folder)


def test_looking_at_a_store_writes_nothing_so_that_a_read_only_one_can_be_read(
    store: ArtifactStore, model: Path, tmp_path: Path
) -> None:
    keep(store, model, aliases=["best"], run="run_1")

    def times() -> dict[Path, int]:
        return {path: path.lstat().st_mtime_ns for path in [store.folder, *store.folder.rglob("*")]}

    before = times()
    store.names(), store.versions("model"), store.aliases("model"), store.resolve("model:best")
    store.lineage("model"), store.get("model", tmp_path / "copy")
    assert store.verify().findings == ()
    assert times() == before


def test_nothing_takes_the_place_of_what_is_there(store: ArtifactStore, model: Path, tmp_path: Path) -> None:
    keep(store, model)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for target in (tmp_path / "full", tmp_path / "full" / "mine", tmp_path / "link"):
        with pytest.raises(ValueError, match="something is there; give a new folder"):
            store.get("model", target)
    with pytest.raises(ValueError, match="this is the current folder"):
        store.get("model", ".")
    assert (tmp_path / "full" / "mine").read_text() == "mine"
    assert files_in(store.get("model", tmp_path / "empty")) == files_in(model)


def test_a_store_that_is_not_there_has_nothing_and_is_not_made(store: ArtifactStore) -> None:
    assert store.names() == [] and store.verify().findings == ()
    assert not store.folder.exists()
    with pytest.raises(ValueError, match=r"no artifact 'model' in .*, which has none"):
        store.resolve("model")
    with pytest.raises(ValueError, match="nothing is staged as model"):
        store.commit("model." + "0" * 32)
    with pytest.raises(ValueError, match="is not an id that `stage` returned"):
        store.commit("../../elsewhere")
    check_nothing_is_left(store.folder)
