"""Makes an example that shows a fault as short as it can be, while it shows the same one.

Owns how streams, heads and conversations become shorter. Must not know what a fault is: it asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
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
F = TypeVar("F")

#: Examples of up to 2 KiB that are tried for one fault at each stage, at most; longer ones count
#: for more.
TRIALS: Final = 1000


#: Pieces of up to so many are left out wherever they begin.
SMALL: Final = 4


class _Shrinker(Generic[E]):
    """Asks whether examples still show the fault, until the trials are used up."""

    def __init__(self, shows: Callable[[E], bool], size_of: Callable[[E], int]) -> None:
        self._shows = shows
        self._size_of = size_of
        self.next_stage()

    def next_stage(self) -> None:
        """Give it new trials, for what is shorter by now."""
        self._left = TRIALS

    def ask(self, example: E) -> bool:
        """Whether *example* shows the fault; False once there are no trials left."""
        self._left -= 1 + self._size_of(example) // 2048
        return self._left >= 0 and self._shows(example)

    def shorter(self, items: list[T], example_of: Callable[[list[T]], E]) -> list[T]:
        """Leave out what can be left out: halves first, then ever smaller pieces."""
        size = max(1, len(items) // 2)
        while items:
            at = 0
            removed = False
            while at < len(items) and self._left > 0:
                candidate = items[:at] + items[at + size :]
                if self.ask(example_of(candidate)):
                    items, removed = candidate, True
                else:
                    # A character of UTF-8 has up to four bytes, and begins anywhere.
                    at += size if size > SMALL else 1
            if self._left <= 0 or (size == 1 and not removed):
                break
            size = size // 2 if size > 2 * SMALL else max(1, size - 1)
        return items

    def plainer(self, data: list[int], example_of: Callable[[list[int]], E]) -> list[int]:
        """Make bytes zero where that shows the same."""
        for i, octet in enumerate(data):
            candidate = [*data[:i], 0, *data[i + 1 :]]
            if octet and self.ask(example_of(candidate)):
                data = candidate
        return data


def shrink_stream(scenario: Scenario, shows: Callable[[Scenario], bool]) -> Scenario:
    """The shortest stream found that still *shows* the fault, with the plainest settings."""
    shrinker = _Shrinker(shows, lambda scenario: len(scenario.data))
    plain: list[dict[str, Any]] = [{"deflate": None}, {"limits": DEFAULT_LIMITS}, {"eof": False}]
    for setting in plain:
        candidate = replace(scenario, **setting)
        if candidate != scenario and shrinker.ask(candidate):
            scenario = candidate

    def of_bytes(data: Sequence[int]) -> Scenario:
        return replace(scenario, data=bytes(data))

    # Frame by frame first, for what lies behind a frame that has lost a byte is read as another.
    frames, rest = frames_of(scenario.data)

    def of_frames(frames: list[Frame]) -> Scenario:
        return of_bytes(b"".join(frame.encode() for frame in frames) + rest)

    frames = shrinker.shorter(frames, of_frames)
    shrinker.next_stage()
    for i, frame in enumerate(frames):
        if frame.declared is None:
            with_payload = partial(_with_payload, frames, i)
            payload = shrinker.shorter(list(frame.payload), _chained(with_payload, of_frames))
            frames = with_payload(payload)
    shrinker.next_stage()
    data = shrinker.shorter(list(of_frames(frames).data), of_bytes)
    return of_bytes(shrinker.plainer(data, of_bytes))


def _chained(first: Callable[[T], F], second: Callable[[F], E]) -> Callable[[T], E]:
    return lambda value: second(first(value))


def _with_payload(frames: list[Frame], i: int, payload: list[int]) -> list[Frame]:
    return [*frames[:i], replace(frames[i], payload=bytes(payload)), *frames[i + 1 :]]


def shrink_opening(
    scenario: OpeningScenario, shows: Callable[[OpeningScenario], bool]
) -> OpeningScenario:
    """The shortest head found that still *shows* the fault: fewer lines, then fewer bytes."""
    shrinker = _Shrinker(shows, lambda scenario: len(scenario.data))

    def of_lines(lines: list[bytes]) -> OpeningScenario:
        return replace(scenario, data=b"\r\n".join(lines))

    def of_bytes(data: list[int]) -> OpeningScenario:
        return replace(scenario, data=bytes(data))

    lines = shrinker.shorter(scenario.data.split(b"\r\n"), of_lines)
    return of_bytes(shrinker.shorter(list(b"\r\n".join(lines)), of_bytes))


def shrink_conversation(
    conversation: Conversation, shows: Callable[[Conversation], bool]
) -> Conversation:
    """The shortest conversation found that still *shows* the fault: fewer and smaller turns."""
    shrinker = _Shrinker(shows, lambda conversation: len(conversation.turns))

    def of_turns(turns: list[Turn]) -> Conversation:
        return replace(conversation, turns=tuple(turns))

    plain = replace(conversation, deflate=None)
    if conversation.deflate is not None and shrinker.ask(plain):
        conversation = plain
    turns = shrinker.shorter(list(conversation.turns), of_turns)
    for i in range(len(turns)):
        smaller = True
        while smaller:
            smaller = False
            for turn in _smaller_turns(turns[i]):
                candidate = [*turns[:i], turn, *turns[i + 1 :]]
                if shrinker.ask(of_turns(candidate)):
                    turns, smaller = candidate, True
                    break
    return of_turns(turns)


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
