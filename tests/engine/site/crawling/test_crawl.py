"""A crawl of real servers: each page once whatever happens, and nothing that the site does not want or that harms."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import random
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from fastwarc.warc import ArchiveIterator

from seo_engine.engine.site.crawling import crawl_process
from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.engine.site.crawling.crawl import CrawlResult, crawl_site
from seo_engine.engine.site.folder import SAMPLE_SITE
from seo_engine.engine.site.site import SiteError
from seo_engine.engine.site.warc import read_warc
from tests.engine.site.crawling import odd_server as odd
from tests.engine.site.crawling.odd_server import OddServer, odd_server, page, says


def crawled(server: OddServer, folder: Path, start: str = "/", **settings: object) -> CrawlResult:
    config = CrawlConfig(
        allow_private=True, **{"timeout_seconds": 3.0, "concurrent_requests": 8, "retry_seconds": 0.1, **settings}
    )
    return crawl_site(server.address + start, folder, config)


def stored(folder: Path) -> Counter[str]:
    with (folder / "site.warc.gz").open("rb") as file:
        return Counter(record.headers["WARC-Target-URI"] for record in ArchiveIterator(file))


def test_a_site_is_crawled_and_each_page_stored_once(tmp_path: Path) -> None:
    with odd_server(
        robots__txt=says(""),
        _=says(
            page(
                "Start",
                "/a",
                "/a#top",
                "b?x=1&amp;PHPSESSID=7",
                "/moved",
                "https://elsewhere.example/",
                "mailto:a@b",
                "file:///etc/passwd",
                "/logo.png",
            )
        ),
        a=says(page("A", "/b?x=1", "/deep/er")),
        b=says(page("B")),
        deep__er=says(page("C", "../a")),
        moved=says("", 301, Location="/target"),
        target=says(page("Target")),
    ) as server:
        result = crawled(server, tmp_path)
    assert result.stopped_by == "" and result.waiting == 0
    site = read_warc(result.archive)
    assert {each.path: each.title for each in site.pages if each.facts.response.status == 200} == {
        "/": "Start",
        "a": "A",
        "b?x=1": "B",
        "deep/er": "C",
        "target": "Target",
    }
    assert site.redirects == {f"{server.address}/moved": (301, f"{server.address}/target")}
    assert max(stored(tmp_path).values()) == 1
    assert result.passed_over["another host"] == 1 and result.passed_over["not http"] == 2
    assert "/logo.png" not in server.asked and max(server.asked.values()) == 1


def test_a_server_that_misbehaves_is_survived(tmp_path: Path) -> None:
    names = (
        "slow", "endless", "endless_headers", "bomb", "reset", "too_short", "koi8", "flaky", "limited", "loop", "pdf",
        "negative", "five_digits", "odd_headers", "good",
    )  # fmt: skip
    with odd_server(
        _=says(page("Start", *(f"/{name.replace('_', '-')}" for name in names))),
        slow=odd.slow,
        endless=odd.endless,
        bomb=odd.bomb,
        negative=odd.of_status(-7),
        reset=odd.reset,
        koi8=says("<title>Töpfe</title>", Content_Type="text/html; charset=koi8-r"),
        flaky=odd.in_turn(says("", 503), says("", 502), says(page("Flaky"))),
        limited=odd.in_turn(says("", 429, Retry_After="1"), says(page("Limited"))),
        loop=says("", 302, Location="/loop"),
        pdf=says(b"%PDF" + b"x" * 1_000_000, Content_Type="application/pdf"),
        good=says(page("Good")),
    ) as server:
        server.answers["/too-short"] = odd.too_short
        server.answers["/five-digits"] = odd.of_status(99999)
        server.answers["/endless-headers"] = odd.endless_headers
        server.answers["/odd-headers"] = odd.odd_headers
        result = crawled(server, tmp_path, timeout_seconds=1.0)
    site = read_warc(result.archive)
    titles = {each.path: each.title for each in site.pages}
    read = {"flaky": "Flaky", "limited": "Limited", "odd-headers": "Odd", "good": "Good", "/": "Start"}
    assert read.items() <= titles.items()
    assert not {"slow", "endless", "bomb", "reset", "loop", "pdf"} & titles.keys()
    assert titles["koi8"] != "Töpfe" and "too-short" not in titles
    assert result.reasons == {
        "an answer of more than 16 MB": 2,
        "an answer with an invalid status": 2,
        "no answer in time": 1,
        "the answer breaks off": 2,
        "the headers of an answer are longer than 256 kB": 1,
    }
    assert result.waiting == 0 and result.statuses == {302: 1} and result.archive_bytes < 100_000


def test_a_site_that_has_an_ipv6_address_alone_is_crawled(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with odd_server(host="::1", _=says(page("Start", "/a")), a=says(page("A"))) as server:
        assert server.address.startswith("http://[::1]:")
        assert crawled(server, tmp_path).pages == 2


def test_robots_txt_is_obeyed_but_for_hosts_that_are_named(tmp_path: Path) -> None:
    robots = says(
        "User-agent: *\nDisallow: /private\n\nUser-agent: seo-engine\nDisallow: /ours\n", Content_Type="text/plain"
    )
    with odd_server(
        _=says(page("Start", "/private", "/ours", "/open")), open=says(page("Open")), ours=says(page("Ours"))
    ) as server:
        server.answers["/robots.txt"] = robots
        result = crawled(server, tmp_path / "a")
        assert result.reasons == {"forbidden by robots.txt": 1} and "/ours" not in server.asked
        host = server.address.removeprefix("http://")
        crawled(server, tmp_path / "b", ignore_robots=[host])
        assert server.asked["/ours"] == 1


@pytest.mark.parametrize("status", [500, 503])
def test_a_site_whose_robots_txt_cannot_be_asked_for_is_not_crawled(tmp_path: Path, status: int) -> None:
    with odd_server(_=says(page("Start"))) as server:
        server.answers["/robots.txt"] = says("", status)
        result = crawled(server, tmp_path)
    assert result.pages == 0 and "/" not in server.asked
    assert any("robots.txt" in reason for reason in result.reasons)


def test_the_addresses_of_sitemaps_are_fetched(tmp_path: Path) -> None:
    with odd_server(
        _=says(page("Start")), one=says(page("One")), two=says(page("Two")), three=says(page("Three"))
    ) as server:
        base = server.address
        server.answers["/robots.txt"] = says(f"Sitemap: {base}/index.xml\n", Content_Type="text/plain")
        server.answers["/index.xml"] = says(
            f"<sitemapindex><sitemap><loc>{base}/a.xml.gz</loc></sitemap>"
            f"<sitemap><loc> {base}/b.xml\n</loc></sitemap></sitemapindex>",
            Content_Type="application/xml",
        )
        named = f"<urlset><url><loc><![CDATA[{base}/one]]></loc></url><url><loc>{base}/two</loc></url></urlset>"
        server.answers["/a.xml.gz"] = says(odd.gzip.compress(named.encode()), Content_Type="application/octet-stream")
        server.answers["/b.xml"] = says(f"<urlset><url><loc>{base}/three</loc><bad", Content_Type="text/xml")
        result = crawled(server, tmp_path)
    assert sorted(each.title for each in read_warc(result.archive).pages) == ["One", "Start", "Three", "Two"]


def test_the_pages_of_a_list_are_fetched_and_no_others(tmp_path: Path) -> None:
    with odd_server(
        a=says(page("A", "/not-listed")), b=says(page("B")), moved=says("", 301, Location="/b"), _=says(page("Start"))
    ) as server:
        base = server.address
        server.answers["/robots.txt"] = says(f"Sitemap: {base}/all.xml", Content_Type="text/plain")
        urls = tmp_path / "urls.txt"
        urls.write_text(f"{base}/a\n{base}/moved\n\n")
        settings = {"allow_private": True, "retry_seconds": 0.1}
        result = crawl_site(urls, tmp_path / "list", CrawlConfig(**settings))
        assert sorted(each.title for each in read_warc(result.archive).pages) == ["A", "B"]
        assert not {"/", "/all.xml", "/sitemap.xml", "/not-listed"} & server.asked.keys()
        urls.write_text(f"{base}/a\n{base}/\n")
        again = crawl_site(urls, tmp_path / "list", CrawlConfig(**settings))
        assert again.pages == 3 and server.asked["/a"] == 1
        further = crawl_site(urls, tmp_path / "further", CrawlConfig(most_depth=1, **settings))
        assert further.pages == 2 and "/not-listed" in server.asked
        server.answers["/map.xml"] = says(
            f"<urlset><url><loc>{base}/a</loc></url><url><loc>{base}/b</loc></url></urlset>",
            Content_Type="application/xml",
        )
        mapped = crawl_site(f"{base}/map.xml", tmp_path / "map", CrawlConfig(**settings))
        assert sorted(each.title for each in read_warc(mapped.archive).pages) == ["A", "B"]
        assert mapped.pages == 2


def test_one_bad_entry_does_not_refuse_a_list(tmp_path: Path) -> None:
    with odd_server(a=says(page("A"))) as server:
        urls = tmp_path / "urls.xml"
        bad = ("http://[bad/", "ftp://x/", "", "/a", f"{server.address.replace('//', '//user@')}/a", "http://a..b/")
        locations = "".join(f"<url><loc>{each}</loc></url>" for each in (*bad, f"{server.address}/a"))
        urls.write_text(f"<urlset>{locations}</urlset>")
        result = crawl_site(urls, tmp_path / "site", CrawlConfig(allow_private=True))
        assert result.pages == 1 and result.passed_over["entry of the list that cannot be fetched"] == len(bad)
        urls.write_text("<urlset><url><loc>ftp://x/</loc></url></urlset>")
        with pytest.raises(SiteError, match=r"urls\.xml: no address in it can be fetched: .*got 'ftp://x/'"):
            crawl_site(urls, tmp_path / "none", CrawlConfig(allow_private=True))
        urls.write_text(f"<urlset><url><loc>{server.address}/a</loc></url></urlset>")
        with pytest.raises(SiteError, match=r"can be fetched: .*/a: private address"):
            crawl_site(urls, tmp_path / "private")


def test_a_list_of_the_users_may_be_longer_than_a_sitemap(tmp_path: Path) -> None:
    with odd_server() as server:
        urls = tmp_path / "urls.txt"
        urls.write_text("".join(f"{server.address}/{number}\n" for number in range(60_000)))
        result = crawl_site(urls, tmp_path / "site", CrawlConfig(allow_private=True, most_pages=1))
    assert result.done + result.waiting == 60_001


def test_a_list_without_addresses_is_said(tmp_path: Path) -> None:
    (tmp_path / "urls.txt").write_text("pots\n")
    with pytest.raises(SiteError, match="there is no address in it; give a sitemap, or one address in each line"):
        crawl_site(tmp_path / "urls.txt", tmp_path / "crawl")
    for source in (
        "no.txt",
        "example.org",
        "",
        str(tmp_path),
        "ftp://example.org/",
        "https://",
        "https://me:pw@a.example/",
    ):
        with pytest.raises(SiteError, match=r"give an address, such as|no such file|leave the password out"):
            crawl_site(source, tmp_path / "crawl")
    assert not (tmp_path / "crawl").exists()


def test_the_delay_that_robots_txt_asks_for_is_kept(tmp_path: Path) -> None:
    times: list[float] = []

    def noted(handler: odd.Handler) -> None:
        times.append(time.monotonic())
        handler.send(page("Page", "/1", "/2", "/3", "/4"))

    with odd_server() as server:
        server.answers["/robots.txt"] = says("User-agent: *\nCrawl-delay: 0.5", Content_Type="text/plain")
        server.otherwise = noted
        result = crawled(server, tmp_path)
        assert result.crawl_delay == 0.5 and len(times) == 6
        # Five waits of half a second, whenever the server gets to look at its clock.
        assert times[-1] - times[0] > 2.0


def test_what_failed_is_asked_again_by_the_same_command(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start", "/broken"))) as server:
        server.answers["/robots.txt"] = says("", 503)
        assert crawled(server, tmp_path).pages == 0
        server.answers["/robots.txt"] = says("")
        server.answers["/broken"] = odd.reset
        assert crawled(server, tmp_path).pages == 1
        server.answers["/broken"] = says(page("Mended"))
        result = crawled(server, tmp_path)
        assert (result.pages, result.given_up) == (2, 0) and server.asked["/"] == 1
    assert max(stored(tmp_path).values()) == 1


def test_an_archive_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start", "/a")), a=says(page("A"))) as server:
        # Of the last one that is asked for, there is no record.
        server.answers["/robots.txt"] = says(f"Sitemap: {server.address}/none.xml", Content_Type="text/plain")
        server.answers["/none.xml"] = odd.in_turn(says("", 503), says("", 404))
        crawled(server, tmp_path)
        (tmp_path / "site.warc.gz").unlink()
        result = crawled(server, tmp_path)
    assert sorted(each.title for each in read_warc(result.archive).pages) == ["A", "Start"]


def test_a_page_that_answers_with_an_error_is_asked_again_when_the_crawl_is_started_anew(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start", "/a")), a=says(page("Broken"), 500)) as server:
        result = crawled(server, tmp_path)
        assert (result.pages, result.statuses) == (1, {500: 1})
        server.answers["/a"] = says(page("A"))
        result = crawled(server, tmp_path)
    assert (result.pages, result.statuses) == (2, {}) and stored(tmp_path)[f"{server.address}/"] == 1
    assert sorted(each.title for each in read_warc(result.archive).pages) == ["A", "Start"]


def test_a_sitemap_on_another_host_is_read_if_robots_txt_names_it(tmp_path: Path) -> None:
    with odd_server() as third, odd_server() as other, odd_server(_=says(page("Start"))) as server:
        server.answers["/listed"] = other.answers["/page"] = third.answers["/page"] = says(page("Listed"))
        server.answers["/robots.txt"] = says(f"Sitemap: {other.address}/moved.xml", Content_Type="text/plain")
        other.answers["/robots.txt"] = says(f"Sitemap: {third.address}/map.xml", Content_Type="text/plain")
        other.answers["/moved.xml"] = says("", 301, Location="/index.xml")
        parts = [f"{other.address}/part.xml", f"{third.address}/part.xml"]
        locations = "".join(f"<sitemap><loc>{each}</loc></sitemap>" for each in parts)
        other.answers["/index.xml"] = says(f"<sitemapindex>{locations}</sitemapindex>", Content_Type="text/xml")
        named = [f"{server.address}/listed", f"{other.address}/page"]
        locations = "".join(f"<url><loc>{each}</loc></url>" for each in named)
        other.answers["/part.xml"] = says(f"<urlset>{locations}</urlset>", Content_Type="text/xml")
        result = crawled(server, tmp_path)
        assert server.asked["/listed"] == 1 and result.pages == 2
        # Their own robots.txt, and neither their pages nor what they name elsewhere.
        assert set(other.asked) == {"/robots.txt", "/moved.xml", "/index.xml", "/part.xml"} and not third.asked
        assert result.passed_over["another host"] == 2


def test_addresses_of_sitemaps_are_written_as_browsers_do(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start", "/t%C3%B6pf"))) as server:
        base = server.address
        named = [f"{base.replace('http', 'HTTP')}/töpf", "/relative", "http://[bad/", f"{base}/?utm_source=a"]
        locations = "".join(f"<url><loc>{each}</loc></url>" for each in named)
        server.answers["/sitemap.xml"] = says(f"<urlset>{locations}</urlset>", Content_Type="application/xml")
        server.answers["/t%C3%B6pf"] = server.answers["/relative"] = says(page("Page"))
        result = crawled(server, tmp_path)
        assert result.pages == 3 and server.asked["/t%C3%B6pf"] == 1 and result.passed_over["not an address"] == 1


def test_what_is_no_page_is_not_counted_as_one(tmp_path: Path) -> None:
    def untyped(handler: odd.Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "4")
        handler.end_headers()
        handler.wfile.write(b"%PDF")

    with odd_server(
        _=says(page("Start", "/a", "/b")), a=untyped, b=says(b"%PDF", Content_Type="application/pdf")
    ) as server:
        result = crawled(server, tmp_path)
    assert result.pages == 1 and [each.title for each in read_warc(result.archive).pages] == ["Start"]


def test_an_ignored_robots_txt_stops_nothing(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start"))) as server:
        server.answers["/robots.txt"] = says("", 503)
        assert crawled(server, tmp_path / "a", ignore_robots=["127.0.0.1"]).pages == 1
        server.answers["/robots.txt"] = says("User-agent: *\nCrawl-delay: 60", Content_Type="text/plain")
        for number, host in enumerate(("127.0.0.1", server.address.removeprefix("http://"))):
            result = crawled(server, tmp_path / str(number), ignore_robots=[host])
            assert (result.pages, result.crawl_delay) == (1, 0.0)


def test_a_group_of_robots_txt_is_found_by_the_name_alone(tmp_path: Path) -> None:
    robots = "User-agent: github\nDisallow: /\n\nUser-agent: pots\nDisallow: /a\n\nUser-agent: *\nDisallow: /b\n"
    with odd_server(_=says(page("Start", "/a", "/b")), a=says(page("A")), b=says(page("B"))) as server:
        server.answers["/robots.txt"] = says(robots, Content_Type="text/plain")
        crawled(server, tmp_path / "ours")
        assert server.asked["/a"] == 1 and server.asked["/b"] == 0
        crawled(server, tmp_path / "theirs", user_agent="Pots/2.0 (https://github.com/pots)")
        assert server.asked["/a"] == 1 and server.asked["/b"] == 1


@pytest.mark.parametrize("form", [str, urllib.parse.quote, urllib.parse.quote_plus])
def test_an_address_that_tells_a_secret_is_not_followed(tmp_path: Path, form: Callable[[str], str]) -> None:
    def moved(handler: odd.Handler) -> None:
        handler.send("", 302, Location=f"/signed-in?token={form(handler.headers['X-Token'])}")

    secret = "open+sesame/now"
    with odd_server(_=moved) as server:
        config = CrawlConfig(allow_private=True, retry_seconds=0.1)
        result = crawl_site(server.address + "/", tmp_path, config, headers={"X-Token": secret})
    assert result.passed_over["address with a secret in it"] == 1
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert form(secret).encode() not in written + gzip.decompress((tmp_path / "site.warc.gz").read_bytes())


@pytest.mark.parametrize("location", ["http://[bad", "ftp://a.example/", "//["])
def test_a_robots_txt_that_leads_nowhere_ends_the_crawl_and_is_said(tmp_path: Path, location: str) -> None:
    with odd_server(_=says(page("Start"))) as server:
        server.answers["/robots.txt"] = says("", 302, Location=location)
        result = crawled(server, tmp_path, timeout_seconds=1.0)
    assert result.pages == 0 and result.waiting == 0 and result.given_up == 2


def test_a_map_for_readers_that_robots_txt_names_is_a_page(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start", "/map")), map=says(page("Map", "/deep")), deep=says(page("Deep"))) as server:
        server.answers["/robots.txt"] = says(f"Sitemap: {server.address}/map", Content_Type="text/plain")
        result = crawled(server, tmp_path)
    assert sorted(each.title for each in read_warc(result.archive).pages) == ["Deep", "Map", "Start"]


def test_ctrl_c_does_not_wait_for_the_delay_of_a_site(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start", "/a", "/b"))) as server:
        server.answers["/robots.txt"] = says("User-agent: *\nCrawl-delay: 500", Content_Type="text/plain")
        process = subprocess.Popen(command(server, tmp_path), stdout=subprocess.PIPE, text=True)
        while not server.asked["/"]:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and json.loads(out)["waiting"] > 0


def test_what_is_given_up_counts_for_the_limit_of_megabytes(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start", *(f"/{number}" for number in range(20))))) as server:
        server.answers["/robots.txt"] = says("")
        server.otherwise = odd.endless
        result = crawled(server, tmp_path, most_megabytes=20, concurrent_requests=1)
    assert result.stopped_by == "the limit of 20 MB; a larger --max-megabytes goes on"
    assert result.given_up <= 3


def test_a_start_that_leads_to_another_host_is_said(tmp_path: Path) -> None:
    with odd_server() as server:
        server.answers["/"] = says("", 301, Location="https://elsewhere.example/")
        finished = subprocess.run(command(server, tmp_path), capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert finished.stderr.endswith("; if it leads to another host, crawl that one\n"), finished.stderr
    assert finished.stderr.startswith(f"error: no page of {server.address}/ was fetched: answered with 301; ")


def test_a_link_that_is_no_address_does_not_cost_the_page(tmp_path: Path) -> None:
    with odd_server() as server:
        links = (
            "http://[::bad/",
            "http://a b/",
            "http://x:99999/",
            "//[",
            "http://%/",
            "/good",
            "/\0x",
            "http:///",
            "\x1b[31m",
        )
        server.answers["/"] = says(page("Start", *links))
        server.answers["/moved"] = says("", 301, Location="http://[::bad/")
        server.answers["/good"] = says(page("Good", "/moved", "/paper"))
        server.answers["/paper"] = says(b"%PDF", Content_Type="application/pdf")
        result = crawled(server, tmp_path)
    assert {"Start", "Good"} <= {each.title for each in read_warc(result.archive).pages}
    assert (result.pages, result.given_up) == (2, 0) and result.passed_over["not an address"] >= 4


def test_the_first_address_of_a_redirect_counts(tmp_path: Path) -> None:
    def moved(handler: odd.Handler) -> None:
        handler.send_response(301)
        for name, value in (("Location", "/a"), ("Location", "/b"), ("Content-Length", "0")):
            handler.send_header(name, value)
        handler.end_headers()

    with odd_server(_=moved, a=says(page("A"))) as server:
        result = crawled(server, tmp_path)
        assert read_warc(result.archive).redirects == {f"{server.address}/": (301, f"{server.address}/a")}
    assert [each.title for each in read_warc(result.archive).pages] == ["A"]


def test_a_full_disk_stops_a_crawl_that_goes_on_when_there_is_room(tmp_path: Path) -> None:
    def no_more_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    with odd_server() as server:
        server.answers["/robots.txt"] = says("")
        server.answers["/sitemap.xml"] = says("", 404)
        server.otherwise = lambda handler: handler.send(
            page(handler.path, "/1", "/2", "/3", "/4", "/5", "/6") + random.randbytes(60_000).hex()
        )
        full = subprocess.run(command(server, tmp_path), capture_output=True, text=True, preexec_fn=no_more_room)
        assert full.returncode == 2 and full.stderr.count("\n") == 1, full.stderr
        assert full.stderr.startswith(f"error: {tmp_path}: the crawl has stopped: ")
        result = crawled(server, tmp_path)
    assert result.pages == 7 and (result.waiting, result.given_up) == (0, 0)
    assert sorted(stored(tmp_path).values()) == [1] * 7
    assert subprocess.run(["gzip", "-t", tmp_path / "site.warc.gz"], check=False).returncode == 0


def test_something_else_in_the_place_of_the_files_is_said(tmp_path: Path) -> None:
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "frontier.sqlite").write_text("pots" * 1_000)
    with odd_server() as server, pytest.raises(SiteError, match="this is not the list of a crawl; give another folder"):
        crawled(server, tmp_path / "third")
    (tmp_path / "frontier.sqlite").mkdir()
    with odd_server() as server, pytest.raises(SiteError, match=r"frontier\.sqlite: this is no file;"):
        crawled(server, tmp_path)
    (tmp_path / "other" / "site.warc.gz").mkdir(parents=True)
    with odd_server() as server, pytest.raises(SiteError, match=r"site\.warc\.gz: this is no file;"):
        crawled(server, tmp_path / "other")


@pytest.mark.parametrize("delay", ["nan", "-1", "soon", "0"])
def test_a_delay_that_is_none_is_passed_over(tmp_path: Path, delay: str) -> None:
    with odd_server(_=says(page("Start"))) as server:
        server.answers["/robots.txt"] = says(f"User-agent: *\nCrawl-delay: {delay}", Content_Type="text/plain")
        result = crawled(server, tmp_path)
        assert (result.pages, result.crawl_delay) == (1, 0.0)


def test_two_crawls_do_not_write_into_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl_process, "_LONGEST_WAIT_FOR_LOCK_SECONDS", 0.0)
    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SiteError, match="another crawl writes into this folder"):
            crawl_process.crawl("https://a.example/", [], tmp_path, CrawlConfig(), {})


@pytest.mark.parametrize("name", [".lock", "crawl.log", "site.warc.gz", "frontier.sqlite"])
def test_a_pipe_in_the_place_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(SiteError, match=f"{name}: this is no file; give another folder"):
        crawl_process.crawl("https://a.example/", [], tmp_path, CrawlConfig(), {})


def test_an_archive_that_is_not_of_this_crawl_stays_as_it_is(tmp_path: Path) -> None:
    archive = tmp_path / "site.warc.gz"
    archive.write_bytes(b"somebody's own")
    with odd_server(_=says(page("Start"))) as server:
        with pytest.raises(SiteError, match=r"site\.warc\.gz: this is not of a crawl into this folder"):
            crawled(server, tmp_path)
        assert archive.read_bytes() == b"somebody's own"
        crawled(server, tmp_path / "ours")
        (tmp_path / "ours" / "frontier.sqlite").unlink()
        before = (tmp_path / "ours" / "site.warc.gz").read_bytes()
        with pytest.raises(SiteError, match="this is not of a crawl into this folder"):
            crawled(server, tmp_path / "ours")
        assert (tmp_path / "ours" / "site.warc.gz").read_bytes() == before


def test_files_of_the_user_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / ".reading-list").write_text("mine")
    (tmp_path / ".reading-folder").mkdir()
    with odd_server(_=says(page("Start"))) as server:
        assert crawled(server, tmp_path).pages == 1
    assert sorted(path.name for path in tmp_path.glob(".reading*")) == [".reading-folder", ".reading-list"]


def test_links_that_are_lost_with_what_is_not_read_of_a_page_are_counted(tmp_path: Path) -> None:
    deep = "<div>" * 300_000 + '<a href="/a">a</a>'
    long = page("Long") + "<p>" + "red clay " * 250_000 + '<a href="/b">b</a><a href="/c">c</a>'
    with odd_server(_=says(page("Start", "/deep", "/long")), deep=says(deep), long=says(long)) as server:
        result = crawled(server, tmp_path)
    assert result.passed_over == {
        "link behind the first 2 MB of a page": 2,
        "links of a page that takes too long to read": 1,
    }


def test_a_redirect_that_says_who_visits_is_followed(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start", "/a"))) as server:
        server.answers["/a?PHPSESSID=7"] = says(page("A"))
        server.answers["/a"] = says("", 302, Location="/a?PHPSESSID=7")
        result = crawled(server, tmp_path)
        assert {each.title for each in read_warc(result.archive).pages} == {"Start", "A"}
        server.answers["/a?PHPSESSID=7"] = says("", 302, Location="/a?PHPSESSID=7&utm_source=b")
        assert crawled(server, tmp_path / "loop").waiting == 0


def test_a_robots_txt_that_leads_to_no_host_is_said_at_once(tmp_path: Path) -> None:
    with odd_server() as server:
        server.answers["/robots.txt"] = says("", 301, Location="http://a..b/robots.txt")
        result = crawled(server, tmp_path)
    assert "its robots.txt leads to http://a..b/robots.txt" in result.reasons


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://192.0.2.1:9"])
def test_no_proxy_is_asked_where_names_lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with odd_server(_=says(page("Start"))) as server:
        assert crawled(server, tmp_path).pages == 1


def test_a_sitemap_that_is_sent_as_a_page_is_read(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start")), a=says(page("A"))) as server:
        named = f"<?xml version='1.0'?><urlset><url><loc>{server.address}/a</loc></url></urlset>"
        server.answers["/sitemap.xml"] = says(named)
        assert crawled(server, tmp_path).pages == 2


def test_what_has_no_end_ends(tmp_path: Path) -> None:
    def calendar(handler: odd.Handler) -> None:
        month = int(handler.path.partition("=")[2] or 0)
        handler.send(page(f"Month {month}", f"/calendar?month={month + 1}", "a/b/", f"?sid={random.random()}"))

    with odd_server(_=says(page("Start", "/calendar?month=0")), calendar=calendar) as server:
        server.otherwise = lambda handler: handler.send(page("Anything", "a/b/"))
        result = crawled(server, tmp_path, most_depth=12)
        assert result.stopped_by == "" and result.waiting == 0
        assert len(server.asked) < 80
        assert result.passed_over["too many clicks from the start"] >= 1
        assert not any("sid=" in path for path in server.asked)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"most_pages": 10}, "the limit of 10 pages; a larger --max-pages goes on"),
        ({"most_minutes": 0.005}, "the limit of 0.005 minutes; the same command goes on"),
        ({"most_megabytes": 1}, "the limit of 1 MB; a larger --max-megabytes goes on"),
    ],
)
def test_a_crawl_ends_at_its_limit_and_goes_on_later(tmp_path: Path, settings: dict[str, object], said: str) -> None:
    def numbered(handler: odd.Handler) -> None:
        number = int(handler.path.strip("/") or 0)
        # Twenty clicks take longer than the shortest limit of time.
        time.sleep(0.05)
        handler.send(page(f"Page {number}", f"/{number + 1}", f"/{number + 2}") + "x" * 100_000)

    with odd_server() as server:
        server.answers["/robots.txt"] = says("")
        server.answers["/sitemap.xml"] = says("", 404)
        server.otherwise = numbered
        result = crawled(server, tmp_path, most_depth=40, **settings)
        assert result.stopped_by == said and result.waiting > 0
        before = result.done
        result = crawled(server, tmp_path, most_depth=40, most_pages=result.pages + 5)
        assert result.done >= before + 5
    assert max(stored(tmp_path).values()) == 1


def test_a_wall_against_programs_is_no_page_and_ends_the_crawl(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start", *(f"/{number}" for number in range(50))))) as server:
        server.otherwise = says("<title>Just a moment...</title>", 403, cf_mitigated="challenge")
        result = crawled(server, tmp_path, concurrent_requests=2)
        assert result.stopped_by == "the bot wall of Cloudflare"
        assert len(server.asked) < 20
    assert [each.title for each in read_warc(result.archive).pages] == ["Start"]


def test_headers_are_sent_to_the_site_alone_and_written_nowhere(tmp_path: Path) -> None:
    with odd_server() as other, odd_server() as server:
        server.answers["/"] = lambda handler: handler.send(
            page("Start", f"{other.address}/", "/moved") + handler.headers.get("X-Token", ""),
            Set_Cookie="session=secret-2",
        )
        server.answers["/moved"] = says("", 302, Location=f"{other.address}/")
        result = crawl_site(
            server.address + "/", tmp_path, CrawlConfig(allow_private=True), headers={"X-Token": "secret-1"}
        )
        assert dict(server.headers)["/"]["X-Token"] == "secret-1"
        assert other.asked == {}
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    archive = subprocess.run(["gzip", "-dc", result.archive], capture_output=True, check=True).stdout
    for secret in (b"secret-1", b"secret-2"):
        assert secret not in written and secret not in archive


def test_a_private_address_is_refused_in_one_line(tmp_path: Path) -> None:
    with odd_server() as server:
        for start in (
            server.address,
            server.address.replace("127.0.0.1", "localhost"),
            server.address.replace("127.0.0.1", "0x7f.1"),
        ):
            with pytest.raises(SiteError, match="is in a private network; give --allow-private if it is yours"):
                crawl_site(start, tmp_path)
        assert server.asked == {}


NEVER_ASKED = """
import sys
from pathlib import Path
from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.engine.site.crawling.crawl_process import crawl
from seo_engine.engine.site.crawling.frontier import PAGE, Found
start = sys.argv[1]
print(crawl(start, [Found(start, PAGE, 0)], Path(sys.argv[2]), CrawlConfig(timeout_seconds=2, retry_seconds=0.1), {}))
"""


def test_a_name_that_leads_into_a_private_network_later_is_not_connected_to(tmp_path: Path) -> None:
    # Without the question at the start: as if the name had led elsewhere then.
    with odd_server(_=says(page("Secret"))) as server:
        start = server.address.replace("127.0.0.1", "localhost") + "/"
        command = [sys.executable, "-c", NEVER_ASKED, start, str(tmp_path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            said = process.stdout.read() if process.stdout else ""
        assert server.asked == {}
    assert "'pages': 0" in said


@pytest.mark.parametrize(("is_encrypted", "said"), [(True, "TLS: certificate verify failed"), (False, "TLS: ")])
def test_a_certificate_that_is_not_good_is_said(tmp_path: Path, is_encrypted: bool, said: str) -> None:
    with odd_server(_=says(page("Start"))) as server:
        if is_encrypted:
            key = tmp_path / "key.pem"
            names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
            new = [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-keyout",
                key,
                "-out",
                key,
            ]
            subprocess.run([*new, *names], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        start = server.address.replace("http:", "https:") + "/"
        # A certificate is not asked for again: that would take minutes here.
        config = CrawlConfig(allow_private=True, timeout_seconds=2, retry_seconds=60 if is_encrypted else 0.1)
        result = crawl_site(start, tmp_path / "out", config)
    assert result.pages == 0 and any(reason.startswith(said) for reason in result.reasons), result.reasons


def test_another_site_does_not_get_into_the_same_folder(tmp_path: Path) -> None:
    with odd_server(_=says(page("Start"))) as server:
        crawled(server, tmp_path)
        with pytest.raises(SiteError, match=f"this folder holds a crawl of {server.address}/; give another folder"):
            crawled(server, tmp_path, start="/other")


def command(server: OddServer, folder: Path) -> list[str]:
    arguments = [server.address + "/", "-o", str(folder), "--allow-private", "--concurrency", "8", "--json"]
    return [sys.executable, "-m", "seo_engine.cli", "crawl", *arguments]


def test_a_crawl_that_is_killed_again_and_again_has_each_page_once(tmp_path: Path) -> None:
    files = sorted(path.relative_to(SAMPLE_SITE).as_posix() for path in SAMPLE_SITE.rglob("*.html"))
    chance = random.Random(int(os.environ.get("FAULT_SEED", os.getpid())))

    def sent(handler: odd.Handler) -> None:
        time.sleep(0.05)
        name = handler.path.strip("/") or "index.html"
        file = SAMPLE_SITE / name
        if file.is_dir():
            file /= "index.html"
        if file.is_file():
            handler.send(file.read_bytes())
        else:
            handler.send(page("missing"), 404)

    with odd_server() as server:
        server.answers["/robots.txt"] = says("")
        server.otherwise = sent
        kills = 0
        while kills < 4:
            process = subprocess.Popen(command(server, tmp_path), stdout=subprocess.DEVNULL, start_new_session=True)
            before = sum(server.asked.values())
            while sum(server.asked.values()) < before + 1 and process.poll() is None:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.4))
            everyone = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
            chance.shuffle(everyone)
            for each in everyone:
                # One whose parent is dead may have ended by itself.
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(signal.SIGKILL)
            process.wait()
            psutil.wait_procs(everyone)
            kills += 1
        finished = subprocess.run(command(server, tmp_path), capture_output=True, text=True, check=True)
    result = json.loads(finished.stdout)
    records = stored(tmp_path)
    assert result["waiting"] == 0 and max(records.values()) == 1
    # Not what is answered for robots.txt, which is empty.
    assert len(records) == result["done"] - 1
    assert len(files) <= result["pages"] <= len(files) + 2
    assert subprocess.run(["gzip", "-t", tmp_path / "site.warc.gz"], check=False).returncode == 0


def test_ctrl_c_stops_a_crawl_that_goes_on_later(tmp_path: Path) -> None:
    def numbered(handler: odd.Handler) -> None:
        number = int(handler.path.strip("/") or 0)
        handler.send(page(f"Page {number}", f"/{number + 1}"))
        time.sleep(0.1)

    with odd_server() as server:
        server.answers["/robots.txt"] = says("")
        server.answers["/sitemap.xml"] = says("", 404)
        server.otherwise = numbered
        process = subprocess.Popen(command(server, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not server.asked["/3"]:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
        assert process.returncode == 130 and "run the same command to continue" in said
        assert json.loads(out)["waiting"] > 0
        again = crawled(server, tmp_path, most_depth=8)
        assert again.done > json.loads(out)["done"]
    assert max(stored(tmp_path).values()) == 1
