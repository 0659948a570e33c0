"""Copies of the engine with one fault each, to see that it is found.

A fault is a change to one place of one module. Owns the faults, and how a copy of the package
is made and imported under a name of its own. Must not know how faults are looked for.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import wsproto_core

SOURCES: Final = Path(wsproto_core.__file__).parent


@dataclass(frozen=True)
class PlantedFault:
    """What is changed, and what must notice."""

    name: str
    module: str
    old: str
    new: str
    #: Which property finds it.
    found_by: Literal["streams", "conversations", "openings"] = "streams"


@contextmanager
def copied(folder: Path, name: str, fault: PlantedFault | None = None) -> Iterator[str]:
    """A copy of the package's sources in *folder* that can be imported as *name*.

    It is pure Python, whatever the installed package is.
    """
    package = folder / name
    package.mkdir()
    for path in SOURCES.glob("*.py"):
        shutil.copy(path, package)
    if fault is not None:
        module = package / f"{fault.module}.py"
        source = module.read_text()
        assert source.count(fault.old) == 1, f"{fault.name}: not one place to change"
        module.write_text(source.replace(fault.old, fault.new))
    sys.path.insert(0, str(folder))
    try:
        yield name
    finally:
        sys.path.remove(str(folder))
        for loaded in [key for key in sys.modules if key.partition(".")[0] == name]:
            del sys.modules[loaded]


#: One for each layer, and more. Each looks like an ordinary slip.
FAULTS: Final = [
    PlantedFault(
        "a close code too many", "words", "1007 <= code <= 1014 or", "1007 <= code <= 1015 or"
    ),
    PlantedFault(
        "masking key not rotated within a long frame", "masking", "used &= 3", "used &= 7"
    ),
    PlantedFault(
        "text that ends within a character",
        "utf8",
        'utf_8_decode(data, "strict", final)',
        'utf_8_decode(data, "strict", False)',
    ),
    PlantedFault(
        "length of 125 in two bytes",
        "frame_protocol",
        "if length < (126 if len(field) == 2 else 65536):",
        "if length < (125 if len(field) == 2 else 65536):",
    ),
    PlantedFault(
        "RSV1 on a control frame",
        "frame_protocol",
        "elif rsv and opcode not in _DATA_OPCODES:",
        "elif rsv and opcode not in (*_DATA_OPCODES, 9):",
    ),
    PlantedFault(
        "length of 126 sent in seven bits",
        "frame_protocol",
        "    if length < LENGTH_16_BIT:\n        header = _OCTETS",
        "    if length <= LENGTH_16_BIT:\n        header = _OCTETS",
        "conversations",
    ),
    PlantedFault(
        "a Ping within a compressed message ends the compression",
        "messages",
        '            self._control = b""\n            return',
        '            self._control = b""\n            self._encoded = False\n            return',
    ),
    PlantedFault(
        "the size of all messages is limited, not of each",
        "messages",
        "        self._fragments = 1\n        self._size = 0\n        self._encoded = encoded",
        "        self._fragments = 1\n        self._encoded = encoded",
    ),
    PlantedFault(
        "one fragment too few",
        "messages",
        "if self._fragments > self._limits.max_fragments:",
        "if self._fragments >= self._limits.max_fragments:",
    ),
    PlantedFault(
        "the window is forgotten at BFINAL",
        "deflate",
        "return self._policy.zlib.decompressobj(-self._inflate_bits, window)",
        "return self._policy.zlib.decompressobj(-self._inflate_bits)",
    ),
    PlantedFault(
        "the context is kept where it was agreed not to",
        "deflate",
        "            if self._forget_deflated:\n                self._deflater = None",
        "            if self._forget_inflated:\n                self._deflater = None",
        "conversations",
    ),
    PlantedFault(
        "a length that is not minimal, where a frame comes whole",
        "connection_base",
        "            if size < least or size > self._fast_size:\n                return",
        "            if size > self._fast_size:\n                return",
    ),
    PlantedFault(
        "the answer to a Close frame is not allowed",
        "states",
        "    (_S.REMOTE_CLOSING, _I.SEND_CLOSE): _S.CLOSED,\n",
        "",
    ),
]
