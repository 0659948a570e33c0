"""Where a message event keeps its data: the part of it that the compiled build makes fast."""

from __future__ import annotations

from typing import Any, ClassVar

from .compiling import mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class MessageFields:
    """The fields of a :class:`~wsproto_core.events.Message`, which documents them."""

    __slots__: ClassVar = ("data", "frame_finished", "message_finished")

    data: Any
    frame_finished: Any
    message_finished: Any


__all__ = ["MessageFields"]
