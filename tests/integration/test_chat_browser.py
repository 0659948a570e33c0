"""The page of the example chat in a real browser: Chromium, headless."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from .test_chat import TIMEOUT, ChatServer

try:
    from playwright.sync_api import (
        Browser,
        ConsoleMessage,
        Dialog,
        Page,
        Request,
        expect,
        sync_playwright,
    )
except ModuleNotFoundError:
    sync_playwright = None  # type: ignore[assignment]

pytestmark = pytest.mark.browser

#: Debian's package, which needs no download; without a sandbox, for containers have none.
CHROMIUM = "chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

MILLISECONDS = TIMEOUT * 1000

Open = Callable[..., "Page"]


def missing(what: str) -> NoReturn:
    """No browser: an excuse on somebody's machine, a failure where it was to be tested."""
    if os.environ.get("CI"):
        pytest.fail(f"the browser tests need {what}")
    pytest.skip(f"needs {what}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if sync_playwright is None:
        missing("the package playwright (pip install playwright)")
    path = shutil.which(CHROMIUM)
    if path is None:
        missing("Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        expect.set_options(timeout=MILLISECONDS)
        browser = playwright.chromium.launch(
            executable_path=path, args=ARGUMENTS, headless=True, timeout=MILLISECONDS
        )
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[ChatServer]:
    server = ChatServer()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def tab(browser: Browser, server: ChatServer) -> Iterator[Open]:
    """Opens tabs, each of a browser's user of its own, and joins a room there.

    A test fails if a page throws, is refused something by its security policy, opens a
    dialog (as injected scripts do here), or asks anybody but the server.
    """
    faults: list[str] = []
    contexts = []

    def watch(page: Page) -> None:
        def log(message: ConsoleMessage) -> None:
            if "Content Security Policy" in message.text:
                faults.append(message.text)

        def ask(request: Request) -> None:
            if not request.url.startswith((server.url, "data:")):
                faults.append(request.url)

        def refuse(dialog: Dialog) -> None:
            faults.append(dialog.message)
            dialog.dismiss()

        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", refuse)
        page.on("console", log)
        page.on("request", ask)

    def tab(name: str, room: str = "lobby", **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(MILLISECONDS)
        page = context.new_page()
        watch(page)
        page.goto(server.url)
        page.get_by_label("Your name").fill(name)
        page.get_by_label("Room").fill(room)
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("status")).to_have_text("connected")
        return page

    yield tab
    for context in contexts:
        context.close()
    assert faults == []


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send").click()


def last(page: Page) -> Any:
    """The last message."""
    return page.get_by_role("log").locator(".message").last


def people(page: Page) -> Any:
    return page.get_by_role("list", name="Here").get_by_role("listitem")


def test_two_tabs_talk(tab: Open) -> None:
    ann, bob = tab("ann"), tab("bob")
    say(ann, "Hello Bob!")
    expect(last(bob)).to_contain_text("Hello Bob!")
    expect(last(bob).locator("b")).to_have_text("ann")
    say(bob, "Hello Ann!")
    for page in (ann, bob):
        expect(last(page)).to_contain_text("Hello Ann!")
        expect(page.get_by_role("log").locator(".message")).to_have_count(2)
    expect(ann.get_by_label("Message", exact=True)).to_have_value("")
    # A newcomer sees what was said.
    expect(tab("cyd").get_by_role("log").locator(".text")).to_have_text(
        ["Hello Bob!", "Hello Ann!"]
    )


def test_who_is_here(tab: Open) -> None:
    ann = tab("ann")
    expect(people(ann)).to_have_text(["ann (you)"])
    bob = tab("bob")
    tab("elsewhere", room="attic")
    expect(people(ann)).to_have_text(["ann (you)", "bob"])
    expect(people(bob)).to_have_text(["ann", "bob (you)"])
    expect(ann.get_by_role("log")).to_contain_text("bob is here")
    bob.get_by_role("button", name="Leave").click()
    expect(people(ann)).to_have_text(["ann (you)"])
    expect(ann.get_by_role("log")).to_contain_text("bob has left")
    expect(bob.get_by_role("button", name="Join")).to_be_visible()


def test_closed_tab_leaves(tab: Open) -> None:
    ann, bob = tab("ann"), tab("bob")
    expect(people(ann)).to_have_text(["ann (you)", "bob"])
    bob.close()
    expect(people(ann)).to_have_text(["ann (you)"])


def test_taken_name(tab: Open) -> None:
    tab("ann")
    again = tab("ann")
    expect(people(again)).to_have_text(["ann", "ann-2 (you)"])
    expect(again.get_by_role("log")).to_contain_text("You are ann-2 here.")


@pytest.mark.parametrize(
    "text",
    ["<b>bold</b>", "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "&lt;i&gt;"],
)
def test_markup_is_shown_as_text(tab: Open, text: str) -> None:
    ann, bob = tab(text), tab("bob", room="<b>room</b>")
    expect(people(ann)).to_have_text([f"{text[:32]} (you)"])
    expect(bob.locator("#room")).to_have_text("<b>room</b>")
    say(ann, text)
    expect(last(ann).locator(".text")).to_have_text(text)
    assert last(ann).locator(".text").evaluate("element => element.childElementCount") == 0


def test_reconnects_after_the_server_has_restarted(server: ChatServer, tab: Open) -> None:
    ann, bob = tab("ann"), tab("bob")
    say(ann, "before")
    expect(last(bob)).to_contain_text("before")
    server.process.terminate()
    assert server.exit_status() == 0
    for page in (ann, bob):
        expect(page.get_by_role("status")).to_have_text(re.compile("reconnecting in .* s"))
        expect(page.get_by_role("button", name="Send")).to_be_disabled()
        expect(people(page)).to_have_count(0)
    again = ChatServer(server.port)
    try:
        for page in (ann, bob):
            expect(page.get_by_role("status")).to_have_text("connected")
        expect(people(ann)).to_have_text(["ann (you)", "bob"])
        expect(people(bob)).to_have_text(["ann", "bob (you)"])
        say(bob, "after")
        expect(ann.get_by_role("log").locator(".text")).to_have_text(["before", "after"])
    finally:
        again.stop()


def test_history_is_not_shown_twice(tab: Open) -> None:
    ann, bob = tab("ann"), tab("bob")
    say(ann, "once")
    expect(last(bob)).to_contain_text("once")
    bob.evaluate("socket.close(4000)")
    expect(bob.get_by_role("status")).to_have_text(re.compile("reconnecting"))
    say(ann, "missed")
    expect(bob.get_by_role("log").locator(".text")).to_have_text(["once", "missed"])


def test_room_is_in_the_address(server: ChatServer, tab: Open) -> None:
    ann = tab("ann", room="a & b")
    assert ann.url == f"{server.url}?room=a+%26+b"
    ann.goto(ann.url)
    expect(ann.get_by_label("Room")).to_have_value("a & b")
    expect(ann.get_by_label("Your name")).to_have_value("ann")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 360])
def test_fits_the_window(tab: Open, scheme: str, width: int) -> None:
    page = tab("ann", color_scheme=scheme, viewport={"width": width, "height": 640})
    for number in range(30):
        say(page, f"{number} " + "long" * 20 * (number % 3))
    expect(page.get_by_role("log").locator(".message")).to_have_count(30)
    expect(last(page)).to_be_in_viewport()
    expect(page.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.get_by_role("log").evaluate("log => log.scrollWidth <= log.clientWidth")
