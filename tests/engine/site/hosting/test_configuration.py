"""The files that configure a host are read as the host reads them; what is not understood is counted."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from pathlib import Path

import pytest

from seo_engine.engine.site.folder import read_site
from seo_engine.engine.site.hosting.hosts import host_named, host_of, hosts
from seo_engine.engine.site.hosting.served_folder import ServedFolder
from tests.engine.site.hosting.test_hosts import said, site

NETLIFY = """
# comment
/old            /file
/moved/*        /folder/:splat 302
/blog/:year/:slug  https://b.example/:slug?year=:year  301  # why
/file           /elsewhere
/file.html      /elsewhere  301!
/store id=:id   /item/:id
/gone           /404.html   410
/app/*          /index.html 200
/töpfe          /file
/visitors       /de/file    302 Country=de
/broken
"""
OF_NETLIFY = {
    "/old": "301 /file",
    "/old/": "301 /file",
    "/old?page=2": "301 /file?page=2",
    "/moved": "302 /folder/",
    "/moved/a/b": "302 /folder/a/b",
    "/blog/2020/red": "301 https://b.example/red?year=2020",
    "/file": "file.html",
    "/file.html": "301 /elsewhere",
    "/store?id=7": "301 /item/7",
    "/store": "404 404.html",
    "/gone": "410 404.html",
    "/app/any/thing": "index.html",
    "/t%C3%B6pfe": "301 /file",
    "/visitors": "404 404.html",
}

CLOUDFLARE = """
/old /file
/file /folder/ 301
/moved/* /folder/:splat
/shop/:colour/pots /pots/:colour 308
/app/* /file 200
/* /index.html 200
/bad /file 404
http://a.example/ /file
/one /two three four
"""
OF_CLOUDFLARE = {
    "/old": "302 /file",
    "/old/": "404 404.html",
    "/file": "301 /folder/",
    "/moved/a/b?c=d": "302 /folder/a/b?c=d",
    "/shop/red/pots": "308 /pots/red",
    "/app/x": "file.html",
    "/bad": "404 404.html",
}

VERCEL = """{
  "redirects": [
    {"source": "/old", "destination": "/file.html"},
    {"source": "/soon", "destination": "/file.html", "permanent": false},
    {"source": "/seen", "destination": "/file.html", "statusCode": 303},
    {"source": "/blog/:path*", "destination": "/news/:path*"},
    {"source": "/post/:id(\\\\d{1,})", "destination": "/p/:id"},
    {"source": "/(de|fr)/(.*)", "destination": "/$2?language=$1"},
    {"source": "/file.html", "destination": "/folder"},
    {"source": "/cookie", "destination": "/file.html", "has": [{"type": "cookie", "key": "a"}]}
  ],
  "rewrites": [{"source": "/app/(.*)", "destination": "/index.html"}],
  "headers": [{"source": "/folder(.*)", "headers": [{"key": "X-Robots-Tag", "value": "noindex"}]}]
}"""
OF_VERCEL = {
    "/old": "308 /file.html",
    "/soon": "307 /file.html",
    "/seen": "303 /file.html",
    "/blog/a/b": "308 /news/a/b",
    "/blog": "308 /news/",
    "/post/12": "308 /p/12",
    "/post/x": "404 404.html",
    "/de/pots": "308 /pots?language=de",
    "/file.html": "308 /folder",
    "/app/x/y": "index.html",
    "/cookie": "404 404.html",
}

TOML = """
[[redirects]]
from = "/old"
to = "/file"
status = 302
[[redirects]]
from = "/file"
to = "/forced"
force = true
query = {page = ":page"}
[[redirects]]
from = "/visitors"
to = "/file"
conditions = {Language = ["de"]}
[[headers]]
for = "/folder/*"
[headers.values]
X-Robots-Tag = ["noindex", "nofollow"]
"""

OF_TOML = {"/old": "302 /file", "/file?page=2": "301 /forced", "/file": "file.html"}


@pytest.mark.parametrize(
    ("host", "file", "text", "wanted", "left_out"),
    [
        ("netlify", "_redirects", NETLIFY, OF_NETLIFY, 2),
        ("cloudflare", "_redirects", CLOUDFLARE, OF_CLOUDFLARE, 4),
        ("vercel", "vercel.json", VERCEL, OF_VERCEL, 1),
        (
            "netlify",
            "netlify.toml",
            TOML,
            {"/old": "302 /file", "/file?page=2": "301 /forced", "/file": "file.html"},
            1,
        ),
    ],
    ids=["netlify", "cloudflare", "vercel", "netlify.toml"],
)
def test_redirects_are_answered_as_the_host_does(
    tmp_path: Path, host: str, file: str, text: str, wanted: dict[str, str], left_out: int
) -> None:
    served = ServedFolder(site(tmp_path, **{file: text}), host_named(host))
    assert {address: said(served.answer(address)) for address in wanted} == wanted
    assert len(served.configuration.left_out) == left_out, served.configuration.left_out


def headers(folder: Path, host: str, address: str) -> dict[str, str]:
    return dict(ServedFolder(folder, host_named(host)).answer(address).headers)


HEADERS = """
/*
  X-Robots-Tag: noindex
  X-Robots-Tag: nofollow
/folder/*
  X-Robots-Tag: noarchive
  ! X-Frame-Options
/FILE
  Content-Type: text/html; charset=iso-8859-1
"""


def test_headers_are_sent_as_the_host_does(tmp_path: Path) -> None:
    folder = site(tmp_path, _headers=HEADERS)
    assert headers(folder, "netlify", "/folder/")["x-robots-tag"] == "noarchive"
    assert headers(folder, "netlify", "/file")["content-type"] == "text/html; charset=iso-8859-1"
    assert headers(folder, "cloudflare", "/folder/")["x-robots-tag"] == "noindex, nofollow, noarchive"
    assert headers(folder, "cloudflare", "/file")["content-type"] == "text/html; charset=utf-8"
    assert headers(site(tmp_path, **{"vercel.json": VERCEL}), "vercel", "/folder")["x-robots-tag"] == "noindex"
    assert (
        headers(site(tmp_path, **{"netlify.toml": TOML}), "netlify", "/folder/")["x-robots-tag"] == "noindex, nofollow"
    )


def test_a_header_of_cloudflare_is_taken_away(tmp_path: Path) -> None:
    folder = site(tmp_path, _headers="/*\n  X-Robots-Tag: noindex\n/folder/*\n  ! X-Robots-Tag\n")
    assert "x-robots-tag" in headers(folder, "cloudflare", "/file")
    assert "x-robots-tag" not in headers(folder, "cloudflare", "/folder/")


@pytest.mark.parametrize(
    ("file", "host", "text"),
    [
        ("netlify.toml", "netlify", "[[redirects]"),
        ("netlify.toml", "netlify", "redirects = 3\nheaders = [1]\nbuild = 2"),
        ("vercel.json", "vercel", "{"),
        ("vercel.json", "vercel", "[1]"),
        (
            "vercel.json",
            "vercel",
            '{"redirects": [{"source": "/(", "destination": "/a"}, 3], "headers": {}, "rewrites": null}',
        ),
        ("_redirects", "netlify", "a b c\n/x\n\x00 \x01\n/a /b !\n/* /:splat 301\n"),
        ("_redirects", "cloudflare", "a\n/x /y 999\n/*/* /x\n"),
        ("_headers", "cloudflare", "x: y\n! \n/a\n:\n"),
        (".htaccess", "apache", "RedirectMatch ^/a{}$ /x\nRedirectMatch ^/a{,}$ /x\n"),
        (".htaccess", "apache", 'RewriteRule\nRedirect\n<If "true">\nRedirect / /x\n</If>\nHeader\nRewriteRule ( x\n'),
    ],
)
def test_a_broken_configuration_ends_nothing(tmp_path: Path, file: str, host: str, text: str) -> None:
    served = ServedFolder(site(tmp_path, **{file: text}), host_named(host))
    assert served.answer("/folder/").status in (200, 404)


def test_an_expression_that_would_take_forever_matches_nothing(tmp_path: Path) -> None:
    text = "RewriteEngine On\nRewriteRule ^(a|a)*(a|aa)+(a|a)*$x$ /file.html [R]\n"
    served = ServedFolder(site(tmp_path, **{".htaccess": text}), host_named("apache"))
    assert served.answer("/" + "a" * 2_000).status == 404


def answers(folder: Path, host: str, base_url: str, *addresses: str) -> list[str]:
    served = ServedFolder(folder, host_named(host), base_url)
    return [said(served.answer(address)) for address in addresses]


def test_a_rule_of_netlify_for_another_domain_is_not_for_this_one(tmp_path: Path) -> None:
    rules = (
        "https://www.a.example/*  https://a.example/:splat  301!\nhttp://a.example/* https://a.example/:splat 301!\n"
    )
    folder = site(tmp_path, _redirects=rules)
    assert answers(folder, "netlify", "https://a.example/", "/file") == ["file.html"]
    assert answers(folder, "netlify", "https://www.a.example/", "/file") == ["301 https://a.example/file"]
    assert answers(folder, "netlify", "http://a.example/", "/file") == ["301 https://a.example/file"]
    assert answers(folder, "netlify", "", "/file") == ["file.html"]


HTTPS = """
RewriteEngine On
RewriteCond %{HTTP:X-Forwarded-Proto} !https
RewriteRule ^(.*)$ https://a.example/$1 [R=301,L]
"""
WWW = """
RewriteEngine On
RewriteCond %{HTTP_HOST} !^www\\. [NC]
RewriteRule ^(.*)$ https://www.a.example/$1 [R=301,L]
"""
IN_BLOG = """
RewriteEngine On
RewriteBase /blog/
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule ^app/ /blog/file.html [L]
Redirect 301 /blog/old /blog/folder/
ErrorDocument 404 /blog/en/404.html
"""


def test_rules_that_ask_for_the_host_know_it_from_where_the_folder_is_served(tmp_path: Path) -> None:
    folder = site(tmp_path, **{".htaccess": HTTPS})
    assert answers(folder, "apache", "https://a.example/", "/file.html") == ["file.html"]
    assert answers(folder, "apache", "http://a.example/", "/file.html") == ["301 https://a.example/file.html"]
    folder = site(tmp_path, **{".htaccess": WWW})
    assert answers(folder, "apache", "https://www.a.example/", "/file.html") == ["file.html"]
    assert answers(folder, "apache", "https://a.example/", "/file.html") == ["301 https://www.a.example/file.html"]
    served = ServedFolder(folder, host_named("apache"))
    assert said(served.answer("/file.html")) == "file.html" and served.asks_for_host


def test_apaches_rules_are_about_the_whole_path(tmp_path: Path) -> None:
    folder = site(tmp_path, **{".htaccess": IN_BLOG})
    addresses = ("/blog/app/x", "/blog/old", "/blog/nothing", "/blog/file.html", "/blog/folder")
    assert answers(folder, "apache", "https://a.example/blog/", *addresses) == [
        "file.html",
        "301 /blog/folder/",
        "404 en/404.html",
        "file.html",
        "301 /blog/folder/",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "RedirectMatch ((((a{1000}){1000}){1000}){1000})* /x",
        f"RedirectMatch {'(' * 3_000}a{')' * 3_000} /x",
        "RewriteEngine On\nRewriteRule ^(.*)$ $1$1$1$1$1$1$1$1",
        "<IfModule a>\n" * 40_000 + "Options -Indexes\n" * 20_000,
        "<IfModule a>\n" * 40_000 + "</IfModule>\n" * 40_000,
        "abc\\\n" * 200_000,
        f"Redirect /a /{'b' * 900_000}",
        "\n".join(f"RedirectMatch ^/{number}(a|a)*(a|aa)+$x /x" for number in range(3_000)),
    ],
    ids=["repetitions", "depth", "growth", "open blocks", "closed blocks", "long line", "long word", "many rules"],
)
def test_a_crafted_configuration_takes_bounded_time_and_memory(tmp_path: Path, text: str) -> None:
    folder = site(tmp_path, **{".htaccess": text})
    began, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    served = ServedFolder(folder, host_named("apache"))
    for number in range(20):
        assert served.answer(f"/{number}{'a' * 500}").status in (404, 500)
    assert all(len(line) < 200 for line in served.configuration.left_out)
    # Seconds and hundreds of megabytes before; the machine may be slow.
    assert time.process_time() - began < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200_000


def test_thousands_of_plain_rules_are_looked_up_and_not_tried(tmp_path: Path) -> None:
    folder = site(tmp_path, _redirects="".join(f"/old/{number} /new/{number}\n" for number in range(10_000)))
    for host in ("netlify", "cloudflare"):
        served = ServedFolder(folder, host_named(host))
        most = 9_999 if host == "netlify" else 1_999
        assert served.answer(f"/old/{most}").location == f"/new/{most}"
        assert all(len(list(served._rules_for(path))) <= 1 for path in ("/old/7", "/nothing"))


def test_a_link_out_of_the_folder_is_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("PASSWORD=hunter2 x\n/file /stolen 301!\n")
    folder = site(tmp_path / "site")
    for name in (".htaccess", "_redirects", "_headers", "netlify.toml", "vercel.json"):
        (folder / name).symlink_to(tmp_path / "secret")
    assert host_of(folder) == (host_named("plain"), None)
    for host in hosts().values():
        assert ServedFolder(folder, host).configuration.left_out == ()


def test_no_note_says_what_stands_in_a_configuration(tmp_path: Path) -> None:
    folder = site(
        tmp_path, **{".htaccess": "PASSWORD=hunter2\n", "vercel.json": "hunter2", "netlify.toml": "a = hunter2"}
    )
    for host in hosts().values():
        assert "hunter2" not in str(ServedFolder(folder, host).configuration.left_out)


def test_the_configuration_beside_a_folder_counts_only_if_it_builds_this_folder(tmp_path: Path) -> None:
    folder = site(tmp_path / "dist")
    (tmp_path / "netlify.toml").write_text('[build]\npublish = "other"\n')
    (tmp_path / "vercel.json").write_text('{"outputDirectory": "other"}')
    assert host_of(folder)[0].name == "plain"
    (tmp_path / "vercel.json").write_text('{"outputDirectory": "dist"}')
    assert host_of(folder)[0].name == "vercel"


def test_what_is_hidden_in_a_folder_of_tools_is_not_read(tmp_path: Path) -> None:
    folder = site(tmp_path)
    for name in (".git", "node_modules"):
        (folder / name).mkdir()
        (folder / name / ".htaccess").write_text("Redirect 301 / /x\nOdd\n")
    assert ServedFolder(folder, host_named("apache")).configuration.rules == ()


def test_a_folder_of_any_depth_is_read(tmp_path: Path) -> None:
    deep, depth = tmp_path / "site", 1_500
    deep.mkdir()
    here = os.open(deep, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    with os.fdopen(os.open("a.html", os.O_WRONLY | os.O_CREAT, dir_fd=here), "w") as file:
        file.write("<title>Deep</title>")
    os.close(here)
    try:
        assert [page.title for page in read_site(deep).pages] == ["Deep"]
    finally:
        # Python's own way calls itself for each folder, so that pytest could not clear this away.
        subprocess.run(["rm", "-rf", deep], check=True)


def test_what_is_for_names_that_are_not_understood_is_for_no_file(tmp_path: Path) -> None:
    text = '<FilesMatch "(">\nHeader set X-Robots-Tag noindex\n</FilesMatch>\n'
    served = ServedFolder(site(tmp_path, **{".htaccess": text}), host_named("apache"))
    assert served.answer("/file.html").headers == ()
    assert served.configuration.left_out == (
        "/.htaccess, line 1: FilesMatch is not understood, or depends on who visits",
    )
