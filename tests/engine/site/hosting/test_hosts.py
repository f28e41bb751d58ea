"""Each host answers as its documents say; Apache and nginx are compared with the servers themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from seo_engine.engine.site.hosting.hosts import PLAIN, host_named, host_of, hosts
from seo_engine.engine.site.hosting.served_folder import Answer, ServedFolder

FILES = ("index.html", "file.html", "folder/index.html", "both.html", "both/index.html", "404.html", "en/404.html")

# The addresses, and what each host answers: the file, or the status with where it leads.
ANSWERS = {
    "github-pages": {
        "/": "index.html",
        "/file": "file.html",
        "/file/": "404 404.html",
        "/file.html": "file.html",
        "/folder": "301 /folder/",
        "/folder/": "folder/index.html",
        "/folder/index.html": "folder/index.html",
        "/both": "both.html",
        "/both/": "both/index.html",
        "/both.html": "both.html",
        "/en/nothing": "404 404.html",
        "/FILE": "404 404.html",
    },
    "netlify": {
        "/file": "file.html",
        "/file/": "301 /file",
        "/file.html": "file.html",
        "/folder": "301 /folder/",
        "/folder/": "folder/index.html",
        "/folder/index.html": "folder/index.html",
        "/both": "both.html",
        "/both.html": "both.html",
        "/en/nothing": "404 404.html",
        "/_redirects": "404 404.html",
    },
    "cloudflare": {
        "/file": "file.html",
        "/file/": "308 /file",
        "/file.html": "308 /file",
        "/file.html?colour=red": "308 /file?colour=red",
        "/folder": "308 /folder/",
        "/folder/": "folder/index.html",
        "/folder/index.html": "308 /folder/",
        "/folder/index": "308 /folder/",
        "/both": "both.html",
        "/both/": "both/index.html",
        "/both.html": "308 /both",
        "/en/nothing": "404 en/404.html",
        "/en/nothing/": "404 en/404.html",
        "/nothing": "404 404.html",
        "/_redirects": "404 404.html",
    },
    "vercel": {
        "/file": "404 404.html",
        "/file/": "404 404.html",
        "/file.html": "file.html",
        "/folder": "folder/index.html",
        "/folder/": "folder/index.html",
        "/folder/index.html": "folder/index.html",
        "/both": "both/index.html",
        "/both/": "both/index.html",
        "/both.html": "both.html",
    },
}

CLEAN, CLEAN_WITH_SLASH, WITHOUT_SLASH = (
    '{"cleanUrls": true, "trailingSlash": false}',
    '{"cleanUrls": true, "trailingSlash": true}',
    '{"trailingSlash": false}',
)
OF_VERCEL = {
    CLEAN: {
        "/file": "file.html",
        "/file.html": "308 /file",
        "/file/": "308 /file",
        "/folder": "folder/index.html",
        "/folder/": "308 /folder",
        "/folder/index.html": "308 /folder",
        "/index.html": "308 /",
        "/": "index.html",
    },
    CLEAN_WITH_SLASH: {
        "/file": "308 /file/",
        "/file/": "file.html",
        "/file.html": "308 /file/",
        "/folder": "308 /folder/",
        "/folder/": "folder/index.html",
        "/.well-known/security": "404 404.html",
    },
    WITHOUT_SLASH: {"/folder/": "308 /folder", "/folder": "folder/index.html", "/": "index.html"},
}


def site(folder: Path, **texts: str) -> Path:
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"<title>{name}")
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def said(answer: Answer) -> str:
    if answer.status == 200:
        return answer.file
    return f"{answer.status} {answer.location or answer.file}".strip()


@pytest.mark.parametrize("name", ANSWERS)
def test_a_host_answers_as_its_documents_say(tmp_path: Path, name: str) -> None:
    served = ServedFolder(site(tmp_path), host_named(name))
    assert {address: said(served.answer(address)) for address in ANSWERS[name]} == ANSWERS[name]


@pytest.mark.parametrize("configuration", OF_VERCEL)
def test_vercel_answers_as_its_settings_say(tmp_path: Path, configuration: str) -> None:
    served = ServedFolder(site(tmp_path, **{"vercel.json": configuration}), host_named("vercel"))
    wanted = OF_VERCEL[configuration]
    assert {address: said(served.answer(address)) for address in wanted} == wanted


def test_without_a_page_for_what_is_missing_cloudflare_answers_with_the_first_page(tmp_path: Path) -> None:
    served = ServedFolder(site(tmp_path), host_named("cloudflare"))
    (tmp_path / "404.html").unlink()
    assert said(served.answer("/nothing/at/all.js")) == "index.html"
    assert said(served.answer("/en/nothing")) == "404 en/404.html"


def test_netlify_without_pretty_addresses_redirects_nothing(tmp_path: Path) -> None:
    text = "[build.processing.html]\npretty_urls = false\n"
    served = ServedFolder(site(tmp_path, **{"netlify.toml": text}), host_named("netlify"))
    assert [said(served.answer(address)) for address in ("/file/", "/folder")] == ["file.html", "folder/index.html"]


@pytest.mark.parametrize("name", hosts())
def test_each_file_has_the_address_at_which_it_is_served(tmp_path: Path, name: str) -> None:
    served = ServedFolder(site(tmp_path), host_named(name), "https://a.example/docs/")
    for file in FILES:
        address = served.address_of(file)
        if address:
            assert address.startswith("https://a.example/docs/")
            assert served.answer(address)[:2] == (200, file)
    assert served.address_of("folder/index.html") == "https://a.example/docs/folder/"
    assert served.answer("https://a.example/other/") == served.answer("https://b.example/docs/") == Answer(0)


def test_what_a_host_does_not_take_hides_no_page_of_the_same_name(tmp_path: Path) -> None:
    served = ServedFolder(site(tmp_path), host_named("cloudflare"))
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "api.html").write_text("")
    (tmp_path / "functions.html").write_text("")
    assert said(served.answer("/functions")) == "functions.html"
    assert said(served.answer("/functions/api")) == "404 404.html"


def test_a_redirect_in_place_of_a_file_leaves_it_without_an_address(tmp_path: Path) -> None:
    served = ServedFolder(
        site(tmp_path, _redirects="/file /folder/ 301\n/file.html /folder/ 301\n"), host_named("cloudflare")
    )
    assert served.address_of("file.html") is None
    assert served.address_of("folder/index.html") == "/folder/"


@pytest.mark.parametrize(
    ("file", "host"),
    [
        ("_redirects", "netlify"),
        ("_headers", "netlify"),
        ("netlify.toml", "netlify"),
        ("vercel.json", "vercel"),
        (".htaccess", "apache"),
        ("_routes.json", "cloudflare"),
        (".nojekyll", "github-pages"),
        ("robots.txt", PLAIN),
    ],
)
def test_the_host_is_taken_from_the_configuration_that_is_found(tmp_path: Path, file: str, host: str) -> None:
    (tmp_path / file).write_text("")
    assert host_of(tmp_path)[0].name == host
    assert (host_of(tmp_path)[1] == tmp_path / file) == (host != PLAIN)


def test_the_configuration_of_a_project_stands_beside_the_folder_that_its_build_writes(tmp_path: Path) -> None:
    (tmp_path / "vercel.json").write_text(CLEAN)
    (tmp_path / "dist").mkdir()
    host, found = host_of(site(tmp_path / "dist"))
    assert (host.name, found) == ("vercel", tmp_path / "vercel.json")
    assert said(ServedFolder(tmp_path / "dist", host).answer("/file.html")) == "308 /file"


@pytest.mark.parametrize(
    "address", ["/../secret.html", "/%2e%2e/secret.html", "/link.html", "/a%00b", "/en/../../secret.html"]
)
def test_nothing_outside_the_folder_is_served(tmp_path: Path, address: str) -> None:
    (tmp_path / "secret.html").write_text("secret")
    inside = site(tmp_path / "site")
    (inside / "link.html").symlink_to(tmp_path / "secret.html")
    for host in hosts().values():
        answer = ServedFolder(inside, host).answer(address)
        assert (answer.status, answer.file) in [(404, ""), (404, "404.html"), (404, "en/404.html")], host.name
