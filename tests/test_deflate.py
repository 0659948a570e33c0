"""RFC 7692 §7.2: what permessage-deflate does to messages."""

from __future__ import annotations

import itertools
import random
import tracemalloc
import types
import zlib
from typing import Any

import pytest

from wsproto_core import Connection, ConnectionType, LimitExceeded, Limits, LocalProtocolError
from wsproto_core.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto_core.extensions import PerMessageDeflate

from .wire import (
    BINARY,
    CLIENT,
    CLOSE,
    CONT,
    PING,
    SERVER,
    TEXT,
    assert_fails,
    both_roles,
    chunkings,
    frame,
    joined,
    outcome,
    receive,
)

RSV1 = 4
TAIL = b"\x00\x00\xff\xff"


def agreed(
    role: ConnectionType, response: str = "", *, threshold: int = 0, level: int = -1
) -> list:  # type: ignore[type-arg]
    """permessage-deflate as the two ends agree on it."""
    deflate = PerMessageDeflate(threshold=threshold, level=level)
    element = "permessage-deflate" + (f"; {response}" if response else "")
    deflate.offer()
    deflate.finalize(element)  # says what holds; which end it was said to does not matter
    assert deflate.enabled()
    return [deflate]


def deflate(data: bytes, bits: int = 15, level: int = 6) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, -bits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def pair(response: str = "", **policy: int) -> tuple[Connection, Connection]:
    return (
        Connection(CLIENT, agreed(CLIENT, response, **policy), whole_messages=True),
        Connection(SERVER, agreed(SERVER, response, **policy), whole_messages=True),
    )


@both_roles
class TestReceiving:
    @pytest.mark.parametrize("whole", [False, True])
    def test_examples_of_the_rfc(self, role: ConnectionType, whole: bool) -> None:
        """§7.2.3.1 to §7.2.3.5: the same text in different clothes."""
        for payload in (
            "f248cdc9c90700",  # one block
            "000500faff48656c6c6f00",  # a block without compression
            "f348cdc9c9070000",  # a block with BFINAL set
            "f24805000000ffffcac9c90700",  # two blocks
        ):
            data = frame(TEXT, bytes.fromhex(payload), to=role, rsv=RSV1)
            assert outcome(data, role, extensions=agreed(role), whole_messages=whole) == [
                TextMessage("Hello")
            ]

    @pytest.mark.parametrize("whole", [False, True])
    def test_fragments(self, role: ConnectionType, whole: bool) -> None:
        """§7.2.3.1: the bit is on the first frame alone."""
        data = frame(TEXT, bytes.fromhex("f248cd"), to=role, rsv=RSV1, fin=False) + frame(
            CONT, bytes.fromhex("c9c90700"), to=role
        )
        assert outcome(data, role, extensions=agreed(role), whole_messages=whole) == [
            TextMessage("Hello")
        ]

    def test_context_takeover(self, role: ConnectionType) -> None:
        """§7.2.3.2: the second message refers to the first."""
        data = frame(TEXT, bytes.fromhex("f248cdc9c90700"), to=role, rsv=RSV1) + frame(
            TEXT, bytes.fromhex("f200110000"), to=role, rsv=RSV1
        )
        assert outcome(data, role, extensions=agreed(role)) == [TextMessage("Hello")] * 2
        own = "server_no_context_takeover" if role is CLIENT else "client_no_context_takeover"
        events = outcome(data, role, extensions=agreed(role, own))
        assert events[0] == TextMessage("Hello")
        assert_fails(events, 1007)

    def test_uncompressed_messages_between(self, role: ConnectionType) -> None:
        data = (
            frame(TEXT, bytes.fromhex("f248cdc9c90700"), to=role, rsv=RSV1)
            + frame(TEXT, b"plain", to=role)
            + frame(BINARY, b"pl", to=role, fin=False)
            + frame(CONT, b"ain", to=role)
            + frame(TEXT, bytes.fromhex("f200110000"), to=role, rsv=RSV1)
        )
        assert outcome(data, role, extensions=agreed(role)) == [
            TextMessage("Hello"),
            TextMessage("plain"),
            BytesMessage(b"plain"),
            TextMessage("Hello"),
        ]

    def test_control_frames_between_fragments(self, role: ConnectionType) -> None:
        """Wsproto 1.3 corrupts the message."""
        data = (
            frame(TEXT, bytes.fromhex("f248cd"), to=role, rsv=RSV1, fin=False)
            + frame(PING, b"ping", to=role)
            + frame(CONT, bytes.fromhex("c9c90700"), to=role)
            + frame(CLOSE, to=role)
        )
        assert outcome(data, role, extensions=agreed(role)) == [
            Ping(b"ping"),
            TextMessage("Hello"),
            CloseConnection(1005, ""),
        ]

    @pytest.mark.parametrize("opcode", [PING, CLOSE])
    def test_bit_on_a_control_frame(self, role: ConnectionType, opcode: int) -> None:
        data = frame(opcode, to=role, rsv=RSV1)
        assert_fails(outcome(data, role, extensions=agreed(role)), 1002)

    def test_bit_on_a_continuation(self, role: ConnectionType) -> None:
        for first in (0, RSV1):
            data = frame(TEXT, b"\x00", to=role, rsv=first, fin=False) + frame(
                CONT, b"", to=role, rsv=RSV1
            )
            assert_fails(outcome(data, role, extensions=agreed(role)), 1002)

    @pytest.mark.parametrize("rsv", [1, 2, 3, 5, 6, 7])
    def test_other_bits(self, role: ConnectionType, rsv: int) -> None:
        assert_fails(outcome(frame(TEXT, to=role, rsv=rsv), role, extensions=agreed(role)), 1002)

    @pytest.mark.parametrize("takeover", [True, False])
    def test_empty_messages(self, role: ConnectionType, takeover: bool) -> None:
        """§7.2.3.6 wants one byte; senders that send none are understood."""
        response = "" if takeover else "server_no_context_takeover; client_no_context_takeover"
        data = (
            frame(TEXT, b"\x00", to=role, rsv=RSV1)
            + frame(TEXT, b"", to=role, rsv=RSV1)
            + frame(BINARY, b"", to=role, rsv=RSV1)
            + frame(TEXT, deflate(b"after"), to=role, rsv=RSV1)
        )
        assert outcome(data, role, extensions=agreed(role, response)) == [
            TextMessage(""),
            TextMessage(""),
            BytesMessage(b""),
            TextMessage("after"),
        ]

    @pytest.mark.parametrize("takeover", [True, False])
    def test_empty_last_fragment(self, role: ConnectionType, takeover: bool) -> None:
        """As websockets 17 and wsproto 1.3 send it: nothing, behind a whole flush."""
        response = "" if takeover else "server_no_context_takeover; client_no_context_takeover"
        message = frame(TEXT, deflate(b"abc") + TAIL, to=role, rsv=RSV1, fin=False) + frame(
            CONT, b"", to=role
        )
        assert outcome(message * 2, role, extensions=agreed(role, response)) == [
            TextMessage("abc"),
            TextMessage("abc"),
        ]

    @pytest.mark.parametrize("padding", [b"\x00", b""])
    @pytest.mark.parametrize("takeover", [True, False])
    def test_final_block_keeps_the_context(
        self, role: ConnectionType, takeover: bool, padding: bytes
    ) -> None:
        """§7.2.3.4: BFINAL ends zlib's stream, not the context."""
        response = "" if takeover else "server_no_context_takeover; client_no_context_takeover"
        words = random.Random(7).randbytes(200)
        compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
        final = compressor.compress(words) + compressor.flush(zlib.Z_FINISH) + padding
        after = zlib.compressobj(6, zlib.DEFLATED, -15, 8, 0, words if takeover else b"")
        second = (after.compress(words) + after.flush(zlib.Z_SYNC_FLUSH))[:-4]
        assert (len(second) < 50) is takeover
        data = frame(BINARY, final, to=role, rsv=RSV1) + frame(BINARY, second, to=role, rsv=RSV1)
        assert outcome(data, role, extensions=agreed(role, response)) == [
            BytesMessage(words),
            BytesMessage(words),
        ]

    @pytest.mark.parametrize("takeover", [True, False])
    def test_final_block_before_an_empty_last_fragment(
        self, role: ConnectionType, takeover: bool
    ) -> None:
        """Found by the reference model."""
        response = "" if takeover else "server_no_context_takeover; client_no_context_takeover"
        compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
        final = compressor.compress(b"abc") + compressor.flush(zlib.Z_FINISH)
        empty = frame(CONT, to=role, fin=False)
        message = frame(BINARY, final, to=role, rsv=RSV1, fin=False) + empty + frame(CONT, to=role)
        assert (
            outcome(message * 2, role, extensions=agreed(role, response))
            == [BytesMessage(b"abc")] * 2
        )

    def test_final_blocks_within_a_message(self, role: ConnectionType) -> None:
        parts = [b"one", b"two", b"three" * 5000]
        payload = b""
        for part in parts:
            compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
            payload += compressor.compress(part) + compressor.flush(zlib.Z_FINISH)
        data = frame(BINARY, payload + b"\x00", to=role, rsv=RSV1)
        assert outcome(data, role, extensions=agreed(role)) == [BytesMessage(b"".join(parts))]

    @pytest.mark.parametrize("whole", [False, True])
    @pytest.mark.parametrize(
        "payload", [b"\x07", b"\xff\xff", b"\x00\x05\x00\x00\x00", b"\xf2\x48\xff\xff\xff\x07"]
    )
    def test_corrupt(self, role: ConnectionType, payload: bytes, whole: bool) -> None:
        data = frame(TEXT, payload + bytes(20), to=role, rsv=RSV1)
        connection = Connection(role, agreed(role), whole_messages=whole)
        connection.receive_data(data)
        event = assert_fails(list(connection.events()), 1007)
        assert event.error is not None
        assert event.error.__cause__ is None or event.error.__cause__.__traceback__ is None

    def test_stops_within_a_block(self, role: ConnectionType) -> None:
        own = "server_no_context_takeover; client_no_context_takeover"
        payload = deflate(bytes(range(200)))
        found = 0
        for cut in range(1, len(payload) - 1):
            connection = Connection(role, agreed(role, own), whole_messages=True)
            connection.receive_data(frame(BINARY, payload[:cut], to=role, rsv=RSV1))
            events = list(connection.events())
            if isinstance(events[0], CloseConnection):
                assert_fails(events, 1007)
                found += 1
            else:
                # By chance what is left is a stream by itself, with the tail behind it.
                inflater = zlib.decompressobj(-15)
                assert events == [BytesMessage(inflater.decompress(payload[:cut] + TAIL))]
                inflater.decompress(b"\x03\x00")
                assert inflater.eof
        assert found > 190

    @pytest.mark.parametrize("bad", [b"\xff", b"ok\xed\xa0\x80", b"\xc3"])
    def test_not_utf8(self, role: ConnectionType, bad: bytes) -> None:
        for takeover in ("", "server_no_context_takeover; client_no_context_takeover"):
            data = frame(TEXT, deflate(bad), to=role, rsv=RSV1)
            assert_fails(outcome(data, role, extensions=agreed(role, takeover)), 1007)

    def test_text_in_pieces(self, role: ConnectionType) -> None:
        text = "größe€😀" * 20_000
        data = frame(TEXT, deflate(text.encode()), to=role, rsv=RSV1)
        for whole in (False, True):
            connection = Connection(role, agreed(role), whole_messages=whole)
            assert joined(receive(connection, [data])) == [TextMessage(text)]

    @pytest.mark.parametrize("size", [65535, 65536, 65537, 131072, 500_000])
    def test_output_of_the_size_of_its_pieces(self, role: ConnectionType, size: int) -> None:
        data = frame(BINARY, deflate(bytes(size)), to=role, rsv=RSV1)
        for whole in (False, True):
            connection = Connection(role, agreed(role), whole_messages=whole)
            events = receive(connection, [data, frame(PING, b"", to=role)])
            assert joined(events) == [BytesMessage(bytes(size)), Ping(b"")]

    @pytest.mark.parametrize("whole", [False, True])
    def test_bomb(self, role: ConnectionType, whole: bool) -> None:
        """204 kB that are 200 MiB. Refused before they are in memory."""
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(200))
        bomb += compressor.flush(zlib.Z_SYNC_FLUSH)[:-4]
        data = frame(BINARY, bomb, to=role, rsv=RSV1)
        limits = Limits(max_message_size=1 << 20)
        connection = Connection(role, agreed(role), limits=limits, whole_messages=whole)
        tracemalloc.start()
        try:
            connection.receive_data(data)
            size = 0
            for event in connection.events():
                if isinstance(event, BytesMessage):
                    size += len(event.data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        event = assert_fails([event], 1009)
        assert isinstance(event.error, LimitExceeded)
        assert size <= 1 << 20
        assert peak < (3 << 20) + 2 * len(data)

    def test_flood_of_final_blocks(self, role: ConnectionType) -> None:
        """Each empty one costs a new inflater, and gives nothing that a limit would bite."""
        for count in (32, 34, 20_000):
            start = frame(BINARY, b"\x03\x00" * count, to=role, rsv=RSV1, fin=False)
            rest = frame(CONT, deflate(b"a" * 100) + TAIL, to=role, fin=False)
            data = start + rest * 50 + frame(CONT, to=role)
            connection = Connection(role, agreed(role), whole_messages=True)
            connection.receive_data(data)
            events = list(connection.events())
            if count == 32:
                assert events == [BytesMessage(b"a" * 5000)]
            else:
                event = assert_fails(events, 1009)
                assert "BFINAL" in (event.reason or "")
                assert connection._reader._codec is connection._writer._codec is None

    def test_final_blocks_are_counted_where_they_are(self, role: ConnectionType) -> None:
        """And not by what has arrived: the same for every chunking."""
        ended = zlib.compressobj(6, zlib.DEFLATED, -15)
        payload = ended.compress(b"abc") + ended.flush(zlib.Z_FINISH)
        for count in range(30, 45):
            data = frame(BINARY, payload * count + deflate(b"x" * 5000), to=role, rsv=RSV1)
            outcome(data, role, extensions=agreed(role))

    @pytest.mark.parametrize(
        "response", ["", "server_no_context_takeover; client_no_context_takeover"]
    )
    def test_only_the_peers_final_blocks_are_counted(
        self, role: ConnectionType, response: str
    ) -> None:
        """Found by fuzzing: without context takeover our own last block was one too many."""
        for count, accepted in ((33, True), (34, False)):
            data = frame(BINARY, b"\x03\x00" * count + b"\x00", to=role, rsv=RSV1)
            events = outcome(data, role, extensions=agreed(role, response))
            if accepted:
                assert events == [BytesMessage(b"")]
            else:
                assert_fails(events, 1009)

    @pytest.mark.parametrize("size", [1, 2, 3, 1000])
    @pytest.mark.parametrize(
        "payload",
        [
            b"\x00\xff",  # a stored block, whose length the tail begins
            b"\x00\x05\x00\xfa\xff",  # one that lacks all its data, but for the tail
            b"\x04",  # the beginning of codes
            b"\x02",  # a block that has not ended
        ],
        ids=bytes.hex,
    )
    def test_end_within_a_block_is_not_filled_up(
        self, role: ConnectionType, size: int, payload: bytes
    ) -> None:
        """Found by fuzzing: without context takeover the test block of the engine's own was
        given as data, where a limit was reached just then.
        """
        response = "server_no_context_takeover; client_no_context_takeover"
        connection = Connection(role, agreed(role, response), limits=Limits(max_message_size=size))
        connection.receive_data(frame(BINARY, payload, to=role, rsv=RSV1))
        events = list(connection.events())
        given = b"".join(e.data for e in events if isinstance(e, BytesMessage))
        inflater = zlib.decompressobj(-15)
        try:
            sent = inflater.decompress(payload + TAIL)
        except zlib.error:
            sent = b""
        assert sent.startswith(given)
        assert_fails(events, 1009 if len(sent) > size else 1007)

    @pytest.mark.parametrize("takeover", [True, False])
    def test_window_within_a_message_outlives_final_blocks(
        self, role: ConnectionType, takeover: bool
    ) -> None:
        response = "" if takeover else "server_no_context_takeover; client_no_context_takeover"
        words = random.Random(7).randbytes(200)
        first = zlib.compressobj(6, zlib.DEFLATED, -15)
        second = zlib.compressobj(6, zlib.DEFLATED, -15, 8, 0, words)
        payload = first.compress(words) + first.flush(zlib.Z_FINISH)
        payload += (second.compress(words) + second.flush(zlib.Z_SYNC_FLUSH))[:-4]
        data = frame(BINARY, payload, to=role, rsv=RSV1)
        assert (
            outcome(data * 2, role, extensions=agreed(role, response))
            == [BytesMessage(words * 2)] * 2
        )

    @pytest.mark.parametrize("whole", [False, True])
    @pytest.mark.parametrize(
        ("payload", "code"),
        [
            (b"a" * 200, 1009),
            (b"a\xff" + b"b" * 200, 1007),  # the fault within the limit comes first
            (b"a" * 100 + b"\xff" * 100, 1009),
        ],
    )
    def test_limit_and_text_in_one_piece(
        self, role: ConnectionType, payload: bytes, code: int, whole: bool
    ) -> None:
        stored = b"\x00" + len(payload).to_bytes(2, "little")
        stored += (len(payload) ^ 0xFFFF).to_bytes(2, "little") + payload
        limits = Limits(max_message_size=100)
        for broken in (b"", b"\xff" * 20):
            data = frame(TEXT, stored + broken, to=role, rsv=RSV1)
            for chunks in chunkings(data):
                connection = Connection(role, agreed(role), limits=limits, whole_messages=whole)
                events = receive(connection, chunks)
                assert_fails(events, code)
                if not whole:
                    given = "".join(e.data for e in events if isinstance(e, TextMessage))
                    assert given == payload[:100].split(b"\xff")[0].decode()

    @pytest.mark.parametrize("bits", range(8, 16))
    def test_windows(self, role: ConnectionType, bits: int) -> None:
        words = random.Random(7).randbytes(1 << bits)
        response = f"client_max_window_bits={bits}; server_max_window_bits={bits}"
        compressor = zlib.compressobj(6, zlib.DEFLATED, -max(bits, 9))
        data = b""
        for _ in range(3):
            payload = compressor.compress(words) + compressor.flush(zlib.Z_SYNC_FLUSH)
            data += frame(BINARY, payload[:-4], to=role, rsv=RSV1)
        connection = Connection(role, agreed(role, response), whole_messages=True)
        for chunks in ([data], [data[i : i + 50] for i in range(0, len(data), 50)]):
            connection = Connection(role, agreed(role, response), whole_messages=True)
            assert receive(connection, chunks) == [BytesMessage(words)] * 3


class TestSending:
    def test_examples_of_the_rfc(self) -> None:
        _, server = pair()
        assert server.send(TextMessage("Hello")) == bytes.fromhex("c107f248cdc9c90700")
        assert server.send(TextMessage("Hello")) == bytes.fromhex("c105f200110000")

    def test_without_context_takeover(self) -> None:
        _, server = pair("server_no_context_takeover")
        for _ in range(2):
            assert server.send(TextMessage("Hello")) == bytes.fromhex("c107f248cdc9c90700")

    @pytest.mark.parametrize("takeover", ["", "server_no_context_takeover"])
    def test_empty_messages(self, takeover: str) -> None:
        """§7.2.3.6, however many: zlib gives nothing for the second flush."""
        client, server = pair(takeover)
        for _ in range(3):
            sent = server.send(TextMessage(""))
            assert sent == bytes.fromhex("c10100")
            client.receive_data(sent)
            assert list(client.events()) == [TextMessage("")]

    @pytest.mark.parametrize("takeover", ["", "server_no_context_takeover"])
    @pytest.mark.parametrize("last", ["", "end"])
    def test_every_fragment_is_flushed(self, takeover: str, last: str) -> None:
        server = Connection(SERVER, agreed(SERVER, takeover))
        client = Connection(CLIENT, agreed(CLIENT, takeover))
        for _ in range(2):
            for text, final in (("one", False), ("", False), ("two", False), (last, True)):
                sent = server.send(TextMessage(text, message_finished=final))
                client.receive_data(sent)
                got = "".join(event.data for event in client.events())  # type: ignore[attr-defined]
                assert got == text

    def test_control_frames_are_not_compressed(self) -> None:
        _, server = pair()
        server.send(TextMessage("a", message_finished=False))
        assert server.send(Ping(b"x" * 100)) == b"\x89\x64" + b"x" * 100
        assert server.send(CloseConnection(1000, "x" * 50))[:2] == b"\x88\x34"

    def test_threshold(self) -> None:
        _, server = pair(threshold=10)
        assert server.send(TextMessage("x" * 9))[0] == 0x81
        assert server.send(TextMessage("x" * 10))[0] == 0xC1
        # The first fragment decides for its message.
        assert server.send(TextMessage("x", message_finished=False))[0] == 0x01
        assert server.send(TextMessage("x" * 50))[0] == 0x80

    def test_one_message_on_request(self) -> None:
        _, server = pair(threshold=10)
        assert server.send(TextMessage("x"), compress=True)[0] == 0xC1
        assert server.send(TextMessage("x" * 50), compress=False)[0] == 0x81
        assert server.send_buffers(TextMessage("x" * 50), compress=False)[0][0] == 0x81
        plain = Connection(SERVER)
        assert plain.send(TextMessage("x"), compress=True)[0] == 0x81
        assert plain.send(TextMessage("x", message_finished=False), compress=True)[0] == 0x01

    def test_contexts_are_made_when_needed(self) -> None:
        made = []

        def compressobj(*args: Any) -> object:
            made.append("deflater")
            return zlib.compressobj(*args)

        def decompressobj(*args: Any) -> object:
            made.append("inflater")
            return zlib.decompressobj(*args)

        module = types.ModuleType("counting")
        module.__dict__.update(vars(zlib))
        module.compressobj = compressobj  # type: ignore[attr-defined]
        module.decompressobj = decompressobj  # type: ignore[attr-defined]
        extension = PerMessageDeflate(zlib=module)
        assert extension.accept("permessage-deflate") is not None
        server = Connection(SERVER, [extension])
        server.receive_data(frame(TEXT, b"plain", to=SERVER))
        list(server.events())
        server.send(TextMessage("a"), compress=False)
        assert made == []
        server.send(TextMessage("a"))
        server.send(TextMessage("a"))
        assert made == ["deflater"]
        server.receive_data(frame(TEXT, b"\x00", to=SERVER, rsv=RSV1) * 2)
        list(server.events())
        assert made == ["deflater", "inflater"]

    @pytest.mark.parametrize("bits", range(8, 16))
    def test_windows_are_kept(self, bits: int) -> None:
        """A receiver with the agreed window, and not a byte more, can follow."""
        response = f"server_max_window_bits={bits}"
        for level in (0, 1, 6, 9):
            server = Connection(SERVER, agreed(SERVER, response, level=level))
            inflater = zlib.decompressobj(-bits)
            words = random.Random(7).randbytes((1 << bits) - 100)
            for _ in range(3):
                payload = b"".join(server.send_buffers(BytesMessage(words))[1:]) + TAIL
                output = b""
                while payload:
                    # One byte at a time: what it copies must come from its own window.
                    output += inflater.decompress(payload, 1)
                    payload = inflater.unconsumed_tail
                    if not payload:
                        output += inflater.decompress(b"", 1 << 20)
                assert output == words

    def test_configuration_used_for_several_connections(self) -> None:
        """Wsproto 1.3 mixes their contexts."""
        shared = PerMessageDeflate()
        connections = []
        for offer in ("permessage-deflate", "permessage-deflate; server_max_window_bits=9"):
            shared.accept(offer)
            connections.append(Connection(SERVER, [shared]))
        assert shared.accept("permessage-deflate; unknown") is None
        connections.append(Connection(SERVER, [shared]))
        first, second, third = (c.send(TextMessage("Hello Hello Hello")) for c in connections)
        assert first[0] == second[0] == 0xC1
        assert third[0] == 0x81
        assert shared.server_max_window_bits == 15


@pytest.mark.parametrize(
    "parameters",
    [
        "; ".join(chosen)
        for n in range(3)
        for chosen in itertools.combinations(
            [
                "server_no_context_takeover",
                "client_no_context_takeover",
                "server_max_window_bits=8",
                "client_max_window_bits=9",
            ],
            n,
        )
    ],
)
def test_both_ends_agree(parameters: str) -> None:
    client, server = pair(parameters)
    messages = ["", "a", "Hello " * 100, "größe", random.Random(7).randbytes(5000).hex()] * 2
    for sender, receiver in ((client, server), (server, client)):
        for text in messages:
            assert receive(receiver, [sender.send(TextMessage(text))]) == [TextMessage(text)]


def test_not_negotiated() -> None:
    with pytest.raises(LocalProtocolError, match="not been negotiated"):
        PerMessageDeflate().codec(client=True)
