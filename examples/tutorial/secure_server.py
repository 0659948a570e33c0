r"""The echo server over TLS.

    python -m examples.tutorial.secure_server CERTIFICATE KEY [--host 127.0.0.1] [--port 8765]

CERTIFICATE and KEY are files as a certificate authority gives them, PEM. To try it without one::

    openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 30 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem

Then cert.pem is what the client trusts: ``secure_client --authority cert.pem``.
"""

from __future__ import annotations

import ssl

from examples.transports.on_asyncio import serve

from .echo_server import echo
from .running import forever, run, server_options


async def main(host: str, port: int, certificate: str, key: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    async with serve(echo, host, port, ssl=context) as server:
        print(f"wss://{host}:{server.port}/", flush=True)
        await forever()


if __name__ == "__main__":
    parser = server_options(__doc__)
    parser.add_argument("certificate")
    parser.add_argument("key")
    arguments = parser.parse_args()
    run(main(arguments.host, arguments.port, arguments.certificate, arguments.key))
