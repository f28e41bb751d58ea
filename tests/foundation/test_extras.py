"""What an extra needs stands in the package's metadata alone, and what is missing is said in one line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from seo_engine.foundation import extras
from seo_engine.foundation.extras import MissingExtraError, import_of_extra, missing_from, require_extra

ROOT = Path(__file__).parents[2]

METADATA = """Metadata-Version: 2.4
Name: seo-engine
Version: 9
Requires-Dist: no-such-base>=1
Requires-Dist: seo-engine[reading,writing]; extra == 'all'
Requires-Dist: rich>=13; extra == 'all'
Requires-Dist: click>=8; extra == 'reading'
Requires-Dist: no-such-reader>=1; extra == "reading"
Requires-Dist: no-such-reader.core[fast]>=1; (platform_system == 'Linux') and extra == 'writing'
Provides-Extra: all
Provides-Extra: reading
Provides-Extra: writing
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put metadata before those of the package itself."""
    folder = tmp_path / "site-packages" / "seo_engine-9.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(METADATA)
    monkeypatch.syspath_prepend(folder.parent)


def test_what_is_missing_is_read_from_the_metadata(installed: None) -> None:
    assert missing_from("reading") == ["no-such-reader"]
    assert missing_from("writing") == ["no-such-reader.core"]


def test_an_extra_that_refers_to_others_needs_what_they_need(installed: None) -> None:
    assert missing_from("all") == ["no-such-reader", "no-such-reader.core"]


def test_a_missing_extra_is_one_line_with_the_command_that_brings_it(installed: None) -> None:
    with pytest.raises(MissingExtraError) as error:
        require_extra("all", needed_by="this command")
    assert str(error.value) == (
        'this command needs no-such-reader, no-such-reader.core: run `pip install "seo-engine[all]"`'
    )


def test_a_source_tree_without_metadata_reports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "DISTRIBUTION", "no-such-distribution")
    assert missing_from("engine") == []
    require_extra("engine", needed_by="this command")


def test_a_module_that_is_there_is_imported() -> None:
    assert import_of_extra("importlib.util", extra="tracking", needed_by="this").find_spec is not None


def test_a_folder_of_a_librarys_name_is_not_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_a_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="this needs only_a_folder: run"):
        import_of_extra("only_a_folder", extra="tracking", needed_by="this")


def test_a_library_that_is_there_and_broken_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_library.py").write_text("raise ImportError('libcuda.so: cannot open')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="libcuda") as error:
        import_of_extra("broken_library", extra="tracking", needed_by="this")
    assert not isinstance(error.value, MissingExtraError)


def test_the_extras_that_the_program_asks_for_are_in_pyproject() -> None:
    there = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    sources = [path.read_text() for path in (ROOT / "src").rglob("*.py")]
    asked = {name for text in sources for name in re.findall(r'(?:extra=|require_extra\()"([\w-]+)"', text)}
    assert "engine" in asked and asked <= there.keys()
