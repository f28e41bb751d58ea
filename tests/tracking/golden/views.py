"""Makes every view of the golden journal, and shows what each holds as lines of text, byte for byte."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict

from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.delivery.replay import replay_run
from tests.tracking.read_views import framed_messages

FOLDER = Path(__file__).parent
JOURNAL = FOLDER / "journal.jsonl"
MEDIA = FOLDER / "media"
ARTIFACTS = FOLDER / "artifacts"

# What differs by nature, and says nothing of the run. Of TensorBoard's event files: wall time and versions in a file's
# first event, and the order of the hyperparameters within their message. Of W&B's: numbers of the messages ...
LEFT_OUT_OF_WANDB_MESSAGES = ("num", "control", "uuid", "_info")
# ... host, commit, clock, versions and telemetry of the run, and the files that wandb adds by itself ...
LEFT_OUT_OF_WANDB_RUNS = ("host", "git", "start_time", "telemetry", "settings", "_info")
LEFT_OUT_WANDB_KINDS = ("header", "version", "telemetry", "stats", "environment", "footer", "output_raw")
# ... wandb's part of the configuration, and its clock in each row; and the order of the values of a row.
LEFT_OUT_WANDB_KEYS = {"_wandb", "_runtime"}
# Also the summaries that wandb-core makes of each row by itself: those of ours are known by their plain keys.


def make_views(folder: Path) -> Path:
    """Make every view of the golden journal in a folder, the working one, by replay, and return the run's folder."""
    run_directory = folder / "golden"
    run_directory.mkdir()
    shutil.copy(JOURNAL, run_directory / "journal.jsonl")
    shutil.copytree(MEDIA, run_directory / "media")
    # Beside the run, as its journal says.
    shutil.copytree(ARTIFACTS, folder / "artifacts")
    replay_run(run_directory, "tensorboard")
    replay_run(run_directory, "wandb")
    recover_run(run_directory, ["run_logs"])
    return run_directory


def views_as_text(run_directory: Path) -> dict[str, str]:
    """Return what each view holds, by the name of the file that keeps it."""
    views = {
        "tensorboard.jsonl": map(_as_line, _tensorboard_events(run_directory)),
        "wandb.jsonl": map(_as_line, _wandb_records(run_directory / "wandb")),
        "logs.txt": _log_lines(run_directory / "logs"),
    }
    return {name: "".join(f"{line}\n" for line in lines) for name, lines in views.items()}


def _as_line(contents: dict[str, Any]) -> str:
    return json.dumps(contents, ensure_ascii=False, sort_keys=True)


def _tensorboard_events(run_directory: Path) -> Iterator[dict[str, Any]]:
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    for directory in (run_directory, *sorted(run_directory.glob("late*"))):
        for path in sorted(directory.glob("events.out.tfevents.*")):
            for data in RawEventFileLoader(str(path)).Load():
                event = Event.FromString(data)
                if event.HasField("file_version"):
                    event.ClearField("wall_time")
                    event.ClearField("source_metadata")
                    data = event.SerializeToString()
                for value in event.summary.value:
                    if value.metadata.plugin_data.plugin_name == "hparams":
                        # The order of a map within a message is left to chance.
                        content = HParamsPluginData.FromString(value.metadata.plugin_data.content)
                        value.metadata.plugin_data.content = content.SerializeToString(deterministic=True)
                        data = event.SerializeToString()
                yield {
                    "directory": str(directory.relative_to(run_directory)),
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "event": _readable(MessageToDict(event)),
                }


def _wandb_records(wandb_directory: Path) -> Iterator[dict[str, Any]]:
    from wandb.proto.wandb_internal_pb2 import FilesItem, Record

    for path in sorted(wandb_directory.glob("offline-run-*/*.wandb")):
        for data in framed_messages(path.read_bytes()):
            record = Record.FromString(data)
            kind = record.WhichOneof("record_type")
            if kind in LEFT_OUT_WANDB_KINDS:
                continue
            for name in LEFT_OUT_OF_WANDB_MESSAGES:
                record.ClearField(name)
            contents = getattr(record, kind)
            match kind:
                case "run":
                    for name in LEFT_OUT_OF_WANDB_RUNS:
                        contents.ClearField(name)
                    _put_in_order(contents.config.update)
                case "artifact":
                    # Made up by wandb for each; and where the folder is.
                    contents.ClearField("client_id")
                    contents.ClearField("sequence_client_id")
                    contents.aliases.sort()
                    for entry in contents.manifest.contents:
                        entry.local_path = entry.local_path.partition("/artifacts/")[2]
                case "config":
                    _put_in_order(contents.update)
                case "history":
                    _put_in_order(contents.item)
                case "exit":
                    contents.ClearField("runtime")
                case "files" if all(file.type == FilesItem.WANDB for file in contents.files):
                    continue
                case "summary":
                    _put_in_order(contents.update, only_plain_keys=True)
                    if not contents.update:
                        continue
            yield {
                "kind": kind,
                "sha256": hashlib.sha256(record.SerializeToString(deterministic=True)).hexdigest(),
                "contents": _readable(MessageToDict(contents)),
            }
    files = wandb_directory.glob("offline-run-*/files")
    for path in sorted(path for folder in files for path in (*folder.glob("media/**/*"), folder / "output.log")):
        if path.is_file():
            yield {"file": path.name, "contents": _readable(path.read_bytes().decode("utf-8", "backslashreplace"))}


def _put_in_order(items: Any, only_plain_keys: bool = False) -> None:
    """Sort the items of a message by their names, and take out wandb's own."""
    kept = [
        item
        for item in sorted(items, key=lambda item: (item.key, list(item.nested_key)))
        if not LEFT_OUT_WANDB_KEYS & {item.key, *item.nested_key} and not (only_plain_keys and item.nested_key)
    ]
    del items[:]
    items.extend(kept)


def _log_lines(logs: Path) -> Iterator[str]:
    for subject in ("training_progress", "performance_metrics", "console"):
        for path in sorted(logs.glob(f"{subject}_*.log")):
            yield path.name
            yield from path.read_text(encoding="utf-8").splitlines()


def _readable(value: Any) -> Any:
    """Return a message's contents with pictures, and what else fills pages, as their hashes."""
    if isinstance(value, dict):
        return {name: _readable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if isinstance(value, str) and len(value) > 2_000:
        return f"sha256 {hashlib.sha256(value.encode()).hexdigest()}"
    return value
