"""Exports that other tools read: Parquet, Label Studio, COCO, YOLO, Pascal VOC, over real HTTP."""

import io
import json
import xml.etree.ElementTree as ET
import zipfile

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from annotate_app import create_campaign
from annotate_app.importing import import_judgments
from annotate_app.label_studio import answer_of, results
from label_store import AnswerError, UsageError
from label_store.models import Campaign, CampaignCategory, Item, Judgment
from tests.annotate_app.material import add_pictures
from tests.annotate_app.work import judge_all, judgment, lease, send

BOX = {"category": "boat", "x": 10.0, "y": 20.0, "w": 200.0, "h": 90.0, "crowd": False}
OUTER, HOLE = [[0, 0], [100, 0], [100, 50], [0, 50]], [[10, 10], [20, 10], [20, 20], [10, 20]]
HOLED = {"category": "boat", "rings": [OUTER, HOLE]}


def campaign_of(workspace, kind, answer, app):
    """One picture of 320 x 240 in a campaign of the kind, judged by ann with the answer."""
    (sha256,) = add_pictures(workspace, "boat", 1)
    with workspace.write() as session:
        campaign = Campaign(slug="where", title="Where", kind=kind, stopping={"rule": "fixed", "n": 2})
        session.add(campaign)
        session.flush()
        session.add(CampaignCategory(campaign_id=campaign.id, category_id=2, position=0))
        session.add(Item(campaign_id=campaign.id, image_sha256=sha256))
    ann = app.client("ann")
    (item,) = lease(ann, "where")["items"]
    (outcome,) = send(ann, [judgment(item["id"]) | {"answer": answer}])
    assert outcome["status"] == "accepted", outcome
    return sha256


def exported(app, campaign, name):
    answer = app.client("cora").get(f"/api/v1/campaigns/{campaign}/export", params={"format": name})
    assert answer.status_code == 200, answer.text
    return answer.content


def test_parquet_has_the_columns_of_the_csv(stocked, app):
    add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "boats", "verify", ["boat"])
    judge_all(app.client("ann"), "boats")
    table = pq.read_table(io.BytesIO(exported(app, "boats", "parquet")))
    assert table.column("answer").to_pylist() == ["yes"] * 3
    assert table.column("annotator").to_pylist() == ["ann"] * 3
    lines = exported(app, "boats", "csv").decode().splitlines()
    assert table.column_names == lines[0].split(",")


def test_coco_has_a_box_with_its_picture_and_category(stocked, app):
    sha256 = campaign_of(stocked, "boxes", {"boxes": [BOX, BOX | {"crowd": True}]}, app)
    document = json.loads(exported(app, "where", "coco"))
    assert document["images"] == [{"id": 1, "file_name": f"{sha256}.jpg", "width": 320, "height": 240}]
    assert [entry["bbox"] for entry in document["annotations"]] == [[10, 20, 200, 90]] * 2
    assert [entry["iscrowd"] for entry in document["annotations"]] == [0, 1]
    names = {entry["id"]: entry["name"] for entry in document["categories"]}
    assert {names[entry["category_id"]] for entry in document["annotations"]} == {"boat"}


def test_coco_has_shapes_with_the_area_less_the_holes(stocked, app):
    campaign_of(stocked, "polygons", {"shapes": [HOLED]}, app)
    (entry,) = json.loads(exported(app, "where", "coco"))["annotations"]
    assert entry["area"] == 100 * 50 - 10 * 10
    assert entry["bbox"] == [0, 0, 100, 50]
    assert entry["rings"] == HOLED["rings"]
    (outline,) = entry["segmentation"]  # cut open, since COCO's outlines have no holes
    assert outline[:10] == [0, 0, 100, 0, 100, 50, 0, 50, 0, 0]


def test_yolo_and_voc_are_zips_a_file_a_picture_and_person(stocked, app):
    sha256 = campaign_of(stocked, "boxes", {"boxes": [BOX]}, app)
    with zipfile.ZipFile(io.BytesIO(exported(app, "where", "yolo"))) as archive:
        assert archive.testzip() is None
        number, *share = archive.read(f"labels/ann/{sha256}.txt").decode().split()
        assert number == "0"
        assert [float(value) for value in share] == pytest.approx([110 / 320, 65 / 240, 200 / 320, 90 / 240], abs=1e-6)
        assert '0: "boat"' in archive.read("data.yaml").decode()
    with zipfile.ZipFile(io.BytesIO(exported(app, "where", "voc"))) as archive:
        tree = ET.fromstring(archive.read(f"Annotations/ann/{sha256}.xml"))
        assert tree.findtext("object/name") == "boat"
        sides = ("xmin", "ymin", "xmax", "ymax")
        assert [tree.findtext(f"object/bndbox/{side}") for side in sides] == ["11", "21", "210", "110"]
        assert (tree.findtext("size/width"), tree.findtext("size/height")) == ("320", "240")


def test_label_studio_has_a_task_a_picture_with_percent(stocked, app):
    sha256 = campaign_of(stocked, "boxes", {"boxes": [BOX]}, app)
    (task,) = json.loads(exported(app, "where", "label-studio"))
    assert task["data"]["sha256"] == sha256
    (annotation,) = task["annotations"]
    assert annotation["completed_by"] == "ann"
    (region,) = annotation["result"]
    assert region["value"]["x"] == pytest.approx(100 * 10 / 320)
    assert region["value"]["rectanglelabels"] == ["boat"]


@pytest.mark.parametrize("name", ["coco", "yolo", "voc"], ids=str)
def test_a_format_of_boxes_is_refused_for_words_with_those_there_are(stocked, app, name):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    answer = app.client("cora").get(f"/api/v1/campaigns/boats/export?format={name}")
    assert answer.status_code == 400
    assert "label-studio" in answer.json()["hint"]


side = st.floats(1, 90, width=32)
box = st.builds(
    lambda x, y, w, h, crowd: {"category": "boat", "x": x, "y": y, "w": w, "h": h, "crowd": crowd},
    side, side, side, side, st.booleans(),
)  # fmt: skip
words = st.sampled_from(["yes", "no", "unsure"])
comments = st.one_of(st.just({}), st.text("abc ", min_size=1).map(lambda text: {"comment": text}))


@given(st.lists(box, max_size=5), comments)
def test_boxes_survive_label_studio_and_back(boxes, comment):
    back = answer_of("boxes", results({"boxes": boxes, **comment}, (320, 240)), (320, 240))
    assert [found["crowd"] for found in back["boxes"]] == [given["crowd"] for given in boxes]
    for found, given_box in zip(back["boxes"], boxes, strict=True):
        assert [found[key] for key in "xywh"] == pytest.approx([given_box[key] for key in "xywh"])
    assert back.get("comment") == comment.get("comment")


@given(words, comments)
def test_words_survive_label_studio_and_back(word, comment):
    answer = {"value": word, **comment}
    assert answer_of("verify", results(answer, (4, 3)), (4, 3)) == answer
    flag = {"flag": "broken", **comment}
    assert answer_of("verify", results(flag, (4, 3)), (4, 3)) == flag


def test_shapes_with_holes_survive_label_studio_and_back():
    (back,) = answer_of("polygons", results({"shapes": [HOLED]}, (320, 240)), (320, 240))["shapes"]
    for ring, given_ring in zip(back["rings"], HOLED["rings"], strict=True):
        for point, given_point in zip(ring, given_ring, strict=True):
            assert point == pytest.approx(given_point)


@pytest.mark.parametrize(
    "result",
    [None, [3], [{"type": "rectanglelabels", "value": {}}], [{"type": "choices", "from_name": "a", "value": {}}]],
    ids=["nothing", "number", "box", "choice"],
)
def test_regions_that_lack_something_are_refused(result):
    with pytest.raises(AnswerError):
        answer_of("boxes", result, (320, 240))


@pytest.mark.parametrize(
    ("name", "ending"), [("jsonl", "jsonl"), ("csv", "csv"), ("parquet", "parquet"), ("label-studio", "json")], ids=str
)
@pytest.mark.parametrize("kind", ["verify", "boxes"], ids=str)
def test_what_was_exported_is_imported_elsewhere_once(stocked, app, tmp_path, name, ending, kind):
    answer = {"value": "yes"} if kind == "verify" else {"boxes": [BOX]}
    if kind == "verify":
        add_pictures(stocked, "boat", 1)
        create_campaign(stocked, "where", "verify", ["boat"])
        send(app.client("ann"), [judgment(lease(app.client("ann"), "where")["items"][0]["id"]) | {"answer": answer}])
    else:
        campaign_of(stocked, kind, answer, app)
    file = tmp_path / f"judgments.{ending}"
    file.write_bytes(exported(app, "where", name))
    with stocked.write() as session:  # the same items, judged by nobody
        judged = session.scalars(select(Judgment)).one()
        judged.active, judged.undone_at = False, judged.answered_at
        session.scalars(select(Item)).one().n = 0
    for accepted, duplicate in ((1, 0), (0, 1)):
        result = import_judgments(stocked, "where", file)
        assert (result.accepted, result.duplicate, result.refused) == (accepted, duplicate, 0)
    with stocked.read() as session:
        back = session.scalars(select(Judgment).where(Judgment.active)).one().answer
        assert session.scalars(select(Item.n)).one() == 1
    if kind == "verify":
        assert back == answer
    else:
        assert [back["boxes"][0][key] for key in "xywh"] == pytest.approx([BOX[key] for key in "xywh"])


BAD = {
    "jsonl": 'nonsense\n[1]\n{"item": 1}\n{"item": 1, "annotator": "x", "answer": {"value": 3}}\n',
    "json": '[3, {"id": 1, "annotations": [3, {"completed_by": "x", "result": 3}]}]',
}


@pytest.mark.parametrize("ending", BAD, ids=str)
def test_bad_rows_are_refused_one_by_one(stocked, tmp_path, ending):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    file = tmp_path / f"bad.{ending}"
    file.write_text(BAD[ending])
    result = import_judgments(stocked, "boats", file)
    assert result.accepted == 0
    assert result.refused >= 3


@pytest.mark.parametrize("ending", ["json", "parquet", "csv"], ids=str)
def test_a_file_that_is_something_else_is_a_sentence(stocked, tmp_path, ending):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    file = tmp_path / f"bad.{ending}"
    file.write_text('{"not": "a list"}')
    with pytest.raises(UsageError):
        import_judgments(stocked, "boats", file)
