"""People who sit down at a real Chromium, signed in, with their keys and clicks counted."""

import os
from typing import Any

from sqlalchemy import select

from label_store import Workspace
from label_store.models import Judgment
from tests.annotate_app.server import PASSWORD, RunningApp

ALL_COMPLETE = "[...document.querySelectorAll('.cell img, #stage img')].every((image) => image.complete)"
SAVED = "document.getElementById('saved').dataset.state === 'saved'"
KEPT = "document.getElementById('saved').dataset.unkept === '0'"


def waiting(number: int) -> str:
    return f"document.getElementById('saved').dataset.waiting === '{number}'"


def until(page: Any, expression: str) -> None:
    """Wait for a condition. Playwright's own wait_for_function needs eval, which the pages' policy forbids."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {expression}")


class Keyboard:
    """A signed-in page that counts the keys and clicks of its person."""

    def __init__(self, browser: Any, app: RunningApp, name: str = "ann", **context: Any) -> None:
        self.context = browser.new_context(
            **({"base_url": app.url, "viewport": {"width": 1280, "height": 800}} | context)
        )
        self.keys = self.clicks = 0
        self.errors: list[str] = []
        self.page = self.tab()
        self.page.goto("/login")
        self.page.fill("[name=name]", name)
        self.page.fill("[name=password]", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{app.url}/")

    def tab(self) -> Any:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.keys += 1
            self.page.keyboard.press(key)

    def open(self, slug: str) -> None:
        self.page.goto(f"/label/{slug}")
        self.page.wait_for_selector(".cell img, #stage img")
        until(self.page, ALL_COMPLETE)
        self.page.wait_for_load_state("networkidle")  # the pictures ahead

    def wait_saved(self) -> None:
        until(self.page, SAVED)

    def wait_outlook(self, outlook: str) -> None:
        self.page.wait_for_selector(f"#message[data-outlook={outlook}]:not([hidden])")

    # ---- Drawing, in pixels of the picture.

    def spot(self, x: float, y: float) -> tuple[float, float]:
        """Where on the screen a pixel of the picture on the stage is."""
        image = self.page.locator("#stage img").bounding_box()
        width, height = self.page.evaluate(
            "(() => { const b = document.querySelector('#stage svg').viewBox.baseVal; return [b.width, b.height]; })()"
        )
        return image["x"] + x * image["width"] / width, image["y"] + y * image["height"] / height

    def click(self, *points: tuple[float, float]) -> None:
        for point in points:
            self.clicks += 1
            self.page.mouse.click(*self.spot(*point))

    def drag(self, *points: tuple[float, float], steps: int = 4) -> None:
        self.page.mouse.move(*self.spot(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.spot(*point), steps=steps)
        self.page.mouse.up()

    def objects(self) -> int:
        return int(self.page.locator("#objects li").count())


def answers(workspace: Workspace) -> dict[int, list[Any]]:
    """Active answers by item."""
    found: dict[int, list[Any]] = {}
    with workspace.read() as session:
        for judgment in session.scalars(select(Judgment).where(Judgment.active).order_by(Judgment.item_id)):
            found.setdefault(judgment.item_id, []).append(judgment.answer)
    return found


def processes_of(profile: Any) -> list[int]:
    """The processes of the Chromium that runs on this profile."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    command = file.read()
            except OSError:
                continue
            if str(profile).encode() in command and b"chrom" in command:
                found.append(int(entry))
    return found
