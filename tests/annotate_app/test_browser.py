"""People at work in a real Chromium, on the keyboard, against the real app."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from annotate_app import create_campaign
from label_store import Workspace
from label_store.models import Item, Judgment, Person
from tests.annotate_app.material import add_pictures
from tests.annotate_app.people import ALL_COMPLETE, KEPT, SAVED, answers, until, waiting
from tests.annotate_app.server import PASSWORD, serving

pytestmark = pytest.mark.browser


def test_verify_costs_one_key_per_exception_and_one_per_page(stocked, app, sit_down):
    add_pictures(stocked, "boat", 12)
    create_campaign(stocked, "boats", "verify", ["boat"])
    ann = sit_down(app)
    ann.open("boats")
    page = ann.page
    assert page.locator(".cell").count() == 12
    assert page.locator(".cell[data-mark]:not([data-mark=''])").count() == 0  # nothing is answered before one answers
    shown = [int(cell.get_attribute("data-item")) for cell in page.locator(".cell").all()]
    ann.press("x", "ArrowRight", "u", "ArrowDown", "x", "x", "x", "Space", "Space", "ArrowLeft", "x", "z")
    assert page.locator(".cell[data-mark=no]").count() == 2
    ann.press("Enter")
    ann.wait_outlook("done")
    ann.wait_saved()
    stored = {item: given[0]["value"] for item, given in answers(stocked).items()}
    below = [k for k in range(2, 12) if stored[shown[k]] == "no"]
    assert stored[shown[0]] == "no"
    assert stored[shown[1]] == "unsure"
    assert len(below) == 1  # the one under the second picture
    assert sorted(stored.values()) == ["no"] * 2 + ["unsure"] + ["yes"] * 9


@pytest.mark.parametrize("kind", ["verify", "classify"])
def test_the_end_is_told_with_the_last_answer_and_not_at_the_next_turn(stocked, app, sit_down, kind):
    add_pictures(stocked, "boat", 2)
    create_campaign(stocked, "boats", kind, ["boat"] if kind == "verify" else ["car", "boat"])
    ann = sit_down(app)
    ann.context.add_init_script(
        "const real = setTimeout; window.setTimeout = (what, ms, ...more) => ms < 15000 ? real(what, ms, ...more) : 0"
    )
    ann.open("boats")
    ann.press(*(["Enter"] if kind == "verify" else "22"))
    ann.wait_outlook("done")


def test_verify_by_mouse_is_one_click_per_exception(stocked, app, sit_down):
    add_pictures(stocked, "boat", 6)
    create_campaign(stocked, "boats", "verify", ["boat"])
    ann = sit_down(app)
    ann.open("boats")
    item = int(ann.page.locator(".cell").nth(4).get_attribute("data-item"))
    ann.page.locator(".cell").nth(4).click()
    ann.page.click("#next")
    ann.wait_saved()
    ann.wait_outlook("done")
    assert {key for key, given in answers(stocked).items() if given[0]["value"] == "no"} == {item}


def test_going_back_a_page_corrects_only_what_changed(stocked, app, sit_down):
    add_pictures(stocked, "boat", 5)
    create_campaign(stocked, "boats", "verify", ["boat"])
    ann = sit_down(app)
    ann.open("boats")
    ann.press("Enter")
    ann.wait_outlook("done")
    ann.press("z", "x", "Enter")
    ann.wait_outlook("done")
    ann.wait_saved()
    assert sorted(given[0]["value"] for given in answers(stocked).values()) == ["no"] + ["yes"] * 4
    with stocked.read() as session:
        assert len(list(session.scalars(select(Judgment)))) == 6
        assert set(session.scalars(select(Item.n))) == {1}


def test_classify_costs_one_key_a_picture_and_undo_brings_it_back(stocked, app, sit_down):
    add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"])
    ann = sit_down(app)
    ann.open("what")
    first = ann.page.get_attribute("#stage", "data-item")
    ann.press("1")
    assert ann.page.get_attribute("#stage", "data-item") != first
    ann.press("z")
    assert ann.page.get_attribute("#stage", "data-item") == first
    ann.press("2", "0", "u")
    ann.wait_outlook("done")
    ann.wait_saved()
    assert answers(stocked)[int(first)] == [{"value": "boat"}]
    assert sorted(given[0]["value"] for given in answers(stocked).values()) == ["boat", "none", "unsure"]


def test_many_categories_are_found_by_typing(stocked, app, sit_down):
    from label_store import CategorySpec, put_category

    names = "Whippet Greyhound Saluki Borzoi Sloughi Azawakh Galgo Basenji Beagle Boxer Briard".split()  # noqa: SIM905
    with stocked.write() as session:
        for name in names:
            put_category(session, CategorySpec(name=name, synonyms=("snap dog",) if name == "Whippet" else ()))
    hashes = add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "dogs", "classify", [name.lower() for name in names], images=hashes)
    ann = sit_down(app)
    ann.open("dogs")
    ann.keys = 0
    ann.press("b", "o", "x", "Enter")
    ann.press("s", "n", "Enter")
    ann.press("3")  # the list begins with what was chosen lately: whippet, boxer, then the first of the others
    assert ann.keys == 8
    ann.wait_outlook("done")
    ann.wait_saved()
    assert sorted(given[0]["value"] for given in answers(stocked).values()) == ["boxer", "greyhound", "whippet"]


def test_attributes_cost_one_key_each_and_undo_steps_back_through_them(stocked, app, sit_down):
    hashes = add_pictures(stocked, "car", 2)
    create_campaign(stocked, "cars", "attributes", ["car"], images=hashes)
    ann = sit_down(app)
    ann.open("cars")
    first = int(ann.page.get_attribute("#stage", "data-item"))
    ann.press("1", "z", "3")  # the type, thought better of
    ann.press("1", "4", "Enter")
    ann.press("u", "z", "z")  # on the next picture, back to the first one's last question
    assert int(ann.page.get_attribute("#stage", "data-item")) == first
    ann.press("1", "Enter")  # red off again: only blue
    ann.press("u", "u")
    ann.wait_outlook("done")
    ann.wait_saved()
    stored = answers(stocked)
    assert stored.pop(first) == [{"values": {"type": "suv", "colour": ["blue"]}}]
    assert list(stored.values()) == [[{"values": {"type": "unsure", "colour": "unsure"}}]]


def test_offline_then_online_loses_nothing_and_says_what_waits(stocked, app, sit_down):
    add_pictures(stocked, "boat", 12)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"])
    ann = sit_down(app)
    ann.open("what")
    ann.page.wait_for_load_state("networkidle")
    ann.context.set_offline(True)
    ann.press("1", "2", "3", "1", "2")
    until(ann.page, waiting(5))
    assert answers(stocked) == {}
    ann.context.set_offline(False)
    ann.wait_saved()
    assert sorted(given[0]["value"] for given in answers(stocked).values()) == ["boat"] * 2 + ["car"] * 2 + ["cup"]


def test_a_tab_closed_with_unsent_answers_sends_them_later_and_shows_nothing_twice(stocked, app, sit_down):
    add_pictures(stocked, "boat", 6)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"])
    ann = sit_down(app)
    ann.open("what")
    ann.page.wait_for_load_state("networkidle")
    ann.context.set_offline(True)
    ann.press("1", "2", "3")
    until(ann.page, waiting(3))
    until(ann.page, KEPT)  # until then leaving is warned of, which close() passes by
    ann.page.close()
    ann.context.set_offline(False)
    ann.page = ann.context.new_page()
    ann.open("what")
    ann.wait_saved()
    assert len(answers(stocked)) == 3
    ann.press("1", "1", "1")
    ann.wait_outlook("done")
    ann.wait_saved()
    stored = answers(stocked)
    assert len(stored) == 6
    assert all(len(given) == 1 for given in stored.values())


def test_marks_of_an_unfinished_page_survive_a_reload(stocked, app, sit_down):
    add_pictures(stocked, "boat", 5)
    create_campaign(stocked, "boats", "verify", ["boat"])
    ann = sit_down(app)
    ann.open("boats")
    ann.press("ArrowRight", "x", "ArrowRight", "u")
    marked = ann.page.get_attribute(".cell[data-mark=no]", "data-item")
    ann.open("boats")
    assert ann.page.locator(".cell").count() == 5
    assert ann.page.get_attribute(".cell[data-mark=no]", "data-item") == marked
    assert ann.page.locator(".cell[data-mark=unsure]").count() == 1


def test_a_server_that_goes_and_comes_back_costs_nothing(stocked, sit_down):
    add_pictures(stocked, "boat", 5)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"])
    with serving(stocked) as app:
        port = int(app.url.rsplit(":", 1)[1])
        ann = sit_down(app)
        ann.open("what")
        ann.page.wait_for_load_state("networkidle")
    ann.press("1", "2", "3")
    until(ann.page, waiting(3))
    with serving(stocked, port=port):
        ann.wait_saved()
    assert len(answers(stocked)) == 3


def test_a_session_that_ended_keeps_the_answers_until_one_signs_in_again(stocked, app, sit_down):
    add_pictures(stocked, "boat", 5)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"])
    ann = sit_down(app)
    ann.open("what")
    ann.context.clear_cookies()
    ann.press("1", "2")
    ann.page.click("#saved a")
    ann.page.fill("[name=name]", "ann")
    ann.page.fill("[name=password]", PASSWORD)
    ann.page.keyboard.press("Enter")
    ann.page.wait_for_selector("#stage img")
    ann.wait_saved()
    assert len(answers(stocked)) == 2


def test_two_people_racing_for_the_last_pictures_never_share_one(stocked, app, sit_down):
    add_pictures(stocked, "boat", 6)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"], stopping={"rule": "fixed", "n": 1})
    ann, bea = sit_down(app), sit_down(app, "bea")
    ann.open("what")
    bea.page.goto("/label/what")
    bea.wait_outlook("wait")
    ann.press(*"123123")
    ann.wait_outlook("done")
    ann.wait_saved()
    assert [len(given) for given in answers(stocked).values()] == [1] * 6


def test_a_picture_that_cannot_be_shown_is_reported_and_never_in_the_way(stocked, app, sit_down):
    hashes = add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"])
    stocked.blobs.remove(hashes[1])
    ann = sit_down(app)
    ann.open("what")
    ann.page.wait_for_load_state("networkidle")
    for _ in range(2):
        until(ann.page, "document.querySelector('#stage img')?.naturalWidth > 0")
        ann.press("2")
    ann.wait_outlook("done")
    ann.wait_saved()
    assert sorted(map(str, (given[0] for given in answers(stocked).values()))) == sorted(
        map(str, [{"value": "boat"}, {"value": "boat"}, {"flag": "broken"}])
    )


def test_a_flag_the_key_sheet_and_the_theme_by_keyboard(stocked, app, sit_down):
    add_pictures(stocked, "boat", 2)
    create_campaign(stocked, "boats", "verify", ["boat"], guideline="Masts are fine.")
    ann = sit_down(app, color_scheme="dark")
    ann.page.goto("/label/boats")
    ann.page.click("#begin")  # a newcomer reads the guideline first
    ann.open("boats")
    page = ann.page
    ann.press("?")
    assert page.locator("#keys").is_visible()
    ann.press("?", "i")
    assert page.get_by_text("Masts are fine.").is_visible()
    ann.press("i", "f", "3", "Enter")
    ann.wait_outlook("done")
    ann.wait_saved()
    assert [{"flag": "private"}] in answers(stocked).values()
    page.click("[data-theme-switch]")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_a_phone_gets_two_columns_and_thumb_sized_buttons(stocked, app, browser):
    add_pictures(stocked, "boat", 8)
    create_campaign(stocked, "boats", "verify", ["boat"])
    context = browser.new_context(
        base_url=app.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    token = app.client("ann").headers["authorization"].split()[1]
    context.add_cookies([{"name": "cairn_session", "value": token, "url": app.url}])
    page = context.new_page()
    page.goto("/label/boats")
    page.wait_for_selector(".cell")
    cells = [cell.bounding_box() for cell in page.locator(".cell").all()]
    assert len({round(box["x"]) for box in cells}) == 2
    next_top = page.locator("#next").bounding_box()["y"]
    assert all(box["y"] + box["height"] <= next_top for box in cells)  # Enter answers for what is in view
    for button in page.locator(".foot button:visible").all():
        assert button.bounding_box()["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".cell").nth(1).tap()
    until(page, ALL_COMPLETE)
    page.locator("#next").tap()
    page.wait_for_selector("#message[data-outlook=done]:not([hidden])")
    until(page, SAVED)
    assert sorted(given[0]["value"] for given in answers(stocked).values()) == ["no"] + ["yes"] * 7
    context.close()


def test_ids_made_by_the_page_are_uuids(stocked, app, sit_down):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    ann = sit_down(app)
    ann.open("boats")
    made = ann.page.evaluate(
        """async () => {
            const { uuid } = await import('/static/js/outbox.js');
            const native = uuid();
            Object.defineProperty(crypto, 'randomUUID', { value: undefined });
            return [native, uuid(), uuid()];
        }"""
    )
    assert len(set(made)) == 3
    assert all(str(uuid.UUID(one)) == one and uuid.UUID(one).version == 4 for one in made)


def sign_in(page: Any, name: str) -> None:
    page.goto("/login")
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_load_state("networkidle")


def authors(workspace: Workspace) -> set[str]:
    with workspace.read() as session:
        return set(session.scalars(select(Person.name).join(Judgment, Judgment.person_id == Person.id)))


def test_answers_wait_for_their_own_person_when_another_signs_in_beside(stocked, app, sit_down):
    add_pictures(stocked, "boat", 6)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"])
    ann = sit_down(app)
    ann.open("what")
    ann.page.wait_for_load_state("networkidle")
    ann.context.clear_cookies()
    other = ann.context.new_page()
    sign_in(other, "bea")
    other.goto("/label/what")  # bea holds the same pictures, so her name would fit
    other.wait_for_selector("#stage img")
    ann.press("1", "2", "3")
    until(ann.page, "document.getElementById('saved').textContent.startsWith('3 waiting – bea is signed in')")
    assert authors(stocked) == set()
    ann.context.clear_cookies()
    sign_in(other, "ann")
    ann.page.evaluate("dispatchEvent(new Event('online'))")
    ann.wait_saved()
    assert authors(stocked) == {"ann"}
    assert len(answers(stocked)) == 3


def test_an_answer_the_server_cannot_digest_holds_no_other_up(stocked, app, sit_down):
    add_pictures(stocked, "boat", 6)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"])
    ann = sit_down(app)
    ann.open("what")
    ann.page.wait_for_load_state("networkidle")

    def stumble(route: Any) -> None:
        if '"value":"cup"' in (route.request.post_data or ""):
            route.fulfill(status=500, content_type="application/problem+json", body='{"detail": "it broke"}')
        else:
            route.continue_()

    ann.page.route("**/api/v1/judgments", stumble)
    ann.press("1", "3", "2")
    ann.wait_saved()
    assert sorted(given[0]["value"] for given in answers(stocked).values()) == ["boat", "car"]
    assert "it broke" in ann.page.text_content("#toast")
    aside = ann.page.evaluate(
        """() => new Promise((resolve) => {
            indexedDB.open('cairn', 1).onsuccess = (opened) => {
                const all = opened.target.result.transaction('refused').objectStore('refused').getAll();
                all.onsuccess = () => resolve(all.result.map((record) => record.body.answer.value));
            };
        })"""
    )
    assert aside == ["cup"]


FAILS = {
    "throws": "throw new DOMException('the connection is closed', 'InvalidStateError')",
    "aborts": "made.add = () => { change.abort(); return {}; }; return change",
}


@pytest.mark.parametrize("how", FAILS)
def test_an_answer_the_browser_cannot_keep_is_sent_all_the_same_and_leaving_is_warned_of(stocked, app, sit_down, how):
    add_pictures(stocked, "boat", 5)
    create_campaign(stocked, "what", "classify", ["car", "boat", "cup"])
    ann = sit_down(app)
    ann.page.add_init_script(
        "const real = IDBDatabase.prototype.transaction;"
        "IDBDatabase.prototype.transaction = function (...given) {"
        "  if (given[1] !== 'readwrite') return real.apply(this, given);"
        "  const change = real.apply(this, given);"
        "  const made = change.objectStore('outbox'); change.objectStore = () => made;"
        f"  {FAILS[how]};"
        "};"
    )
    ann.open("what")
    ann.page.wait_for_load_state("networkidle")
    ann.context.set_offline(True)
    ann.press("1", "2")
    until(ann.page, "document.getElementById('saved').textContent.includes('leave this page open')")
    ann.page.wait_for_timeout(300)  # a write that is merely slow would have ended
    leaves = "dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert ann.page.evaluate(leaves) is False
    ann.context.set_offline(False)
    ann.wait_saved()
    assert ann.page.evaluate(leaves) is True
    assert sorted(given[0]["value"] for given in answers(stocked).values()) == ["boat", "car"]
