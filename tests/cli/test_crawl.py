"""`seo-engine crawl` and `seo-engine train ADDRESS` as people type them."""

from __future__ import annotations

import base64
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from seo_engine.engine.site.crawling.crawl import CrawlProgress
from seo_engine.reports.crawl import CrawlDisplay
from tests.cli.commands import command
from tests.engine.site.crawling.odd_server import Handler, OddServer, odd_server, page, says
from tests.tracking.killing import wait_until


def serve_site(server: OddServer, site: Path) -> None:
    """Have a server answer with the pages of a folder, which its start page names."""
    files = {f"/{path.name}": path.read_bytes() for path in site.iterdir()}
    server.answers.update({path: says(data) for path, data in files.items()})
    server.answers["/"] = says(page("Garden", *files))


def test_a_crawl_says_what_it_fetched_and_what_to_type_next(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start", "/a", "https://b.example/")), a=says(page("[A]"))) as server:
        finished = command("crawl", f"{server.address}/", "-o", "site", "--allow-private", cwd=tmp_path)
        assert finished.returncode == 0, finished.stderr
        lines = [" ".join(line.split()) for line in finished.stdout.splitlines()]
        assert "pages 2" in lines and "passed over: another host 1" in lines
        assert any(line.startswith("site/site.warc.gz, ") for line in lines)
        assert lines[-1].endswith("train site/site.warc.gz")
        as_json = command("crawl", f"{server.address}/", "-o", "site", "--allow-private", "--json", cwd=tmp_path)
    assert json.loads(as_json.stdout)["pages"] == 2 and server.asked["/a"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["not an address", "-o", "x"],
            "or a file that lists addresses; got 'not an address'",
        ),
        (["http://127.0.0.1/", "-o", "x"], "127.0.0.1 is in a private network; give --allow-private if it is yours"),
        (["https://me:secret-1@a.example/", "-o", "x"], "leave the password out of the address"),
        (["https://a.example/", "-o", "x", "--header", "X-Token"], "--header takes NAME=VARIABLE"),
        (["https://a.example/", "-o", "x", "--header", "X Y=HOME"], "--header takes NAME=VARIABLE"),
        (["https://a.example/", "-o", "x", "--cookie", "NO_SUCH"], "the environment has no variable NO_SUCH"),
        (
            ["https://a.example/", "-o", "x", "--basic-auth", "me:secret-1"],
            "the environment has no variable of this name",
        ),
        (
            ["https://a.example/", "-o", "x", "--cookie", "TWO_LINES"],
            "TWO_LINES has a character that cannot be sent",
        ),
        (
            ["https://a.example/", "-o", "x", "--basic-auth", "TWO_LINES"],
            "TWO_LINES has a character that cannot be sent",
        ),
        (
            ["https://a.example/", "-o", "x", "--cookie", "NOT_ASCII"],
            "NOT_ASCII has a character that no header may have",
        ),
        (["https://a.example/", "-o", "x", "--basic-auth", ""], "the environment has no variable of this name"),
        (["https://a.example/", "-o", "x", "--cookie", ""], "the environment has no variable of this name"),
        (
            ["https://a.example/", "-o", "x", "--basic-auth", "NO_COLON"],
            "the variable NO_COLON must be user:password; it has no colon",
        ),
        (["https://a.example/", "-o", "x", "--max-pages", "0"], "most_pages must be positive, got 0"),
        (["https://a.example/", "-o", "x", "--delay", "inf"], "delay_seconds must be at most 600"),
        (["https://a.example/", "-o", "x", "--user-agent", " "], "user_agent must be a name, got ' '"),
        (["https://a.example/", "-o", "x", "--exclude", "docs/*"], "exclude must begin with /, as paths do"),
        (["https://a.example/", "-o", "x", "--header", "Host=HOME"], "--header Host: the crawler itself decides on"),
        (["https://a..b/", "-o", "x"], "https://a..b/: a..b is not a valid host name"),
        (["https://a.example/", "-o", "a_file"], "this folder cannot be made"),
        (["https://a.example/", "-o", "a_file/x"], "this folder cannot be made"),
    ],
)
def test_what_the_user_can_mend_is_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "a_file").touch()
    variables = {"TWO_LINES": "a\nb", "NO_COLON": "secret-1", "NOT_ASCII": "ä=secret-1"}
    finished = command("crawl", *arguments, cwd=tmp_path, env={**os.environ, **variables})
    assert finished.returncode == 2 and finished.stdout == ""
    assert finished.stderr.startswith("error: ") and words in finished.stderr and finished.stderr.count("\n") == 1
    assert "secret-1" not in finished.stderr and not (tmp_path / "x").exists()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_crawl_needs_no_standard_streams(tmp_path: Path, closed: str) -> None:
    with odd_server(_=says(page("Start"))) as server:
        program = f"{sys.executable} -m seo_engine.cli crawl {server.address}/ -o site --allow-private {closed}"
        finished = subprocess.run(["sh", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0 and finished.stderr == "", finished.stderr
    assert (tmp_path / "site" / "site.warc.gz").stat().st_size > 300


def test_secrets_come_from_the_environment_and_are_written_nowhere(tmp_path: Path) -> None:
    def echo(handler: Handler) -> None:
        sent = f"{handler.headers['Authorization']} {handler.headers['Cookie']} {handler.headers['X-Token']}"
        handler.send(page("Start") + sent + "me:open-sesame open-sesame", X_Echo=sent)

    secrets = {"SIGN_IN": "me:open-sesame", "BISCUITS": "theme=dark; session=crumbs-123", "TOKEN": "token-4567"}
    with odd_server(_=echo) as server:
        finished = command(
            "crawl", f"{server.address}/", "-o", "site", "--allow-private", "--basic-auth", "SIGN_IN",
            "--cookie", "BISCUITS", "--header", "X-Token=TOKEN", cwd=tmp_path, env={**os.environ, **secrets},
        )  # fmt: skip
        sent = dict(server.headers)["/"]
    assert finished.returncode == 0, finished.stderr
    assert sent["Authorization"] == "Basic bWU6b3Blbi1zZXNhbWU=" and sent["X-Token"] == "token-4567"
    archive = tmp_path / "site" / "site.warc.gz"
    written = [path.read_bytes() for path in (tmp_path / "site").iterdir() if path.is_file()]
    written += [subprocess.run(["gzip", "-dc", archive], capture_output=True, check=True).stdout]
    written += [finished.stdout.encode(), finished.stderr.encode()]
    for secret in (b"open-sesame", b"bWU6b3Blbi1zZXNhbWU", b"crumbs-123", b"token-4567"):
        assert not any(secret in each for each in written), secret


@pytest.mark.parametrize(("password", "sent"), [("me:größe", b"me:gr\xc3\xb6\xc3\x9fe"), ("me:", b"me:")])
def test_a_password_may_have_any_character(tmp_path: Path, password: str, sent: bytes) -> None:
    with odd_server(_=says(page("Start"))) as server:
        arguments = [f"{server.address}/", "-o", "site", "--allow-private", "--basic-auth", "SIGN_IN"]
        finished = command("crawl", *arguments, cwd=tmp_path, env={**os.environ, "SIGN_IN": password})
        header = dict(server.headers)["/"]["Authorization"]
    assert finished.returncode == 0, finished.stderr
    assert base64.b64decode(header.removeprefix("Basic ")) == sent


def test_a_terminal_shows_how_far_a_crawl_is() -> None:
    shown = io.StringIO()
    with CrawlDisplay(Console(file=shown, force_terminal=True, width=100)) as display:
        display(CrawlProgress(done=30, waiting=60, given_up=10, pages=29, bytes=1_500_000))
    assert "40/100" in shown.getvalue() and "1.5 MB" in shown.getvalue()


def test_train_takes_an_address_and_keeps_the_crawl_with_the_run(place: Path) -> None:
    with odd_server() as server:
        serve_site(server, place / "site")
        finished = command(
            "train", f"{server.address}/", "--allow-private", "--model", "model", "--epochs", "1", "--name", "live",
            "--no-wandb", "--json", cwd=place,
        )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout)
    assert result["status"] == "finished" and (Path(result["run_directory"]) / "site.warc.gz").stat().st_size > 1_000
    assert f"8 pages of {server.address}/" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://127.0.0.1:9/"], "is in a private network; give --allow-private if it is yours"),
        (["https://a.example/", "--processes", "2"], "several processes cannot crawl together; run first: "),
        (["https://a.example/", "--base-url", "https://b.example/"], "--base-url and --host are for folders"),
        (["missing.xml"], "missing.xml: there is no such file"),
    ],
)
def test_an_address_that_cannot_be_trained_on_makes_no_run(place: Path, arguments: list[str], words: str) -> None:
    finished = command("train", *arguments, "--model", "model", "--name", "never", cwd=place)
    assert finished.returncode == 2 and words in finished.stderr.splitlines()[-1], finished.stderr
    assert not list(place.glob("runs/*never*"))


def test_a_site_without_pages_ends_the_run_as_failed_and_in_one_line(place: Path) -> None:
    with odd_server(_=says("", 404)) as server:
        arguments = ["train", f"{server.address}/", "--allow-private", "--model", "model", "--name", "nothing"]
        finished = command(*arguments, "--no-wandb", "--no-tensorboard", cwd=place)
    assert finished.returncode == 2 and "Traceback" not in finished.stderr
    assert finished.stderr.splitlines()[-1] == f"error: no page of {server.address}/ was fetched: answered with 404"
    (run,) = [
        run for run in json.loads(command("runs", "list", "--json", cwd=place).stdout) if run["name"] == "nothing"
    ]
    assert run["status"] == "failed"


@pytest.mark.parametrize(
    ("number", "exit_code", "is_impatient"), [(signal.SIGINT, 130, False), (signal.SIGTERM, 143, True)]
)
def test_a_stop_in_the_crawl_of_a_training_says_how_to_go_on(
    place: Path, number: int, exit_code: int, is_impatient: bool
) -> None:
    is_over = threading.Event()

    def endless(handler: Handler) -> None:
        if handler.path == "/1" and is_impatient:
            is_over.wait(60)
        handler.send(page("Page", *(f"{handler.path}{n}" for n in range(9))))

    with odd_server() as server:
        server.otherwise = endless
        process = subprocess.Popen(
            [sys.executable, "-m", "seo_engine.cli",
             "train", f"{server.address}/", "--allow-private", "--model", "model", "--no-wandb", "--no-tensorboard"],
            cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_until(lambda: server.asked["/1"] or process.poll() is not None)
        process.send_signal(number)
        said = ""
        if is_impatient:
            while "press Ctrl-C again" not in said:
                said += process.stderr.readline()
            # Two signals at once are one.
            time.sleep(1)
            process.send_signal(number)
        said += process.communicate(timeout=60)[1]
        is_over.set()
    assert process.returncode == exit_code, said
    assert "Traceback" not in said
    following = [shlex.split(line) for line in said.splitlines() if line.startswith("  ") and " crawl http" in line]
    assert following[0][1:3] == ["crawl", f"{server.address}/"] and following[0][-1] == "--allow-private"
