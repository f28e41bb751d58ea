"""TrackioTracker: a run in the database of trackio on this machine."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.foundation.extras import import_of_extra
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.records.settings import merged_settings
from seo_engine.tracking.trackers.destination_tracker import NextStep, ShellCommand
from seo_engine.tracking.trackers.placement import Placement
from seo_engine.tracking.trackers.sdk_tracker import SDKTracker
from seo_engine.tracking.trackers.trackio.media import RowMedia

# More rows go in a transaction of their own.
_MOST_ROWS = 1_000

_SUMMARY, _TAGS, _NOTES, _STATUS = "experiment/summary", "experiment/tags", "experiment/notes", "experiment/status"

_LEVELS = {"info": "info", "warning": "warn", "error": "error"}


class _Row(NamedTuple):
    """One record as trackio keeps it."""

    values: dict[str, Any]
    step: int
    moment: str
    identity: str


class TrackioTracker(SDKTracker):
    """Writes a run's records as rows of trackio's database.

    Each row and each alert has the number of its record as its identity, of which the database takes one: a record that
    is shown again changes nothing.

    Args:
        placement (Placement): Settings, folder and identity of the run.
    """

    name = "trackio"
    title = "trackio"
    # It takes more than a second to import, and the database may be locked by another program.
    runs_in_child = True

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._storage: Any = None
        super().__init__(placement.config, placement.run_directory)

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        """Check what `tracker_settings` says of trackio.

        Args:
            settings (Mapping[str, Any]): `project`, or nothing.

        Raises:
            ValueError: If there is another setting, or the project is not a text.

        Example:
            >>> TrackioTracker.check_settings({"project": "vision"})
        """
        for name, value in settings.items():
            if name != "project":
                raise ValueError(f"trackio has one setting, project, got {name!r}")
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"project of trackio must be a text, got {value!r}")

    @classmethod
    def next_steps(cls, run_directory: Path, details: Mapping[str, str]) -> list[NextStep]:
        """Return how to look at the project."""
        if "project" not in details:
            return []
        return [NextStep("in trackio", (ShellCommand("trackio"), "show", "--project", details["project"]))]

    def details(self) -> dict[str, str]:
        """Return the project, the run in it, and the folder of the database."""
        if self._storage is None:
            return {}
        return {"project": self._project, "id": self._run_id, "directory": str(self._directory)}

    def _import_sdk(self) -> None:
        import_of_extra("trackio", extra="trackio", needed_by=self.title)
        import_of_extra("PIL.Image", extra="trackio", needed_by=self.title)

    def _open(self, run_directory: Path) -> object:
        self._import_sdk()
        life = self._placement.life
        self._project = self._placement.settings_of(self.name).get("project") or self.config.wandb_project
        # W&B's id of the run is plain, and the run's own in every copy of its folder.
        self._run_id = life.wandb_run_id or f"{self._run_name}_{life.timestamp}"
        # Not `trackio.init`: it has one run in a process, which is the user's, sends what it has later, and reports
        # errors to nobody.
        storage: Any = importlib.import_module("trackio.sqlite_storage").SQLiteStorage
        storage.validate_project_name(self._project)
        self._directory = Path(storage.init_db(self._project)).parent
        self._held_record = self._newest_held(storage)
        self._rows: list[_Row] = []
        self._settings: dict[str, Any] = {}
        # What trackio itself keeps there, and what is said of the run.
        self._marks: dict[str, Any] = {
            "_Username": None,
            "_Created": _moment(life.started),
            "_Group": self.config.wandb_group,
        }
        self._storage = storage
        return f"{self._project}/{self._run_name}"

    def _newest_held(self, storage: Any) -> int:
        """Return the number of the newest record that the database holds: each transaction has those before it."""
        run_id = self._run_id.replace("'", "''")
        query = f"SELECT log_id FROM metrics WHERE run_id = '{run_id}' ORDER BY id DESC LIMIT 1"
        rows = storage.query_project(self._project, query)["rows"]
        number = str(rows[0]["log_id"]).rpartition(":")[2] if rows else ""
        return int(number) if number.isdecimal() else 0

    def _forget(self) -> None:
        super()._forget()
        self._storage = None

    def _abandon(self) -> None:
        # Nothing of trackio runs in the background.
        pass

    def _write(self, shown: Shown, recorded: Recorded) -> None:
        self._describe(shown)
        if recorded.number <= self._held_record:
            return
        step = shown.step if shown.step is not None else self.global_step
        values: dict[str, Any] = dict(shown.numbers)
        if shown.kind.name == "alert":
            self._alert(shown, recorded)
        media = RowMedia(self._project, self._run_name, step, recorded.number)
        for name, text in shown.texts.items():
            values[name] = media.text(text)
        for converted in self._converted_media(shown, media.forms()):
            values |= converted
        if shown.kind.name == "end" and (error := shown.record.get("error")) is not None:
            values["experiment/error"] = media.text(f"```\n{error['traceback']}\n```")
        if shown.kind.name == "training" and shown.epoch is not None:
            values.setdefault("epoch", shown.epoch)
        # Also without values, because the configuration is written with a row.
        self._rows.append(_Row(values, step, _moment(recorded.time), self._identity(recorded.number)))
        if len(self._rows) >= _MOST_ROWS:
            self._flush()

    def _describe(self, shown: Shown) -> None:
        """Keep what a record says of the run as a whole, which trackio shows as its configuration."""
        if shown.settings:
            self._settings = merged_settings(self._settings, shown.settings)
        marks = self._marks
        if shown.summary:
            marks[_SUMMARY] = merged_settings(marks.get(_SUMMARY, {}), shown.summary)
        match shown.kind.name:
            case "tags":
                marks[_TAGS] = list(dict.fromkeys([*marks.get(_TAGS, []), *shown.record["tags"]]))
            case "note":
                marks[_NOTES] = [*marks.get(_NOTES, []), shown.record["text"]]
            case "end":
                marks[_STATUS] = shown.record["status"]

    def _alert(self, shown: Shown, recorded: Recorded) -> None:
        record = shown.record
        self._storage.bulk_alert(
            project=self._project,
            run=self._run_name,
            titles=[record["title"]],
            texts=[record["text"]],
            # Of a later version, or of somebody else, it may be another word.
            levels=[_LEVELS.get(record["level"], "info")],
            steps=[shown.step],
            timestamps=[_moment(recorded.time)],
            alert_ids=[self._identity(recorded.number)],
            run_id=self._run_id,
        )

    def _identity(self, number: int) -> str:
        return f"{self._run_id}:{number}"

    def _flush(self) -> None:
        if not self._rows:
            return
        values, steps, moments, identities = zip(*self._rows, strict=True)
        self._storage.bulk_log(
            project=self._project,
            run=self._run_name,
            metrics_list=list(values),
            steps=list(steps),
            timestamps=list(moments),
            config={**self._settings, **self._marks},
            log_ids=list(identities),
            run_id=self._run_id,
        )
        self._rows.clear()

    def _close(self, status: str) -> None:
        self._flush()


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
