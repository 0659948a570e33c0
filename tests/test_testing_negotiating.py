"""The kit's reading of extensions and their negotiation: RFC 6455 §9.1, RFC 7692 §5 and §7.1."""

from __future__ import annotations

import pytest

from wsproto_core.testing.model.negotiating import (
    Element,
    Malformed,
    problems_of_agreement,
    problems_of_answer,
    problems_of_deflate,
    problems_of_extensions,
    read_extensions,
    unasked,
)


def offers(*values: bytes) -> list[Element]:
    return read_extensions(list(values))


class TestExtensions:
    """RFC 6455 §9.1."""

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([b"deflate-stream"], [Element(b"deflate-stream", ())]),
            (
                [b"mux; max-channels=4; flow-control, deflate-stream"],
                [
                    Element(b"mux", ((b"max-channels", b"4"), (b"flow-control", None))),
                    Element(b"deflate-stream", ()),
                ],
            ),
            ([b"foo", b"bar; baz=2"], [Element(b"foo", ()), Element(b"bar", ((b"baz", b"2"),))]),
            ([b'a; b="c"'], [Element(b"a", ((b"b", b"c"),))]),
            ([b'a; b="\\c"'], [Element(b"a", ((b"b", b"c"),))]),
            ([b",a ; b = c\t,"], [Element(b"a", ((b"b", b"c"),))]),
        ],
    )
    def test_right(self, values: list[bytes], expected: list[Element]) -> None:
        assert read_extensions(values) == expected

    @pytest.mark.parametrize(
        "value",
        b'|,|a b|;a|a;|a; =b|a; b=|a; b="|a; b=""|a; b="c"d|a; b="c;d"|a; b="c\\";d"|a; b="c\\|a=b'
        b"|a; b=c=d|\xe4".split(b"|"),
    )
    def test_malformed(self, value: bytes) -> None:
        with pytest.raises(Malformed):
            read_extensions([value])

    def test_written(self) -> None:
        [element] = offers(b'a ; b ; c="d"')
        assert element.written() == "a;b;c=d"


class TestDeflate:
    """RFC 7692 §7.1."""

    @pytest.mark.parametrize("offer", [True, False])
    @pytest.mark.parametrize(
        "parameters",
        [
            b"",
            b"; server_no_context_takeover",
            b"; client_max_window_bits=8",
            b'; server_max_window_bits="15"',
        ],
    )
    def test_right(self, parameters: bytes, offer: bool) -> None:
        [element] = offers(b"permessage-deflate" + parameters)
        assert problems_of_deflate(element, offer=offer) == []

    @pytest.mark.parametrize("offer", [True, False])
    @pytest.mark.parametrize(
        "parameters",
        [b"x", b"server_no_context_takeover=1", b"server_max_window_bits"]
        + [b"client_max_window_bits=%b" % bits for bits in (b"7", b"16", b"08", b"x", b"9" * 5000)]
        + [b"client_no_context_takeover; client_no_context_takeover"],
    )
    def test_wrong(self, parameters: bytes, offer: bool) -> None:
        [element] = offers(b"permessage-deflate; " + parameters)
        [problem] = problems_of_deflate(element, offer=offer)
        assert "RFC 7692 §7" in problem

    def test_client_max_window_bits_has_a_value_in_answers_only(self) -> None:
        [element] = offers(b"permessage-deflate; client_max_window_bits")
        assert problems_of_deflate(element, offer=True) == []
        assert problems_of_deflate(element, offer=False) != []

    @pytest.mark.parametrize(
        ("offered", "right", "wrong"),
        [
            (
                b"permessage-deflate",
                [b"", b"; server_max_window_bits=8", b"; client_no_context_takeover"],
                [b"; client_max_window_bits=15", b"; x"],
            ),
            (
                b"permessage-deflate; server_no_context_takeover",
                [b"; server_no_context_takeover"],
                [b"", b"; client_no_context_takeover"],
            ),
            (
                b"permessage-deflate; client_max_window_bits; server_max_window_bits=10",
                [b"; server_max_window_bits=10", b"; server_max_window_bits=8"],
                [b"", b"; server_max_window_bits=11", b"; client_max_window_bits=10"],
            ),
            (
                b"permessage-deflate; client_max_window_bits=10",
                [b"", b"; client_max_window_bits=9", b"; client_max_window_bits=11"],
                [],
            ),
            (
                b"permessage-deflate; server_max_window_bits=10, permessage-deflate",
                [b"; server_max_window_bits=10", b""],
                [b"; client_max_window_bits=10"],
            ),
            (b"permessage-deflate; x", [], [b""]),
            (b"x", [], [b""]),
        ],
    )
    def test_answers(self, offered: bytes, right: list[bytes], wrong: list[bytes]) -> None:
        for parameters in [*right, *wrong]:
            [agreed] = offers(b"permessage-deflate" + parameters)
            problems = problems_of_agreement(agreed, offers(offered))
            assert (problems == []) == (parameters in right), parameters

    @pytest.mark.parametrize(
        ("answer", "right"),
        [
            (b"a", True),
            (b"permessage-deflate", True),
            (b"a, permessage-deflate", True),
            (b"b", False),
            (b"permessage-deflate, permessage-deflate", False),
            (b"permessage-deflate; x", False),
        ],
    )
    def test_lists_of_answers(self, answer: bytes, right: bool) -> None:
        offered = offers(b"a, permessage-deflate")
        assert (problems_of_answer(offers(answer), offered) == []) == right
        assert (problems_of_extensions([answer], offered) == []) == right

    @pytest.mark.parametrize(
        ("offered", "answer", "count"),
        [
            (b"permessage-deflate", b"; server_max_window_bits=10", 1),
            (
                b"permessage-deflate; server_max_window_bits=12",
                b"; server_max_window_bits=10",
                0,
            ),
            (b"permessage-deflate; client_max_window_bits", b"; client_max_window_bits=10", 0),
            (b"permessage-deflate; client_max_window_bits=9", b"; client_max_window_bits=10", 1),
            (b"permessage-deflate; client_max_window_bits=11", b"; client_max_window_bits=10", 0),
        ],
    )
    def test_what_a_client_need_not_take(self, offered: bytes, answer: bytes, count: int) -> None:
        [agreed] = offers(b"permessage-deflate" + answer)
        assert len(unasked(agreed, offers(offered))) == count
