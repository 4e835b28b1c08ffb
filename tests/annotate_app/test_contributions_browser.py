"""Giving and moderating pictures in a real Chromium, on a phone and on a desk, in both themes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from label_store import Workspace
from label_store.models import Contribution
from tests.annotate_app.giving import given, photo
from tests.annotate_app.material import add_people, draw
from tests.annotate_app.server import PASSWORD, RunningApp, serving
from tests.annotate_app.test_browser import until
from tests.annotate_app.test_contributions import opened

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1280, "height": 900}}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def giving(stocked: Workspace) -> Iterator[RunningApp]:
    with serving(opened(stocked, contributions="open")) as running:
        yield running


@pytest.fixture
def visit(browser: Any, giving: RunningApp) -> Iterator[Any]:
    """Opens pages that must have no error; `name` signs in first."""
    contexts, errors = [], []

    def open_page(name: str | None = None, **options: Any) -> Any:
        contexts.append(browser.new_context(base_url=giving.url, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None,
        )
        if name is not None:
            page.goto("/login")
            page.fill("[name=name]", name)
            page.fill("[name=password]", PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url(f"{giving.url}/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def album(tmp_path: Path) -> list[str]:
    for number in range(3):
        (tmp_path / f"IMG_{number}.jpg").write_bytes(photo(number))
    (tmp_path / "notes.jpg").write_bytes(b"these are notes")
    return [str(path) for path in sorted(tmp_path.iterdir()) if path.is_file()]


def states(workspace: Workspace) -> list[str]:
    with workspace.read() as session:
        return list(session.scalars(select(Contribution.state).order_by(Contribution.id)))


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_stranger_gives_pictures_and_is_thanked(stocked, visit, album, screen, theme):
    page = visit(**screen, color_scheme=theme)
    page.goto("/contribute")
    assert page.evaluate(FITS)
    page.get_by_role("link", name="Boat").click()
    page.wait_for_selector("#give.scripted")
    page.set_input_files("#pictures", album[:3])
    assert page.locator("#gifts li").count() == 3
    assert page.locator("#send").text_content() == "Give 3 pictures"
    page.get_by_label("Leave out IMG_1.jpg").click()
    assert page.locator("#send").text_content() == "Give 2 pictures"
    assert page.evaluate(FITS)
    page.fill("[name=author]", "Zoë")
    page.click("#send")  # the statement was not agreed to: the browser says so
    assert page.url.endswith("/contribute/boat")
    page.check("[name=consent]")
    page.click("#send")
    page.wait_for_url("**/contributions/*")
    assert page.locator("h1").text_content() == "Thank you"
    assert page.locator(".fate").count() == 2
    assert page.locator("#link").input_value() == page.url
    until(page, "[...document.querySelectorAll('.fate img')].every((image) => image.naturalWidth > 0)")
    assert page.evaluate(FITS)
    assert states(stocked) == ["waiting", "waiting"]
    page.locator("summary").first.click()
    page.get_by_role("button", name="Take this picture back").first.click()
    page.wait_for_selector(".fate-withdrawn")
    assert sorted(states(stocked)) == ["waiting", "withdrawn"]


def test_each_picture_says_what_became_of_it(stocked, visit, album):
    page = visit(**PHONE)
    page.goto("/contribute/boat")
    page.set_input_files("#pictures", album)
    page.check("[name=consent]")
    page.click("#send")
    page.wait_for_selector("#gifts-problem a")
    assert page.locator("[data-state=taken]").count() == 3
    refused = page.locator("[data-state=refused]")
    assert "not a picture" in (refused.locator(".gift-state").text_content() or "")
    page.locator("#gifts-problem a").click()
    assert page.locator(".fate").count() == 3


def test_pictures_that_did_not_arrive_are_sent_again_and_are_there_once(stocked, visit, album):
    page = visit(**DESK)
    page.goto("/contribute/boat")
    page.set_input_files("#pictures", album[:2])
    page.check("[name=consent]")
    page.context.set_offline(True)
    page.click("#send")
    page.wait_for_selector("#gifts-problem:not([hidden])")
    assert page.locator("[data-state=failed]").count() == 2
    assert page.locator("#send").text_content() == "Try again (2)"
    page.context.set_offline(False)
    # The answer is lost on the way: the pictures are there, and the page does not know.
    page.route("**/api/v1/contributions", lambda route: (route.fetch(), route.abort())[1])
    page.click("#send")
    until(
        page,
        "document.querySelectorAll('[data-state=failed]').length === 2 && !document.getElementById('send').disabled",
    )
    page.unroute("**/api/v1/contributions")
    page.click("#send")
    page.wait_for_url("**/contributions/*")
    assert page.locator(".fate").count() == 2
    assert states(stocked) == ["waiting", "waiting"]


def test_files_are_dropped_anywhere_on_the_page_and_others_are_refused(visit):
    page = visit(**DESK)
    page.goto("/contribute/boat")
    page.evaluate(
        """(bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
            data.items.add(new File(["words"], "words.txt", { type: "text/plain" }));
            for (const kind of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true }));
        }""",
        list(draw("boat", 1)),
    )
    assert page.locator("#gifts li").count() == 1
    assert "words.txt is not a picture" in (page.locator("#gifts-problem").text_content() or "")


def test_a_contributor_sees_all_they_gave(stocked, giving, visit, album):
    add_people(stocked, ["con"], "contributor")
    page = visit("con", **PHONE)
    page.get_by_role("link", name="Contribute").click()
    page.get_by_role("link", name="Cup").click()
    page.wait_for_selector("#give.scripted")
    page.set_input_files("#pictures", album[:1])
    page.check("[name=consent]")
    page.click("#send")
    page.wait_for_url("**/contributions/*")
    page.goto("/contributions/mine")
    assert page.locator(".fate").count() == 1
    assert page.evaluate(FITS)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_curator_decides_on_the_keyboard_and_nothing_before_it_is_sent(stocked, giving, visit, theme):
    given(giving.client("ann"), [photo(n) for n in range(6)])
    page = visit("cora", **DESK, color_scheme=theme)
    page.get_by_role("link", name="Moderate").click()
    page.wait_for_selector(".pending:focus")  # the keys are listened to
    assert page.locator(".pending").count() == 6
    for key in ("a", "x", "3", "x", "6"):
        page.keyboard.press(key)
    page.keyboard.type("a drawing")
    for key in ("Enter", "a", "z", "ArrowRight", "a"):  # the fourth is approved, undone and left undecided
        page.keyboard.press(key)
    marks = [cell.get_attribute("data-mark") or "" for cell in page.locator(".pending").all()]
    assert marks == ["approve", "decline", "decline", "", "approve", ""]
    assert page.locator("#tally").text_content() == "2 ✓ · 2 ✗ · 2 undecided"
    assert states(stocked) == ["waiting"] * 6
    page.keyboard.press("Enter")
    page.wait_for_selector(".pending:nth-child(2):last-child")
    assert states(stocked) == ["approved", "declined", "declined", "waiting", "approved", "waiting"]
    with stocked.read() as session:
        rows = session.scalars(select(Contribution).where(Contribution.state == "declined").order_by(Contribution.id))
        assert [(row.reason, row.comment) for row in rows] == [("rights", ""), ("other", "a drawing")]
    page.wait_for_selector(".pending:focus")
    page.keyboard.press("Shift+A")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing waits")


def test_a_curator_decides_with_a_thumb(stocked, giving, visit):
    given(giving.client("ann"), [photo(n) for n in range(3)])
    page = visit("cora", **PHONE)
    page.goto("/moderate")
    assert page.evaluate(FITS)
    cells = page.locator(".pending")
    cells.nth(0).get_by_role("button", name="Approve").tap()
    cells.nth(1).get_by_role("button", name="Decline").tap()
    assert page.evaluate(FITS)
    page.locator("[data-reason=quality]").tap()
    cells.nth(2).locator(".look").tap()
    until(page, "document.getElementById('larger-image').naturalWidth > 0")
    page.locator("#larger").tap()
    page.locator("#send").tap()
    page.wait_for_selector(".pending:nth-child(1):last-child")
    assert states(stocked) == ["approved", "declined", "waiting"]


def test_marks_stay_when_they_cannot_be_sent(stocked, giving, visit):
    given(giving.client("ann"), [photo(1)])
    page = visit("cora", **DESK)
    page.goto("/moderate")
    page.wait_for_selector(".pending:focus")
    page.keyboard.press("a")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    page.wait_for_selector("#moderate-problem:not([hidden])")
    assert page.locator("[data-mark=approve]").count() == 1
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing waits")
    assert states(stocked) == ["approved"]
