"""The cases about compressed messages, limits and attacks: that they are right, and can fail."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace

import pytest

from wsproto_core.testing.cases import Case, Do, Eof, Receive
from wsproto_core.testing.catalogue import (
    attacks,
    attacks_opening,
    compression,
    compression_damaged,
    compression_data,
    compression_sending,
    compression_windows,
    limits,
)
from wsproto_core.testing.catalogue.compression import HELLO, HELLO_FINAL, HELLO_TWO_BLOCKS
from wsproto_core.testing.deflate_blocks import (
    bits_of,
    canonical,
    dynamic,
    fixed,
    flipped,
    match,
    message,
    packed,
    repeated,
    stored,
)
from wsproto_core.testing.engine import EngineAdapter, EngineEndpoint
from wsproto_core.testing.judging import Verdict
from wsproto_core.testing.model import judge
from wsproto_core.testing.model.inflating import TAIL
from wsproto_core.testing.outcomes import DEFAULT_LIMITS
from wsproto_core.testing.requirements import REQUIREMENTS
from wsproto_core.testing.runner import player_of, run, run_all
from wsproto_core.testing.settings import Deflate, Open

MODULES = (
    attacks,
    attacks_opening,
    compression,
    compression_damaged,
    compression_data,
    compression_sending,
    compression_windows,
    limits,
)
CASES = [case for module in MODULES for case in module.CASES]
RECEIVING = [
    case
    for case in CASES
    if isinstance(case.settings, Open) and not any(isinstance(step, Do) for step in case.steps)
]


def named(name: str) -> list[Case]:
    found = [case for case in CASES if case.name == name]
    assert found
    return found


# The cases --------------------------------------------------------------------------------


def test_there_are_many_for_each_role() -> None:
    for role in ("client", "server"):
        assert len([case for case in CASES if case.role == role]) > 400
    assert len({case.id for case in CASES}) == len(CASES)
    assert {case.section for case in CASES} == {"attacks", "compression", "limits"}


def test_receiving_cases_expect_what_the_model_says() -> None:
    wrong = []
    for case in RECEIVING:
        settings = case.settings
        assert isinstance(settings, Open)
        said = judge(
            b"".join(step.data for step in case.steps if isinstance(step, Receive)),
            eof=any(isinstance(step, Eof) for step in case.steps),
            role=case.role,
            deflate=settings.received(),
            limits=settings.receive_limits(),
        )
        if tuple(said) != case.expect:
            wrong.append((case.id, said))
    assert wrong == []


def test_the_engine_passes_all_of_them() -> None:
    # With other random chunks than where the whole catalogue is run.
    failed = [
        (result.case.id, result.judgement)
        for result in run_all(CASES, player_of(EngineAdapter()), seed=2)
        if result.verdict is not Verdict.PASS
    ]
    assert failed == []


def test_advisories_are_named_with_their_implementation() -> None:
    advisories = {advisory for case in CASES for advisory in case.advisories}
    assert len(advisories) >= 15
    for advisory in advisories:
        assert re.fullmatch(r"CVE-20[0-9]{2}-[0-9]{4,7} \([A-Za-z.-]+\)", advisory)


#: Checked in the section ``sending``, and in those of the opening handshake.
ELSEWHERE = {"6455-10.3-1", "6455-10.7-3"}


def test_each_requirement_on_compression_and_limits_has_a_case() -> None:
    checked = {identity for case in CASES for identity in case.requirements} | ELSEWHERE
    missing = [
        entry.id
        for entry in REQUIREMENTS.values()
        if entry.id.startswith(("7692-6", "7692-7.2", "6455-10."))
        and not entry.unchecked
        and entry.id not in checked
    ]
    assert missing == []


# That they can fail -----------------------------------------------------------------------


class Misled(EngineAdapter):
    """An engine that takes something else for agreed on."""

    def __init__(self, believed: Deflate | None) -> None:
        super().__init__()
        self.believed = believed

    def open(self, settings: Open) -> EngineEndpoint:
        return super().open(replace(settings, deflate=self.believed))


@pytest.mark.parametrize(
    ("name", "believed"),
    [
        *((f"compression/sends-window-{bits}", Deflate()) for bits in range(8, 15)),
        *((f"compression/sends-window-{bits}-messages", Deflate()) for bits in (9, 10)),
        ("compression/sends-twice-afresh", Deflate()),
        ("compression/sends-own-parameters", Deflate()),
        ("compression/sends-not-agreed", Deflate()),
        ("compression/not-agreed-text", Deflate()),
        ("compression/example-one-block", None),
        ("compression/example-sharing-window", Deflate(True, True)),
        ("compression/window-12", Deflate(False, False, 9, 9)),
    ],
)
def test_an_endpoint_that_goes_by_another_agreement_fails(
    name: str, believed: Deflate | None
) -> None:
    play = player_of(Misled(believed))
    for case in named(name):
        assert run(case, play).verdict is Verdict.FAIL, case.id


class Unlimited(EngineAdapter):
    """An engine without limits of its own."""

    def open(self, settings: Open) -> EngineEndpoint:
        limit = 2**63
        return super().open(
            replace(settings, limits=replace(DEFAULT_LIMITS, max_message_size=limit))
        )


def test_an_endpoint_without_limits_fails() -> None:
    play = player_of(Unlimited())
    cases = [case for case in CASES if case.name.startswith(("limits/above-inf", "attacks/bomb"))]
    assert len(cases) > 20
    for case in cases:
        assert run(case, play).verdict is Verdict.FAIL, case.id


# Blocks by hand ---------------------------------------------------------------------------


def inflated(payload: bytes) -> bytes:
    """By zlib, which has nothing to do with what made them."""
    inflater = zlib.decompressobj(-15)
    return inflater.decompress(payload + TAIL)


def test_blocks_are_those_of_the_rfc() -> None:
    assert message(fixed(b"Hello")) == HELLO
    assert message(fixed(b"Hello", final=True)) == HELLO_FINAL
    assert message(fixed(b"He"), stored(b""), fixed(b"llo")) == HELLO_TWO_BLOCKS
    assert message(stored(b"Hello")) == bytes.fromhex("00 05 00 fa ff 48 65 6c 6c 6f 00")


def test_bits_are_packed_from_the_least_significant() -> None:
    assert bits_of(0b110, 5) == "01100"
    assert bits_of(0, 0) == ""
    assert packed("1|01100") == b"\x01\x06"
    assert packed("") == b""
    assert flipped(b"\x00\x00", 9) == b"\x00\x02"


def test_matches_of_any_length_can_be_read() -> None:
    for length in range(3, 259):
        assert inflated(message(fixed(b"ab", match(length, 2)))) == (b"ab" * 130)[: length + 2]


def test_matches_of_any_distance_can_be_read() -> None:
    history = bytes(i * i >> 3 & 0xFF for i in range(2**15))
    inflater = zlib.decompressobj(-15)
    assert inflater.decompress(message(stored(history)) + TAIL) == history
    for bits in range(15):
        for distance in (2**bits, 2**bits + 1, 2 * 2**bits - 1, 2 * 2**bits):
            copied = (history[-distance:] * 3)[:3]
            assert inflater.decompress(message(fixed(match(3, distance))) + TAIL) == copied
            history += copied


@pytest.mark.parametrize("count", [4, 5, 258, 259, 260, 261, 262, 517, 518, 519, 520, 70_000])
def test_a_repeated_byte_is_repeated_so_often(count: int) -> None:
    assert inflated(message(repeated(b"a", count))) == b"a" * count


def test_dynamic_codes_are_canonical() -> None:
    # The example of RFC 1951 §3.2.2.
    lengths = dict(zip(b"ABCDEFGH", (3, 3, 3, 3, 3, 2, 4, 4), strict=True))
    codes = ("010", "011", "100", "101", "110", "00", "1110", "1111")
    assert canonical(lengths) == dict(zip(b"ABCDEFGH", codes, strict=True))


def test_dynamic_blocks_can_be_read() -> None:
    block = dynamic({97: 1, 98: 2, 256: 3, 257: 3}, {0: 1}, 97, 98, 97, 257, "0", 256)
    assert inflated(message(block, fixed(b"c"))) == b"abaaaac"
    last = dynamic({97: 1, 98: 2, 256: 2}, {}, 97, 98, 256, final=True)
    assert inflated(packed(last)) == b"ab"
    with pytest.raises(zlib.error):
        inflated(message(dynamic({97: 1, 256: 1}, {}, "0" * 99, counts=(288, 1))))
