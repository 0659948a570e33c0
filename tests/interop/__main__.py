"""``python -m tests.interop``: run the matrix, and say what came of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping

from . import table
from .peer_api import SCENARIOS, Role, Transport, peers, proxies
from .proxies import Haproxy
from .running import Deflate, Outcome, Pair, ProgramFailed, Runner, Verdict

#: The peer that goes through proxies, besides our own client.
THROUGH_PROXIES = "websockets"


def pairs() -> list[Pair]:
    """Every pair there is, in the order of the table."""
    return list(_pairs())


def _pairs() -> Iterator[Pair]:
    found = {peer.name: peer for peer in peers()}
    for peer in found.values():
        if Role.CLIENT in peer.roles:
            for transport in peer.transports:
                yield Pair(peer, Role.CLIENT, transport)
        if Role.SERVER in peer.roles:
            for transport in peer.server_transports:
                yield Pair(peer, Role.SERVER, transport)
    for proxy in proxies():
        yield Pair(None, Role.CLIENT, Transport.WS, proxy)
        yield Pair(found[THROUGH_PROXIES], Role.CLIENT, Transport.WS, proxy)
    to_http2 = Haproxy(http2=True)
    yield Pair(None, Role.CLIENT, Transport.WS_H2, to_http2)
    yield Pair(found[THROUGH_PROXIES], Role.CLIENT, Transport.WS_H2, to_http2)


def is_named(pair: Pair, names: list[str]) -> bool:
    """Whether ``--only`` with *names* means it: by its id, its peer or its proxy."""
    own = {pair.id, pair.peer and pair.peer.name, pair.proxy and pair.proxy.name}
    return any(name in own for name in names)


def complaints(pair: Pair, outcomes: Mapping[str, Mapping[Deflate, Outcome]]) -> list[str]:
    """What is not as it should be: failures of which nothing is known, and known ones that
    are no more.
    """
    found: list[str] = []
    for name, by_deflate in outcomes.items():
        for deflate, outcome in by_deflate.items():
            known = pair.known_fault(name, deflate)
            where = f"{pair.id}, {name}, {'with' if deflate else 'without'} permessage-deflate"
            if outcome.verdict is Verdict.FAIL and known is None:
                found.append(f"{where}: {outcome.why}")
            elif outcome.verdict is Verdict.OK and known is not None:
                found.append(f"{where}: it is ok, though a fault is known: {known}")
    return found


def summary(outcomes: Mapping[str, Mapping[Deflate, Outcome]]) -> str:
    """A line's worth."""
    all_of_them = [each for by_deflate in outcomes.values() for each in by_deflate.values()]
    counts = dict.fromkeys(Verdict, 0)
    for outcome in all_of_them:
        counts[outcome.verdict] += 1
    return ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)


def main() -> None:
    """Run the pairs."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="each scenario with deflate or without, in turns"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these peers, proxies or pairs")
    parser.add_argument("--scenario", nargs="+", choices=SCENARIOS, default=SCENARIOS)
    parser.add_argument(
        "--write",
        action="store_true",
        help="into docs/interop.json and .md, and between README.md's markers",
    )
    parser.add_argument("--list", action="store_true", help="the pairs, and what they need")
    arguments = parser.parse_args()
    if arguments.write and (arguments.quick or tuple(arguments.scenario) != SCENARIOS):
        parser.error("--write needs all scenarios, both ways")
    everything = pairs()
    chosen = [pair for pair in everything if not arguments.only or is_named(pair, arguments.only)]
    if not chosen:
        parser.error(f"no such pair: {' '.join(arguments.only)}")
    if arguments.list:
        for pair in chosen:
            print(pair.id, f"needs: {missing}" if (missing := pair.missing()) else "")
        return

    rows: list[table.Row] = []
    found: list[str] = []
    with Runner() as runner:
        for pair in chosen:
            if missing := pair.missing():
                found.append(f"{pair.id} was left out: it needs {missing}")
                print(f"{pair.id}: left out", flush=True)
                continue
            begun = time.monotonic()
            try:
                outcomes = runner.run(pair, arguments.scenario, quick=arguments.quick)
            except ProgramFailed as exc:
                found.append(f"{pair.id}: {exc}")
                print(f"{pair.id}: not built", flush=True)
                continue
            seconds = time.monotonic() - begun
            print(f"{pair.id}: {summary(outcomes)} ({seconds:.0f} s)", flush=True)
            found += complaints(pair, outcomes)
            if arguments.write:
                rows.append(table.row_of(pair, outcomes))
    if arguments.write:
        order = [pair.id for pair in everything]
        record = table.merged(table.read_record(), rows, order)
        table.write_record(record)
        table.PAGE.write_text(table.page(record), encoding="utf-8")
        if not table.put(table.short(record)):
            print("README.md has no markers for the table", file=sys.stderr)
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
