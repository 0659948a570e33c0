"""What the program shows: captures and recordings, as lines for people and as JSON.

Nothing of a capture reaches a terminal as it is. How the findings come about is the
matter of ``inspection`` and ``recording``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from typing import Final

from . import events
from . import inspection as found
from .errors import LocalProtocolError, RemoteProtocolError
from .extension_api import Extension
from .frame_protocol import CloseReason
from .limits import DEFAULT_LIMITS
from .prepared import PreparedMessage
from .recording import Replay, Step
from .recording_format import RecordingError
from .session_events import SessionEnded
from .states import ConnectionType

_HEADING: Final = "  offset   bytes  what          FIN RSV  mask       length  payload"
_INDENT: Final = " " * 18
_PAYLOADS: Final = (str, bytes, bytearray, memoryview)
_RECORDING_HEADING: Final = "  offset        time  call"
_RECORDING_INDENT: Final = " " * 22


def visible(text: str) -> str:
    """*text* with escapes for what is not printable, which includes what steers a terminal."""
    return "".join(c if c.isprintable() and c != "\\" else repr(c)[1:-1] for c in text)


def preview(data: str | bytes | bytearray | memoryview, most: int) -> str:
    """At most so many characters of a payload (0: all): quoted, or in hex if it is bytes
    that are not printable ASCII.
    """
    text = data[: most or None]
    more = " ..." if len(text) < len(data) else ""
    if not isinstance(text, str):
        if not (bytes(text).isascii() and bytes(text).decode("ascii").isprintable()):
            text = text[: (most + 2) // 3 or None]
            return text.hex(" ") + (" ..." if len(text) < len(data) else "")
        text = bytes(text).decode("ascii")
    return repr(text) + more


def sums(counts: Counter[str]) -> str:
    """What was counted, in words."""
    return ", ".join(f"{n} {what}{'s' * (n != 1)}" for what, n in counts.items())


def describe(event: events.Event, most: int) -> str:
    """An event in a line, with at most so many characters of a payload (0: all)."""
    match event:
        case events.Message(data) | events.RejectData(data) if isinstance(data, _PAYLOADS):
            unit = "characters" if isinstance(data, str) else "bytes"
            begun = "" if getattr(event, "message_finished", True) else " of a fragment"
            return f"{type(event).__name__} of {len(data)} {unit}{begun}: {preview(data, most)}"
        case PreparedMessage():
            unit = "characters" if isinstance(event.data, str) else "bytes"
            return f"PreparedMessage of {len(event.data)} {unit}: {preview(event.data, most)}"
        case events.CloseConnection(int() as code, reason):
            name = f" {code.name}" if isinstance(code, CloseReason) else ""
            return f"CloseConnection {int(code)}{name} {reason!r}"
        case events.Request(host, target, list() as offers, _, list() as subprotocols):
            names = [getattr(offer, "name", offer) for offer in offers]
            listed = ", ".join(map(str, [*subprotocols, *names])) or "nothing"
            return visible(f"Request for {target} on {host}, offering {listed}")
        case events.AcceptConnection(subprotocol, extensions):
            agreed = [subprotocol] if subprotocol else []
            names = [getattr(each, "name", each) for each in extensions or ()]
            listed = ", ".join(map(str, [*agreed, *names])) or "nothing"
            return visible(f"AcceptConnection, agreeing on {listed}")
        case events.RejectConnection(status_code):
            return visible(f"RejectConnection {status_code}")
        case events.Ping(bytes() as payload) | events.Pong(bytes() as payload):
            return f"{type(event).__name__} {preview(payload, most)}"
        case SessionEnded():
            codes = f"code sent {event.code_sent}, received {event.code_received}"
            who = "nobody" if event.initiator is None else f"the {event.initiator.value} end"
            error = f", because of {visible(str(event.error))}" if event.error is not None else ""
            cause = f"{event.cause.value} by {who}"
            return f"SessionEnded {int(event.code)} {event.reason!r}: {cause}, {codes}{error}"
    return visible(repr(event))


class CaptureReport:
    """Shows findings as lines for people.

    :param data: what the findings are about.
    :param most: characters that are shown of a payload; 0 for all.
    :param what: what to call it.
    """

    def __init__(self, data: bytes, most: int, what: str = "capture") -> None:
        self._data = data
        self._what = what
        self._most = most
        # The last that was shown of the data.
        self._at = 0
        self._payload = b""

    def lines(self, finding: found.Finding, counts: Counter[str]) -> Iterator[str]:
        """The lines for a finding; *counts* are the sums that the last one shows."""
        where = f"{finding.offset:8}{finding.end - finding.offset:8}  "
        match finding:
            case found.Direction():
                yield f"Sent by the {finding.sender.name.lower()} ({finding.reason})."
                yield from ("", _HEADING)
            case found.Head():
                yield where + visible(finding.start_line)
                for name, value in finding.fields:
                    yield _INDENT + visible(f"{name.decode('latin-1')}: {value.decode('latin-1')}")
            case found.Frame():
                yield where + self._frame(finding)
            case found.Other():
                self._at, self._payload = finding.offset, self._data[finding.offset : finding.end]
                yield f"{where}({finding.what})  {preview(self._payload, self._most)}"
            case found.Received():
                shown = self._event(finding)
                yield from [f"{_INDENT}= {shown}"] if shown else []
            case found.Fault():
                code = f": answered with {finding.code}" if finding.code else ""
                rule = f" ({finding.section})" if finding.section else ""
                yield f"{_INDENT}! {visible(str(finding.error))}{rule}{code}"
            case found.Note():
                yield f"{_INDENT}* {finding.text}"
            case found.End():
                yield from ("", f"The {self._what} ends {finding.ending.value}: {sums(counts)}.")

    def _frame(self, frame: found.Frame) -> str:
        self._at, self._payload = frame.offset, frame.payload
        name = frame.name if frame.processed else f"({frame.name})"
        fin = "FIN" if frame.fin else ""
        rsv = "".join("123"[i] if frame.rsv & 0x40 >> i else "-" for i in range(3))
        key = "-" if frame.masking_key is None else frame.masking_key.hex()
        payload: str | bytes = frame.payload
        if frame.text:
            # A piece may be cut within a character. What should be whole is shown in hex if
            # it is not UTF-8.
            whole = frame.fin and frame.name == "TEXT" and not frame.missing
            with suppress(UnicodeDecodeError):
                payload = frame.payload.decode("utf-8", "strict" if whole else "replace")
        shown = preview(payload, self._most) if payload else ""
        if frame.missing:
            count = "1 byte is" if frame.missing == 1 else f"{frame.missing} bytes are"
            shown = f"{shown} ({count} missing)".lstrip()
        return f"{name:14}{fin:4}{rsv:5}{key:9}{frame.payload_length:8}  {shown}".rstrip()

    def _event(self, finding: found.Received) -> str:
        """What an event says beyond the frame that stands above it; empty if nothing."""
        match finding.event:
            case events.Ping() | events.Pong() | events.RejectData(b""):
                return ""  # shown; there was none, or it ends here
            case events.Message(data) | events.RejectData(data):
                raw = data.encode() if isinstance(data, str) else data
                if finding.offset == self._at and raw == self._payload:
                    return ""
        return describe(finding.event, self._most)


def plain(value: object) -> object:
    """A finding, or what it holds, as JSON has it."""
    match value:
        case bytes() | bytearray() | memoryview():
            return value.hex()
        case (bytes() as name, bytes() as text):  # a header field
            return [name.decode("latin-1"), text.decode("latin-1")]
        case Exception():
            return str(value)
        case Extension():
            return value.name
        case list() | tuple():
            return [plain(each) for each in value]
        case dict():
            return {name: plain(each) for name, each in value.items()}
        case float() if not isfinite(value):
            return str(value)
        case PreparedMessage():
            return {"type": "PreparedMessage", "data": plain(value.data)}
        case Enum() if not isinstance(value, int):
            return value.name.lower()
    if not is_dataclass(value):
        return value
    shown = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return {"type": type(value).__name__} | shown


def capture_lines(
    data: bytes,
    findings: Iterator[found.Finding],
    counts: Counter[str],
    *,
    most: int,
    as_json: bool,
    what: str = "capture",
) -> Iterator[str]:
    """What was found in a stream, which is counted too."""
    counts.update(byte=len(data), frame=0, message=0, fault=0)
    report = CaptureReport(data, most, what)
    for finding in findings:
        match finding:
            case found.Frame(processed=True):
                counts["frame"] += 1
            case found.Received(event=events.Message()):
                counts["message"] += 1
            case found.Fault():
                counts["fault"] += 1
        if as_json:
            yield json.dumps(plain(finding))
        else:
            yield from report.lines(finding, counts)


class RecordingReport:
    """Plays a recording, and shows each call, and what it sent and received.

    :param recording: the whole file.
    :param most: characters that are shown of a payload; 0 for all.
    :param trusted: whether it may set limits above the defaults. A recording from a stranger
        might want to be inflated without end.

    Raises :exc:`~wsproto_core.recording_format.RecordingError`, in :meth:`lines` too.
    """

    def __init__(
        self, recording: bytes, *, most: int, as_json: bool, trusted: bool = False
    ) -> None:
        self._replay = Replay(recording)
        limits = vars(self._replay.session.config.limits)
        high = [name for name, value in vars(DEFAULT_LIMITS).items() if limits[name] > value]
        if high and not trusted:
            raise RecordingError(f"its {high[0]} is above the default (--trust plays it)")
        self._most = most
        self._as_json = as_json
        self._received = bytearray()
        self._sent = bytearray()

    def lines(self, counts: Counter[str]) -> Iterator[str]:
        """The lines; *counts* are of both directions, and of calls."""
        client = self._replay.session.client
        counts.update(call=0, fault=0)
        if not self._as_json:
            yield f"Recording of a {'client' if client else 'server'}'s session."
            yield from ("", _RECORDING_HEADING)
        for step in self._replay:
            yield from [self._json(step)] if self._as_json else self._step(step)
            self._keep(step)
            crashed = not isinstance(step.error, LocalProtocolError | None)
            counts["call"] += 1
            counts["fault"] += crashed or not step.faithful
            if crashed:  # the replay has no more
                break
        for stream in ("received", "sent"):
            yield from self._stream(stream, counts)

    def _keep(self, step: Step) -> None:
        """Add to what was received and sent."""
        match step.call, step.argument, step.result:
            case "receive_data", bytes() as data, _ if step.error is None:
                self._received += data
            case "data_to_send" | "buffers_to_send", _, bytes() as data:
                self._sent += data

    def _json(self, step: Step) -> str:
        shown = plain(step)
        assert isinstance(shown, dict)
        if step.error is not None:
            shown["error"] = _in_words(step.error)
        return json.dumps(shown)

    def _step(self, step: Step) -> Iterator[str]:
        when = "" if step.now is None else f"{step.now:.3f}"
        shown = list(self._details(step))
        problems = []
        if step.error is not None:
            problems.append(f"! {visible(_in_words(step.error))}")
            if not isinstance(step.error, LocalProtocolError):
                problems.append("! and that is what no session should raise")
        if not step.faithful:
            problems.append("! and that is not what it gave when it was recorded")
        if shown or problems:
            first, *rest = [*(shown or [""]), *problems]
            yield f"{step.offset:8}{when:>12}  {step.call}{first}"
            yield from (_RECORDING_INDENT + line for line in rest)

    def _details(self, step: Step) -> Iterator[str]:
        """What stands behind the call's name, and in lines of its own below."""
        match step.call, step.argument, step.result:
            case "receive_data", bytes() as data, _:
                yield f": {len(data)} bytes, from byte {len(self._received)} received"
            case "receive_data", _, _:
                yield ": the end of the transport"
            case "events", _, events.Event() as event:
                yield f": {describe(event, self._most)}"
            case "data_to_send" | "buffers_to_send", _, bytes() as data if data:
                yield f": {len(data)} bytes, from byte {len(self._sent)} sent"
            case "events" | "data_to_send" | "buffers_to_send", _, _:
                pass  # there was nothing
            case "send", (events.Event() as event, _), _:
                yield f": {describe(event, self._most)}"
            case "receive_request", (_, target, *_), _:
                shown = target.decode("latin-1") if isinstance(target, bytes) else target
                yield f": {visible(str(shown))}"
            case "close", (code, reason), _:
                yield visible(f": {code}") + f" {reason!r}"
            case _:
                yield ""

    def _stream(self, what: str, counts: Counter[str]) -> Iterator[str]:
        """The bytes of one direction."""
        client = self._replay.session.client
        data = bytes(self._received if what == "received" else self._sent)
        if not data:
            return
        sender = ConnectionType.CLIENT if client == (what == "sent") else ConnectionType.SERVER
        response = bytes(self._received if client else self._sent)
        request = bytes(self._sent if client else self._received)
        findings = found.inspect(
            data,
            sender=sender,
            extensions=self._agreed(response),
            key=_key(request),
            limits=self._replay.session.config.limits if what == "received" else DEFAULT_LIMITS,
        )
        yield from (
            [json.dumps({"type": "Stream", "what": what})]
            if self._as_json
            else [
                "",
                f"What was {what}:",
                "",
            ]
        )
        own: Counter[str] = Counter()
        yield from capture_lines(
            data, findings, own, most=self._most, as_json=self._as_json, what="stream"
        )
        counts["fault"] += own["fault"]

    def _agreed(self, response: bytes) -> list[Extension] | None:
        """What the server's answer agreed on; None if there is none to tell."""
        if self._replay.over is not None:
            return self._replay.over
        named = None
        for finding in found.inspect(response, sender=ConnectionType.SERVER):
            if isinstance(finding, found.Frame):
                break
            if isinstance(finding, found.Head):  # the last: others are informational
                named = finding.extensions
        with suppress(RemoteProtocolError):
            return None if named is None else [found.agreed_deflate(each) for each in named]
        return None


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _key(request: bytes) -> str | None:
    for finding in found.inspect(request, sender=ConnectionType.CLIENT):
        if isinstance(finding, found.Head):
            return finding.key
    return None


__all__ = [
    "CaptureReport",
    "RecordingReport",
    "capture_lines",
    "describe",
    "plain",
    "preview",
    "sums",
    "visible",
]
