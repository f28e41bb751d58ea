"""A W&B server on this machine, with as much of the protocol as a run needs."""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

BUCKET = {
    "id": "bucket", "name": "run", "displayName": "run", "config": "{}", "historyLineCount": 0,
    "project": {"id": "project", "name": "project", "entity": {"id": "entity", "name": "entity"}},
}  # fmt: skip


class WandBServer:
    """Keeps the rows it is sent.

    Args:
        answers_nonsense (bool): Answer every other question with empty data, which makes wandb-core 0.31 panic.
    """

    def __init__(self, answers_nonsense: bool = False) -> None:
        self.rows: list[dict[str, Any]] = []
        rows = self.rows

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/graphql":
                    query = json.loads(body)["query"]
                    if "upsertBucket" in query:
                        self.answer({"data": {"upsertBucket": {"bucket": BUCKET, "inserted": True}}})
                    elif "RunResumeStatus" in query:
                        self.answer({"data": {"model": {"id": "project", "name": "project", "bucket": None}}})
                    elif answers_nonsense:
                        self.answer({"data": {}})
                    else:
                        self.answer({"errors": [{"message": "not here"}]}, status=400)
                    return
                if self.path.endswith("/file_stream"):
                    history = json.loads(body).get("files", {}).get("wandb-history.jsonl", {})
                    rows.extend(json.loads(line) for line in history.get("content", []))
                self.answer({})

            def answer(self, contents: dict[str, Any], status: int = 200) -> None:
                data = json.dumps(contents).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
