"""Boxes and outlines drawn by mouse, keyboard and finger in a real Chromium: what arrives, and what it costs."""

import pytest

from annotate_app import create_campaign
from label_store import Workspace
from tests.annotate_app.material import add_pictures
from tests.annotate_app.people import Keyboard, answers, until
from tests.annotate_app.server import serving
from tests.annotate_app.work import judgment, lease, send

pytestmark = pytest.mark.browser
THINGS = ["car", "boat", "cup"]


def only(workspace: Workspace) -> dict:
    ((answer,),) = answers(workspace).values()
    return answer


@pytest.fixture
def draw(stocked, app, sit_down):
    """A person in front of the one picture of a new campaign of a kind; 320 x 240 pixels."""

    def open_campaign(kind: str) -> Keyboard:
        create_campaign(stocked, "drawn", kind, THINGS, images=add_pictures(stocked, "boat", 1))
        ann = sit_down(app)
        ann.open("drawn")
        ann.keys = ann.clicks = 0
        return ann

    return open_campaign


def finish(ann: Keyboard) -> None:
    ann.press("Enter")
    ann.wait_outlook("done")
    ann.wait_saved()


def test_a_box_costs_four_clicks_and_one_key(stocked, draw):
    ann = draw("boxes")
    ann.click((100, 40), (60, 80), (140, 120), (180, 90))
    ann.press("2")
    assert (ann.clicks, ann.keys) == (4, 1)
    finish(ann)
    (box,) = only(stocked)["boxes"]
    assert box.pop("category") == "boat"
    assert box.pop("crowd") is False
    assert box == pytest.approx({"x": 60, "y": 40, "w": 120, "h": 80}, abs=1)


def test_the_next_box_keeps_the_category_and_a_drag_is_a_box_too(stocked, draw):
    ann = draw("boxes")
    ann.press("3")
    ann.drag((20, 20), (90, 70))
    ann.drag((200, 100), (300, 200))
    finish(ann)
    boxes = only(stocked)["boxes"]
    assert [box["category"] for box in boxes] == ["cup", "cup"]
    assert boxes[1]["w"] == pytest.approx(100, abs=1)


def test_a_box_near_the_edge_snaps_to_it_and_never_reaches_past_it(stocked, draw):
    ann = draw("boxes")
    ann.click((160, 1), (1, 100), (160, 239), (319, 100))
    finish(ann)
    (box,) = only(stocked)["boxes"]
    assert [box[side] for side in "xywh"] == [0, 0, 320, 240]


def test_a_box_is_made_moved_resized_and_removed_by_keyboard_alone(stocked, draw):
    ann = draw("boxes")
    ann.page.focus("#stage")
    ann.press("b", "b")
    assert ann.objects() == 2
    ann.press("Delete", "Escape", "Tab")
    assert ann.objects() == 1
    ann.press("ArrowRight", "Shift+ArrowDown", "Control+ArrowRight", "Control+Shift+ArrowUp", "g", "2")
    finish(ann)
    (box,) = only(stocked)["boxes"]
    assert box == {"category": "boat", "x": 81.0, "y": 70.0, "w": 161.0, "h": 110.0, "crowd": True}


def test_no_object_is_one_key_and_enter_alone_answers_nothing(stocked, draw):
    ann = draw("boxes")
    ann.press("Enter")
    assert "n if there is no object" in ann.page.text_content("#toast")
    ann.press("n")
    ann.wait_outlook("done")
    ann.wait_saved()
    assert only(stocked) == {"boxes": []}


def test_undo_takes_back_points_then_boxes_then_the_picture(stocked, draw):
    ann = draw("boxes")
    ann.drag((20, 20), (90, 70))
    ann.click((200, 100), (210, 110))
    ann.press("z", "z")
    assert ann.objects() == 1
    ann.press("z")
    assert ann.objects() == 0
    ann.drag((20, 20), (90, 70))
    finish(ann)
    ann.press("z")
    until(ann.page, "document.querySelectorAll('#objects li').length === 1")
    ann.wait_saved()
    assert answers(stocked) == {}
    finish(ann)
    assert len(only(stocked)["boxes"]) == 1


def test_zoomed_in_a_box_is_still_in_pixels_of_the_picture_and_a_handle_drags_a_side(stocked, draw):
    ann = draw("boxes")
    ann.page.mouse.move(*ann.spot(160, 120))
    ann.page.mouse.wheel(0, -900)
    ann.drag((140, 100), (180, 140))
    ann.drag((180, 120), (190, 120))
    ann.press("0")
    finish(ann)
    (box,) = only(stocked)["boxes"]
    assert [box[side] for side in "xywh"] == pytest.approx([140, 100, 50, 40], abs=1)


def test_a_polygon_by_clicks_is_closed_by_a_key_and_its_corners_move(stocked, draw):
    ann = draw("polygons")
    ann.click((60, 60), (200, 60), (200, 160), (60, 160))
    ann.press("Enter")
    ann.drag((200, 160), (220, 180))
    ann.press("2")
    finish(ann)
    (shape,) = only(stocked)["shapes"]
    assert shape["category"] == "boat"
    (ring,) = shape["rings"]
    assert [number for point in ring for number in point] == pytest.approx([60, 60, 200, 60, 220, 180, 60, 160], abs=1)


def test_a_traced_outline_closes_itself_with_few_corners_and_takes_a_hole(stocked, draw):
    ann = draw("polygons")
    ann.drag((60, 60), (240, 60), (240, 180), (60, 180), (60, 62), steps=30)
    ann.press("h")
    ann.click((120, 100), (160, 100), (140, 140))
    ann.press("Enter")
    finish(ann)
    (shape,) = only(stocked)["shapes"]
    outer, hole = shape["rings"]
    assert 4 <= len(outer) <= 8
    assert len(hole) == 3


def test_corners_are_added_in_the_middle_of_a_side_and_removed_by_key(stocked, draw):
    ann = draw("polygons")
    ann.page.focus("#stage")
    ann.press("b")
    ann.drag((160, 60), (160, 30))  # the middle of the upper side
    assert "5" in ann.page.text_content("#objects li")
    ann.press("Delete")
    assert "4" in ann.page.text_content("#objects li")
    ann.press("]", "ArrowLeft")
    finish(ann)
    (shape,) = only(stocked)["shapes"]
    assert shape["rings"] == [[[79.0, 60.0], [240.0, 60.0], [240.0, 180.0], [80.0, 180.0]]]


def test_a_hole_outside_its_object_is_refused_on_the_spot(stocked, draw):
    ann = draw("polygons")
    ann.click((60, 60), (120, 60), (120, 120))
    ann.press("Enter", "h")
    ann.click((200, 100), (240, 100), (240, 140))
    ann.press("Enter")
    assert "inside its object" in ann.page.text_content("#toast")
    finish(ann)
    assert len(only(stocked)["shapes"][0]["rings"]) == 1


def test_fingers_draw_a_box_and_two_of_them_zoom(stocked, app, sit_down):
    create_campaign(stocked, "drawn", "boxes", THINGS, images=add_pictures(stocked, "boat", 1))
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    ann = sit_down(app, **phone)
    ann.open("drawn")
    for point in ((100, 40), (60, 80), (140, 120), (180, 90)):
        ann.page.touchscreen.tap(*ann.spot(*point))
    assert ann.objects() == 1
    before = ann.page.locator("#stage img").bounding_box()["width"]
    ann.page.tap("#zoom-in")
    assert ann.page.locator("#stage img").bounding_box()["width"] > before
    ann.page.tap("#done")
    ann.wait_outlook("done")
    ann.wait_saved()
    (box,) = only(stocked)["boxes"]
    assert [box[side] for side in "xywh"] == pytest.approx([60, 40, 120, 80], abs=2)


def test_a_box_outside_its_picture_is_refused_by_the_server_with_the_reason(stocked):
    create_campaign(stocked, "drawn", "boxes", THINGS, images=add_pictures(stocked, "boat", 1))
    with serving(stocked) as app:
        ann = app.client("ann")
        item = lease(ann, "drawn", 1)["items"][0]["id"]
        box = {"category": "car", "x": 300, "y": 10, "w": 30, "h": 30}
        refused = send(ann, [judgment(item) | {"answer": {"boxes": [box]}}])[0]
        assert refused["status"] == "refused"
        assert "reaches outside its picture" in refused["reason"]
        assert send(ann, [judgment(item) | {"answer": {"boxes": [box | {"w": 20}]}}])[0]["status"] == "accepted"
