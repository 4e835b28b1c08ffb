"""What people see of a model's suggestions in a real Chromium, and what those see from whom they are hidden."""

import json

import pytest
from sqlalchemy import select

from annotate_app import create_campaign
from annotate_app.importing import import_suggestions
from label_store.models import Judgment
from tests.annotate_app.material import add_pictures
from tests.annotate_app.people import until
from tests.annotate_app.test_import_objects import campaign_of

BOX = {"category": "boat", "x": 40.0, "y": 60.0, "w": 120.0, "h": 80.0, "crowd": False}
RING = [[40.0, 60.0], [160.0, 60.0], [160.0, 140.0]]
CAR = {"type": "suv", "colour": ["red", "black"]}


def suggest(workspace, folder, slug, pictures, answer):
    file = folder / "predictions.jsonl"
    file.write_text("".join(json.dumps({"item": sha256, "answer": answer}) + "\n" for sha256 in pictures))
    assert import_suggestions(workspace, slug, file, model="net/3").accepted == len(pictures)


def given_with(workspace):
    with workspace.read() as session:
        return [(row.answer, row.suggestion_shown) for row in session.scalars(select(Judgment).where(Judgment.active))]


@pytest.mark.parametrize("hidden", [0.0, 1.0], ids=["shown", "hidden"])
def test_on_the_grid_each_picture_says_what_is_suggested_of_it(stocked, app, sit_down, tmp_path, hidden):
    pictures = add_pictures(stocked, "boat", 2)
    create_campaign(stocked, "boats", "verify", ["boat"], suggestions_hidden=hidden)
    suggest(stocked, tmp_path, "boats", pictures, "no")
    ann = sit_down(app)
    ann.open("boats")
    hints = ann.page.locator(".cell .hint").all_text_contents()
    assert hints == ([] if hidden else ["suggested: ✗"] * 2)
    assert ("suggested" in ann.page.locator(".cell").first.get_attribute("aria-label")) == (not hidden)
    ann.press("Enter")  # every picture starts unanswered: a suggestion is not an answer
    ann.wait_saved()
    assert given_with(stocked) == [({"value": "yes"}, not hidden)] * 2


def test_a_question_and_a_choice_of_categories_say_what_is_suggested(stocked, app, sit_down, tmp_path):
    cars = add_pictures(stocked, "car", 1)
    create_campaign(stocked, "cars", "attributes", ["car"], images=cars)
    suggest(stocked, tmp_path, "cars", cars, {"values": CAR})
    create_campaign(stocked, "which", "classify", ["boat", "car"])
    suggest(stocked, tmp_path, "which", cars, "car")
    ann = sit_down(app)
    ann.open("cars")
    assert "suggested: suv" in ann.page.locator("#question-hint").text_content()
    ann.press("1")
    assert "suggested: red, black" in ann.page.locator("#question-hint").text_content()
    ann.open("which")
    assert ann.page.locator("#suggested").text_content() == "suggested: Car"


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("boxes", {"boxes": [BOX]}), ("polygons", {"shapes": [{"category": "boat", "rings": [RING]}]})],
    ids=["boxes", "polygons"],
)
def test_what_a_model_drew_is_taken_with_one_key(stocked, app, sit_down, tmp_path, kind, answer):
    suggest(stocked, tmp_path, "where", campaign_of(stocked, kind, pictures=1), answer)
    ann = sit_down(app)
    ann.open("where")
    until(ann.page, "document.querySelectorAll('#objects li').length === 1")
    ann.press("Enter")
    ann.wait_saved()
    assert given_with(stocked) == [(answer, True)]
