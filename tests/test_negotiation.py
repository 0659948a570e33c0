"""RFC 6455 §9.1, RFC 7692 §5, §7.1: agreeing on extensions. And the fields' grammar."""

from __future__ import annotations

import pytest

from wsproto_core import Connection, LocalProtocolError, RemoteProtocolError
from wsproto_core.deflate import DeflateParameters
from wsproto_core.events import BytesMessage
from wsproto_core.extensions import SUPPORTED_EXTENSIONS, Extension, MessageCodec, PerMessageDeflate
from wsproto_core.handshake import client_extensions_handshake, server_extensions_handshake
from wsproto_core.header_fields import FieldError, parse_extension, split_list, split_tokens
from wsproto_core.utilities import (
    generate_accept_token,
    generate_nonce,
    normed_header_dict,
    split_comma_header,
)

from .wire import CLIENT, SERVER

NAME = "permessage-deflate"


class TestServer:
    @pytest.mark.parametrize(
        ("offer", "response"),
        [
            ("", ""),
            ("client_max_window_bits", ""),
            ("client_max_window_bits=15", ""),
            ("client_max_window_bits=10", "client_max_window_bits=10"),
            ("server_max_window_bits=10", "server_max_window_bits=10"),
            ("server_max_window_bits=15", "server_max_window_bits=15"),
            ("server_max_window_bits=8", "server_max_window_bits=8"),
            ("server_no_context_takeover", "server_no_context_takeover"),
            ("client_no_context_takeover", "client_no_context_takeover"),
            ('server_max_window_bits="10"', "server_max_window_bits=10"),
            (
                "client_max_window_bits; server_max_window_bits=12; client_no_context_takeover",
                "client_no_context_takeover; server_max_window_bits=12",
            ),
        ],
    )
    def test_offers(self, offer: str, response: str) -> None:
        extension = PerMessageDeflate()
        assert extension.accept(f"{NAME}; {offer}" if offer else NAME) == response
        assert extension.enabled()

    @pytest.mark.parametrize(
        "offer",
        [
            "unknown",
            "unknown=1",
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=010",
            "server_max_window_bits=+10",
            "server_max_window_bits=1 0",
            "server_max_window_bits=\u0661\u0660",
            "client_max_window_bits=7",
            "client_max_window_bits=",
            "client_max_window_bits=16",
            "client_max_window_bits=abc",
            "server_max_window_bits=10; server_max_window_bits=10",
            "client_no_context_takeover; client_no_context_takeover",
            "client_max_window_bits; client_max_window_bits=10",
            ";",
            '"quoted"',
            'server_max_window_bits="1',
        ],
    )
    def test_declined_offers(self, offer: str) -> None:
        extension = PerMessageDeflate()
        extension.accept(NAME)
        assert extension.accept(f"{NAME}; {offer}") is None
        assert not extension.enabled()

    def test_own_wishes(self) -> None:
        extension = PerMessageDeflate(
            client_no_context_takeover=True,
            server_no_context_takeover=True,
            client_max_window_bits=10,
            server_max_window_bits=11,
        )
        assert extension.accept(f"{NAME}; client_max_window_bits; server_max_window_bits=12") == (
            "client_no_context_takeover; server_no_context_takeover; "
            "client_max_window_bits=10; server_max_window_bits=11"
        )
        assert extension.agreed == DeflateParameters(True, True, 10, 11)
        # A client that does not say that it could limit its window must not be asked to.
        assert extension.accept(NAME) == "client_no_context_takeover; server_no_context_takeover"
        assert extension.agreed == DeflateParameters(True, True, 15, 11)
        assert extension.accept(
            f"{NAME}; client_max_window_bits=9; server_max_window_bits=9"
        ).endswith("client_max_window_bits=9; server_max_window_bits=9")  # type: ignore[union-attr]
        assert (extension.client_max_window_bits, extension.server_max_window_bits) == (10, 11)

    def test_first_acceptable_offer_is_taken(self) -> None:
        extension = PerMessageDeflate()
        offers = [f"{NAME}; unknown", "other", f"{NAME}; server_max_window_bits=10", NAME]
        assert server_extensions_handshake(offers, [extension]) == (
            b"permessage-deflate; server_max_window_bits=10"
        )

    def test_nothing_in_common(self) -> None:
        extension = PerMessageDeflate()
        extension.accept(NAME)
        assert server_extensions_handshake(["other", "broken;;", ""], [extension]) is None
        assert not extension.enabled()
        assert server_extensions_handshake([NAME], []) is None

    def test_response_without_parameters(self) -> None:
        assert server_extensions_handshake([NAME], [PerMessageDeflate()]) == NAME.encode()


class TestClient:
    @pytest.mark.parametrize(
        ("arguments", "offer"),
        [
            ({}, "client_max_window_bits"),
            ({"client_max_window_bits": 10}, "client_max_window_bits=10"),
            (
                {"server_max_window_bits": 10},
                "client_max_window_bits; server_max_window_bits=10",
            ),
            (
                {"client_no_context_takeover": True, "server_no_context_takeover": True},
                "client_max_window_bits; client_no_context_takeover; server_no_context_takeover",
            ),
        ],
    )
    def test_offers(self, arguments: dict[str, int], offer: str) -> None:
        assert PerMessageDeflate(**arguments).offer() == offer  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("response", "agreed"),
        [
            ("", (False, False, 15, 15)),
            ("server_no_context_takeover", (False, True, 15, 15)),
            ("client_no_context_takeover", (True, False, 15, 15)),
            ("server_max_window_bits=10", (False, False, 15, 10)),
            ("client_max_window_bits=9", (False, False, 9, 15)),
            ("client_max_window_bits=15; server_max_window_bits=15", (False, False, 15, 15)),
        ],
    )
    def test_responses(self, response: str, agreed: tuple[bool, bool, int, int]) -> None:
        extension = PerMessageDeflate()
        extension.offer()
        assert client_extensions_handshake(
            [f"{NAME}; {response}" if response else NAME], [extension]
        ) == [extension]
        assert extension.agreed == agreed

    @pytest.mark.parametrize(
        "response",
        [
            "unknown",
            "client_max_window_bits",
            "server_max_window_bits",
            "server_max_window_bits=16",
            "server_max_window_bits=7",
            "server_no_context_takeover=1",
            "server_no_context_takeover; server_no_context_takeover",
            ";",
        ],
    )
    def test_bad_responses(self, response: str) -> None:
        extension = PerMessageDeflate()
        with pytest.raises(RemoteProtocolError):
            client_extensions_handshake([f"{NAME}; {response}"], [extension])
        assert not extension.enabled()

    @pytest.mark.parametrize(
        ("arguments", "response"),
        [
            ({"server_no_context_takeover": True}, ""),
            ({"server_max_window_bits": 10}, ""),
            ({"server_max_window_bits": 10}, "; server_max_window_bits=11"),
            ({"client_max_window_bits": 10}, "; client_max_window_bits=11"),
        ],
    )
    def test_responses_that_do_not_grant_the_offer(
        self, arguments: dict[str, int], response: str
    ) -> None:
        extension = PerMessageDeflate(**arguments)  # type: ignore[arg-type]
        with pytest.raises(RemoteProtocolError, match="response"):
            extension.finalize(NAME + response)

    @pytest.mark.parametrize("element", ["other", f"{NAME}-2", "Permessage-Deflate"])
    def test_not_offered(self, element: str) -> None:
        with pytest.raises(RemoteProtocolError, match="not offered"):
            client_extensions_handshake([element], [PerMessageDeflate()])

    def test_twice(self) -> None:
        with pytest.raises(RemoteProtocolError, match="conflicts"):
            client_extensions_handshake([NAME, NAME], [PerMessageDeflate()])

    def test_malformed(self) -> None:
        with pytest.raises(RemoteProtocolError, match="bad Sec-WebSocket-Extensions"):
            client_extensions_handshake(["no t a token"], [PerMessageDeflate()])


class TestConfiguration:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("client_max_window_bits", 7),
            ("client_max_window_bits", 16),
            ("server_max_window_bits", 7),
            ("server_max_window_bits", 16),
            ("level", -2),
            ("level", 10),
            ("memory_level", 0),
            ("memory_level", 10),
            ("threshold", -1),
        ],
    )
    def test_ranges(self, name: str, value: int) -> None:
        with pytest.raises(ValueError, match=f"{name} must be .*{value}"):
            PerMessageDeflate(**{name: value})  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "arguments",
        ["", "client_no_context_takeover=True, server_max_window_bits=9, level=1, threshold=5"],
    )
    def test_repr_pastes_back(self, arguments: str) -> None:
        text = f"PerMessageDeflate({arguments})"
        assert repr(eval(text)) == text

    def test_supported(self) -> None:
        assert {NAME: PerMessageDeflate} == SUPPORTED_EXTENSIONS


class Upper(MessageCodec):
    """Swaps the case of what passes."""

    __slots__ = ("_piece", "pending")

    def __init__(self) -> None:
        self.pending = False
        self._piece = b""

    def feed(self, payload: bytes, fin: bool) -> None:
        self._piece = payload.swapcase()
        self.pending = True

    def read(self, limit: int) -> bytes:
        self.pending = False
        if self._piece == b"BAD":
            raise RemoteProtocolError("bad piece")
        return self._piece

    def applies_to(self, opcode: object, size: int) -> bool:
        return True

    def encode(self, payload: bytes, fin: bool) -> bytes:
        return payload.swapcase()


class CaseExtension(Extension):
    name = "x-case"
    rsv = 0x20

    def __init__(self, answer: bool | str | None = True) -> None:
        self._answer = answer
        self._enabled = False

    def enabled(self) -> bool:
        return self._enabled

    def offer(self) -> bool | str:
        return True if self._answer is None else self._answer

    def accept(self, offer: str) -> bool | str | None:
        self._enabled = bool(self._answer)
        return self._answer

    def finalize(self, offer: str) -> None:
        self._enabled = True

    def codec(self, client: bool) -> MessageCodec:
        return Upper()


class Silent(Extension):
    """An extension with nothing but a name."""

    name = "x-silent"

    def offer(self) -> bool:
        return False


class TestOwnExtensions:
    def test_codec_in_both_directions(self) -> None:
        extension = CaseExtension()
        assert server_extensions_handshake(["x-case; ignored"], [extension]) == b"x-case"
        server = Connection(SERVER, [extension])
        assert server.send(BytesMessage(b"abc")) == b"\xa2\x03ABC"
        client = Connection(CLIENT, [extension])
        client.receive_data(b"\x22\x02AB\x80\x01C\x82\x01a")
        assert [e.data for e in client.events()] == [b"ab", b"c", b"a"]  # type: ignore[attr-defined]

    def test_codec_that_fails_without_a_hint(self) -> None:
        extension = CaseExtension()
        extension.finalize("")
        client = Connection(CLIENT, [extension])
        client.receive_data(b"\xa2\x03bad")
        (event,) = client.events()
        assert event.code == 1002  # type: ignore[attr-defined]
        assert event.reason == "bad piece"  # type: ignore[attr-defined]

    @pytest.mark.parametrize("answer", [None, False])
    def test_declining(self, answer: bool | None) -> None:
        assert server_extensions_handshake(["x-case"], [CaseExtension(answer)]) is None

    def test_defaults(self) -> None:
        extension = Silent()
        assert not extension.enabled()
        assert server_extensions_handshake(["x-silent"], [extension]) is None
        assert client_extensions_handshake(["x-silent"], [extension]) == [extension]
        assert extension.codec(client=True) is None

    def test_illegal_parameters(self) -> None:
        with pytest.raises(LocalProtocolError, match="CaseExtension"):
            server_extensions_handshake(["x-case"], [CaseExtension("a\r\nb")])

    def test_only_one_transforms_messages(self) -> None:
        both = [PerMessageDeflate(), CaseExtension()]
        assert server_extensions_handshake([NAME, "x-case"], both) == NAME.encode()
        with pytest.raises(RemoteProtocolError, match="conflicts"):
            client_extensions_handshake([NAME, "x-case"], both)
        for extension in both:
            extension.finalize(NAME)
        with pytest.raises(LocalProtocolError, match="only one extension"):
            Connection(SERVER, both)


class TestGrammar:
    @pytest.mark.parametrize(
        ("value", "elements"),
        [
            ("", []),
            (",", []),
            ("a", ["a"]),
            (" a ,\tb,, c ,", ["a", "b", "c"]),
            ('a;x="1,2", b', ['a;x="1,2"', "b"]),
            ('a;x="\\",", b', ['a;x="\\","', "b"]),
            ('a;x="open, b', ['a;x="open, b']),
        ],
    )
    def test_lists(self, value: str, elements: list[str]) -> None:
        assert split_list(value) == elements
        assert split_comma_header(value.encode("latin-1")) == elements

    def test_any_byte_can_be_split(self) -> None:
        assert split_comma_header(bytes(range(256)).replace(b",", b"").replace(b'"', b""))

    def test_tokens(self) -> None:
        assert split_tokens([b"a, b", b"c"]) == ["a", "b", "c"]
        with pytest.raises(FieldError, match="'b c' is not a token"):
            split_tokens([b"a, b c"])

    @pytest.mark.parametrize(
        ("text", "name", "parameters"),
        [
            ("a", "a", []),
            ("a;b", "a", [("b", None)]),
            (" a ; b = c ;d", "a", [("b", "c"), ("d", None)]),
            ('a; b="c"', "a", [("b", "c")]),
            ('a; b="\\c\\d"', "a", [("b", "cd")]),
            ("a;b;b", "a", [("b", None), ("b", None)]),
        ],
    )
    def test_extensions(
        self, text: str, name: str, parameters: list[tuple[str, str | None]]
    ) -> None:
        assert parse_extension(text) == (name, tuple(parameters))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            ";",
            "a;",
            "a;;b",
            "a b",
            "a;b=",
            'a;b="',
            'a;b="c',
            'a;b=""',
            'a;b="c d"',
            'a;b="c\\',
            'a;b="\\""',
            "a;b=c d",
            "ä",
            "a=b",
            'a;b="c"d',
        ],
    )
    def test_what_is_no_extension(self, text: str) -> None:
        with pytest.raises(FieldError):
            parse_extension(text)


class TestUtilities:
    def test_accept_token(self) -> None:
        """RFC 6455 §1.3."""
        assert generate_accept_token(b"dGhlIHNhbXBsZSBub25jZQ==") == (
            b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        )

    def test_nonce(self) -> None:
        assert generate_nonce(lambda n: bytes(range(1, n + 1))) == b"AQIDBAUGBwgJCgsMDQ4PEA=="
        assert generate_nonce() != generate_nonce()

    def test_normed_headers(self) -> None:
        assert normed_header_dict([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]) == {
            b"a": b"1, 3",
            b"b": b"2",
        }
