"""Certificates for servers on 127.0.0.1 and localhost, from an authority of the tests' own."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_EXTENSIONS = """
[server]
subjectAltName = DNS:localhost, IP:127.0.0.1
basicConstraints = CA:FALSE
"""


@dataclass(frozen=True)
class Certificates:
    """An authority, and a server's certificate from it, as PEM files."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        """Make both in *folder*, with the openssl command."""

        def openssl(*arguments: str | Path) -> None:
            subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        made = cls(folder / "authority.pem", folder / "server.pem", folder / "server.key")
        openssl(
            *("req", "-x509", *curve, "-subj", "/CN=Authority of a test", "-days", "2"),
            *("-addext", "keyUsage=critical,keyCertSign"),
            *("-keyout", "authority.key", "-out", made.authority),
        )
        openssl("req", *curve, "-subj", "/CN=localhost", "-keyout", made.key, "-out", "request")
        (folder / "extensions").write_text(_EXTENSIONS, encoding="ascii")
        openssl(
            *("x509", "-req", "-in", "request", "-days", "2", "-out", made.certificate),
            *("-CA", made.authority, "-CAkey", "authority.key", "-CAcreateserial"),
            *("-extfile", "extensions", "-extensions", "server"),
        )
        return made

    def for_server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def for_client(self) -> ssl.SSLContext:
        """Trusts this authority, and no other."""
        return ssl.create_default_context(cafile=str(self.authority))
