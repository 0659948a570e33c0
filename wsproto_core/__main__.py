"""``python -m wsproto_core``: explains a captured WebSocket stream, one direction of it, or
a recording of a session.

The one module that reads and writes. It owns the forms in which a capture may come; what
is shown, and how, ``reports`` knows.
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, TextIO

from . import inspection as found
from .errors import RemoteProtocolError
from .recording_format import MAGIC, RecordingError
from .reports import RecordingReport, capture_lines, preview, visible
from .states import ConnectionType

# A line of xxd, "00000000: 8105 4865  ..He", or of hexdump -C, "00000000  81 05  |..|".
_DUMP: Final = re.compile(r"\s*[0-9a-fA-F]{7,16}(: [0-9a-fA-F]{2}|  [0-9a-fA-F]{2} [^\n]*\|)")
_DUMP_LINE: Final = re.compile(
    r"([0-9a-fA-F]{7,16})(?:: ((?:[0-9a-fA-F]{2} ?)+)(?: .*)?|  ((?:[0-9a-fA-F]{2} *)+)(?:\|.*)?)?"
)
# What may stand between the digits of plain hex.
_BETWEEN: Final = " \t\r\n:,"

_EPILOG: Final = """\
Payloads are shown unmasked. Below the bytes that caused it stands, behind
  =  what a receiver gets, where the frame does not show it by itself: a message that was
     compressed or fragmented, a close code
  !  a fault: what a receiver cannot accept, and what it answers
  *  what to know beside
A recording is played again, call by call; then both of its directions are explained.
In parentheses is what is neither head nor frame, and frames that no receiver reads. A
capture may begin behind the opening handshake, and stop anywhere.

exit status: 0; 1 if there is a fault; 2 for input that cannot be read
"""


class InputError(Exception):
    """The input, or what is asked for, is of no use. The message is one printable line."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{visible(message)} (--help tells more)")


def parse_arguments(argv: Sequence[str] | None) -> Namespace:
    """The options. Raises :exc:`InputError`."""
    parser = _Parser(
        prog="python -m wsproto_core",
        description="Explain one direction of a WebSocket connection, or a recording of a session.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", nargs="?", default="-", metavar="FILE", help="default, and -: standard input")
    add("--from", dest="sender", choices=("client", "server"), help="default: by how it begins")
    add("--hex", action="store_true", help="FILE is hex, or of xxd or hexdump -Cv; default: if so")
    add("--deflate", nargs="?", const="", metavar="PARAMS", help="permessage-deflate was agreed on")
    add("--key", help="the request's Sec-WebSocket-Key, to check a response")
    add("--max-payload", type=int, default=64, metavar="N", help="characters to show (0: all)")
    add("--trust", action="store_true", help="play a recording with limits above the defaults")
    add("--json", action="store_true", help="a JSON object for each finding; bytes in hex")
    options = parser.parse_args(argv)
    if options.max_payload < 0:
        parser.error("--max-payload must not be negative")
    try:
        options.extensions = None
        if options.deflate is not None:
            options.extensions = [found.agreed_deflate(options.deflate)]
    except RemoteProtocolError as exc:
        # "--deflate FILE" has no parameters.
        if options.file != "-" or not Path(options.deflate).is_file():
            parser.error(f"--deflate: {exc}")
        options.file = options.deflate
        options.extensions = [found.agreed_deflate()]
    return options


# Input


def read_hex(text: str) -> bytes:
    """The bytes that hex digits stand for, plain or as in a dump. Raises :exc:`InputError`."""
    if _DUMP.match(text):
        return _read_dump(text)
    groups = re.split(f"[{_BETWEEN}]+", text.strip(_BETWEEN))
    groups = [group[2:] if group[:2] in ("0x", "0X") else group for group in groups]
    for group in groups:
        if len(group) % 2 or not re.fullmatch("[0-9a-fA-F]*", group):
            raise InputError(f"not pairs of hex digits: {preview(group, 40)}")
    return bytes.fromhex("".join(groups))


def _read_dump(text: str) -> bytes:
    data = bytearray()
    first = None
    for number, line in enumerate(filter(None, map(str.strip, text.split("\n"))), 1):
        match = _DUMP_LINE.fullmatch(line)
        if match is None:
            hint = " (hexdump needs -v)" if line == "*" else ""
            raise InputError(f"line {number} is not of a hex dump: {preview(line, 40)}{hint}")
        offset = int(match[1], 16)
        first = offset if first is None else first
        if offset != first + len(data):
            raise InputError(f"lines are left out before line {number}: {preview(line, 40)}")
        data += bytes.fromhex(match[2] or match[3] or "")
    return bytes(data)


def read_input(options: Namespace, stdin: BinaryIO) -> bytes:
    """The capture. Raises :exc:`InputError`."""
    try:
        data = stdin.read() if options.file == "-" else Path(options.file).read_bytes()
    except (OSError, ValueError) as exc:
        raise InputError(f"cannot read the input: {exc}") from None
    # No stream looks like hex: a frame's first byte is no digit, and a letter only if it is
    # a fragment with RSV1 set.
    digits = data.translate(None, b"xX" + _BETWEEN.encode())
    text = data.decode("latin-1")
    if options.hex or re.fullmatch(rb"[0-9a-fA-F]+", digits) or _DUMP.match(text):
        data = read_hex(text)
    if not data.strip():
        raise InputError("the input is empty")
    return data


def explain(data: bytes, options: Namespace, counts: Counter[str]) -> Iterator[str]:
    """The lines that explain the input; *counts* are what the exit status goes by. Raises
    :exc:`InputError`.
    """
    most, as_json = options.max_payload, options.json
    if data.startswith(MAGIC):
        try:
            report = RecordingReport(data, most=most, as_json=as_json, trusted=options.trust)
            yield from report.lines(counts)
        except RecordingError as exc:
            raise InputError(visible(str(exc))) from None
        return
    sender = ConnectionType[options.sender.upper()] if options.sender else None
    findings = found.inspect(data, sender=sender, extensions=options.extensions, key=options.key)
    yield from capture_lines(data, findings, counts, most=most, as_json=as_json)


def main(
    argv: Sequence[str] | None = None,
    stdin: BinaryIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Run the program; the exit status. What is not given is the process's."""
    out = stdout or sys.stdout
    try:
        options = parse_arguments(argv)
        if isinstance(out, TextIOWrapper):
            out.reconfigure(errors="backslashreplace")
        data = read_input(options, stdin or sys.stdin.buffer)
        counts: Counter[str] = Counter()
        for line in explain(data, options, counts):
            out.write(f"{line}\n")
        out.flush()
    except BrokenPipeError:
        # As with "| head". Closed, it is not flushed once more at exit.
        with suppress(BrokenPipeError):
            out.close()
        return 0
    except (InputError, OSError) as exc:
        (stderr or sys.stderr).write(f"wsproto_core: {exc}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return min(counts["fault"], 1)


__all__ = [
    "InputError",
    "explain",
    "main",
    "parse_arguments",
    "read_hex",
    "read_input",
]

if __name__ == "__main__":
    sys.exit(main())
