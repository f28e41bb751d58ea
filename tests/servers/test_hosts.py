"""What `ServedFolder` says Apache and nginx answer is what they answer."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seo_engine.engine.site.hosting.hosts import host_named
from seo_engine.engine.site.hosting.served_folder import ServedFolder
from tests.servers import htaccess_samples
from tests.servers.real_servers import apache, asked, nginx

FILES = (
    "index.html",
    "pots.html",
    "both.html",
    "both/index.html",
    "shop/index.html",
    "shop/red pots.html",
    "shop/töpfe.html",
    "deep/er/page.html",
    "other/index.htm",
    "Case.html",
    "pots.html.gz",
    "missing.html",
    "folder.html/index.html",
    "blog/post.html",
    "private/secret.html",
)  # fmt: skip

ADDRESSES = (
    "/", "/index.html", "/pots.html", "/pots", "/pots/", "/pots.html/", "/pots.html/more", "/pots.html?colour=red",
    "/POTS.html", "/both", "/both/", "/both.html", "/shop", "/shop/", "/shop/index.html", "/shop?colour=red",
    "/shop/red%20pots.html", "/shop/t%C3%B6pfe.html", "/deep", "/deep/", "/deep/er/page.html", "/other", "/other/",
    "/other/index.htm", "/nothing", "/nothing/", "//pots.html", "/shop//index.html", "/case.html", "/pots%2ehtml",
    "/folder.html", "/folder.html/", "/index", "/.htaccess", "/blog/post.html", "/blog/post", "/blog", "/private/",
    "/private/secret.html", "/old", "/old/", "/old/red.html", "/older", "/2020/05/red", "/go", "/gone.html", "/news/7",
    "/news/7?page=2", "/blog/first", "/a/b", "/shop/old", "/wp-login.php",
)  # fmt: skip

HTACCESS = {
    "nothing": {},
    "redirects": {
        "": "Redirect 301 /old /shop\nRedirect gone /gone.html\nRedirectMatch 302 ^/([0-9]+)/([0-9]+)/(.*)$ /blog/$3\n"
        "RedirectPermanent /go https://b.example/there\nRedirectTemp /nothing /pots.html\n"
        "ErrorDocument 404 /missing.html",
    },
    "clean addresses": {
        "": "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-d\nRewriteCond %{REQUEST_FILENAME}.html -f\n"
        "RewriteRule ^(.+?)/?$ $1.html [L]",
    },
    "rewrites": {
        "": "<IfModule mod_rewrite.c>\nRewriteEngine On\nRewriteBase /\nRewriteRule ^old$ pots.html [R=301,L]\n"
        "RewriteRule ^news/([0-9]+)$ /shop/index.html?number=$1 [NC,QSA]\nRewriteRule ^private/ - [F]\n"
        "RewriteRule ^gone\\.html$ - [G]\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteCond %{REQUEST_FILENAME} !-d\n"
        "RewriteRule . /pots.html [L]\n</IfModule>",
    },
    "in folders": {
        "": "RewriteEngine On\nRewriteRule ^shop/old$ /pots.html [R,L]\nDirectoryIndex index.htm index.html\n"
        "Options +MultiViews",
        "shop": "RewriteEngine On\nRewriteRule ^old$ /both.html [R=308,L]\n",
        "blog": "DirectoryIndex post.html\nRedirect 307 /blog/first /pots.html\n",
    },
    "headers": {
        "": 'Header set X-Robots-Tag "noindex, nofollow"\nHeader always append X-Robots-Tag noarchive\n'
        '<FilesMatch "^(pots|Case)\\.html$">\nHeader set X-Robots-Tag none\n</FilesMatch>\n'
        "<Files post.html>\nHeader set X-Robots-Tag nosnippet\n</Files>\nDirectorySlash Off\nAddDefaultCharset utf-8",
    },
}  # fmt: skip


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own: a server that gives up root may not look into it.
    base = Path(tempfile.mkdtemp())
    base.chmod(0o755)
    site = base / "site"
    for name in FILES:
        file = site / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"<title>{name}</title>")
    (site / "nowhere").mkdir()
    yield site
    shutil.rmtree(base)


def differences(served: ServedFolder, port: int, names: tuple[str, ...] = ()) -> list[str]:
    """Return where our answer is not the server's: status, location, file and the headers of these names."""
    found = []
    for address in ADDRESSES:
        status, location, body, headers = asked(port, address)
        answer = served.answer(address)
        title = body.decode().removeprefix("<title>").removesuffix("</title>") if b"<title>" in body[:7] else ""
        theirs = (status, location, title if status in (200, 404) and title in FILES else "")
        ours = (answer.status, answer.location, answer.file)
        said: dict[str, str] = {}
        for name, value in answer.headers:
            said[name] = f"{said[name]}, {value}" if name in said else value
        if theirs != ours:
            found.append(f"{address}: the server says {theirs}, we say {ours}")
        found += [
            f"{address}: {name} is {headers.get(name)!r}, we say {said.get(name)!r}"
            for name in names
            if answer.file and values(headers.get(name)) != values(said.get(name))
        ]
    return found


def values(header: str | None) -> list[str]:
    return sorted((header or "").split(", "))


@pytest.mark.parametrize("kind", HTACCESS)
def test_apache_answers_what_we_say(folder: Path, kind: str) -> None:
    for inner, text in HTACCESS[kind].items():
        (folder / inner / ".htaccess").write_text(text)
    served = ServedFolder(folder, host_named("apache"), "http://localhost/")
    assert served.configuration.left_out == ()
    names = ("x-robots-tag", "content-type") if kind == "headers" else ("x-robots-tag",)
    with apache(folder, folder.parent / "state") as port:
        assert differences(served, port, names) == []


def test_nginx_answers_what_we_say(folder: Path) -> None:
    served = ServedFolder(folder, host_named("nginx"), "http://localhost/")
    with nginx(folder, folder.parent / "state") as port:
        assert differences(served, port) == []


@pytest.mark.parametrize("name", ["apache", "nginx"])
def test_each_file_is_served_at_the_address_that_we_give_it(folder: Path, name: str) -> None:
    served = ServedFolder(folder, host_named(name), "http://localhost/")
    with (apache if name == "apache" else nginx)(folder, folder.parent / "state") as port:
        for file in FILES:
            address = served.address_of(file)
            if address:
                _, _, body, _ = asked(port, address.removeprefix("http://localhost"))
                assert body.decode() == f"<title>{file}</title>"
    assert served.address_of("shop/index.html") == "http://localhost/shop/"


# Where Apache does what nobody would want, or lists a folder.
LEFT_TO_APACHE = {
    "all options": ("/about/", "/empty/", "/files/"),
    "fallback": ("/pots.html/x",),
    "inner slash": ("/shop",),
    "multiviews": ("/foo",),
    "multiviews without slash": ("/foo",),
    "relative redirect": ("/old", "/old?y=2"),
    "without html": ("/pots/",),
    "without html, any": ("/pots/", "/zz/"),
}


def comparable(location: str) -> str:
    """Return a location without the host that we are, and with the numbers of bytes in upper case."""
    location = location.removeprefix("http://localhost")
    return re.sub("%[0-9a-f]{2}", lambda number: number[0].upper(), location)


@pytest.fixture(scope="module")
def common_site() -> Iterator[tuple[Path, int]]:
    base = Path(tempfile.mkdtemp())
    base.chmod(0o755)
    for name in htaccess_samples.FILES:
        file = base / "site" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"<title>{name}</title>")
    with apache(base / "site", base / "state") as port:
        yield base / "site", port
    shutil.rmtree(base)


@pytest.mark.parametrize("sample", htaccess_samples.SAMPLES)
def test_apache_answers_what_we_say_with_the_files_that_people_have(common_site: tuple[Path, int], sample: str) -> None:
    site, port = common_site
    texts = htaccess_samples.SAMPLES[sample]
    for inner, text in texts.items():
        (site / inner / ".htaccess").write_text(text)
    try:
        served = ServedFolder(site, host_named("apache"), "http://localhost/")
        found = []
        for address in htaccess_samples.ADDRESSES:
            status, location, body, headers = asked(port, address)
            answer = served.answer(address)
            name = body.decode("utf-8", "replace").removeprefix("<title>").removesuffix("</title>")
            is_sent = status in (200, 404) and name in htaccess_samples.FILES
            theirs = (status, comparable(location), name if is_sent else "")
            ours = (answer.status, comparable(answer.location), answer.file)
            robots = ", ".join(value for name, value in answer.headers if name == "x-robots-tag")
            if answer.file:
                theirs, ours = (*theirs, *values(headers.get("x-robots-tag"))), (*ours, *values(robots))
            if theirs != ours and address not in LEFT_TO_APACHE.get(sample, ()):
                found.append(f"{address}: the server says {theirs}, we say {ours}")
    finally:
        for inner in texts:
            (site / inner / ".htaccess").unlink()
    # What is not understood is said.
    assert found == [] or served.configuration.left_out
