"""The interoperation matrix's judge and tables: what is wrong is found, and nothing else.

That they are right about real peers is for ``tests/integration/test_interop.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.interop import table
from tests.interop.__main__ import complaints, is_named, pairs, summary
from tests.interop.judging import OurView, digest, judge
from tests.interop.peer_api import SCENARIOS, Observation, Peer, Role, peers, proxies
from tests.interop.running import (
    OK,
    Outcome,
    Pair,
    ProgramFailed,
    Verdict,
    observation_from,
    view_from,
)
from tests.interop.scenarios import BY_NAME, PING, REFUSED, Scenario, thirds

# The judge ---------------------------------------------------------------------------------


def perfect(scenario: Scenario, peer: Role, *, deflate: bool) -> tuple[Observation, OurView]:
    """What both ends see if all is well."""
    extensions = "permessage-deflate" if deflate else ""
    received = [digest(message) for message in scenario.received]
    if scenario.refused:
        return (
            Observation(opened=False, status=REFUSED),
            OurView(path=scenario.path, refused=REFUSED),
        )
    we_serve = peer is Role.CLIENT
    fragments = scenario.fragments_sent if we_serve else scenario.fragments_received
    came = [digest(message) for message in scenario.sent] if we_serve else received
    we_close = scenario.client_closes is not we_serve
    code, reason = scenario.close
    return (
        Observation(
            opened=True,
            extensions=extensions,
            received=received,
            close=scenario.close,
            pong=PING.decode() if scenario.pings else None,
        ),
        OurView(
            path=scenario.path,
            extensions=extensions,
            received=came,
            data_frames_received=3 if fragments else len(came),
            pings_received=int(scenario.pings if we_serve else scenario.pinged),
            pongs_received=int(scenario.pinged if we_serve else scenario.pings),
            cause="closed",
            initiator="local" if we_close else "remote",
            code_sent=code,
            code_received=code,
            reason=reason,
        ),
    )


both_roles = pytest.mark.parametrize("peer", Role)
both_ways = pytest.mark.parametrize("deflate", [True, False], ids=["deflate", "plain"])
each_scenario = pytest.mark.parametrize("name", SCENARIOS)


@each_scenario
@both_roles
@both_ways
def test_perfect_observations_pass(name: str, peer: Role, deflate: bool) -> None:
    client, ours = perfect(BY_NAME[name], peer, deflate=deflate)
    assert judge(BY_NAME[name], deflate=deflate, client=client, ours=ours, peer=peer) == []


OTHER = digest("something else")

#: What can be wrong with what the client saw, and in which scenarios that can be.
WRONG_AT_CLIENT: Mapping[str, tuple[dict[str, Any], set[str]]] = {
    "not-opened": ({"opened": False, "status": 500}, {*SCENARIOS} - {"rejected"}),
    "opened": ({"opened": True}, {"rejected"}),
    "other-status": ({"status": 500}, {"rejected"}),
    "no-status": ({"status": None}, {"rejected"}),
    "nothing-received": (
        {"received": []},
        {"echo-small", "echo-empty", "echo-large", "fragmented", "from-fragments", "pinged"},
    ),
    "something-received": ({"received": [OTHER]}, {*SCENARIOS} - {"rejected"}),
    "no-close": ({"close": None}, {*SCENARIOS} - {"rejected"}),
    "other-code": ({"close": (1001, "")}, {*SCENARIOS} - {"rejected"}),
    "other-reason": ({"close": (3456, "too much")}, {"server-closes"}),
    "no-reason": ({"close": (3456, "")}, {"server-closes"}),
    "no-pong": ({"pong": None}, {"ping"}),
    "other-pong": ({"pong": "here"}, {"ping"}),
}
#: The same of our end, by the role of the peer too.
WRONG_AT_OURS: Mapping[str, tuple[dict[str, Any], set[str], set[Role]]] = {
    "other-path": ({"path": "/chat"}, {*SCENARIOS}, {*Role}),
    "not-refused": ({"refused": None}, {"rejected"}, {Role.CLIENT}),
    "refused": ({"refused": REFUSED}, {*SCENARIOS} - {"rejected"}, {Role.CLIENT}),
    "nothing-received": (
        {"received": []},
        {"echo-small", "echo-empty", "echo-large", "fragmented", "from-fragments"},
        {*Role},
    ),
    "something-received": ({"received": [OTHER]}, {*SCENARIOS} - {"rejected"}, {*Role}),
    "one-frame-from-client": ({"data_frames_received": 1}, {"fragmented"}, {Role.CLIENT}),
    "one-frame-from-server": ({"data_frames_received": 1}, {"from-fragments"}, {Role.SERVER}),
    "no-ping-from-client": ({"pings_received": 0}, {"ping"}, {Role.CLIENT}),
    "no-ping-from-server": ({"pings_received": 0}, {"pinged"}, {Role.SERVER}),
    "no-pong-from-client": ({"pongs_received": 0}, {"pinged"}, {Role.CLIENT}),
    "no-pong-from-server": ({"pongs_received": 0}, {"ping"}, {Role.SERVER}),
    "no-end": ({"cause": None}, {*SCENARIOS} - {"rejected"}, {*Role}),
    "lost": ({"cause": "lost"}, {*SCENARIOS} - {"rejected"}, {*Role}),
    "nobody-closed": ({"initiator": None}, {*SCENARIOS} - {"rejected"}, {*Role}),
    "no-code-sent": ({"code_sent": None}, {*SCENARIOS} - {"rejected"}, {*Role}),
    "other-code-sent": ({"code_sent": 1002}, {*SCENARIOS} - {"rejected"}, {*Role}),
    "no-code-received": ({"code_received": 1005}, {*SCENARIOS} - {"rejected"}, {*Role}),
    "other-code-received": ({"code_received": 1001}, {*SCENARIOS} - {"rejected"}, {*Role}),
    "other-reason": ({"reason": "because"}, {*SCENARIOS} - {"rejected"}, {*Role}),
}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [(name, wrong) for wrong, (_, where) in WRONG_AT_CLIENT.items() for name in sorted(where)],
)
@both_roles
def test_wrong_observation_of_client_fails(name: str, wrong: str, peer: Role) -> None:
    scenario, (changes, _) = BY_NAME[name], WRONG_AT_CLIENT[wrong]
    client, ours = perfect(scenario, peer, deflate=True)
    assert judge(scenario, deflate=True, client=replace(client, **changes), ours=ours, peer=peer)


@pytest.mark.parametrize(
    ("name", "wrong", "peer"),
    [
        (name, wrong, peer)
        for wrong, (_, where, roles) in WRONG_AT_OURS.items()
        for name in sorted(where)
        for peer in sorted(roles)
        # Over a server's refusal there is nothing that our client's session has seen.
        if (name, peer) != ("rejected", Role.SERVER)
    ],
)
def test_wrong_view_of_ours_fails(name: str, wrong: str, peer: Role) -> None:
    scenario, (changes, _, _) = BY_NAME[name], WRONG_AT_OURS[wrong]
    client, ours = perfect(scenario, peer, deflate=True)
    assert judge(scenario, deflate=True, client=client, ours=replace(ours, **changes), peer=peer)


@each_scenario
@both_roles
def test_initiator_is_judged(name: str, peer: Role) -> None:
    scenario = BY_NAME[name]
    client, ours = perfect(scenario, peer, deflate=True)
    other = {"local": "remote", "remote": "local", None: None}[ours.initiator]
    faults = judge(
        scenario, deflate=True, client=client, ours=replace(ours, initiator=other), peer=peer
    )
    assert bool(faults) is not scenario.refused


@each_scenario
@both_roles
@both_ways
@pytest.mark.parametrize("at", ["client", "ours"])
def test_extension_is_judged_at_both_ends(name: str, peer: Role, deflate: bool, at: str) -> None:
    """Not agreed on where it should be, and agreed on where it should not."""
    scenario = BY_NAME[name]
    client, ours = perfect(scenario, peer, deflate=deflate)
    other = "" if deflate else "permessage-deflate; client_no_context_takeover"
    if at == "client":
        client = replace(client, extensions=other)
    else:
        ours = replace(ours, extensions=other)
    faults = judge(scenario, deflate=deflate, client=client, ours=ours, peer=peer)
    assert bool(faults) is not scenario.refused


@each_scenario
@both_roles
def test_nothing_seen_by_ours_fails(name: str, peer: Role) -> None:
    """Unless a peer's server has refused our client, which has no session then."""
    scenario = BY_NAME[name]
    client, _ = perfect(scenario, peer, deflate=True)
    faults = judge(scenario, deflate=True, client=client, ours=None, peer=peer)
    assert bool(faults) is not (scenario.refused and peer is Role.SERVER)


@pytest.mark.parametrize(
    ("name", "field", "changes"),
    [
        ("rejected", "status", {"status": None}),
        ("echo-small", "extensions", {"extensions": None}),
        ("server-closes", "close", {"close": None}),
        ("client-closes", "answer", {"close": None}),
        ("ping", "pong", {"pong": None}),
    ],
)
def test_what_a_client_cannot_tell_is_not_judged(
    name: str, field: str, changes: dict[str, Any]
) -> None:
    scenario = BY_NAME[name]
    client, ours = perfect(scenario, Role.CLIENT, deflate=True)
    client = replace(client, **changes)

    def faults(*cannot_tell: str) -> list[str]:
        return judge(
            scenario,
            deflate=True,
            client=client,
            ours=ours,
            peer=Role.CLIENT,
            cannot_tell=cannot_tell,
        )

    assert faults()
    assert faults(field) == []
    assert faults(*({"status", "extensions", "close", "answer", "pong"} - {field, "close"}))


@pytest.mark.parametrize(
    ("name", "peer"), [("client-closes", Role.SERVER), ("server-closes", Role.CLIENT)]
)
def test_peer_that_answers_closes_with_1000_must_do_so(name: str, peer: Role) -> None:
    scenario = BY_NAME[name]
    client, ours = perfect(scenario, peer, deflate=True)

    def faults(client: Observation, ours: OurView) -> list[str]:
        return judge(scenario, deflate=True, client=client, ours=ours, peer=peer, answers_with=1000)

    assert faults(client, ours), "it echoes"
    ours = replace(ours, code_received=1000, reason="")
    if peer is Role.SERVER:
        client = replace(client, close=(1000, ""))
    assert faults(client, ours) == []
    assert faults(client, replace(ours, code_received=1001))


def test_answer_may_leave_out_the_reason() -> None:
    """RFC 6455 §5.5.1: the code is what is typically echoed."""
    scenario = BY_NAME["client-closes"]
    client, ours = perfect(scenario, Role.SERVER, deflate=True)
    client, ours = replace(client, close=(4001, "")), replace(ours, reason="")
    assert judge(scenario, deflate=True, client=client, ours=ours, peer=Role.SERVER) == []


def test_one_byte_makes_another_message() -> None:
    scenario = BY_NAME["echo-large"]
    client, ours = perfect(scenario, Role.CLIENT, deflate=True)
    text, binary = scenario.received
    assert isinstance(text, str)
    changed = [digest(text[:-1] + "g"), digest(binary)]
    (fault,) = judge(
        scenario,
        deflate=True,
        client=replace(client, received=changed),
        ours=ours,
        peer=Role.CLIENT,
    )
    assert "other bytes" in fault


def test_text_is_not_binary() -> None:
    assert digest("a") != digest(b"a")
    assert digest("é")[1] == 2


def test_thirds_are_three_and_all() -> None:
    for length in range(3, 30):
        pieces = thirds("x" * length)
        assert [*map(bool, pieces)] == [True] * 3
        assert "".join(pieces) == "x" * length


@each_scenario
@both_roles
def test_observations_survive_json(name: str, peer: Role) -> None:
    client, ours = perfect(BY_NAME[name], peer, deflate=True)
    client = replace(client, received=[*client.received])
    ours = replace(ours, received=[*ours.received])
    assert observation_from(json.dumps(asdict(client))) == client
    assert view_from(json.dumps(asdict(ours))) == ours


@pytest.mark.parametrize("line", ["{}", "[]", "{", '{"opened": true}', "1"])
def test_what_is_no_observation_is_the_programs_fault(line: str) -> None:
    with pytest.raises(ProgramFailed):
        observation_from(line)


# Peers -------------------------------------------------------------------------------------


def test_peers_speak_of_scenarios_that_there_are() -> None:
    fields = {"status", "extensions", "close", "answer", "pong"}
    for peer in peers():
        for by_role in (peer.cannot, peer.cannot_with_deflate, peer.faults_with_deflate):
            assert set(by_role) <= set(peer.roles), peer.name
            for by_scenario in by_role.values():
                assert set(by_scenario) <= set(SCENARIOS), peer.name
                assert all(by_scenario.values()), peer.name
        assert set(peer.cannot_deflate) <= set(peer.roles), peer.name
        assert set(peer.cannot_tell) <= fields, peer.name


def test_names_are_unique() -> None:
    names = [peer.name for peer in peers()] + [proxy.name for proxy in proxies()]
    assert len(set(names)) == len(names)
    ids = [pair.id for pair in pairs()]
    assert len(set(ids)) == len(ids)


class Fake(Peer):
    """A peer that is never run."""

    name = "fake"
    label = "Fake"
    cannot = {Role.SERVER: {"from-fragments": "no fragments"}}
    cannot_deflate = {Role.SERVER: "no deflate"}
    cannot_with_deflate = {Role.CLIENT: {"fragmented": "one frame"}}
    faults_with_deflate = {Role.CLIENT: {"pinged": "it is deaf"}}

    def version(self) -> str:
        return "1.0"


CLIENT, SERVER = Pair(Fake(), Role.CLIENT), Pair(Fake(), Role.SERVER)


def test_what_is_not_applicable() -> None:
    assert SERVER.not_applicable("from-fragments", deflate=False) == "no fragments"
    assert SERVER.not_applicable("from-fragments", deflate=True) == "no fragments"
    assert SERVER.not_applicable("ping", deflate=True) == "no deflate"
    assert SERVER.not_applicable("ping", deflate=False) is None
    assert CLIENT.not_applicable("fragmented", deflate=True) == "one frame"
    assert CLIENT.not_applicable("fragmented", deflate=False) is None


def test_pairs_are_named_by_peer_and_by_id() -> None:
    assert is_named(CLIENT, ["fake"])
    assert is_named(CLIENT, ["other", "fake-client"])
    assert not is_named(CLIENT, ["fake-server"])


# What is told ------------------------------------------------------------------------------

NOT_APPLICABLE = Outcome(Verdict.NOT_APPLICABLE, "no such thing")
FAILED = Outcome(Verdict.FAIL, "no pong came")


def outcomes(
    changed: Mapping[str, Mapping[bool, Outcome]] | None = None, *, deflate: Outcome = OK
) -> dict[str, Mapping[bool, Outcome]]:
    """All is ok, but for what is changed."""
    return {name: {True: deflate, False: OK} for name in SCENARIOS} | dict(changed or {})


def test_failures_are_complained_of() -> None:
    assert complaints(SERVER, outcomes()) == []
    (complaint,) = complaints(SERVER, outcomes({"ping": {True: OK, False: FAILED}}))
    assert complaint == "fake-server, ping, without permessage-deflate: no pong came"


def test_known_faults_are_not_complained_of_unless_they_are_gone() -> None:
    known = {"pinged": {True: FAILED, False: OK}}
    assert complaints(CLIENT, outcomes(known)) == []
    (complaint,) = complaints(CLIENT, outcomes())
    assert "it is ok" in complaint
    # Half of a scenario, as in the quick form, says nothing of the other half.
    assert complaints(CLIENT, outcomes({"pinged": {False: OK}})) == []
    (complaint,) = complaints(CLIENT, outcomes({"pinged": {False: FAILED}}))
    assert "without permessage-deflate: no pong came" in complaint
    # Another scenario's failure is not known.
    assert len(complaints(CLIENT, outcomes({**known, "ping": {True: FAILED}}))) == 1


def test_summary_counts_each_verdict() -> None:
    changed = {"ping": {True: FAILED, False: OK}, "pinged": {True: NOT_APPLICABLE, False: OK}}
    assert summary(outcomes(changed)) == "18 ok, 1 FAIL, 1 n/a"


def cells(text: str) -> list[str]:
    """The scenarios' cells of a table's only row."""
    return [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")][4:]


def test_row_shows_the_worse_half_and_why() -> None:
    changed = {
        "ping": {True: FAILED, False: OK},
        "pinged": {True: NOT_APPLICABLE, False: OK},
        "fragmented": {True: NOT_APPLICABLE, False: NOT_APPLICABLE},
    }
    notes = table.Notes()
    shown = cells(table.table([table.row_of(SERVER, outcomes(changed))], notes))
    found = dict(zip(SCENARIOS, shown, strict=True))
    assert found["ping"].startswith("FAIL [")
    assert found["pinged"].startswith("ok [")
    assert found["fragmented"].startswith("n/a [")
    assert {*shown} - {found["ping"], found["pinged"], found["fragmented"]} == {"ok"}
    assert "FAIL with permessage-deflate: no pong came." in notes.text()
    assert "n/a with permessage-deflate: no such thing." in notes.text()
    assert len(notes.numbers) == 3


def test_known_fault_is_told_in_place_of_what_was_seen() -> None:
    notes = table.Notes()
    row = table.row_of(CLIENT, outcomes({"pinged": {True: FAILED, False: OK}}))
    assert "FAIL [1](#note-1)" in table.table([row], notes)
    assert [*notes.numbers] == ["FAIL with permessage-deflate: it is deaf"]


def test_peer_without_deflate_is_said_to_be_so_once() -> None:
    notes = table.Notes()
    row = table.row_of(SERVER, outcomes(deflate=NOT_APPLICABLE))
    text = table.table([row], notes)
    assert cells(text) == ["ok"] * len(SCENARIOS)
    assert "| without [1](#note-1) |" in text
    assert table.score(row) == "10 of 10, no deflate"


def test_score_counts_scenarios() -> None:
    changed = {
        "ping": {True: FAILED, False: OK},
        "pinged": {True: NOT_APPLICABLE, False: OK},
        "fragmented": {True: NOT_APPLICABLE, False: NOT_APPLICABLE},
    }
    assert table.score(table.row_of(SERVER, outcomes(changed))) == "8 of 9"


def test_short_table_has_both_roles_in_a_line() -> None:
    rows = [table.row_of(pair, outcomes()) for pair in (CLIENT, SERVER)]
    assert table.short(rows).splitlines()[2:] == ["| Fake 1.0 | 10 of 10 | 10 of 10 |"]
    through = [
        replace(rows[0], role="proxy", label="Gate", client=client) for client in ("ours", "Fake")
    ]
    assert table.short([*rows, *through]).splitlines()[-1] == (
        "Through proxies, to our server: Gate 1.0: 10 of 10 with ours and 10 of 10 with Fake."
    )


class Taciturn(Fake):
    """A peer that does not tell everything."""

    cannot_tell = {"status": "it says no more than no", "extensions": "it keeps them"}
    answers_close_with = 1000


def test_what_is_not_judged_is_said() -> None:
    notes = table.Notes()
    client, server = (Pair(Taciturn(), role) for role in (Role.CLIENT, Role.SERVER))
    rows = [table.row_of(pair, outcomes()) for pair in (client, server)]
    assert set(rows[0].remarks) == {"rejected", "deflate", "server-closes"}
    assert set(rows[1].remarks) == {"client-closes"}
    shown = cells(table.table(rows, notes))
    assert [name for name, cell in zip(SCENARIOS, shown, strict=True) if "[" in cell] == [
        "server-closes",
        "rejected",
    ]
    assert "As our server saw it: it says no more than no." in notes.text()


def test_record_survives_writing(tmp_path: Path) -> None:
    rows = [
        table.row_of(pair, outcomes({"ping": {True: FAILED, False: OK}}))
        for pair in (CLIENT, SERVER)
    ]
    table.write_record(rows, tmp_path / "record.json")
    assert [*table.read_record(tmp_path / "record.json").values()] == rows
    assert table.read_record(tmp_path / "none.json") == {}


def test_other_rows_are_kept() -> None:
    old, server = (table.row_of(pair, outcomes()) for pair in (CLIENT, SERVER))
    new = replace(old, version="2.0")
    kept = table.merged(
        {"fake-client": old, "fake-server": server, "gone": old},
        [new],
        ["fake-server", "fake-client"],
    )
    assert kept == [server, new]


def test_text_is_put_between_markers(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(f"before\n{table.BEGIN}old\n{table.END}after\n")
    assert table.put("new\n", file)
    assert file.read_text() == f"before\n{table.BEGIN}new\n{table.END}after\n"
    file.write_text("without\n")
    assert not table.put("new\n", file)
    assert file.read_text() == "without\n"


# What is written ---------------------------------------------------------------------------


def test_page_is_what_the_record_says() -> None:
    rows = [*table.read_record().values()]
    assert table.PAGE.read_text(encoding="utf-8") == table.page(rows), (
        "run python -m tests.interop --write"
    )


def test_readme_is_what_the_record_says() -> None:
    text = table.README.read_text(encoding="utf-8")
    if table.BEGIN in text:
        assert table.BEGIN in text
        between = text.partition(table.BEGIN)[2].partition(table.END)[0]
        assert between == table.short([*table.read_record().values()])


def test_every_pair_is_recorded() -> None:
    assert [*table.read_record()] == [pair.id for pair in pairs()]


def test_recorded_failures_are_the_peers_own() -> None:
    """Each is known, with its reason."""
    known = {pair.id: pair for pair in pairs()}
    for row in table.read_record().values():
        for name, halves in row.cells.items():
            for half, (verdict, why) in halves.items():
                if verdict == "FAIL":
                    fault = known[row.id].known_fault(name, half == "deflate")
                    assert why == fault, (row.id, name, half)
