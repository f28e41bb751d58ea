"""Artifacts of a size at which something else breaks: one file of 3 GB, 10,000 files."""

from __future__ import annotations

import hashlib
import resource
from pathlib import Path

from seo_engine.tracking.artifacts.store import ArtifactStore

LARGE = 3_000_000_000


def test_a_file_of_3_gb_is_kept_with_its_holes_and_without_memory_for_it(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    with path.open("wb") as file:
        file.write(b"begin")
        file.seek(LARGE - 3)
        file.write(b"end")
    store = ArtifactStore(tmp_path / "artifacts")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    version = store.commit(store.stage(path, "model", "model"))
    copy = store.get("model", tmp_path / "copy") / "weights.bin"
    # In kilobytes, or on some systems in bytes: far less than the file in either.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000_000
    assert (version.size, copy.stat().st_size) == (LARGE, LARGE)
    assert copy.stat().st_blocks * 512 < 1_000_000
    by_hand = hashlib.sha256(b"begin")
    for _ in range((LARGE - 8) // 1_000_000):
        by_hand.update(bytes(1_000_000))
    by_hand.update(bytes((LARGE - 8) % 1_000_000) + b"end")
    assert version.files[0].sha256 == by_hand.hexdigest()


def test_ten_thousand_files_are_one_version(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for number in range(10_000):
        path = folder / f"{number % 100}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    store = ArtifactStore(tmp_path / "artifacts")
    version = store.commit(store.stage(folder, "data", "dataset"))
    copy = store.get("data", tmp_path / "copy")
    assert len(version.files) == 10_000
    assert all((copy / file.path).read_bytes() == (folder / file.path).read_bytes() for file in version.files)
    assert store.verify().is_whole
    assert store.delete("data").objects == 10_000
