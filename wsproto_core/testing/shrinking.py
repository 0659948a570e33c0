"""Makes an example that shows a fault as short as it can be, while it shows the same one.

Owns how streams, heads and conversations become shorter. Must not know what a fault is: it asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from .actions import Action, SendClose, SendMessage, SendPing, SendPong
from .chunking import WHOLE
from .frames import Frame, frames_of
from .outcomes import DEFAULT_LIMITS
from .scenarios import Scenario
from .strategies.conversations import Conversation, Turn
from .strategies.openings import OpeningScenario

T = TypeVar("T")
E = TypeVar("E")

#: Examples of up to 256 bytes that are tried for one fault, at most; longer ones count for more.
TRIALS: Final = 1500


class _Budget(Generic[E]):
    """Asks whether an example still shows the fault, so many times."""

    def __init__(self, shows: Callable[[E], bool], size_of: Callable[[E], int]) -> None:
        self._shows = shows
        self._size_of = size_of
        self._left = TRIALS

    def __call__(self, example: E) -> bool:
        self._left -= 1 + self._size_of(example) // 256
        return self._left >= 0 and self._shows(example)


def shrink_stream(scenario: Scenario, shows: Callable[[Scenario], bool]) -> Scenario:
    """The shortest stream found that still *shows* the fault, with the plainest settings."""
    ask = _Budget(shows, lambda scenario: len(scenario.data))
    plain: list[dict[str, Any]] = [{"deflate": None}, {"limits": DEFAULT_LIMITS}, {"eof": False}]
    for setting in plain:
        candidate = replace(scenario, **setting)
        if candidate != scenario and ask(candidate):
            scenario = candidate

    def with_data(data: Sequence[int]) -> Scenario:
        return replace(scenario, data=bytes(data))

    # Frame by frame first, for what lies behind a frame that has lost a byte is read as another.
    frames, rest = frames_of(scenario.data)

    def shows_frames(frames: list[Frame]) -> bool:
        return ask(with_data(b"".join(frame.encode() for frame in frames) + rest))

    frames = _shorter(frames, shows_frames)
    for i, frame in enumerate(frames):
        if frame.declared is None:
            frames = _with_shorter_payload(frames, i, shows_frames)
    shortest = b"".join(frame.encode() for frame in frames) + rest
    data = _shorter(list(shortest), lambda data: ask(with_data(data)))
    return with_data(_plainer(data, lambda data: ask(with_data(data))))


def _with_shorter_payload(
    frames: list[Frame], i: int, shows: Callable[[list[Frame]], bool]
) -> list[Frame]:
    def with_payload(payload: Sequence[int]) -> list[Frame]:
        return [*frames[:i], replace(frames[i], payload=bytes(payload)), *frames[i + 1 :]]

    return with_payload(
        _shorter(list(frames[i].payload), lambda payload: shows(with_payload(payload)))
    )


def shrink_opening(
    scenario: OpeningScenario, shows: Callable[[OpeningScenario], bool]
) -> OpeningScenario:
    """The shortest head found that still *shows* the fault: fewer lines, then fewer bytes."""
    ask = _Budget(shows, lambda scenario: len(scenario.data))
    lines = scenario.data.split(b"\r\n")
    lines = _shorter(lines, lambda lines: ask(replace(scenario, data=b"\r\n".join(lines))))
    data = _shorter(
        list(b"\r\n".join(lines)), lambda data: ask(replace(scenario, data=bytes(data)))
    )
    return replace(scenario, data=bytes(data))


def shrink_conversation(
    conversation: Conversation, shows: Callable[[Conversation], bool]
) -> Conversation:
    """The shortest conversation found that still *shows* the fault: fewer and smaller turns."""
    ask = _Budget(shows, lambda conversation: len(conversation.turns))

    def with_turns(turns: Sequence[Turn]) -> Conversation:
        return replace(conversation, turns=tuple(turns))

    plain = replace(conversation, deflate=None)
    if conversation.deflate is not None and ask(plain):
        conversation = plain
    turns = _shorter(list(conversation.turns), lambda turns: ask(with_turns(turns)))
    for i in range(len(turns)):
        smaller = True
        while smaller:
            smaller = False
            for turn in _smaller_turns(turns[i]):
                candidate = [*turns[:i], turn, *turns[i + 1 :]]
                if ask(with_turns(candidate)):
                    turns, smaller = candidate, True
                    break
    return with_turns(turns)


def _shorter(items: list[T], shows: Callable[[list[T]], bool]) -> list[T]:
    """Leave out what can be left out: halves first, then ever smaller pieces."""
    size = max(1, len(items) // 2)
    while items:
        at = 0
        removed = False
        while at < len(items):
            candidate = items[:at] + items[at + size :]
            if shows(candidate):
                items, removed = candidate, True
            else:
                at += size
        if size == 1 and not removed:
            break
        size = max(1, size // 2)
    return items


def _plainer(data: list[int], shows: Callable[[list[int]], bool]) -> list[int]:
    """Make bytes zero where that shows the same."""
    for i, octet in enumerate(data):
        candidate = [*data[:i], 0, *data[i + 1 :]]
        if octet and shows(candidate):
            data = candidate
    return data


def _smaller_turns(turn: Turn) -> Iterator[Turn]:
    if turn.chunking != WHOLE:
        yield replace(turn, chunking=WHOLE)
    for action in _smaller_actions(turn.action):
        yield replace(turn, action=action)


def _smaller_actions(action: Action) -> Iterator[Action]:
    match action:
        case SendMessage(kind, fragments):
            for i, fragment in enumerate(fragments):
                if len(fragments) > 1:
                    yield SendMessage(kind, (*fragments[:i], *fragments[i + 1 :]))
                # The first half of a text may end within a character; a plain one does not.
                for smaller in (b"a" * (len(fragment) // 2), b"a" * (len(fragment) - 1)):
                    if fragment:
                        yield SendMessage(kind, (*fragments[:i], smaller, *fragments[i + 1 :]))
        case SendPing(payload) if payload:
            yield SendPing(payload[: len(payload) // 2])
        case SendPong(payload) if payload:
            yield SendPong(payload[: len(payload) // 2])
        case SendClose(code, reason) if reason:
            yield SendClose(code, reason[: len(reason) // 2])
        case _:
            pass
