"""A W&B server on this machine, with as much of the protocol as a run needs, that behaves and misbehaves."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest

from tests.tracking.wandb_artifacts import Artifacts

VIEWER = {
    "id": "user", "entity": "entity", "username": "entity", "email": "", "flags": "{}", "name": "entity",
    "admin": False, "teams": {"edges": []}, "deletedAt": None, "apiKeys": {"edges": []},
}  # fmt: skip
PROJECT = {"id": "project", "name": "project", "entity": {"id": "entity", "name": "entity"}}


def use_server(monkeypatch: pytest.MonkeyPatch, server: WandBServer) -> None:
    """Have runs of this process be online, at a server."""
    monkeypatch.setenv("WANDB_BASE_URL", server.address)
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)


def file_node(name: str, data: bytes) -> dict[str, Any]:
    """Return what W&B says of a file of a run."""
    return {"name": name, "sizeBytes": len(data), "md5": base64.b64encode(hashlib.md5(data).digest()).decode()}


class WandBServer:
    """Keeps the rows it is sent, by run and place, as the real one does.

    `failure` may be set at any time: an HTTP status for every answer, `hangs` for none, or `nonsense` for empty answers
    to questions other than those of a run, which makes wandb-core 0.31 panic. `stops_runs` asks every run to stop.
    """

    def __init__(self, failure: int | str | None = None, port: int = 0) -> None:
        self.failure = failure
        self.stops_runs = False
        self.runs: dict[str, dict[int, dict[str, Any]]] = {}
        # What was uploaded, by run and name; while `refuses_files` is set, nothing is.
        self.files: dict[str, dict[str, bytes]] = {}
        self.refuses_files = False
        # How long it takes to store a file of an artifact.
        self.artifact_seconds = 0.0
        self.paths: list[str] = []
        self.refused = threading.Event()
        self.received = threading.Event()
        self._released = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.paths.append(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if server.failure == "hangs":
                    server.refused.set()
                    server._released.wait()
                    return
                if isinstance(server.failure, int):
                    server.refused.set()
                    self.answer({"errors": [{"message": "refused"}]}, server.failure)
                elif self.path == "/graphql":
                    request = json.loads(body)
                    self.answer_question(request["query"], request.get("variables") or {})
                elif self.path.endswith("/file_stream"):
                    server.take_rows(self.path.split("/")[-2], json.loads(body))
                    self.answer({"stopped": True} if server.stops_runs else {})
                else:
                    self.answer({})

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                _, _, run, name = self.path.split("/", 3)
                if server.refuses_files or server.failure is not None:
                    server.refused.set()
                    self.answer({}, 403)
                elif self.path.startswith("/artifact/"):
                    server._released.wait(server.artifact_seconds)
                    server.artifacts.put(self.path, body)
                    self.answer({})
                else:
                    server.files.setdefault(run, {})[urllib.parse.unquote(name)] = body
                    self.answer({})

            def answer_question(self, query: str, variables: dict[str, Any]) -> None:
                name = str(variables.get("name"))
                if "upsertBucket" in query:
                    inserted = name not in server.runs
                    server.runs.setdefault(name, {})
                    self.answer({"data": {"upsertBucket": {"bucket": server.bucket(name), "inserted": inserted}}})
                elif "RunResumeStatus" in query:
                    bucket = server.bucket(name) if name in server.runs else None
                    self.answer({"data": {"model": {"id": "project", "name": "project", "bucket": bucket}}})
                elif "RunStoppedStatus" in query:
                    self.answer({"data": {"project": {"run": {"stopped": server.stops_runs}}}})
                elif server.failure == "nonsense":
                    self.answer({"data": {}})
                elif "CreateRunFiles" in query:
                    run, names = variables["run"], variables["files"]
                    address = f"{server.address}/upload/{run}"
                    files = [{"name": name, "uploadUrl": f"{address}/{urllib.parse.quote(name)}"} for name in names]
                    created = {"runID": "bucket", "uploadHeaders": [], "files": files}
                    self.answer({"data": {"createRunFiles": created}})
                elif "RunFiles" in query:
                    nodes = [file_node(*each) for each in server.files.get(name, {}).items()]
                    edges = [{"node": node} for node in nodes]
                    page = {"edges": edges, "pageInfo": {"endCursor": None, "hasNextPage": False}}
                    self.answer({"data": {"project": {"run": {"files": page}}}})
                elif (about_artifacts := server.artifacts.answer(query, variables)) is not None:
                    self.answer({"data": about_artifacts})
                elif "query Viewer" in query or "GetDefaultEntity" in query:
                    self.answer({"data": {"viewer": VIEWER}})
                else:
                    self.answer({"errors": [{"message": "not here"}]}, status=400)

            def answer(self, contents: dict[str, Any], status: int = 200) -> None:
                data = json.dumps(contents).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # who asked may be gone
                    self.wfile.write(data)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.address = f"http://127.0.0.1:{self.port}"
        self.artifacts = Artifacts(self.address)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the only run, in their order."""
        (rows,) = self.runs.values()
        return [rows[place] for place in sorted(rows)]

    def take_rows(self, run: str, message: dict[str, Any]) -> None:
        history = message.get("files", {}).get("wandb-history.jsonl", {})
        for place, line in enumerate(history.get("content", []), start=history.get("offset", 0)):
            self.runs.setdefault(run, {})[place] = json.loads(line)
            self.received.set()

    def bucket(self, run: str) -> dict[str, Any]:
        rows = self.runs.get(run, {})
        tail = [json.dumps(rows[max(rows)])] if rows else []
        return {
            "id": "bucket", "name": run, "displayName": run, "config": "{}", "wandbConfig": '{"t": 1}', "tags": [],
            "summaryMetrics": "{}", "historyLineCount": len(rows), "historyTail": json.dumps(tail),
            "logLineCount": 0, "eventsLineCount": 0, "eventsTail": "[]", "project": PROJECT,
        }  # fmt: skip

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Go down: connections are refused from now on."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
