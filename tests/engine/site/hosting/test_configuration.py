"""The files that configure a host are read as the host reads them; what is not understood is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from seo_engine.engine.site.hosting.hosts import host_named
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
