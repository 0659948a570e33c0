"""nginx and haproxy, each before a server of ours, configured as their users should.

Owns the two configurations, which the documentation shows as they are, and runs the programs
with them: in the foreground, without privileges, on a free port of 127.0.0.1.

What both have in common: a WebSocket's idle time must be longer than the time between heartbeats
(``SessionConfig.ping_interval``, 20 s unless said otherwise), for that is all that a silent
connection sends. It is still worth having: it ends what neither end knows of any more.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .peer_api import Proxy, output_of

#: Seconds that a proxy may take until it accepts connections.
TIME_LIMIT = 20.0

#: What belongs into nginx's ``http`` block; on Debian, /etc/nginx/conf.d/application.conf.
NGINX = """\
# Other requests than those for a WebSocket keep their connection to the server.
map $http_upgrade $connection_upgrade {
    default upgrade;
    ''      '';
}

upstream application {
    server 127.0.0.1:8000;
    keepalive 16;
}

server {
    listen 127.0.0.1:8080;

    location / {
        proxy_pass http://application;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        # With its port, as the browser has it: servers compare it with Origin.
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;

        # Above the time between heartbeats: this ends silent WebSockets too.
        proxy_read_timeout 60s;
        proxy_send_timeout 60s;
    }
}
"""

#: For wss, in place of its ``listen``. nginx has no WebSockets over HTTP/2: browsers that speak
#: HTTP/2 with it open a connection of HTTP/1.1 for them.
NGINX_TLS = """\
    listen 127.0.0.1:8080 ssl;
    ssl_certificate /etc/ssl/private/application.pem;
    ssl_certificate_key /etc/ssl/private/application.pem;
"""

#: What nginx needs besides, in order to run without a system's folders and users.
_NGINX_RUN = """\
daemon off;
master_process off;
pid FOLDER/nginx.pid;
error_log stderr;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    include FOLDER/application.conf;
}
"""

#: A whole configuration; haproxy knows of WebSockets by itself.
HAPROXY = """\
defaults
    mode http
    maxconn 1000
    option forwardfor
    timeout connect 5s
    timeout http-request 10s
    timeout client 60s
    timeout server 60s
    # Of a WebSocket once it is open, in place of the two above; above the time between
    # heartbeats.
    timeout tunnel 60s
    # Of one whose client has said that it sends no more.
    timeout client-fin 10s

frontend public
    bind 127.0.0.1:8080
    http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
    default_backend application

backend application
    server one 127.0.0.1:8000
"""

#: For wss, in place of its ``bind``. haproxy makes WebSockets over HTTP/2 (RFC 8441) into ones
#: over HTTP/1.1 for the server.
HAPROXY_TLS = """\
    bind 127.0.0.1:8080 ssl crt /etc/ssl/private/application.pem alpn h2,http/1.1
"""

#: For a server that speaks HTTP/2, in place of its ``server``: RFC 8441 towards it, whatever the
#: client speaks.
HAPROXY_HTTP2 = """\
    server one 127.0.0.1:8000 proto h2
"""


def _end(program: subprocess.Popen[bytes]) -> None:
    program.terminate()
    try:
        program.wait(5)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


class _Configured(Proxy):
    """A proxy that takes its ports and times from one of the texts above.

    :param idle: seconds, in place of the 60 of the configuration.
    :param certificate: a PEM file with a certificate and its key, for wss.
    """

    def __init__(self, idle: float = 60.0, certificate: Path | None = None) -> None:
        self.idle, self.certificate = idle, certificate

    def missing(self) -> str | None:
        return None if shutil.which(self.name) else f"apt-get install {self.name}"

    @contextmanager
    def serving(self, upstream: int, folder: Path) -> Iterator[int]:
        # Neither says which port it took when told to take any. Somebody else may take ours
        # between the asking and its start: then it ends.
        for left in (2, 1, 0):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port: int = free.getsockname()[1]
            command = self._configure(port, upstream, folder)
            with (folder / "log").open("w+b") as log:
                program = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            try:
                self._wait(program, port, folder / "log")
                break
            except RuntimeError:
                _end(program)
                if not left:
                    raise
        try:
            yield port
        finally:
            _end(program)

    def _wait(self, program: subprocess.Popen[bytes], port: int, log: Path) -> None:
        """Wait until it accepts connections; raises RuntimeError if it does not."""
        deadline = time.monotonic() + TIME_LIMIT
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), TIME_LIMIT).close()
            except ConnectionRefusedError:
                if program.poll() is not None or time.monotonic() > deadline:
                    said = log.read_text(errors="replace")
                    raise RuntimeError(f"{self.name} does not listen: {said}") from None
                time.sleep(0.02)
            else:
                return

    def _fill_in(self, text: str, port: int, upstream: int) -> str:
        if self.certificate is not None:
            text = text.replace("/etc/ssl/private/application.pem", str(self.certificate))
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
        return text.replace("60s", f"{self.idle * 1000:.0f}ms")

    def _configure(self, port: int, upstream: int, folder: Path) -> Sequence[str]:
        """Write the configuration; give the command that runs with it."""
        raise NotImplementedError


class Nginx(_Configured):
    name = "nginx"
    label = "nginx"

    def version(self) -> str:
        return output_of("nginx", "-v").rpartition("/")[2]

    def _configure(self, port: int, upstream: int, folder: Path) -> Sequence[str]:
        text = NGINX
        if self.certificate is not None:
            text = text.replace("    listen 127.0.0.1:8080;\n", NGINX_TLS)
        (folder / "application.conf").write_text(self._fill_in(text, port, upstream))
        configuration = folder / "nginx.conf"
        configuration.write_text(_NGINX_RUN.replace("FOLDER", str(folder)))
        # "-e" for what it has to say before it has read where to.
        return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(configuration)]


class Haproxy(_Configured):
    """haproxy, which speaks HTTP/2 with both sides.

    :param http2: whether the server speaks HTTP/2, and that only.
    """

    name = "haproxy"
    label = "HAProxy"

    def __init__(
        self, idle: float = 60.0, certificate: Path | None = None, *, http2: bool = False
    ) -> None:
        super().__init__(idle, certificate)
        self.http2 = http2

    def version(self) -> str:
        return output_of("haproxy", "-v").split()[2]

    def _configure(self, port: int, upstream: int, folder: Path) -> Sequence[str]:
        text = HAPROXY
        if self.certificate is not None:
            text = text.replace("    bind 127.0.0.1:8080\n", HAPROXY_TLS)
        if self.http2:
            text = text.replace("    server one 127.0.0.1:8000\n", HAPROXY_HTTP2)
        configuration = folder / "haproxy.cfg"
        configuration.write_text(self._fill_in(text, port, upstream))
        return ["haproxy", "-db", "-q", "-f", str(configuration)]


PROXIES = (Nginx(), Haproxy())
