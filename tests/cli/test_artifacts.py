"""`seo-engine artifacts` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from seo_engine.cli import main
from seo_engine.tracking import ArtifactReference, ArtifactStore
from tests.cli.commands import command


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """Two versions of a model that one run made, and data that it used."""
    store = ArtifactStore(tmp_path / "artifacts")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "train.csv").write_text("a,b\n")
    references = [ArtifactReference("s3://bucket/images.tar", size=2_000)]
    store.commit(store.stage(folder, "data", "dataset", run="collect", references=references))
    store.note_use("data", "cnn")
    for number in range(2):
        (folder / "weights").write_text(f"weights {number}")
        aliases = ["best"] if number == 0 else []
        staged = store.stage(folder / "weights", "model", "model", aliases=aliases, run="cnn", metadata={"loss": 0.5})
        store.commit(staged)
    return store


def test_artifacts_are_listed_shown_and_got(store: ArtifactStore, tmp_path: Path) -> None:
    listed = command("artifacts", "list", cwd=tmp_path).stdout
    assert "data" in listed and "dataset" in listed and "artifacts list data" in listed.splitlines()[-1]
    versions = command("artifacts", "list", "model", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[:2] for line in versions[1:3]] == [["v1", "latest"], ["v0", "best"]]
    assert "cnn" in versions[1] and "artifacts show model:v1" in versions[-1]
    plain = json.loads(command("artifacts", "list", "model", "--json", cwd=tmp_path).stdout)
    assert [(each["version"], each["aliases"], each["files"]) for each in plain] == [
        ("model:v0", ["best"], 1),
        ("model:v1", ["latest"], 1),
    ]
    shown = command("artifacts", "show", "model:best", cwd=tmp_path).stdout
    assert "model:v0" in shown and "loss" in shown and "weights" in shown and "by cnn on" in shown
    assert shown.splitlines()[-1].endswith("artifacts get model:v0 FOLDER")
    as_json = json.loads(command("artifacts", "show", "data", "--json", cwd=tmp_path).stdout)
    assert as_json["files"][0]["path"] == "train.csv" and as_json["references"][0]["uri"] == "s3://bucket/images.tar"
    got = command("artifacts", "get", "data", "copy", cwd=tmp_path)
    assert got.stdout == "copy\n" and (tmp_path / "copy" / "train.csv").read_text() == "a,b\n"
    assert "It also refers to what is elsewhere: `seo-engine artifacts show data:v0`" in got.stderr
    there = command("artifacts", "get", "model:v0", "--json", cwd=tmp_path).stdout
    assert (Path(json.loads(there)["folder"]) / "weights").read_text() == "weights 0"
    again = command("artifacts", "get", "data", "copy", cwd=tmp_path)
    assert again.returncode == 2 and "copy: something is there; give a new folder" in again.stderr


def typed(*arguments: str | Path) -> Result:
    """Run the command in this process: a new one each time takes longer than its work."""
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_lineage_deletion_and_verification(store: ArtifactStore, tmp_path: Path) -> None:
    lineage = typed("artifacts", "lineage", "data").stdout
    assert "collect on" in lineage and "model:v0, model:v1" in lineage
    assert json.loads(typed("artifacts", "lineage", "data", "--json").stdout)["version"] == "data:v0"
    refused = typed("artifacts", "delete", "model:best")
    assert refused.exit_code == 2
    assert refused.stderr == "error: model:v0 has the alias best; move it first, or force the deletion\n"
    deleted = typed("artifacts", "delete", "model:best", "--force").stdout
    assert deleted == "model:v0 is deleted, and 1 file that only it held: 9 bytes\n"
    typed("artifacts", "delete", "model")
    assert typed("artifacts", "list", "model").stdout == "No version of model is left.\n"
    whole = typed("artifacts", "verify")
    assert whole.exit_code == 0 and "versions: 1, contents: 1, 4 bytes; all is as it should be" in whole.stdout
    path = next(store.folder.glob("objects/*/*"))
    path.chmod(0o600)
    path.write_text("x")
    damaged = typed("artifacts", "verify")
    assert damaged.exit_code == 1 and "damaged content" in damaged.stdout and "verify --mend" in damaged.stdout
    mended = json.loads(typed("artifacts", "verify", "--mend", "--json").stdout)
    assert not mended["is_whole"] and mended["findings"][0]["is_mended"]


def test_the_store_is_found_by_option_and_environment_and_what_is_not_there_is_told(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    nothing = typed("artifacts", "list")
    another = "another folder: --artifact-dir, or SEO_ENGINE_ARTIFACT_DIR"
    assert nothing.stdout == f"No artifacts in artifacts; {another}\n" and not list(elsewhere.iterdir())
    assert "model" in typed("artifacts", "list", "--artifact-dir", store.folder).stdout
    monkeypatch.setenv("SEO_ENGINE_ARTIFACT_DIR", str(store.folder))
    assert "model" in typed("artifacts", "list").stdout
    for arguments, said in (
        (["show", "modle"], "the nearest name is 'model'"),
        (["show", "model:v9"], "model has no v9; it has v0 to v1"),
        (["list", "../../x"], "an artifact's name must be plain"),
        (["get", "model", "/proc/none/x"], "/proc/none"),
        (["list", "--artifact-dir", "/dev/null", "model"], "no artifact 'model' in /dev/null"),
    ):
        refused = typed("artifacts", *arguments)
        assert refused.exit_code == 2 and said in refused.stderr, refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_what_a_store_says_controls_no_terminal(store: ArtifactStore, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "a\x1b[31m\nb[bold]").write_text("x")
    staged = store.stage(
        folder, "odd", "model", description="\x1b]0;title\x07[red]", run="\x1b[2J", metadata={"\x1b": "\x1b"}
    )
    store.commit(staged)
    (store.folder / "names" / "model" / "v0.json").write_text('{"name": "\x1b[31m"}')
    for arguments in (["list"], ["list", "odd"], ["show", "odd"], ["lineage", "odd"], ["verify"], ["show", "model:v0"]):
        said = typed("artifacts", *arguments)
        assert "\x1b" not in said.stdout + said.stderr and "\x07" not in said.stdout
    assert "b[bold]" in typed("artifacts", "show", "odd").stdout
    assert "Not listed: " in typed("artifacts", "list").stderr
