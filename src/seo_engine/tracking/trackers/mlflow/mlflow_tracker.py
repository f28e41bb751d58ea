"""MLflowTracker: a run of MLflow, on a tracking server or in a local store."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import orjson

from seo_engine.foundation.extras import import_of_extra
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.records.settings import flattened, merged_settings
from seo_engine.tracking.trackers.destination_tracker import NextStep, ShellCommand
from seo_engine.tracking.trackers.mlflow.files import RecordFiles
from seo_engine.tracking.trackers.mlflow.names import Names
from seo_engine.tracking.trackers.mlflow.outbox import LONGEST_TAG, Outbox
from seo_engine.tracking.trackers.mlflow.place import RunPlace, check_settings, without_secrets
from seo_engine.tracking.trackers.placement import Placement
from seo_engine.tracking.trackers.sdk_tracker import SDKTracker

# For how long the child process waits for a server, and how often it asks again, unless the user says it: MLflow's own
# two minutes and seven tries would take longer than a call may.
_ANSWER_SECONDS, _TRIES = 20, 1

# A server that has not answered by then counts as one that does not.
_SILENT_SECONDS = 5.0

# MLflow's own tags: what its page describes the run with, and where it looks for tables and pictures.
_DESCRIPTION, _TABLES, _IMAGES = "mlflow.note.content", "mlflow.loggedArtifacts", "mlflow.loggedImages"
_COMMIT = "mlflow.source.git.commit"

# Ours.
_STATUS, _ERROR = "seo_engine.status", "seo_engine.error"

_STATUSES = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED", "killed": "KILLED"}

_PARAGRAPH = "\n\n"


class MLflowTracker(SDKTracker):
    """Shows a run in MLflow. It leaves the MLflow run alone that the training itself has opened.

    Args:
        placement (Placement): Settings, folder and identity of the run.
    """

    name = "mlflow"
    title = "MLflow"
    # A server may hang, and MLflow takes seconds to import.
    runs_in_child = True

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._outbox: Outbox | None = None
        self._place: RunPlace | None = None
        self._run: Any = None
        super().__init__(placement.config, placement.run_directory)

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        """Check what `tracker_settings` says of MLflow.

        Raises:
            ValueError: If it is not what MLflow takes.
        """
        check_settings(settings)

    @classmethod
    def prepare_environment(cls, environment: MutableMapping[str, str]) -> None:
        """Have a server that does not answer cost seconds, unless the user wants to wait longer."""
        environment.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(_ANSWER_SECONDS))
        environment.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(_TRIES))
        # What is called here is no use of MLflow by a person, of which its makers want to know.
        environment.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # It would print the address of the server, with a password that is in it, into the log of the child process.
        environment["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

    @classmethod
    def next_steps(cls, run_directory: Path, details: Mapping[str, str]) -> list[NextStep]:
        """Return where the run is on a server, or how to look at a local store."""
        if "url" in details:
            return [NextStep("on MLflow", (details["url"],))]
        if "tracking_uri" not in details:
            return []
        command = (ShellCommand("mlflow"), "ui", "--backend-store-uri", details["tracking_uri"])
        return [NextStep("on MLflow", command)]

    def details(self) -> dict[str, str]:
        """Return where the run is in MLflow, without secrets."""
        if self._place is None or self._run is None:
            return {}
        uri, info = without_secrets(self._place.tracking_uri), self._run.info
        details = {"tracking_uri": uri, "experiment_id": str(info.experiment_id), "id": str(info.run_id)}
        if uri.startswith("http"):
            details["url"] = f"{uri.rstrip('/')}/#/experiments/{info.experiment_id}/runs/{info.run_id}"
        return details

    def longest_seconds(self, call: str) -> float:
        """Return the longest time that a call may take: a busy database takes seconds for a thousand points.

        Args:
            call (str): `setup`, `show`, `show_media`, `flush`, `abandon` or `close`.
        """
        return 4.0 * _ANSWER_SECONDS if call in ("show", "flush") else super().longest_seconds(call)

    def why_no_answer(self, call: str, seconds: float) -> str | None:
        """Return that the server is silent, so that the end of a training does not wait for it."""
        place = self._place
        if call != "setup" or place is None or not place.is_server or seconds < _SILENT_SECONDS:
            return None
        return f"{without_secrets(place.tracking_uri)} is silent"

    def _import_sdk(self) -> None:
        import_of_extra("mlflow", extra="mlflow", needed_by=self.title)
        import_of_extra("PIL.Image", extra="mlflow", needed_by=self.title)

    def _open(self, run_directory: Path) -> object:
        self._import_sdk()
        settings = self._placement.settings_of(self.name)
        self._place = RunPlace(run_directory, self._placement.life, settings)
        run = self._place.find_run()
        # A server may keep its runs in files, which take each point that comes.
        self._outbox = Outbox(self._place.client, run, asks_for_points=not self._place.is_database)
        self._run = run
        # Everything is shown again from the first record on, so these come out the same each time.
        self._metric_names, self._parameter_names, self._tag_names = Names(), Names(), Names()
        self._settings: dict[str, dict[str, Any]] = {}
        self._tables: list[str] = []
        self._end_time: float | None = None
        return f"{run.info.run_name} ({self.details().get('url') or self.details()['tracking_uri']})"

    def _forget(self) -> None:
        super()._forget()
        self._outbox = self._run = None

    def _abandon(self) -> None:
        # Nothing of MLflow runs in the background.
        pass

    def _write(self, shown: Shown, recorded: Recorded) -> None:
        assert self._outbox is not None
        outbox, is_held = self._outbox, recorded.number <= self._outbox.delivered
        self._describe(shown, outbox)
        self._send_files(shown, recorded, outbox, is_held=is_held)
        step = shown.step if shown.step is not None else self.global_step
        numbers = dict(shown.numbers)
        if shown.kind.name == "training" and shown.epoch is not None:
            numbers.setdefault("epoch", shown.epoch)
        for name, value in flattened(shown.summary):
            if isinstance(value, int | float) and not isinstance(value, bool):
                numbers[f"summary/{name}"] = value
            else:
                outbox.set_tag(self._tag_name(f"summary.{name}"), _in_words(value))
        for name, value in numbers.items():
            outbox.add_point(self._metric_names.given(name), value, step, recorded.time, recorded.number)
        outbox.complete(recorded.number)
        if outbox.is_full:
            outbox.send()

    def _describe(self, shown: Shown, outbox: Outbox) -> None:
        """Set what a record says of the run as a whole; to set it once more changes nothing."""
        match shown.kind.name:
            case "hyperparameters":
                for name, value in flattened(shown.settings):
                    outbox.set_parameter(self._parameter_names.given(name), _in_words(value))
            case "tags":
                for tag in shown.record["tags"]:
                    outbox.set_tag(self._tag_name(tag), "true")
            case "note":
                description = outbox.tag(_DESCRIPTION) or ""
                if shown.record["text"] not in description.split(_PARAGRAPH):
                    outbox.set_tag(_DESCRIPTION, f"{description}{_PARAGRAPH}{shown.record['text']}".strip())
            case "surroundings":
                if commit := shown.record["git"].get("commit"):
                    outbox.set_tag(_COMMIT, str(commit))
            case "end":
                error = shown.record.get("error")
                outbox.set_tag(_STATUS, shown.record["status"])
                if error is not None or outbox.tag(_ERROR):
                    # A resumed run has the end of its last part.
                    outbox.set_tag(_ERROR, error["message"] if error is not None else "")

    def _tag_name(self, tag: str) -> str:
        """Return the name of a tag that the training set, which is never one of MLflow's or of ours."""
        return self._tag_names.given(f"tag.{tag}" if tag.startswith(("mlflow.", "seo_engine.")) else tag)

    def _send_files(self, shown: Shown, recorded: Recorded, outbox: Outbox, *, is_held: bool) -> None:
        """Send media, texts and settings as files of the run; those of a record that it holds are there."""
        changed = shown.kind.name if shown.settings else ""
        if changed:
            self._settings[changed] = merged_settings(self._settings.get(changed, {}), shown.settings)
        if shown.kind.name == "end":
            self._end_time = recorded.time
        if is_held:
            return
        with tempfile.TemporaryDirectory(prefix="seo_engine_mlflow_") as folder:
            step = shown.step if shown.step is not None else self.global_step
            files = RecordFiles(Path(folder), step, recorded.time, recorded.number)
            self._converted_media(shown, files.forms())
            for name, text in shown.texts.items():
                files.write_text(name, text)
            if changed:
                files.write_json(f"{changed}.json", self._settings[changed])
            if shown.kind.name == "end" and (error := shown.record.get("error")) is not None:
                files.write_text("error", error["traceback"])
            if files.is_empty:
                return
            assert self._place is not None
            self._place.client.log_artifacts(self._run.info.run_id, folder)
        if files.has_images:
            outbox.set_tag(_IMAGES, "True")
        if files.tables:
            outbox.set_tag(_TABLES, _tables_tag(outbox.tag(_TABLES), files.tables))

    def _flush(self) -> None:
        assert self._outbox is not None
        self._outbox.send()

    def _close(self, status: str) -> None:
        assert self._place is not None
        self._flush()
        end_time = int(self._end_time * 1000) if self._end_time is not None else None
        self._place.client.set_terminated(self._run.info.run_id, _STATUSES[status], end_time)


def _in_words(value: Any) -> str:
    # JSON has no NaN.
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else str(value)


def _tables_tag(before: str | None, new: list[str]) -> str:
    """Return the tag by which MLflow's page finds tables; if not all fit, the newest."""
    try:
        tables = orjson.loads(before or "[]")
    except ValueError:
        tables = []
    tables += [{"path": path, "type": "table"} for path in new]
    while len(tag := _in_words(tables)) > LONGEST_TAG:
        tables.pop(0)
    return tag
