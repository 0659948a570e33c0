"""Optional packages: taken up if they are fit, ignored if they are not, never needed."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproto_core import BackEnds, Connection, back_ends, deflate, masking
from wsproto_core.events import BytesMessage, Event, TextMessage
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.masking import (
    COMPILED,
    MASK_AS_NUMBER,
    MASK_WIDE,
    Mask,
    apply_mask,
    unmask,
)

from .wire import CLIENT, SERVER, mask

KEY = b"\x00\x80\xff\x7f"
#: Who masks, by whether numpy does where it is asked.
MASKING = ["librt" if COMPILED else "python", "numpy"]
SIZES = [
    *(0, 1, 3, 4, 5),
    *range(MASK_WIDE - 6, MASK_WIDE + 6),
    *range(MASK_AS_NUMBER - 6, MASK_AS_NUMBER + 6),
    *(65535, (128 << 10) - 1, 128 << 10, (128 << 10) + 1, 300_001),
]


class Octets:
    """A stand-in for numpy's arrays, with what masking needs of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __xor__(self, other: Octets) -> Octets:
        return Octets(bytes(a ^ b for a, b in zip(self.data, other.data, strict=True)))

    def tobytes(self) -> bytes:
        return self.data


class WrongOctets(Octets):
    def __xor__(self, other: Octets) -> Octets:
        return Octets(bytes(len(self.data)))


def like_numpy(array: type[Octets] = Octets) -> ModuleType:
    module = ModuleType("numpy")
    module.uint8 = object()  # type: ignore[attr-defined]

    def frombuffer(data: bytes, kind: object, count: int, offset: int = 0) -> Octets:
        assert kind is module.uint8
        assert count <= len(data) - offset
        return array(data[offset : offset + count])

    module.frombuffer = frombuffer  # type: ignore[attr-defined]
    return module


def like_zlib(**others: object) -> ModuleType:
    module = ModuleType("zlib_ng.zlib_ng")
    vars(module).update({name: value for name, value in vars(zlib).items() if name[:2] != "__"})
    vars(module).update(others)
    return module


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Have just the given optional packages; None for one that cannot be imported."""

    def install(**modules: ModuleType | None) -> None:
        monkeypatch.setitem(sys.modules, "numpy", modules.get("numpy"))
        monkeypatch.setitem(sys.modules, "zlib_ng.zlib_ng", modules.get("zlib_ng"))
        if "zlib_ng" in modules:
            monkeypatch.setitem(sys.modules, "zlib_ng", ModuleType("zlib_ng"))
        forget()

    def forget() -> None:
        masking._wide_mask.cache_clear()
        deflate.default_zlib.cache_clear()

    yield install
    monkeypatch.undo()
    forget()


class TestChoice:
    def test_without_any(self, installed: Callable[..., None]) -> None:
        installed()
        assert back_ends()[:2] == (MASKING[0], "zlib")
        assert PerMessageDeflate().zlib is zlib
        assert apply_mask(bytes(5000), KEY) == KEY * 1250

    def test_with_all(self, installed: Callable[..., None]) -> None:
        numpy, zlib_ng = like_numpy(), like_zlib()
        installed(numpy=numpy, zlib_ng=zlib_ng)
        assert back_ends()[:2] == (MASKING[1], "zlib-ng")
        assert PerMessageDeflate().zlib is zlib_ng
        assert PerMessageDeflate(zlib=zlib).zlib is zlib
        assert apply_mask(bytes(5000), KEY) == KEY * 1250

    @pytest.mark.parametrize(
        "numpy",
        [
            ModuleType("numpy"),  # anything by that name
            like_numpy(WrongOctets),
            SimpleNamespace(uint8=None, frombuffer=lambda *a: 1 / 0),
        ],
        ids=["empty", "wrong", "raises"],
    )
    def test_unfit_numpy(self, installed: Callable[..., None], numpy: Any) -> None:
        installed(numpy=numpy)
        assert back_ends().masking == MASKING[0]
        assert apply_mask(bytes(5000), KEY) == KEY * 1250

    @pytest.mark.parametrize(
        "others",
        [
            {"compressobj": None},
            {"compressobj": lambda *a: zlib.compressobj(a[0], zlib.DEFLATED, 15)},  # a header
            {"decompressobj": lambda bits: zlib.decompressobj(bits)},  # no dictionary: too old
            {"decompressobj": lambda *a: zlib.decompressobj(15)},
            {"error": int},
            {"error": None},
            {"Z_SYNC_FLUSH": zlib.Z_FINISH},
            {"Z_SYNC_FLUSH": zlib.Z_NO_FLUSH},
        ],
        ids=str,
    )
    def test_unfit_zlib(self, installed: Callable[..., None], others: dict[str, object]) -> None:
        installed(zlib_ng=like_zlib(**others))
        assert back_ends().deflate == "zlib"
        assert PerMessageDeflate().zlib is zlib

    def test_types(self) -> None:
        found = back_ends()
        assert isinstance(found, BackEnds)
        assert found.masking in MASKING
        assert found.deflate in ("zlib", "zlib-ng")
        assert found.compiled is COMPILED

    @pytest.mark.skipif(COMPILED, reason="numpy begins later then")
    def test_nothing_is_imported_before_there_is_work_for_it(self) -> None:
        code = f"""
import sys
from wsproto_core import Connection
from wsproto_core.events import BytesMessage
from wsproto_core.states import ConnectionType
seen = []
for size in (0, {MASK_WIDE - 5}, {MASK_WIDE}):
    frame = Connection(ConnectionType.CLIENT).send(BytesMessage(bytes(size)))
    server = Connection(ConnectionType.SERVER)
    server.receive_data(frame)
    assert list(server.events()) == [BytesMessage(bytes(size))]
    seen.append("numpy" in sys.modules)
print(*seen)
"""
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.split()[:2] == ["False", "False"]


def as_compiled() -> Any:
    """``masking`` as it is in the compiled build, though interpreted."""
    pytest.importorskip("librt.strings")
    if COMPILED:
        return masking
    module = ModuleType("wsproto_core.masking_as_compiled")
    module.__file__ = "masking.so"
    module.__package__ = "wsproto_core"
    path = Path(masking.__file__)
    exec(compile(path.read_text(), str(path), "exec"), vars(module))
    return module


def mask_as_compiled() -> Mask:
    return lambda data, begin, end, key: as_compiled().apply_mask(data, key, begin, end)


def unmask_as_compiled() -> Mask:
    """The key before the payload."""

    def unmask(data: bytes, begin: int, end: int, key: bytes) -> bytes:
        wire = data[:begin] + key + data[begin:]
        unmasked: bytes = as_compiled().unmask(wire, begin, end + 4)
        return unmasked

    return unmask


MASKS: list[Callable[[], Mask | None]] = [
    lambda: masking.mask_in_python,
    lambda: masking.mask_by_numpy(pytest.importorskip("numpy")),
    mask_as_compiled,
    unmask_as_compiled,
]


def test_compiled_masking_says_so() -> None:
    assert as_compiled().masking_back_end() in ("librt", "numpy")


def test_compiled_masking_without_numpy(installed: Callable[..., None]) -> None:
    installed()
    compiled = as_compiled()
    assert compiled.masking_back_end() == "librt"
    for size in (0, 5, 8192, 70_001):
        data = bytes(i * 3 & 0xFF for i in range(size))
        assert compiled.apply_mask(data, KEY) == mask(data, KEY)


@pytest.mark.parametrize("make", MASKS, ids=["python", "numpy", "compiled", "compiled, unmask"])
class TestMasks:
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("begin", [0, 1, 4])
    def test_every_size(self, make: Callable[[], Mask], size: int, begin: int) -> None:
        data = bytes(i * 7 & 0xFF for i in range(begin + size + 3))
        assert make()(data, begin, begin + size, KEY) == mask(data[begin : begin + size], KEY)

    @given(data=st.data())
    def test_any(self, make: Callable[[], Mask], data: st.DataObject) -> None:
        size = data.draw(st.integers(0, 3000))
        pattern = data.draw(st.binary(min_size=1, max_size=50))
        octets = (pattern * (size // len(pattern) + 1))[:size]
        begin = data.draw(st.integers(0, size))
        end = data.draw(st.integers(begin, size))
        key = data.draw(st.binary(min_size=4, max_size=4))
        assert make()(octets, begin, end, key) == mask(octets[begin:end], key)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("extra", [False, True])
def test_unmask(installed: Callable[..., None], size: int, extra: bool) -> None:
    """The key lies before the payload."""
    if extra:
        installed(numpy=like_numpy())
    else:
        installed()
    data = bytes(i * 11 & 0xFF for i in range(size))
    wire = b"head" + KEY + mask(data, KEY) + b"tail"
    assert unmask(wire, 4, len(wire) - 4) == data


@pytest.mark.parametrize("extra", [False, True])
@pytest.mark.parametrize("size", [0, 125, 700, 1500, 70_000])
def test_both_ends(installed: Callable[..., None], extra: bool, size: int) -> None:
    """With any back end the same bytes are understood."""
    if extra:
        installed(numpy=pytest.importorskip("numpy"), zlib_ng=like_zlib())
    else:
        installed()
    compressed = PerMessageDeflate()
    compressed.finalize("permessage-deflate")
    for extensions in ([], [compressed]):
        client = Connection(CLIENT, extensions, whole_messages=True)
        server = Connection(SERVER, extensions, whole_messages=True)
        messages: list[Event] = [TextMessage("ä" * (size // 2)), BytesMessage(bytes(size))]
        for sender, receiver in ((client, server), (server, client)):
            for message in messages:
                receiver.receive_data(sender.send(message))
                assert list(receiver.events()) == [message]
