"""Nothing is lost and nothing is twice: kills, crashes, long outages, full disks, ended leases; in a real Chromium."""

import os
import signal
from typing import Any

import pytest
from sqlalchemy import func, select

from annotate_app import create_campaign
from cairn.browser import find_chromium
from label_store import Workspace
from label_store.models import Item, Judgment
from tests.annotate_app.material import add_pictures
from tests.annotate_app.people import ALL_COMPLETE, KEPT, SAVED, answers, processes_of, until, waiting
from tests.annotate_app.server import AppProcess, RunningApp, SettableClock
from tests.annotate_app.work import judge_all

pytestmark = pytest.mark.browser
CUPS = ["car", "boat", "cup"]


def once(workspace: Workspace, n: int) -> bool:
    """Exactly n judgments, each the only one of its item, and the items' counts agree."""
    with workspace.read() as session:
        rows = session.scalar(select(func.count()).select_from(Judgment))
        counted = session.scalar(select(func.sum(Item.n)))
    given = answers(workspace)
    return rows == counted == len(given) == n and all(len(one) == 1 for one in given.values())


def test_the_server_is_killed_between_commit_and_answer_and_everything_is_there_once(stocked, sit_down):
    add_pictures(stocked, "boat", 6)
    create_campaign(stocked, "what", "classify", CUPS)
    dying = AppProcess(stocked.folder, die_after_commit=True)
    ann = sit_down(RunningApp(dying.url, SettableClock()))
    ann.open("what")
    ann.page.wait_for_load_state("networkidle")
    ann.press("1", "2", "3")
    assert dying.wait_until_dead() == -signal.SIGKILL
    ann.press("1")
    until(ann.page, KEPT)
    assert not ann.page.evaluate(SAVED)
    again = AppProcess(stocked.folder, port=dying.port)
    try:
        ann.wait_saved()
        ann.press("2", "2")
        ann.wait_outlook("done")
        ann.wait_saved()
    finally:
        again.kill()
    assert once(stocked, 6)


def test_the_browser_is_killed_with_answers_unsent_and_sends_them_when_it_comes_back(stocked, app, browser, tmp_path):
    add_pictures(stocked, "boat", 6)
    create_campaign(stocked, "what", "classify", CUPS)
    token = app.client("ann").headers["authorization"].split()[1]
    cookie = {"name": "cairn_session", "value": token, "url": app.url}

    def open_profile() -> Any:
        return browser.browser_type.launch_persistent_context(
            tmp_path / "profile", executable_path=find_chromium(), args=["--no-sandbox"], base_url=app.url
        )

    crashing = open_profile()
    crashing.add_cookies([cookie])
    page = crashing.new_page()
    page.goto("/label/what")
    page.wait_for_selector("#stage img")
    page.wait_for_load_state("networkidle")
    crashing.set_offline(True)
    for key in "123":
        page.keyboard.press(key)
    until(page, waiting(3))
    until(page, KEPT)
    for process in processes_of(tmp_path / "profile"):
        os.kill(process, signal.SIGKILL)
    assert answers(stocked) == {}
    back = open_profile()
    back.add_cookies([cookie])
    page = back.new_page()
    page.goto("/")  # any page of the app sends what waits
    for _ in range(100):
        if once(stocked, 3):
            break
        page.wait_for_timeout(100)
    assert once(stocked, 3)
    back.close()


def test_forty_minutes_offline_lose_nothing_that_is_still_open(stocked, app, sit_down):
    add_pictures(stocked, "boat", 8)
    create_campaign(stocked, "what", "classify", CUPS, stopping={"rule": "fixed", "n": 1})
    ann = sit_down(app)
    ann.open("what")
    ann.page.wait_for_load_state("networkidle")
    ann.context.set_offline(True)
    ann.press(*"12312312")
    until(ann.page, waiting(8))
    app.clock.forward(minutes=40)  # ten more than a lease lasts
    ann.context.set_offline(False)
    ann.wait_saved()
    assert once(stocked, 8)


def test_what_others_finished_meanwhile_is_refused_with_the_reason_and_kept_in_the_browser(stocked, app, sit_down):
    add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 1})
    ann = sit_down(app)
    ann.open("boats")
    ann.page.wait_for_load_state("networkidle")
    ann.context.set_offline(True)
    ann.press("x", "Enter")
    until(ann.page, waiting(3))
    app.clock.forward(minutes=31)
    assert judge_all(app.client("bea"), "boats") == 3
    ann.context.set_offline(False)
    ann.wait_saved()
    assert "your time for this item was over" in ann.page.text_content("#toast")
    ann.page.click("#saved-button")
    ann.page.wait_for_selector("#held li")
    assert ann.page.locator("#held li").count() == 3
    assert ann.page.locator("#held li", has_text='{"value":"no"}').count() == 1
    assert once(stocked, 3)
    ann.page.click("#held .forget")
    ann.page.wait_for_selector("#held", state="hidden")
    ann.page.click("#saved-button")
    ann.page.wait_for_selector("#held")
    assert ann.page.locator("#held li").count() == 0


@pytest.mark.parametrize("status", [507, 503, 429], ids=["full disk", "busy", "too many requests"])
def test_a_server_that_cannot_take_answers_now_is_asked_again(stocked, app, sit_down, status):
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "what", "classify", CUPS)
    ann = sit_down(app)
    ann.open("what")
    refusing = True

    def refuse(route: Any) -> None:
        if refusing:
            route.fulfill(status=status, content_type="application/problem+json", body='{"detail": "no room"}')
        else:
            route.continue_()

    ann.page.route("**/api/v1/judgments", refuse)
    ann.press("1", "2")
    until(ann.page, "document.getElementById('saved').dataset.state === 'busy'")
    assert ann.page.text_content("#saved").startswith("2 waiting – the server cannot take them just now")
    refusing = False
    ann.wait_saved()
    assert once(stocked, 2)
    ann.page.click("#saved-button")
    ann.page.wait_for_selector("#held")
    assert ann.page.locator("#held li").count() == 0  # nothing was put aside


def test_undo_goes_back_past_a_reload_to_the_first_answer(stocked, app, sit_down):
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "what", "classify", CUPS)
    ann = sit_down(app)
    ann.open("what")
    ann.press("1", "2", "3")
    ann.wait_saved()
    ann.open("what")
    ann.press("z", "z", "z")
    until(ann.page, "document.getElementById('count').textContent === '0'")
    ann.wait_saved()
    assert answers(stocked) == {}
    ann.press("1", "1", "1", "1")
    ann.wait_outlook("done")
    ann.wait_saved()
    assert [given for (given,) in answers(stocked).values()] == [{"value": "car"}] * 4


def test_back_and_forward_show_what_was_answered_and_correct_it(stocked, app, sit_down):
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "what", "classify", CUPS)
    ann = sit_down(app)
    ann.open("what")
    first = int(ann.page.get_attribute("#stage", "data-item"))
    ann.press("1", "2")
    third = ann.page.get_attribute("#stage", "data-item")
    ann.press("ArrowLeft", "ArrowLeft")
    assert int(ann.page.get_attribute("#stage", "data-item")) == first
    assert ann.page.get_attribute('#answers [data-value="car"]', "aria-pressed") == "true"
    ann.press("3", "ArrowRight")
    assert ann.page.get_attribute("#stage", "data-item") == third
    ann.wait_saved()
    assert answers(stocked)[first] == [{"value": "cup"}]
    assert len(answers(stocked)) == 2


def test_skip_comes_again_and_a_comment_travels_with_its_answer(stocked, app, sit_down):
    add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "what", "classify", CUPS)
    ann = sit_down(app)
    ann.open("what")
    skipped = int(ann.page.get_attribute("#stage", "data-item"))
    ann.press("s", "c")
    ann.page.keyboard.type("a small one")
    ann.press("Enter", "1")
    until(ann.page, ALL_COMPLETE)  # a picture that is not shown yet takes no answer
    ann.press("2")
    until(ann.page, f"document.getElementById('stage').dataset.item === '{skipped}'")
    ann.press("f")
    ann.page.fill("#flag-reason", "a face")
    ann.page.click("[data-flag=private]")
    ann.wait_outlook("done")
    ann.wait_saved()
    stored = answers(stocked)
    assert stored.pop(skipped) == [{"flag": "private", "comment": "a face"}]
    assert sorted(map(str, stored.values())) == sorted(
        ["[{'value': 'car', 'comment': 'a small one'}]", "[{'value': 'boat'}]"]
    )


def test_a_picture_that_does_not_come_waits_at_the_end_and_is_never_answered_unseen(stocked, app, sit_down):
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "boats", "verify", ["boat"])
    # Playwright answers in the place of a page, not of the service worker that asks for it.
    ann = sit_down(app, service_workers="block")
    with stocked.read() as session:
        missing = session.scalars(select(Item).order_by(Item.id)).first()
    broken = True

    def fail(route: Any) -> None:
        if broken:
            route.fulfill(status=500)
        else:
            route.continue_()

    ann.page.route(f"**/images/{missing.image_sha256}*", fail)
    ann.page.goto("/label/boats")
    ann.page.wait_for_selector(".cell.away")
    ann.press("Enter")
    ann.page.wait_for_selector(".cell:only-child")
    ann.wait_saved()
    assert len(answers(stocked)) == 3
    assert missing.id not in answers(stocked)
    ann.page.wait_for_selector(".cell.away")
    broken = False
    ann.press("Enter")  # put off once more, and asked for again
    until(ann.page, "document.querySelector('.cell img')?.naturalWidth > 0")
    ann.press("Enter")
    ann.wait_outlook("done")
    ann.wait_saved()
    assert answers(stocked)[missing.id] == [{"value": "yes"}]
