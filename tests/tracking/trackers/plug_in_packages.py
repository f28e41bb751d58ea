"""Packages that bring a tracker, written where a test can import them: with the metadata that an installer leaves."""

from __future__ import annotations

from pathlib import Path

LINES = '''
import os
from seo_engine.tracking import DestinationTracker

class LinesTracker(DestinationTracker):
    """Writes each number as a line, each record once."""

    name = "{name}"
    runs_in_child = {runs_in_child}

    def __init__(self, placement):
        self.path = placement.run_directory / "{name}.txt"
        self.settings = placement.settings_of(self.name)

    @classmethod
    def check_settings(cls, settings):
        if settings.keys() - {{"greeting"}}:
            raise ValueError(f"greeting is the only setting, got {{', '.join(settings)}}")

    def setup(self):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        self.held = max((int(line.split()[0]) for line in lines), default=0)
        self.file = self.path.open("a")
        self.available = True

    def show(self, shown, recorded):
        if recorded.number > self.held:
            for name, value in shown.numbers.items():
                self.file.write(f"{{recorded.number}} {{shown.step}} {{name}} {{value}} {{os.getpid()}}\\n")

    def flush(self):
        self.file.flush()

    def close(self, status="finished"):
        self.file.close()
        self.available = False

    def abandon(self):
        self.file.close()
        self.available = False

    def details(self):
        return {{"file": self.path.name, **self.settings}}
'''


def write_package(
    folder: Path, name: str, source: str = LINES, attribute: str = "LinesTracker", *, runs_in_child: bool = False
) -> Path:
    """Write a package that brings a tracker of a name, and return the folder to import it from.

    Args:
        folder (Path): A new folder.
        name (str): The name of the entry point.
        source (str): Its module, with `{name}` and `{runs_in_child}`; other text without braces stays as it is.
        attribute (str): What the entry point names in it.
        runs_in_child (bool): Whether a child process is to deliver.
    """
    module = f"package_of_{folder.name}"
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / f"{module}.py").write_text(source.format(name=name, runs_in_child=runs_in_child), encoding="utf-8")
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(
        f"[seo_engine.trackers]\n{name} = {module}:{attribute}\n", encoding="utf-8"
    )
    return folder
