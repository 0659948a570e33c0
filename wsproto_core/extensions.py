"""permessage-deflate (RFC 7692): its configuration and its negotiation.

What an extension is in general stands in ``extension_api``; the compression in
``deflate``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from .deflate import (
    DEFAULT_LEVEL,
    DeflateCodec,
    DeflateParameters,
    DeflatePolicy,
    default_zlib,
)
from .errors import LocalProtocolError, RemoteProtocolError
from .extension_api import Extension, MessageCodec
from .header_fields import ExtensionElement, FieldError, parse_extension

# "a decimal integer value without leading zeroes between 8 to 15 inclusive" (§7.1.2)
_WINDOW_BITS: Final = {str(bits): bits for bits in range(8, 16)}

_FLAGS: Final = ("client_no_context_takeover", "server_no_context_takeover")
_WINDOWS: Final = ("client_max_window_bits", "server_max_window_bits")


class PerMessageDeflate(Extension):
    """Compress messages (RFC 7692). Opt-in: see the README on what compression can leak.

    An object of this class is configuration. It may be kept and passed to any number of
    connections: each gets contexts of its own, and what a peer asks for never changes
    the configuration. All parameters are limits or wishes of this endpoint; what was
    agreed upon with a peer, which may be less, is :attr:`agreed`.

    :param client_no_context_takeover: the client is to compress each message by itself.
        Costs compression, saves the server about 100 KiB.
    :param server_no_context_takeover: likewise the server.
    :param client_max_window_bits: the client's LZ77 window, as a power of 2, 8 to 15.
    :param server_max_window_bits: the server's.
    :param level: of compression: 0 (none) to 9 (slowest), -1 for zlib's default of 6. The
        default here takes less than half the time of that, for messages 8 % larger.
    :param memory_level: 1 (least) to 9; a compressor takes ``2**(memory_level + 9)``
        bytes, and ``2**(window bits + 2)``: 256 KiB with the defaults.
    :param threshold: bytes; messages whose first fragment is smaller are sent as they
        are. ``send(..., compress=...)`` decides for one message.
    :param zlib: the module that compresses, with the interface of the standard zlib;
        None for zlib-ng if it is installed, else that one.

    Raises :exc:`ValueError` for a parameter out of its range.
    """

    name = "permessage-deflate"
    rsv = 0x40

    def __init__(
        self,
        client_no_context_takeover: bool = False,
        client_max_window_bits: int | None = None,
        server_no_context_takeover: bool = False,
        server_max_window_bits: int | None = None,
        *,
        level: int = DEFAULT_LEVEL,
        memory_level: int = 8,
        threshold: int = 0,
        zlib: ModuleType | None = None,
    ) -> None:
        _check_range("client_max_window_bits", client_max_window_bits, 8, 15)
        _check_range("server_max_window_bits", server_max_window_bits, 8, 15)
        _check_range("level", level, -1, 9)
        _check_range("memory_level", memory_level, 1, 9)
        _check_range("threshold", threshold, 0, None)
        self.client_no_context_takeover = client_no_context_takeover
        self.server_no_context_takeover = server_no_context_takeover
        self.client_max_window_bits = client_max_window_bits or 15
        self.server_max_window_bits = server_max_window_bits or 15
        self._policy = DeflatePolicy(
            default_zlib() if zlib is None else zlib, level, memory_level, threshold
        )
        #: What the last negotiation agreed on; None if it did not agree.
        self.agreed: DeflateParameters | None = None

    def enabled(self) -> bool:
        return self.agreed is not None

    def reset(self) -> None:
        self.agreed = None

    def offer(self) -> str:
        """Client: the parameters to offer (RFC 7692 §7.1).

        Always with ``client_max_window_bits``, as the hint that a response may have it.
        """
        self.reset()
        bits = self.client_max_window_bits
        parameters = ["client_max_window_bits" + (f"={bits}" if bits < 15 else "")]
        if self.server_max_window_bits < 15:
            parameters.append(f"server_max_window_bits={self.server_max_window_bits}")
        parameters += [flag for flag in _FLAGS if getattr(self, flag)]
        return "; ".join(parameters)

    def accept(self, offer: str) -> str | None:
        """Server: judge one offer (RFC 7692 §5.1, §7.1); None to decline it.

        Declined is an offer with an unknown, repeated or ill-valued parameter (§7), never
        one for what it asks for: this server can do all of it. The response has
        ``server_max_window_bits`` only where the offer has it, so that no client is
        surprised, and ``client_max_window_bits`` only where that is allowed (§7.1.2.2).
        """
        self.reset()
        try:
            offered = _read_parameters(parse_extension(offer), bare="client_max_window_bits")
        except FieldError:
            return None
        agreed = DeflateParameters(
            self.client_no_context_takeover or "client_no_context_takeover" in offered,
            self.server_no_context_takeover or "server_no_context_takeover" in offered,
            min(self.client_max_window_bits, offered["client_max_window_bits"])
            if "client_max_window_bits" in offered
            else 15,
            min(self.server_max_window_bits, offered.get("server_max_window_bits", 15)),
        )
        response = [flag for flag in _FLAGS if getattr(agreed, flag)]
        if agreed.client_max_window_bits < 15:
            response.append(f"client_max_window_bits={agreed.client_max_window_bits}")
        if "server_max_window_bits" in offered:
            response.append(f"server_max_window_bits={agreed.server_max_window_bits}")
        self.agreed = agreed
        return "; ".join(response)

    def finalize(self, offer: str) -> None:
        """Client: take the server's response to :meth:`offer` (RFC 7692 §5.1, §7.1).

        Raises :exc:`~wsproto_core.RemoteProtocolError` for an unknown, repeated or
        ill-valued parameter, and for a response that does not grant what was offered.
        """
        self.reset()
        try:
            response = _read_parameters(parse_extension(offer), bare=None)
        except FieldError as exc:
            raise RemoteProtocolError(f"bad response to permessage-deflate: {exc}") from None
        agreed = DeflateParameters(
            # Unasked, a client may still do without its own context (§7.1.1.2).
            self.client_no_context_takeover or "client_no_context_takeover" in response,
            "server_no_context_takeover" in response,
            min(self.client_max_window_bits, response.get("client_max_window_bits", 15)),
            response.get("server_max_window_bits", 15),
        )
        if self.server_no_context_takeover and not agreed.server_no_context_takeover:
            raise RemoteProtocolError("the response lacks server_no_context_takeover")
        for window in _WINDOWS:
            if response.get(window, 0) > getattr(self, window):
                raise RemoteProtocolError(
                    f"the response has {window}={response[window]}, "
                    f"above the offer's {getattr(self, window)}"
                )
        if agreed.server_max_window_bits > self.server_max_window_bits:
            raise RemoteProtocolError("the response lacks server_max_window_bits")
        self.agreed = agreed

    def codec(self, client: bool) -> MessageCodec:
        if self.agreed is None:
            raise LocalProtocolError("permessage-deflate has not been negotiated")
        return DeflateCodec(client, self.agreed, self._policy)

    @property
    def zlib(self) -> ModuleType:
        """The module that compresses."""
        return self._policy.zlib

    @property
    def options(self) -> dict[str, int]:
        """The arguments that make another like this one, except ``zlib``."""
        options = self._policy._asdict()
        del options["zlib"]
        return {name: getattr(self, name) for name in (*_FLAGS, *_WINDOWS)} | options

    def __repr__(self) -> str:
        defaults = {
            **dict.fromkeys(_FLAGS, False),
            **dict.fromkeys(_WINDOWS, 15),
            **DeflatePolicy._field_defaults,
        }
        arguments = [
            f"{name}={value}" for name, value in self.options.items() if value != defaults[name]
        ]
        return f"{type(self).__name__}({', '.join(arguments)})"


def _check_range(name: str, value: int | None, least: int, most: int | None) -> None:
    if value is not None and (value < least or (most is not None and value > most)):
        raise ValueError(
            f"{name} must be between {least} and {most}, not {value}"
            if most is not None
            else f"{name} must be at least {least}, not {value}"
        )


def _read_parameters(element: ExtensionElement, bare: str | None) -> dict[str, int]:
    """The parameters of an offer or a response, checked one by one (RFC 7692 §7.1).

    Flags map to 1, windows to their bits, the parameter *bare* without a value to 15.
    Raises :exc:`FieldError`.
    """
    parameters: dict[str, int] = {}
    for name, value in element.parameters:
        if name in parameters:
            raise FieldError(f"{name} is repeated")
        if name in _FLAGS:
            if value is not None:
                raise FieldError(f"{name} has a value")
            parameters[name] = 1
        elif name in _WINDOWS:
            if value is None and name == bare:
                parameters[name] = 15
            elif value in _WINDOW_BITS:
                parameters[name] = _WINDOW_BITS[value]
            else:
                raise FieldError(f"{name} is {value}, not 8 to 15")
        else:
            raise FieldError(f"{name} is unknown")
    return parameters


#: Every extension that comes with the library, by its registered name.
SUPPORTED_EXTENSIONS: Final = {PerMessageDeflate.name: PerMessageDeflate}

__all__ = ["SUPPORTED_EXTENSIONS", "Extension", "MessageCodec", "PerMessageDeflate"]
