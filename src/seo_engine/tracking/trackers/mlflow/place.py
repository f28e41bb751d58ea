"""Where a run is in MLflow: the store, the experiment and the MLflow run, found again whoever opens it."""

from __future__ import annotations

import importlib
import ipaddress
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from seo_engine.foundation.whole_files import write_whole
from seo_engine.tracking.runs.lifecycle import Lifecycle

logger = logging.getLogger(__name__)

# In the run's folder: where the MLflow run is, without secrets.
FILE_NAME = "mlflow.json"

# The tag by which a run is found.
RUN_TAG = "seo_engine.run"

_LARGEST_FILE_BYTES = 10_000

SETTINGS = ("tracking_uri", "experiment_name")


def check_settings(settings: Mapping[str, Any]) -> None:
    """Check what `tracker_settings` says of MLflow.

    Args:
        settings (Mapping[str, Any]): `tracking_uri` and `experiment_name`, or less.

    Raises:
        ValueError: If there are others, or one is not a text, or holds a password.

    Example:
        >>> check_settings({"tracking_uri": "http://localhost:5000", "experiment_name": "vision"})
    """
    for name, value in settings.items():
        if name not in SETTINGS:
            raise ValueError(f"the settings of mlflow are {' and '.join(SETTINGS)}, got {name!r}")
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{name} of mlflow must be a text, got {value!r}")
    if without_secrets(uri := settings.get("tracking_uri", "")) != uri:
        raise ValueError(
            "tracking_uri of mlflow must not hold a password: set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )


def without_secrets(uri: str) -> str:
    """Return the address of a store without user, password and what is asked of it.

    Example:
        >>> without_secrets("https://me:hunter2@host:5000/mlflow")
        'https://host:5000/mlflow'
    """
    parts = urlsplit(uri)
    if "@" not in parts.netloc and not parts.query:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))


class RunPlace:
    """Finds the MLflow run of a run, or makes it.

    Args:
        run_directory (Path): The run's folder.
        life (Lifecycle): Its identity.
        settings (Mapping[str, Any]): What `tracker_settings` says of MLflow.

    Raises:
        ValueError: If the run has ended, and names a server that its user has not named here.
    """

    def __init__(self, run_directory: Path, life: Lifecycle, settings: Mapping[str, Any]) -> None:
        self._file = run_directory / FILE_NAME
        self._life = life
        self._settings = settings
        self._name = run_directory.name
        self._known = _read(self._file)
        mlflow: Any = importlib.import_module("mlflow")
        # The setting, or else MLflow's own variable; then where the run is already, and then what MLflow itself does.
        self.tracking_uri = str(
            settings.get("tracking_uri")
            or os.environ.get("MLFLOW_TRACKING_URI")
            or self._known.get("tracking_uri")
            or mlflow.get_tracking_uri()
        )
        if life.status is not None:
            _check_known_to_this_user(self.tracking_uri)
        # With an address of its own: the user's MLflow in the same process keeps the one that it has.
        self.client = mlflow.MlflowClient(tracking_uri=self.tracking_uri)

    @property
    def is_server(self) -> bool:
        """bool: Whether the store is a server, which may not answer."""
        return self.tracking_uri.startswith(("http://", "https://", "databricks"))

    @property
    def is_database(self) -> bool:
        """bool: Whether it is a database that this process opens itself; it keeps no point twice."""
        return self.tracking_uri.startswith(("sqlite", "postgresql", "mysql", "mssql"))

    def find_run(self) -> Any:
        """Return the MLflow run, running again if it had ended.

        Raises:
            ValueError: If it was deleted in MLflow.
            Exception: Whatever MLflow raises if the store does not answer.
        """
        run = self._existing_run() or self._new_run()
        if run.info.lifecycle_stage != "active":
            raise ValueError(
                f"the MLflow run was deleted: `mlflow runs restore --run-id {run.info.run_id}` brings it back"
            )
        if run.info.status != "RUNNING":
            self.client.update_run(run.info.run_id, status="RUNNING")
        self._remember(run)
        return run

    def _existing_run(self) -> Any | None:
        missing: type[Exception] = importlib.import_module("mlflow.exceptions").MlflowException
        if self._known.get("tracking_uri") == without_secrets(self.tracking_uri):
            try:
                return self.client.get_run(self._known["run_id"])
            except missing as error:
                # Of a store that was emptied; any other error is one of now.
                if getattr(error, "error_code", "") != "RESOURCE_DOES_NOT_EXIST":
                    raise
        # Made by a process that was killed before it could write it down, or by a copy of the run's folder.
        found = self.client.search_runs(
            [self._experiment_id()],
            filter_string=f"tags.`{RUN_TAG}` = '{self._identity}'",
            run_view_type=importlib.import_module("mlflow.entities").ViewType.ALL,
            max_results=1,
        )
        return found[0] if found else None

    @property
    def _identity(self) -> str:
        # W&B's id of the run is plain, and the run's own in every copy of its folder.
        return self._life.wandb_run_id or f"{self._life.timestamp}"

    def _new_run(self) -> Any:
        tags = {
            RUN_TAG: self._identity,
            "mlflow.source.type": "LOCAL",
            "mlflow.source.name": self._life.program.name,
        }
        return self.client.create_run(
            self._experiment_id(),
            start_time=int(self._life.started * 1000) or None,
            tags={name: value for name, value in tags.items() if value},
            run_name=self._name,
        )

    def _experiment_id(self) -> str:
        name = self._settings.get("experiment_name") or os.environ.get("MLFLOW_EXPERIMENT_NAME")
        if not name:
            # Where MLflow itself begins: in the experiment `Default`.
            return os.environ.get("MLFLOW_EXPERIMENT_ID") or "0"
        experiment = self.client.get_experiment_by_name(name)
        if experiment is not None:
            return str(experiment.experiment_id)
        taken: type[Exception] = importlib.import_module("mlflow.exceptions").MlflowException
        try:
            return str(self.client.create_experiment(name))
        except taken as error:
            # Another run has made it meanwhile.
            if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
                raise
            return str(self.client.get_experiment_by_name(name).experiment_id)

    def _remember(self, run: Any) -> None:
        place = {
            "tracking_uri": without_secrets(self.tracking_uri),
            "experiment_id": str(run.info.experiment_id),
            "run_id": str(run.info.run_id),
        }
        if place != self._known:
            write_whole(self._file, [orjson.dumps(place)])
            self._known = place


def _check_known_to_this_user(uri: str) -> None:
    """Refuse a server that only the run's folder names, which somebody may have sent: it would get the user's token.

    Raises:
        ValueError: If it is one.

    Example:
        >>> _check_known_to_this_user("http://localhost:5000")
        >>> _check_known_to_this_user("https://mlflow.example.org")
        Traceback (most recent call last):
            ...
        ValueError: the run names an MLflow server; to send it there: MLFLOW_TRACKING_URI=https://mlflow.example.org
    """
    parts, plain = urlsplit(uri), without_secrets(uri)
    named_here = without_secrets(os.environ.get("MLFLOW_TRACKING_URI", "")) == plain
    if parts.scheme in ("http", "https") and not named_here and not _is_this_machine(parts.hostname or ""):
        raise ValueError(f"the run names an MLflow server; to send it there: MLFLOW_TRACKING_URI={plain}")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(file: Path) -> dict[str, str]:
    """Return what the file says; a file that somebody sent may say anything."""
    try:
        with file.open("rb") as opened:
            place = orjson.loads(opened.read(_LARGEST_FILE_BYTES))
    except (OSError, ValueError):
        return {}
    names = ("tracking_uri", "experiment_id", "run_id")
    if not isinstance(place, dict) or not all(isinstance(place.get(name), str) for name in names):
        return {}
    return {name: place[name] for name in names}
