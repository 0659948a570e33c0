"""RFC 6455 §5.3: masking, and its keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproto_core import Connection, WSConnection
from wsproto_core.events import BytesMessage, CloseConnection, Ping, Request, TextMessage
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.masking import MASK_AS_NUMBER, MaskingKeys, apply_mask, rotate_key

from .wire import CLIENT, SERVER, mask

keys = st.binary(min_size=4, max_size=4)


@given(st.binary(max_size=100), keys)
def test_mask_is_the_xor_of_the_rfc(data: bytes, key: bytes) -> None:
    assert apply_mask(data, key) == mask(data, key)
    assert apply_mask(apply_mask(data, key), key) == data


@pytest.mark.parametrize("key", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\1\2\3\4"])
def test_every_size_around_the_steps(key: bytes) -> None:
    data = bytes(i * 7 & 0xFF for i in range(MASK_AS_NUMBER + 40))
    for size in [*range(70), *range(MASK_AS_NUMBER - 20, MASK_AS_NUMBER + 40)]:
        assert apply_mask(data[:size], key) == mask(data[:size], key)


@given(st.lists(st.binary(max_size=30)), keys)
def test_masking_goes_on_in_pieces(pieces: list[bytes], key: bytes) -> None:
    masked, current = b"", key
    for piece in pieces:
        masked += apply_mask(piece, current)
        current = rotate_key(current, len(piece))
    assert masked == mask(b"".join(pieces), key)


class Counting:
    """Entropy that says how it was drawn."""

    def __init__(self) -> None:
        self.drawn: list[int] = []
        self._next = 0

    def __call__(self, size: int) -> bytes:
        self.drawn.append(size)
        self._next += 1
        return b"".join((self._next * 1000 + i).to_bytes(4, "big") for i in range(size // 4))


def test_keys_are_fresh_and_drawn_in_blocks() -> None:
    entropy = Counting()
    source = MaskingKeys(entropy)
    assert entropy.drawn == []
    seen = {source.fresh() for _ in range(1000)}
    assert len(seen) == 1000
    assert len(entropy.drawn) < 100


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_source_that_gives_another_amount(size: int) -> None:
    with pytest.raises(ValueError, match="entropy source"):
        MaskingKeys(lambda n: bytes(size)).fresh()
    with pytest.raises(ValueError, match="entropy source"):
        WSConnection(CLIENT, entropy=lambda n: bytes(size)).send(Request("a", "/"))


def test_source_that_fails_once_changes_nothing() -> None:
    fails = [OSError("dry"), OSError("dry")]

    def entropy(size: int) -> bytes:
        if fails:
            raise fails.pop()
        return bytes(size)

    extension = PerMessageDeflate()
    extension.finalize("permessage-deflate")
    client = Connection(CLIENT, [extension], entropy=entropy)
    with pytest.raises(OSError, match="dry"):
        client.send(TextMessage("lost", message_finished=False))
    with pytest.raises(OSError, match="dry"):
        client.send(CloseConnection(1000))
    server = Connection(SERVER, [extension], whole_messages=True)
    server.receive_data(client.send(TextMessage("first")) + client.send(TextMessage("second")))
    assert list(server.events()) == [TextMessage("first"), TextMessage("second")]


def test_every_frame_has_its_own_key() -> None:
    connection = Connection(CLIENT)
    events = [BytesMessage(bytes(8)), Ping(bytes(8)), BytesMessage(bytes(8))] * 50
    frames = [connection.send(event) for event in events] + [connection.send(CloseConnection(1000))]
    assert len({frame[2:6] for frame in frames}) == len(frames)


def test_what_is_sent_is_repeatable_with_given_entropy() -> None:
    def run() -> list[bytes]:
        client = WSConnection(CLIENT, entropy=Counting())
        sent = [client.send(Request("a", "/"))]
        connection = Connection(CLIENT, entropy=Counting())
        return sent + [connection.send(Ping(b"abc")) for _ in range(100)]

    assert run() == run()
