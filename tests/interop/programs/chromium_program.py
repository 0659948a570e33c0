"""Chromium's WebSocket: ``python -m tests.interop.programs.chromium_program``.

A page cannot ask for no compression: that is up to the server. Over HTTP/2 the page is
fetched from the server first, for Chromium opens a WebSocket by extended CONNECT only on a
connection that it has already, and whose settings allow it (RFC 8441 §3).
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.interop import peers
from tests.interop.judging import digest
from tests.interop.peer_api import Observation
from tests.interop.scenarios import BY_NAME, Message

#: Without a sandbox, for containers have none; the certificate is the test's own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
]


def for_page(message: Message) -> dict[str, str]:
    """As browser_api.js wants it."""
    return {"text": message} if isinstance(message, str) else {"bytes": message.decode("latin-1")}


def from_page(kind: str, data: str) -> Message:
    """As browser_api.js gives it."""
    return data if kind == "text" else data.encode("latin-1")


def go_through(browser: Browser, url: str, name: str) -> Observation:
    """Go through a scenario, as another user than before."""
    scenario = BY_NAME[name]
    script = Path(peers.__file__).with_name("browser_api.js").read_text()
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        if url.startswith("wss:"):
            page.goto(url.replace("wss:", "https:", 1))
        seen: dict[str, Any] = page.evaluate(
            f"(given) => {{ {script}; return observe(...given); }}",
            [
                url + scenario.path,
                [for_page(message) for message in scenario.sent],
                len(scenario.received),
                scenario.close,
                scenario.client_closes,
            ],
        )
    seen["received"] = [digest(from_page(*message)) for message in seen["received"]]
    return Observation(**seen)


def main() -> None:
    """Go through the scenarios that standard input names: a URL and a name a line."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS, headless=True
        )
        for line in sys.stdin:
            seen = go_through(browser, *line.split())
            print(json.dumps(asdict(seen)), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
