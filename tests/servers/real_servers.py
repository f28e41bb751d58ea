"""Apache and nginx, as Debian packages them, each serving a folder on a port of this machine."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_START_SECONDS = 30.0
_MODULES = ("mpm_event", "authz_core", "dir", "alias", "rewrite", "headers", "mime", "autoindex", "negotiation")

_APACHE = """
ServerRoot "{state}"
Listen 127.0.0.1:{port}
ServerName localhost
PidFile "{state}/pid"
ErrorLog "{state}/errors"
{modules}
{user}
TypesConfig /etc/mime.types
DocumentRoot "{folder}"
<Directory "{folder}">
  AllowOverride All
  Options -Indexes +FollowSymLinks
  Require all granted
</Directory>
<Files ~ "^\\.ht">
  Require all denied
</Files>
"""
_NGINX = """
daemon off; pid {state}/pid; error_log {state}/errors; {user}
events {{}}
http {{
  types {{ text/html html htm; }}
  access_log off;
  client_body_temp_path {state}/a; proxy_temp_path {state}/b; fastcgi_temp_path {state}/c;
  uwsgi_temp_path {state}/d; scgi_temp_path {state}/e;
  server {{ listen 127.0.0.1:{port}; root "{folder}"; }}
}}
"""


def program(name: str, package: str) -> str:
    """Return the path of a server; fail, and say how to install it, if there is none."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    assert found, f"{name} is missing: apt-get install {package}"
    return found


@contextmanager
def apache(folder: Path, state: Path) -> Iterator[int]:
    """Serve a folder with Apache; yields the port."""
    modules = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
        for name in _MODULES
        if Path(f"/usr/lib/apache2/modules/mod_{name}.so").exists()
    )
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    with _served(_APACHE, folder, state, user=user, modules=modules) as (port, configuration):
        command = [program("apache2", "apache2"), "-f", str(configuration), "-D", "FOREGROUND"]
        with _running(command, port, state):
            yield port


@contextmanager
def nginx(folder: Path, state: Path) -> Iterator[int]:
    """Serve a folder with nginx; yields the port."""
    user = "user www-data;" if os.geteuid() == 0 else ""
    with _served(_NGINX, folder, state, user=user) as (port, configuration):
        command = [program("nginx", "nginx-light"), "-p", str(state), "-c", str(configuration), "-e", f"{state}/errors"]
        with _running(command, port, state):
            yield port


@contextmanager
def _served(template: str, folder: Path, state: Path, **values: str) -> Iterator[tuple[int, Path]]:
    state.mkdir(mode=0o777, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = state / "server.conf"
    configuration.write_text(template.format(folder=folder, state=state, port=port, **values))
    yield port, configuration


@contextmanager
def _running(command: list[str], port: int, state: Path) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        try:
            _wait(server, port)
            yield
        finally:
            server.terminate()


def _wait(server: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + LONGEST_START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, server.stderr.read() if server.stderr else ""
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("the server does not answer")


def asked(port: int, address: str) -> tuple[int, str, bytes, dict[str, str]]:
    """Return status, location without the host, body and headers of what a server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", address, headers={"Host": "localhost"})
        response = connection.getresponse()
        location = (response.getheader("location") or "").removeprefix("http://localhost")
        location = location.removeprefix(f":{port}")
        headers: dict[str, str] = {}
        for name, value in response.getheaders():
            headers[name.lower()] = ", ".join(filter(None, (headers.get(name.lower()), value)))
        return response.status, location, response.read(), headers
    finally:
        connection.close()
