"""`seo-engine audit` as people type it: what it says, what it writes, and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from seo_engine.cli import main
from tests.cli.commands import command
from tests.engine.site.crawling.odd_server import odd_server, says

GOOD = (
    "<!doctype html><html lang=en><head><meta charset=utf-8><title>Our pots, thrown by hand in Kent</title>"
    "<meta name=viewport content='width=device-width, initial-scale=1'>"
    "<meta name=description content='Every pot is thrown by hand in our workshop in Kent, fired twice, and sent to you "
    "within a week.'></head><body><h1>Our pots</h1><p>We throw every pot by hand.</p><a href=index.html>Home</a>"
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text(GOOD)
    (folder / "pots.html").write_text(GOOD.replace(" lang=en", "").replace("<h1>Our pots</h1>", ""))
    (folder / "jars.html").write_text(GOOD.replace("Our pots, thrown by hand in Kent", "").replace(" lang=en", ""))
    return folder


def lines_of(output: str) -> list[str]:
    return [" ".join(line.split()) for line in output.splitlines()]


def test_the_worst_comes_first_with_how_to_mend_it_and_what_to_type_next(site: Path) -> None:
    finished = command("audit", site, cwd=site.parent)
    assert finished.returncode == 0 and not finished.stderr
    lines = lines_of(finished.stdout)
    assert lines[1:4] == [
        "error title.missing 1 jars.html Write a title that says what this page is about.",
        'warning lang.missing 2 jars.html Add the language to the first element, as <html lang="en">.',
        "warning h1.missing 1 pots.html Make the text that names the page an h1.",
    ]
    assert "1 error, 3 warnings on 3 pages" in lines
    assert lines[-1].endswith(f"audit {site} -o audit.md -o audit.csv")


@pytest.mark.parametrize(("fail_on", "code"), [("error", 1), ("warning", 1), ("never", 0)])
def test_a_gate_fails_only_where_somebody_asked_for_it(site: Path, fail_on: str, code: int) -> None:
    assert command("audit", site, "--fail-on", fail_on).returncode == code
    (site / "jars.html").unlink()
    assert command("audit", site, "--fail-on", fail_on).returncode == (1 if fail_on == "warning" else 0)


def test_a_baseline_is_made_kept_and_shrinks(site: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    made = command("audit", site, "--make-baseline", baseline, "--fail-on", "warning")
    assert made.returncode == 1 and "Written: " in made.stdout
    known = json.loads(baseline.read_text())["findings"]
    assert len(known) == 4
    assert command("audit", site, "--baseline", baseline, "--fail-on", "warning").returncode == 0
    (site / "index.html").write_text(GOOD.replace(" lang=en", ""))
    (site / "jars.html").write_text(GOOD)
    finished = command("audit", site, "--baseline", baseline, "--fail-on", "warning")
    assert finished.returncode == 1
    assert "beside the baseline: 1 new, 2 mended, 2 remaining" in lines_of(finished.stdout)
    # What is new does not come into it by itself.
    left = json.loads(baseline.read_text())["findings"]
    assert left.items() < known.items() and len(left) == 2


def test_each_form_is_written_by_the_ending_of_its_name(site: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "out" / f"audit{ending}" for ending in (".jsonl", ".csv", ".sarif", ".md")]
    finished = command("audit", site, *(each for output in outputs for each in ("-o", output)))
    assert finished.returncode == 0 and all(output.stat().st_size for output in outputs)
    assert "Written: " in finished.stdout


def test_the_result_as_json_has_what_every_rule_said_of_the_pages(site: Path) -> None:
    result = json.loads(command("audit", site, "--json").stdout)
    assert result["pages"] == 3 and result["severities"] == {"error": 1, "warning": 3, "notice": 0}
    assert result["rules"]["title.missing"]["states"] == {"pass": 2, "fail": 1}
    assert result["rules"]["sec.headers"]["states"] == {"unknown": 3} and result["rules"]["sec.headers"]["reason"]
    assert {finding["rule"] for finding in result["findings"]} == {"title.missing", "lang.missing", "h1.missing"}


def test_the_rules_can_be_listed_with_their_limits() -> None:
    lines = lines_of(command("audit", "--list-rules").stdout)
    assert any(line.startswith("title.missing on error indexable The page has no title") for line in lines)
    assert any(line.startswith("h1.multiple off notice") for line in lines)
    rules = {rule["id"]: rule for rule in json.loads(command("audit", "--list-rules", "--json").stdout)}
    assert rules["title.too-long"]["thresholds"] == {"pixels": 580} and rules["title.too-long"]["is_heuristic"]


def test_the_table_of_the_settings_file_says_what_applies(site: Path) -> None:
    (site.parent / "seo.toml").write_text(
        """
        [audit]
        fail_on = "error"
        switched_off = ["h1.*"]
        severities = { "lang.missing" = "error" }
        thresholds = { "title.too-short.pixels" = 500 }

        [[audit.ignore]]
        rule = "title.missing"
        pages = "jars*"
        reason = "it is written next week"
        until = 2999-01-01
        """
    )
    finished = command("audit", site, cwd=site.parent)
    lines = lines_of(finished.stdout)
    assert finished.returncode == 1 and lines[1].startswith("error lang.missing 2 jars.html")
    assert any(line.startswith("notice title.too-short 2") for line in lines)
    assert "1 finding ignored, as the configuration says." in " ".join(lines) and "h1.missing" not in finished.stdout
    shown = json.loads(command("config", "show", "--json", cwd=site.parent).stdout)["settings"]
    assert shown["audit.fail_on"]["value"] == "error"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("fail_onn = 'error'", "unknown setting 'fail_onn' in [audit]; did you mean 'fail_on'?"),
        ("switched_off = ['titel.missing']", "there is no rule 'titel.missing'; did you mean 'title.missing'?"),
        ("fail_on = 'sometimes'", "fail_on"),
    ],
)
def test_a_slip_in_the_table_is_said_with_its_place(site: Path, table: str, message: str) -> None:
    (site.parent / "seo.toml").write_text(f"[audit]\n{table}\n")
    finished = command("audit", site, cwd=site.parent)
    assert finished.returncode == 2 and message in finished.stderr and finished.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        ((), "Missing argument 'SITE'", 2),
        (("nowhere",), "nowhere: there is no such folder or file", 2),
        (("site", "-o", "audit.xls"), "an output must end with .jsonl, .csv, .sarif, .md", 2),
        (("site", "--baseline", "none.json"), "--make-baseline makes one", 2),
        (("empty",), "there is no page in it", 3),
        (("https://127.0.0.1:1/",), "private", 3),
    ],
)
def test_bad_use_and_a_site_that_cannot_be_read_are_told_apart(
    site: Path, arguments: tuple[str, ...], message: str, code: int
) -> None:
    (site.parent / "empty").mkdir()
    finished = command("audit", *arguments, cwd=site.parent)
    assert finished.returncode == code and message in finished.stderr and "Traceback" not in finished.stderr


def test_a_fault_of_ours_is_one_line_and_shown_whole_where_somebody_asks(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("seo_engine.engine.audit.audit.audit_pages", fail)
    plain = CliRunner().invoke(main, ["audit", str(site)])
    assert plain.exit_code == 4 and "ZeroDivisionError: of ours (test_audit.py:" in plain.stderr
    assert "--debug shows more" in plain.stderr and "Traceback" not in plain.stderr
    assert "Traceback" in CliRunner().invoke(main, ["audit", str(site), "--debug"]).stderr


def test_a_live_site_is_crawled_and_judged_with_its_headers(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with odd_server(_=says(GOOD.replace("index.html", "/gone").encode())) as server:
        finished = command(
            "audit", f"{server.address}/", "--json", cwd=tmp_path / "here",
            env=os.environ | {"SEO_ENGINE_CRAWL_ALLOW_PRIVATE": "true"},
        )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout)
    assert result["pages"] >= 1 and result["rules"]["status.4xx"]["states"].get("pass")
    assert not list((tmp_path / "here").iterdir())


def test_an_output_that_cannot_be_written_is_said(site: Path) -> None:
    finished = command("audit", site, "-o", "/proc/no/audit.md")
    assert finished.returncode == 2 and finished.stderr.startswith("error: ") and "Traceback" not in finished.stderr


def test_ctrl_c_is_no_failed_gate(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seo_engine.engine.audit.audit.audit_pages", interrupt)
    assert CliRunner().invoke(main, ["audit", str(site)]).exit_code == 130


def test_a_full_disk_behind_standard_output_is_no_fault_of_ours(site: Path) -> None:
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "seo_engine.cli", "audit", str(site)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert finished.returncode == 2 and finished.stderr == "error: standard output: No space left on device\n"
