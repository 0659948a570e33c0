"""The conformance kit on other implementations: it finds what is known to be wrong with them.

And that what the README says of them is what comes out with the versions that are installed: all
of it for what is run by an adapter, a sample for what is reached through sockets, where the whole
takes minutes (``python -m docs.peers_table`` runs it). Where another version is installed than
the one recorded in ``docs/peers.json``, or no node, the test is skipped, and says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pytest

from docs import peers_faults, peers_table
from docs.peers_faults.fault import Fault, expand
from docs.peers_table import BEGIN, END, PAGE, PEERS, README
from tests.peers import programs
from wsproto_core.testing.adapter import Adapter
from wsproto_core.testing.cases import Case, Level, Receive
from wsproto_core.testing.catalogue import catalogue, select
from wsproto_core.testing.chunking import WHOLE
from wsproto_core.testing.frames import TEXT, Frame
from wsproto_core.testing.judging import Verdict
from wsproto_core.testing.outcomes import Failed
from wsproto_core.testing.runner import Result, judge, player_of, run
from wsproto_core.testing.settings import Deflate, Open

pytestmark = pytest.mark.integration

ADAPTERS: Final = {
    "wsproto": "tests.peers.wsproto_adapter:WsprotoAdapter",
    "websockets-sansio": "tests.peers.websockets_adapter:SansIOAdapter",
    "websockets": "tests.peers.websockets_adapter:AssemblingAdapter",
    "aiohttp": "tests.peers.aiohttp_adapter:AiohttpAdapter",
}
#: What is run again on what is reached through sockets.
SAMPLE: Final = ("opening/*", "control/*", "framing/opcode-*", "masking/*")

needs_node = pytest.mark.skipif(
    not programs.has_node(), reason="node and npm are not installed: the package ws is not run"
)

KEY: Final = b"kit!"


@pytest.fixture(scope="module")
def adapters() -> Iterator[dict[str, Adapter]]:
    """One of each, closed in the end."""
    with ExitStack() as stack:
        made: dict[str, Any] = {}
        for name, spec in ADAPTERS.items():
            module, _, attribute = spec.partition(":")
            made[name] = getattr(import_module(module), attribute)()
            if hasattr(made[name], "close"):
                stack.callback(made[name].close)
        yield made


def same_version(name: str, found: str) -> None:
    """Skip if another version is recorded."""
    recorded = peers_table.read_record()[name]["version"]
    if found != recorded:
        pytest.skip(f"{name} {found} is installed, {recorded} is recorded in docs/peers.json")


# What is known to be wrong -----------------------------------------------------------------

#: In words, and the case that shows it.
KNOWN: Final = {
    "wsproto": {
        "a Ping between compressed fragments corrupts the message": "compression/fragments-ping",
        "a block with BFINAL set breaks what follows": "compression/fragments-bfinal-single-bytes",
        "a client accepts parameters that it has not offered": "negotiation/bad-undefined",
        "a server agrees to parameters twice": "negotiation/declined-server-takeover-twice",
        "quoted values raise": "negotiation/quoted",
        "windows of 8 bits raise": "negotiation/server-bits-8",
        "UnicodeDecodeError escapes": "opening/host-latin",
        "IndexError escapes": "negotiation/bad-server-bits-none",
        "HTTP/1.0 is accepted": "opening/http-1.0",
        "any key is accepted": "opening/key-15-bytes",
        "two keys are accepted": "opening/key-twice",
        "two versions are accepted": "opening/version-twice-same",
        "100 before 101 is a rejection": "opening/continue-first",
        "103 before 101 is a rejection": "opening/early-hints-first",
        "a list in Upgrade is refused": "opening/upgrade-list",
        "a large field is accepted": "opening/large-field",
        "frames behind the request are lost": "opening/frames-behind",
        "no Pong in LOCAL_CLOSING": "control/ping-after-our-close",
        "close codes are not checked when sent": "sending/close-999",
        "1014 is refused": "closing/code-1014",
        "no limit on lengths": "attacks/length-2-62",
        "empty fragments without end": "attacks/flood-empty-fragments",
    },
    "websockets-sansio": {
        "text is not checked": "text/lone-80",
        "lengths that are not minimal are accepted": "framing/length-not-minimal-text-2",
        "reserved bits are judged behind the payload": "framing/at-once-rsv2",
        "control frames are judged behind the payload": "framing/at-once-long-ping",
        "empty fragments without end": "attacks/flood-empty-fragments",
        "a block with BFINAL set breaks what follows": "compression/fragments-bfinal-single-bytes",
        "a Close frame within a message is refused": "closing/in-text",
        "a Pong is sent before the response": "opening/frames-behind",
        "a request without Host is accepted": "opening/host-missing",
    },
}
FAULTS: Final = [
    pytest.param(name, case, id=f"{name}: {fault}")
    for name, faults in KNOWN.items()
    for fault, case in faults.items()
]


@pytest.mark.parametrize(("name", "pattern"), FAULTS)
def test_known_fault_is_found(adapters: dict[str, Adapter], name: str, pattern: str) -> None:
    adapter = adapters[name]
    same_version(name, adapter.version)
    cases = select([f"{pattern}@*"])
    assert cases, "no such case"
    verdicts = {case.id: run(case, player_of(adapter)).verdict for case in cases}
    assert Verdict.FAIL in verdicts.values(), verdicts


@pytest.mark.parametrize(("name", "pattern"), FAULTS)
def test_engine_has_it_right(name: str, pattern: str) -> None:
    assert {run_on_engine(case).verdict for case in select([f"{pattern}@*"])} == {Verdict.PASS}


@cache
def engine() -> Adapter:
    """Ours."""
    from wsproto_core.testing.engine import EngineAdapter

    return EngineAdapter()


def run_on_engine(case: Case) -> Result:
    """What comes of it on ours."""
    return run(case, player_of(engine()))


def deflated(size: int) -> bytes:
    """The payload of a message of *size* zeros."""
    compressor = zlib.compressobj(9, wbits=-15)
    return (compressor.compress(bytes(size)) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def frames(*parts: tuple[int, int, bytes, bool]) -> Receive:
    """What a client sends, of opcode, reserved bits, payload and FIN."""
    return Receive(
        b"".join(
            Frame(opcode, payload, fin=fin, rsv=rsv, masking_key=KEY).encode()
            for opcode, rsv, payload, fin in parts
        )
    )


def test_unbounded_inflation_is_found(adapters: dict[str, Adapter]) -> None:
    """The catalogue's bombs are skipped on wsproto, which can be given no limit; but one is there
    in the end: what no receiver takes by default, 64 MiB from 65 KB.
    """
    same_version("wsproto", adapters["wsproto"].version)
    case = Case(
        "peers/bomb",
        "64 MiB and one more, in 65 KB",
        Open("server", Deflate()),
        (frames((TEXT, 4, deflated(64 * 1024 * 1024 + 1), True)),),
        (Failed(1009),),
        (),
        level=Level.POLICY,
        note="No receiver should inflate without a limit.",
    )
    found = {
        adapter.name: judge(case, player_of(adapter)(case, WHOLE)).verdict
        for adapter in (adapters["wsproto"], engine())
    }
    assert found == {"wsproto": Verdict.FAIL, "wsproto_core": Verdict.PASS}


# What the README says ----------------------------------------------------------------------


def test_there_are_ten_distinct_faults() -> None:
    assert len({case for faults in KNOWN.values() for case in faults.values()}) >= 10


@pytest.mark.parametrize("name", ADAPTERS)
def test_recorded_results(adapters: dict[str, Adapter], name: str) -> None:
    adapter = adapters[name]
    same_version(name, adapter.version)
    results = [run(case, player_of(adapter)) for case in catalogue()]
    now = peers_table.record_of(results, adapter.version)
    assert peers_table.differences(peers_table.read_record()[name], now) == []


@pytest.mark.parametrize("name", ["picows", "tornado"])
def test_recorded_results_of_server(name: str) -> None:
    same_version(name, version(name))
    compare_sample(name)


@needs_node
def test_recorded_results_of_ws() -> None:
    same_version("ws", programs.WS_VERSION)
    compare_sample("ws")


def compare_sample(name: str) -> None:
    """That just those cases of the sample fail which did.

    Only those: whether what a server sent before it dropped the connection arrives is TCP's
    business, and makes a case non-strict or not. What differs is run once more, by itself: on a
    machine that has other work a program may answer too late.
    """
    sample = select(SAMPLE)
    recorded = {*peers_table.read_record()[name]["FAIL"]} & {case.id for case in sample}
    found = {*peers_table.run_peer(name, sample)["FAIL"]}
    if differ := found ^ recorded:
        again = [case for case in sample if case.id in differ]
        found = (found - differ) | {*peers_table.run_peer(name, again)["FAIL"]}
    assert sorted(found) == sorted(recorded)
    assert recorded


def test_recorded_results_are_ours_alone_without_fault() -> None:
    entry = peers_table.read_record()["wsproto_core"]
    assert (entry["FAIL"], entry["NON_STRICT"], entry["SKIPPED"]) == ([], [], [])


@pytest.mark.parametrize("name", PEERS)
def test_each_failed_case_is_explained(name: str) -> None:
    entry = peers_table.read_record()[name]
    assert (peers_table.unexplained(name, entry), peers_table.unfounded(name, entry)) == ([], [])


def test_readme_says_what_is_recorded() -> None:
    section = README.read_text().partition(BEGIN)[2].partition(END)[0]
    assert section == peers_table.section(peers_table.read_record())


def test_page_says_what_is_recorded() -> None:
    assert PAGE.read_text() == peers_table.page(peers_table.read_record())


def test_names_of_several_cases() -> None:
    assert expand("a/b-{c,d-e}@*") == [
        "a/b-c@server",
        "a/b-c@client",
        "a/b-d-e@server",
        "a/b-d-e@client",
    ]
    assert expand("a/b@client") == ["a/b@client"]


def test_a_fault_explains_no_case_that_it_does_not_name() -> None:
    fault = Fault("a fault", ("a/b-{c,d}@server",), nearly=("a/*",))
    assert fault.shown_by(["a/b-d@server", "a/b-e@server"], ["a/f@client", "b/a@client"]) == [
        "a/b-d@server",
        "a/f@client",
    ]


def test_what_is_said_and_not_shown_is_a_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault("a fault", ("text/lone-{80,bf}@server",))
    monkeypatch.setitem(peers_faults.FAULTS, "wsproto", (fault,))
    entry = {"FAIL": ["text/lone-80@server", "text/other@server"], "NON_STRICT": []}
    assert peers_table.unexplained("wsproto", entry) == ["text/other@server"]
    assert peers_table.unfounded("wsproto", entry) == ["text/lone-bf@server"]
    nothing: dict[str, list[str]] = {"FAIL": [], "NON_STRICT": []}
    assert peers_table.unfounded("wsproto", nothing)[0] == "a fault"


# The clients, over sockets -----------------------------------------------------------------


@pytest.mark.parametrize("client", ["websockets_client", "aiohttp_client"])
def test_client_goes_through_the_cases(client: str) -> None:
    cases: Sequence[Case] = select(["control/ping-*@client", "fragmentation/two*@client"])
    results = peers_table.client_results(programs.python_program(client), cases)
    found = {result.verdict for result in results}
    assert Verdict.PASS in found
    assert Verdict.FAIL not in found, [r.case.id for r in results if r.verdict is Verdict.FAIL]


@needs_node
def test_ws_client_goes_through_the_cases(tmp_path: Path) -> None:
    programs.install_ws(tmp_path)
    cases = select(["control/ping-*@client"])
    results = peers_table.client_results(programs.node_program("ws_client.js"), cases, npm=tmp_path)
    assert Verdict.PASS in {result.verdict for result in results}
