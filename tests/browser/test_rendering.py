"""What a real browser makes of pages that scripts write, and what it may not do."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from seo_engine.engine.site.crawling import rendering
from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.engine.site.crawling.crawl import CrawlResult, crawl_site
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.site import SiteError
from seo_engine.engine.site.warc import read_warc
from tests.engine.site.crawling.odd_server import OddServer, odd_server, page, says

SCRIPT = {"Content_Type": "text/javascript"}


def rendered(server: OddServer, folder: Path, **settings: object) -> CrawlResult:
    settings = {"allow_private": True, "render": True, "timeout_seconds": 5.0, "retry_seconds": 0.1, **settings}
    return crawl_site(server.address + "/", folder, CrawlConfig(**settings))  # type: ignore[arg-type]


def by_path(result: CrawlResult) -> dict[str, Page]:
    return {each.path: each for each in read_warc(result.archive).pages}


def shell(script: str) -> str:
    return f"<!doctype html><html lang=en><title>Shell</title><div id=app></div><script>{script}</script>"


def test_a_page_that_scripts_write_is_kept_as_sent_and_as_rendered(tmp_path: Path) -> None:
    application = """
        fetch("/data.json").then(answer => answer.json()).then(data => {
            document.title = data.title;
            app.innerHTML = "<h1>Töpfe</h1><p>Red clay pots, thrown by hand in our shop.</p><a href=/more>More</a>";
        })"""
    with odd_server(more=says(page("More"))) as server:
        server.answers["/"] = says(shell("") + "<script src=/application.js></script>")
        server.answers["/application.js"] = says(application, **SCRIPT)
        server.answers["/data.json"] = says('{"title": "Pots of Ada"}', Content_Type="application/json")
        result = rendered(server, tmp_path)
        assert server.asked["/"] == 1
        agents = {headers["User-Agent"] for _, headers in server.headers}
    start = by_path(result)["/"]
    assert (start.title, start.main_heading) == ("Pots of Ada", "Töpfe") and start.links == (f"{server.address}/more",)
    assert start.raw is not None and (start.raw.title, start.raw.links, start.raw.main_text) == ("Shell", (), "")
    assert by_path(result)["more"].raw is not None and start.facts.response.status == 200
    assert len(agents) == 1 and "seo-engine" in agents.pop()
    assert list(tmp_path.glob(".reading*")) == []


def test_the_text_of_a_shadow_tree_that_a_script_makes_is_text(tmp_path: Path) -> None:
    script = 'app.attachShadow({mode: "open"}).innerHTML = "<h1>Shady pots</h1><p>They stand in the shadow all day."'
    with odd_server(_=says(shell(script))) as server:
        assert by_path(rendered(server, tmp_path))["/"].main_heading == "Shady pots"


@pytest.mark.parametrize("script", ["while (true) {}", "setInterval(() => fetch('/x?' + Math.random()), 1)"])
def test_a_page_whose_scripts_do_not_end_is_a_page(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with odd_server(_=says(shell(script)), x=says("")) as server:
        result = rendered(server, tmp_path)
        assert result.pages == 1 and len(server.asked) < 250
    page_itself = by_path(result)["/"]
    # What asks for more and more is rendered as far as it gets.
    is_kept_as_sent = page_itself.raw is None
    assert page_itself.title == "Shell" and is_kept_as_sent == ("while" in script)
    assert result.passed_over.get("page that could not be rendered", 0) == is_kept_as_sent


def test_a_page_that_ends_the_browser_does_not_end_the_crawl(tmp_path: Path) -> None:
    memory = "const kept = []; while (true) kept.push(new Uint8Array(1e8).fill(1))"
    with odd_server(
        _=says(page("Start", "/greedy", "/good")), greedy=says(shell(memory)), good=says(page("Good"))
    ) as server:
        result = rendered(server, tmp_path)
    pages = by_path(result)
    assert {"/", "greedy", "good"} == pages.keys()
    assert pages["good"].raw is not None and pages["greedy"].raw is None
    assert result.passed_over == {"page that could not be rendered": 1}


def test_a_browser_whose_driver_is_killed_is_started_again() -> None:
    async def title_of_two() -> list[bool]:
        async def fetch(address: str) -> rendering.Resource:
            return rendering.NOTHING

        html = [(b"content-type", b"text/html")]
        body = b"<title>Sent</title><script>document.title = 'Written'</script>"
        renderer = rendering.Renderer(fetch, "test")
        documents = [(await renderer.render("http://a.example/", html, body)).document]
        (driver,) = psutil.Process().children()
        driver.kill()
        documents.append((await renderer.render("http://a.example/", html, body)).document)
        await renderer.close()
        return ["<title>Written</title>" in (document or "") for document in documents]

    assert asyncio.run(title_of_two()) == [True, True]


def test_the_browser_reaches_no_private_network(tmp_path: Path) -> None:
    # The page itself is in one, as if its name had led elsewhere when it was asked for.
    with odd_server(secret=says("secret", Access_Control_Allow_Origin="*")) as server:
        reach = f"""
            fetch("{server.address}/secret").then(answer => answer.text()).then(text => document.title = text);
            new WebSocket("{server.address.replace("http", "ws")}/secret");
            const image = new Image(); image.src = "{server.address}/secret";
            const frame = document.createElement("iframe"); frame.src = "{server.address}/secret"; app.append(frame);
            navigator.sendBeacon("{server.address}/secret", "x");
            const sent = new XMLHttpRequest(); sent.open("POST", "{server.address}/secret"); sent.send("x");
        """
        program = (
            "import asyncio, sys\n"
            "from seo_engine.engine.site.crawling.rendering import NOTHING, Renderer\n"
            "async def nothing(address): return NOTHING\n"
            "async def main():\n"
            "    renderer = Renderer(nothing, 'test')\n"
            "    headers = [(b'Content-Type', b'text/html')]\n"
            "    print(await renderer.render('https://a.example/', headers, sys.stdin.buffer.read()))\n"
            "    await renderer.close()\n"
            "asyncio.run(main())"
        )
        said = subprocess.run(
            [sys.executable, "-c", program], input=shell(reach).encode(), capture_output=True, check=True
        ).stdout.decode()
        assert server.asked == {} and "secret</title>" not in said and "Shell" in said


def test_what_robots_txt_forbids_is_not_fetched_for_a_page(tmp_path: Path) -> None:
    with odd_server(_=says(shell("") + "<script src=/private/a.js></script><script src=/moved.js></script>")) as server:
        server.answers["/robots.txt"] = says("User-agent: *\nDisallow: /private/", Content_Type="text/plain")
        server.answers["/moved.js"] = says("", 302, Location="/private/a.js")
        server.answers["/private/a.js"] = says("document.title = 'Private'", **SCRIPT)
        assert by_path(rendered(server, tmp_path))["/"].title == "Shell"
        assert "/private/a.js" not in server.asked and server.asked["/moved.js"] == 1


def test_a_script_that_leads_elsewhere_is_followed_as_a_link(tmp_path: Path) -> None:
    with odd_server(_=says(shell("location.replace('/new-home')"))) as server:
        server.answers["/new-home"] = says(page("New home"))
        pages = by_path(rendered(server, tmp_path))
    assert pages["new-home"].title == "New home" and pages["/"].title == "Shell"


def test_headers_go_to_the_site_alone_and_shared_scripts_are_asked_for_once(tmp_path: Path) -> None:
    with odd_server() as other, odd_server() as server:
        tag = f"<script src={other.address}/a.js></script><script src=/own.js></script>"
        server.answers["/"] = says(page("Start", "/a", "/b") + tag)
        server.answers["/a"] = server.answers["/b"] = says(page("Page") + tag)
        other.answers["/a.js"] = server.answers["/own.js"] = says("document.body.append('!')", **SCRIPT)
        config = CrawlConfig(allow_private=True, render=True, concurrent_requests=1)
        crawl_site(server.address + "/", tmp_path, config, headers={"X-Token": "token-123"})
        assert dict(server.headers)["/own.js"]["X-Token"] == "token-123"
        assert other.asked == {"/a.js": 1} and server.asked["/own.js"] == 1
        assert "X-Token" not in dict(other.headers)["/a.js"]


def test_nothing_of_the_browser_is_left_when_a_crawl_is_killed(tmp_path: Path) -> None:
    with odd_server() as server:
        server.otherwise = lambda handler: handler.send(page("Page", f"{handler.path}0", f"{handler.path}1"))
        command = [sys.executable, "-m", "seo_engine.cli", "crawl", f"{server.address}/", "-o", str(tmp_path / "out")]
        process = subprocess.Popen([*command, "--render", "--allow-private"], stdout=subprocess.DEVNULL)
        while not server.asked["/01"]:
            assert process.poll() is None
        everyone = psutil.Process(process.pid).children(recursive=True)
        assert any("chrom" in each.name() for each in everyone)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(everyone, timeout=60)
        assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []


def test_without_a_browser_a_crawl_says_how_to_install_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "browser_program", lambda: None)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", os.fspath(tmp_path))
    with pytest.raises(SiteError, match="--render needs Chromium; install it: apt-get install chromium"):
        crawl_site("https://a.example/", tmp_path / "out", CrawlConfig(render=True))
