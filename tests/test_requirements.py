"""The requirement matrix's rows: that the table is whole, and that each row can be relied on."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from wsproto_core.testing import requirements
from wsproto_core.testing.requirements import (
    BOTH,
    CLIENT,
    ELLIPSIS,
    REQUIREMENTS,
    SERVER,
    Level,
    Requirement,
    UnknownRequirementError,
    closing,
    compression,
    extending,
    framing,
    messages,
    opening_client,
    opening_server,
    permessage_deflate,
    requirement,
)
from wsproto_core.testing.requirements.entries import KEY_WORD
from wsproto_core.testing.requirements.key_words import EXCLUDED, KEY_WORD_COUNTS

ALL = list(REQUIREMENTS.values())

WORDS_OF_LEVEL = {
    Level.MUST: {"MUST", "SHALL", "REQUIRED"},
    Level.MUST_NOT: {"MUST NOT", "SHALL NOT"},
    Level.SHOULD: {"SHOULD", "RECOMMENDED"},
    Level.SHOULD_NOT: {"SHOULD NOT", "NOT RECOMMENDED"},
}


def pieces_of(entry: Requirement) -> list[str]:
    """The unbroken stretches of the RFC that a requirement quotes."""
    return [piece.strip() for piece in entry.text.split(ELLIPSIS)]


def quoted_key_words(section: str, entries: list[Requirement]) -> int:
    """How many key words of the section are quoted, each occurrence counted once."""
    pieces = {piece for entry in entries if entry.section == section for piece in pieces_of(entry)}
    longest = [
        piece for piece in pieces if not any(piece != other and piece in other for other in pieces)
    ]
    return sum(len(KEY_WORD.findall(piece)) for piece in longest)


def excluded_key_words(section: str) -> int:
    return sum(
        len(KEY_WORD.findall(excluded.text)) for excluded in EXCLUDED if excluded.section == section
    )


def uncovered(entries: list[Requirement]) -> Iterator[str]:
    """The sections of whose key words more or fewer are quoted than there are."""
    for section in sorted({*KEY_WORD_COUNTS, *(entry.section for entry in entries)}):
        quoted = quoted_key_words(section, entries) + excluded_key_words(section)
        if quoted != KEY_WORD_COUNTS.get(section, 0):
            yield section


def stands_alone(entry: Requirement) -> bool:
    """Whether a requirement has a key word that no other row quotes: not so where a sentence
    requires two things, nor among the items of a list.
    """
    others = [
        piece
        for other in ALL
        if other is not entry and other.section == entry.section
        for piece in pieces_of(other)
    ]
    return any(
        KEY_WORD.search(piece)
        and not any(
            piece in other or (other in piece and KEY_WORD.search(other)) for other in others
        )
        for piece in pieces_of(entry)
    )


class TestTheTableIsWhole:
    def test_it_quotes_every_key_word_of_every_section(self) -> None:
        assert list(uncovered(ALL)) == []

    def test_the_figures_are_those_of_the_texts(self) -> None:
        # RFC 6455 has 174 key words in all: 10 name them (§2), 4 tell how to write the host of
        # a URI (§11.1). RFC 7692 has 52, of which 10 name them.
        of_6455 = [count for key, count in KEY_WORD_COUNTS.items() if key.startswith("RFC 6455")]
        assert sum(of_6455) == 174 - 10 - 4
        assert sum(KEY_WORD_COUNTS.values()) - sum(of_6455) == 52 - 10

    def test_a_row_taken_away_is_missed(self) -> None:
        alone = [entry for entry in ALL if stands_alone(entry)]
        assert len(alone) == 166
        for entry in alone:
            rest = [other for other in ALL if other is not entry]
            assert list(uncovered(rest)) == [entry.section], entry.id

    def test_what_is_excluded_concerns_no_endpoint(self) -> None:
        assert len(EXCLUDED) == 10
        for excluded in EXCLUDED:
            assert KEY_WORD.search(excluded.text), excluded
            assert excluded.reason.endswith("."), excluded
            assert excluded.section in KEY_WORD_COUNTS, excluded

    def test_no_part_loses_a_row_to_another(self) -> None:
        parts = (
            opening_client.CLIENT_HANDSHAKE,
            opening_server.SERVER_HANDSHAKE,
            framing.FRAMING,
            messages.MESSAGES,
            closing.CLOSING,
            extending.EXTENDING,
            compression.COMPRESSION,
            permessage_deflate.PERMESSAGE_DEFLATE,
        )
        assert [entry for part in parts for entry in part] == ALL


class TestIdentities:
    def test_they_run_from_one_in_the_order_of_the_sections(self) -> None:
        places = []
        for identity, entry in REQUIREMENTS.items():
            assert entry.id == identity
            found = re.fullmatch(r"(6455|7692)-(\d+(?:\.\d+)*)-([1-9]\d*)", identity)
            assert found, identity
            rfc, section, number = found.groups()
            places.append((int(rfc), [int(part) for part in section.split(".")], int(number)))
        assert places == sorted(places)
        for before, place in zip([(0, [0], 0), *places], places, strict=False):
            assert place[2] == (before[2] + 1 if before[:2] == place[:2] else 1), place

    def test_the_section_is_part_of_them(self) -> None:
        assert requirement("6455-5.1-2").section == "RFC 6455 §5.1"
        assert requirement("7692-7.1.2.1-3").section == "RFC 7692 §7.1.2.1"

    def test_one_is_found_by_it(self) -> None:
        entry = requirement("6455-5.1-2")
        assert entry is REQUIREMENTS["6455-5.1-2"]
        assert entry.text == (
            "The server MUST close the connection upon receiving a frame that is not masked."
        )
        assert entry.roles == SERVER

    def test_an_unknown_one_is_refused_by_name(self) -> None:
        with pytest.raises(
            UnknownRequirementError, match=r"no requirement has the id '6455-5\.1-9'"
        ):
            requirement("6455-5.1-9")
        assert issubclass(UnknownRequirementError, LookupError)

    def test_the_table_cannot_be_changed(self) -> None:
        with pytest.raises(TypeError):
            REQUIREMENTS["6455-5.1-2"] = ALL[0]  # type: ignore[index]


class TestEachRow:
    def test_its_level_is_that_of_its_words(self) -> None:
        for entry in ALL:
            words = set(KEY_WORD.findall(entry.text))
            assert entry.implied == (not words), entry.id
            assert entry.implied or words & WORDS_OF_LEVEL[entry.level], entry.id

    def test_it_binds_somebody(self) -> None:
        for entry in ALL:
            assert entry.roles in (CLIENT, SERVER, BOTH), entry.id

    def test_it_does_not_bind_a_role_that_its_title_does_not_name(self) -> None:
        for entry in ALL:
            named = re.match(r"(?:the|a) (client|server) ", entry.title)
            if named:
                assert entry.roles == {named[1]}, entry.id

    def test_its_text_is_clean(self) -> None:
        for entry in ALL:
            for piece in pieces_of(entry):
                assert piece, entry.id
                assert piece == " ".join(piece.split()), entry.id
                # Where a line of the RFC ends with a hyphen, the word goes on without a space.
                assert not re.search(r"\w- (?!and)\w", piece), entry.id

    def test_its_title_is_a_few_words(self) -> None:
        for entry in ALL:
            assert 3 <= len(entry.title.split()) <= 16, entry.id
            assert not entry.title.endswith("."), entry.id

    def test_titles_tell_the_rows_apart(self) -> None:
        titles = [entry.title for entry in ALL]
        assert sorted(set(titles)) == sorted(titles)

    def test_a_reason_not_to_check_it_is_a_sentence(self) -> None:
        for entry in ALL:
            if entry.unchecked:
                assert len(entry.unchecked.split()) >= 10, entry.id
                assert entry.unchecked.endswith("."), entry.id
                assert entry.unchecked[0].isupper(), entry.id

    def test_a_reason_leans_on_what_is_checked(self) -> None:
        leant_on = {
            identity
            for entry in ALL
            for identity in re.findall(r"\b\d{4}-[\d.]+-\d+", entry.unchecked)
        }
        assert leant_on == {"6455-4.2.2-3", "6455-5.3-2", "6455-5.5.1-8"}
        for identity in leant_on:
            assert not requirement(identity).unchecked


def test_most_can_be_checked() -> None:
    assert len(ALL) == 271
    assert len([entry for entry in ALL if entry.unchecked]) == 42


def test_the_public_names_are_there() -> None:
    assert all(hasattr(requirements, name) for name in requirements.__all__)
