"""The conformance kit's page of results in a real browser: Chromium, headless."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.report_examples import CASES, MARKUP, Broken
from tests.test_testing_reports import record
from wsproto_core.testing.engine import EngineAdapter
from wsproto_core.testing.report_html import to_html

from .test_chat_browser import browser

try:
    from playwright.sync_api import expect
except ModuleNotFoundError:
    expect = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Locator, Page, Request

__all__ = ["browser"]  # a fixture

pytestmark = pytest.mark.browser

Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    file: Path = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(to_html(record(EngineAdapter(), Broken())), encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Open]:
    """Opens the page. A test fails if it throws, is refused something by its own policy, opens
    a dialog (as injected scripts do here), or asks anybody for anything.
    """
    faults: list[str] = []
    contexts = []

    def refuse(dialog: Dialog) -> None:
        faults.append(dialog.message)
        dialog.dismiss()

    def ask(request: Request) -> None:
        if not request.url.startswith(address):
            faults.append(request.url)

    def open_page(fragment: str = "", **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text))
        page.on("dialog", refuse)
        page.on("request", ask)
        page.goto(address + fragment)
        expect(page.get_by_role("status")).to_contain_text("of 7 cases")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def shown(page: Page) -> list[str]:
    """The ids of the cases that are shown."""
    return page.locator("tr.case:visible .open").all_inner_texts()


def detail(page: Page) -> Locator:
    return page.get_by_role("dialog")


def cell(page: Page, identity: str, which: int) -> Locator:
    row = page.get_by_role("row").filter(has=page.get_by_role("button", name=identity, exact=True))
    return row.get_by_role("button").nth(1 + which)


def test_table(page: Open) -> None:
    opened = page()
    assert shown(opened) == [case.id for case in CASES]
    heads = opened.get_by_role("columnheader")
    expect(heads).to_have_count(4)
    expect(heads.nth(2)).to_contain_text("wsproto_core")
    expect(heads.nth(3)).to_contain_text("1 pass, 1 skipped, 5 fail")
    assert opened.locator("th[scope=row]").count() == len(CASES)
    expect(cell(opened, "framing/good@server", 0)).to_have_text("✓pass")
    expect(cell(opened, "framing/rsv2@server", 1)).to_have_text("✗fail")
    expect(cell(opened, "control/ping@server", 1)).to_have_text("✗fail (POLICY)")
    expect(cell(opened, "opening/version@server", 1)).to_contain_text("skipped")


def test_filters(page: Open) -> None:
    opened = page()
    status = opened.get_by_role("status")

    def choose(label: str, value: str) -> None:
        opened.get_by_role("combobox", name=label).select_option(label=value)

    choose("Verdict", "fail")
    assert shown(opened) == [case.id for case in (*CASES[1:5], CASES[6])]
    expect(status).to_contain_text("5 of 7 cases. wsproto_core")
    expect(status).to_contain_text("5 fail.")
    expect(opened.get_by_role("columnheader").nth(2)).to_contain_text("5 pass")
    choose("Section", "text")
    assert shown(opened) == ["text/invalid@server", "text/split@server"]
    choose("Section", "any")
    choose("Role", "client")
    assert shown(opened) == ["sending/text@client"]
    opened.get_by_role("button", name="Show all").click()
    expect(status).to_contain_text("7 of 7 cases")
    choose("Level", "SHOULD")
    assert shown(opened) == ["opening/version@server"]
    choose("Level", "any")
    choose("Verdict", "implementations differ")
    assert "framing/good@server" not in shown(opened)
    assert len(shown(opened)) == 6
    choose("Verdict", "any")
    # Of titles, of the RFCs' sections, and of what was seen.
    for words, found in [
        ("rsv2 SET", ["framing/rsv2@server"]),
        ("§8.1 ping", ["text/split@server"]),
        ("another word", ["text/invalid@server", "text/split@server"]),
    ]:
        opened.get_by_role("searchbox").fill(words)
        assert shown(opened) == found
    opened.get_by_role("searchbox").fill("nothing like it")
    assert shown(opened) == []
    expect(opened.get_by_text("No case is like that.")).to_be_visible()


def test_detail_by_mouse(page: Open) -> None:
    opened = page()
    cell(opened, "framing/rsv2@server", 1).click()
    box = detail(opened)
    expect(box).to_be_visible()
    expect(box.get_by_role("heading", level=2)).to_have_text("a text frame with RSV2 set")
    expect(box).to_contain_text("TEXT FIN RSV2, masked")
    expect(box).to_contain_text("failure 1002")
    expect(box).to_contain_text("RFC 6455 §5.2, MUST")
    expect(box).to_contain_text("CVE-0000-0000 (nobody)")
    # What was asked for is open, the other one is not.
    assert box.locator("details").evaluate_all("all => all.map(each => each.open)") == [False, True]
    assert opened.url.endswith("#framing/rsv2@server")
    box.get_by_role("button", name="Close").click()
    expect(box).not_to_be_visible()
    expect(cell(opened, "framing/rsv2@server", 1)).to_be_focused()
    assert "#" not in opened.url


def test_detail_by_keyboard(page: Open) -> None:
    opened = page()
    button = opened.get_by_role("button", name="framing/good@server", exact=True)
    button.focus()
    opened.keyboard.press("Enter")
    box = detail(opened)
    heading = box.get_by_role("heading", level=2)
    expect(heading).to_have_text("a text frame")
    expect(box).to_contain_text("The peer ends the transport.")
    expect(box.get_by_role("button", name="Case before")).to_be_disabled()
    opened.keyboard.press("ArrowRight")
    expect(heading).to_have_text("a text frame with RSV2 set")
    opened.keyboard.press("ArrowLeft")
    expect(heading).to_have_text("a text frame")
    opened.keyboard.press("Escape")
    expect(box).not_to_be_visible()
    expect(button).to_be_focused()


def test_next_case_is_one_that_the_filter_leaves(page: Open) -> None:
    opened = page()
    opened.get_by_role("combobox", name="Section").select_option("text")
    opened.get_by_role("button", name="text/invalid@server", exact=True).click()
    detail(opened).get_by_role("button", name="Case after").click()
    expect(detail(opened).locator("#detail-id")).to_have_text("text/split@server")
    expect(detail(opened).get_by_role("button", name="Case after")).to_be_disabled()
    expect(detail(opened)).to_contain_text("the ways differ")


def test_links(page: Open) -> None:
    opened = page("#text/split@server")
    expect(detail(opened).locator("#detail-id")).to_have_text("text/split@server")
    opened.evaluate("location.hash = 'framing/rsv2@server'")
    expect(detail(opened).locator("#detail-id")).to_have_text("framing/rsv2@server")
    opened.go_back()
    expect(detail(opened).locator("#detail-id")).to_have_text("text/split@server")
    opened.evaluate("location.hash = 'no/such@case'")
    expect(detail(opened)).not_to_be_visible()


def test_markup_is_shown_as_text(page: Open) -> None:
    opened = page("#framing/rsv2@server")
    box = detail(opened)
    expect(box).to_contain_text(f"a note with {MARKUP}")
    expect(box.locator("details .name").nth(1)).to_have_text(f"broken {MARKUP} 0.1")
    assert opened.locator("img, dialog script, table script").count() == 0
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("columnheader").nth(3)).to_contain_text(MARKUP)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_fits_the_window(page: Open, scheme: str, width: int) -> None:
    opened = page(color_scheme=scheme, viewport={"width": width, "height": 740})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    # Every verdict can be reached, if need be by scrolling within the table.
    cell(opened, "framing/rsv2@server", 1).click()
    box = detail(opened)
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
    assert box.evaluate("box => box.getBoundingClientRect().left >= 0")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    colours = box.evaluate(
        "box => [getComputedStyle(box).color, getComputedStyle(box).backgroundColor]"
    )
    light, dark = (sum(map(int, colour[4:-1].split(", "))) for colour in colours)
    assert (light > dark) is (scheme == "dark")


def test_verdicts_have_names_on_a_phone(page: Open) -> None:
    opened = page(viewport={"width": 360, "height": 740})
    button = cell(opened, "framing/rsv2@server", 1)
    expect(button).to_have_accessible_name("fail")
    size = button.bounding_box()
    assert size is not None
    assert size["width"] >= 32
    assert size["height"] >= 32
