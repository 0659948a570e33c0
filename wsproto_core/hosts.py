"""The hosts of requests and origins: internationalized names, ports, and which are the same.

Owns RFC 6455 §4.1's Host, and the comparison of an Origin (§10.2) with what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from .errors import LocalProtocolError
from .events import Request
from .header_fields import is_host


def _split_port(host: str) -> tuple[str, str]:
    """A host without its port, and the port with its colon."""
    name, colon, port = host.rpartition(":")
    return (name, colon + port) if colon and port.isdecimal() else (host, "")


def decode_host(host: bytes) -> str:
    """A Host field's value as it is shown: IDNA's form is decoded."""
    # A DNS name has at most 253 characters; decoding longer ones takes quadratic time
    # in some Pythons (CVE-2022-45061).
    text = host.decode("ascii")
    if "xn--" in text.lower() and len(text) <= 260:
        name, port = _split_port(text)
        try:
            return name.encode("ascii").decode("idna") + port
        except UnicodeError:
            pass
    return text


def encode_host(host: str) -> bytes:
    """A Host field's value. Raises :exc:`~wsproto_core.LocalProtocolError`."""
    if not isinstance(host, str):
        raise LocalProtocolError(f"host is {host!r}, not str")
    try:
        name, port = _split_port(host)
        encoded = (name.encode("ascii") if name.isascii() else name.encode("idna")) + port.encode()
    except UnicodeError as exc:
        raise LocalProtocolError(f"host {host!r} has no IDNA form: {exc}") from None
    if not is_host(encoded):
        raise LocalProtocolError(f"host {host!r} is not a host")
    return encoded


_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def _normal_origin(origin: str) -> tuple[str, str]:
    """An origin's scheme, and its host and port, each in one form: lower-case, IDNA's
    ASCII, without a default port.
    """
    scheme, _, host = origin.lower().partition("://")
    return scheme, _normal_host(host, scheme)


def _normal_host(host: str, scheme: str) -> str:
    name, port = _split_port(host.lower())
    with suppress(UnicodeError):  # it is no host, and so equals none
        name = name if name.isascii() else name.encode("idna").decode("ascii")
    return name if port == _DEFAULT_PORTS.get(scheme) else name + port


def origin_allowed(request: Request, allowed: Iterable[str]) -> bool:
    """Whether a request's Origin is one of *allowed*, such as ``"https://example.com"``.

    A browser lets any page connect to any server, with the user's cookies: a server
    that trusts those must refuse pages that it does not know (RFC 6455 §10.2). True for
    a request without an Origin: no browser sends one.
    """
    origin = request.origin
    return origin is None or _normal_origin(origin) in map(_normal_origin, allowed)


def same_origin(request: Request) -> bool:
    """Whether a request comes from a page of the host that it connects to.

    The same as :func:`origin_allowed`, for a server that serves its pages itself. Behind
    a proxy, only if that passes the Host header on.
    """
    origin = request.origin
    if origin is None:
        return True
    scheme, host = _normal_origin(origin)
    return scheme in _DEFAULT_PORTS and host == _normal_host(request.host, scheme)


__all__ = ["decode_host", "encode_host", "origin_allowed", "same_origin"]
