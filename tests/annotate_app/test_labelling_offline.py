"""A labelling page opens again without a network, works, and sends later; and keeps nothing for anybody else."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotate_app import create_campaign
from cairn.browser import find_chromium
from label_store import Workspace
from tests.annotate_app.material import add_pictures
from tests.annotate_app.people import KEPT, SAVED, answers, processes_of, until, waiting
from tests.annotate_app.server import AppProcess, client

pytestmark = pytest.mark.browser
PUT_ASIDE = """(async () => {
  const work = await caches.open("cairn-work");
  const kept = (await work.keys()).map(({ url }) => new URL(url).pathname);
  const pictures = kept.filter((path) => path.startsWith("/images/")).length;
  return kept.includes(location.pathname) && pictures === %d;
})()"""


@pytest.fixture
def served(stocked: Workspace) -> Iterator[AppProcess]:
    """The app in a process of its own, with a campaign of six pictures."""
    add_pictures(stocked, "boat", 6)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"])
    create_campaign(stocked, "boats", "verify", ["boat"])
    process = AppProcess(stocked.folder)
    yield process
    process.kill()


class Profile:
    """A browser of ann's own, whose disk outlives it."""

    def __init__(self, browser: Any, folder: Path, url: str) -> None:
        token = client(url, "ann").headers["authorization"].split()[1]
        self.cookie = {"name": "cairn_session", "value": token, "url": url}
        self.browser, self.folder, self.url = browser, folder, url

    def open(self) -> Any:
        """A page of the browser, started anew; it is asked for by an address that nobody may answer."""
        self.context = self.browser.browser_type.launch_persistent_context(
            self.folder, executable_path=find_chromium(), args=["--no-sandbox"], base_url=self.url
        )
        self.context.add_cookies([self.cookie])
        return self.context.new_page()

    def crash(self) -> None:
        for process in processes_of(self.folder):
            os.kill(process, signal.SIGKILL)


@pytest.fixture
def profile(browser: Any, tmp_path: Path, served: AppProcess) -> Iterator[Profile]:
    made = Profile(browser, tmp_path / "profile", served.url)
    yield made
    made.context.close()


@pytest.mark.parametrize("end", ["crash", "closed"])
def test_the_page_opens_without_a_server_after_the_browser_ended_and_what_is_answered_is_sent_later(
    stocked, served, profile, end
):
    page = profile.open()
    page.goto("/label/what")
    page.wait_for_selector("#stage img")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("1")
    until(page, SAVED)
    until(page, PUT_ASIDE % 5)
    if end == "crash":
        profile.crash()
    else:
        profile.context.close()
    served.kill()
    page = profile.open()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    opened = page.goto("/label/what")
    page.wait_for_selector("#stage img")
    assert opened.from_service_worker
    assert "script-src 'self'" in opened.headers["content-security-policy"]
    until(page, "document.querySelector('#stage img').naturalWidth > 0")
    for key in "1231":
        page.keyboard.press(key)
        page.wait_for_timeout(50)
    until(page, waiting(4))
    until(page, KEPT)
    page.close()  # with four answers that nobody has seen
    again = AppProcess(stocked.folder, port=served.port)
    try:
        page = profile.context.new_page()
        page.goto("/label/what")
        until(page, SAVED)
        page.wait_for_selector("#stage img")
        page.keyboard.press("2")
        page.wait_for_selector("#message[data-outlook=done]:not([hidden])")
        until(page, SAVED)
    finally:
        again.kill()
    assert errors == []
    given = answers(stocked)
    assert len(given) == 6
    assert all(len(one) == 1 for one in given.values())


def test_a_grid_opens_without_a_server_too(stocked, served, profile):
    page = profile.open()
    page.goto("/label/boats")
    page.wait_for_selector(".cell img")
    until(page, PUT_ASIDE % 6)
    page.close()
    served.kill()
    page = profile.context.new_page()
    page.goto("/label/boats")
    until(page, "[...document.querySelectorAll('.cell img')].filter((image) => image.naturalWidth > 0).length === 6")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    until(page, waiting(6))


def test_whoever_signs_out_leaves_nothing_behind_and_the_next_person_s_pages_are_their_own(stocked, served, profile):
    page = profile.open()
    page.goto("/label/what")
    until(page, PUT_ASIDE % 6)
    page.goto("/")
    page.click("form[action='/logout'] button")
    page.wait_for_url("**/login")
    until(page, "caches.keys().then((names) => names.length === 0)")
    page.fill("[name=name]", "bea")
    page.fill("[name=password]", "correct horse battery")
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.goto("/label/what")
    until(page, PUT_ASIDE % 6)
    owner = "caches.open('cairn-work').then((work) => work.match('/label/.person')).then((kept) => kept.text())"
    assert page.evaluate(owner) == page.evaluate("document.body.dataset.person")


def test_a_page_of_one_person_puts_nothing_aside_where_another_has_signed_in_beside_it(stocked, served, profile):
    page = profile.open()
    page.goto("/label/what")
    until(page, PUT_ASIDE % 6)
    bea = profile.context.new_page()
    profile.context.clear_cookies()
    bea.goto("/login")
    bea.fill("[name=name]", "bea")
    bea.fill("[name=password]", "correct horse battery")
    bea.keyboard.press("Enter")
    bea.wait_for_url("**/")
    until(bea, "caches.keys().then((names) => names.length === 0)")
    page.keyboard.press("1")  # ann's page is open yet, and holds pictures
    until(page, waiting(1))
    page.wait_for_timeout(500)
    kept = "caches.open('cairn-work').then((work) => work.keys()).then((keys) => keys.length)"
    assert page.evaluate(kept) == 0
