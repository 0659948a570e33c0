"""Incremental UTF-8 decoding that rejects at the first byte that cannot be right.

RFC 6455 §8.1 asks that the connection be failed on text that is not UTF-8 (RFC 3629: no
overlong forms, no surrogates, nothing beyond U+10FFFF). CPython's decoder is strict in
this, and notices an impossible second byte without waiting for the third, except for that
of a surrogate.
"""

from __future__ import annotations

from codecs import utf_8_decode


class Utf8Decoder:
    """Decodes the text of one message, piece by piece."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending = b""

    def decode(self, data: bytes, final: bool) -> tuple[str, bool]:
        """Decode the next piece; *final* says that the text ends with it.

        Returns the characters that are complete, and whether all is well. If it is not,
        the characters are those before the fault; there is no going on after it.
        """
        if self._pending:
            data = self._pending + data
        try:
            text, used = utf_8_decode(data, "strict", final)
        except UnicodeDecodeError as exc:
            return data[: exc.start].decode(), False
        self._pending = pending = data[used:]
        return text, not (len(pending) == 2 and pending[0] == 0xED and pending[1] >= 0xA0)


__all__ = ["Utf8Decoder"]
