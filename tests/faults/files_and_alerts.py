"""What the `.wandb` files of a run hold beside its rows: files that are kept with it, and alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.run_payloads import RunPayloads
from tests.tracking.read_views import wandb_messages


def wrong_files(directory: Path, records: Sequence[tuple[int, Record]]) -> list[str]:
    """Return the files that the journal has and W&B lacks, or has with other contents, or would not upload."""
    payloads, found = RunPayloads(directory), []
    said = {file.path for message in wandb_messages(directory / "wandb", "files") for file in message.files}
    for _, record in records:
        if record["kind"] != "file":
            continue
        contents = payloads.file(record["payloads"][0]).read_bytes()
        kept = [path.read_bytes() for path in (directory / "wandb").glob(f"*run-2*/files/{record['name']}")]
        if not kept or {*kept} != {contents} or record["name"] not in said:
            found.append(f"wandb: {record['name']} is {kept}, not {contents!r}; {directory}")
    return found


def doubled_alerts(directory: Path) -> list[str]:
    """Return the alerts that W&B would send more than once; a kill may lose one."""
    sent = Counter(alert.title for alert in wandb_messages(directory / "wandb", "alert"))
    return [f"wandb: {title} is sent {count} times; {directory}" for title, count in sent.items() if count > 1]
