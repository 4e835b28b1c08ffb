"""Boxes and outlines of COCO, YOLO and Pascal VOC: what was exported comes back, what others wrote is read or told."""

import io
import json
import tarfile
import zipfile
from functools import partial
from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from annotate_app import export_objects
from annotate_app.importing import ImportWish, files, import_judgments
from annotate_app.importing.rows import Asked, Bad
from cairn.cli import run
from label_store import UsageError
from label_store.models import Campaign, CampaignCategory, Item, Judgment, Person
from tests.annotate_app.material import add_pictures

SIZE = (320, 240)
CATEGORIES = ["boat", "car"]
ASKED = {kind: Asked(kind, SIZE, {name: name for name in CATEGORIES}) for kind in ("boxes", "polygons")}
ENDINGS = {"coco": ".json", "yolo": ".zip", "voc": ".zip"}


def campaign_of(workspace, kind, categories=("boat", "car"), pictures=2):
    """SHA-256s of pictures of 320 x 240 in the campaign `where`."""
    shas = add_pictures(workspace, "boat", pictures)
    with workspace.write() as session:
        campaign = Campaign(slug="where", title="Where", kind=kind, stopping={"rule": "fixed", "n": 2})
        session.add(campaign)
        session.flush()
        for position, slug in enumerate(categories):
            number = {"car": 1, "boat": 2, "cup": 3}[slug]
            session.add(CampaignCategory(campaign_id=campaign.id, category_id=number, position=position))
        session.add_all(Item(campaign_id=campaign.id, image_sha256=sha256) for sha256 in shas)
    return shas


def answers(workspace):
    """(SHA-256, person, role) -> answer."""
    with workspace.read() as session:
        found = session.execute(
            select(Item.image_sha256, Person.name, Judgment.role, Judgment.answer)
            .join(Item, Item.id == Judgment.item_id)
            .join(Person, Person.id == Judgment.person_id)
        )
        return {tuple(row[:3]): row[3] for row in found}


def zipped(entries):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return held.getvalue()


def reasons(result):
    return {bad.place: bad.reason for bad in result.bad}


# ---- There and back.

people = st.sampled_from(["ann", "Ann", "ann.", "maria p", "李"])
roles = st.sampled_from(["annotator", "reviewer"])


@st.composite
def boxes(draw, crowd):
    x, y = draw(st.floats(0, 300)), draw(st.floats(0, 220))
    w, h = draw(st.floats(0.5, SIZE[0] - x)), draw(st.floats(0.5, SIZE[1] - y))
    found = {"category": draw(st.sampled_from(CATEGORIES)), "x": x, "y": y, "w": w, "h": h}
    return {**found, "crowd": draw(st.booleans()) if crowd else False}


points = st.tuples(st.floats(0, SIZE[0]), st.floats(0, SIZE[1])).map(list)
shapes = st.builds(
    lambda category, rings: {"category": category, "rings": rings},
    st.sampled_from(CATEGORIES),
    st.lists(st.lists(points, min_size=3, max_size=6), min_size=1, max_size=3),
)


def judged(answer):
    """Who said what of which picture: nobody twice of one picture in one role."""
    pictures = st.sampled_from(["a" * 64, "b" * 64, "c" * 64])
    return st.dictionaries(st.tuples(pictures, people, roles), answer, min_size=1, max_size=6)


def written(name, said, folder):
    rows = [
        {"image": sha256, "annotator": person, "role": role, "answer": answer}
        for (sha256, person, role), answer in sorted(said.items())
    ]
    chunks = getattr(export_objects, name)(rows, CATEGORIES, lambda _: SIZE)
    file = folder / f"out{ENDINGS[name]}"
    file.write_bytes(b"".join(chunk if isinstance(chunk, bytes) else chunk.encode() for chunk in chunks))
    return file


def read(file, kind, name):
    found = list(files.rows_of(file, kind, name))
    assert not [bad for bad in found if isinstance(bad, Bad)]
    return {(row.picture.rpartition("/")[2][:64], row.annotator, row.role): row.read(ASKED[kind]) for row in found}


def numbers(answer):
    things = answer.get("boxes", answer.get("shapes"))
    return list(chain.from_iterable(
        [box[side] for side in "xywh"] if "x" in (box := thing) else chain(*chain(*thing["rings"])) for thing in things
    ))  # fmt: skip


def names(answer):
    return [(thing["category"], thing.get("crowd", False)) for thing in answer.get("boxes", answer.get("shapes"))]


def same(said, back):
    assert back.keys() == said.keys()
    for who, answer in said.items():
        assert names(back[who]) == names(answer)
        assert numbers(back[who]) == pytest.approx(numbers(answer), abs=1e-6)


quick = partial(settings, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.mark.parametrize("name", ["coco", "voc"], ids=str)
@quick()
@given(data=st.data())
def test_boxes_come_back_from_coco_and_voc_as_they_were(tmp_path, name, data):
    said = data.draw(judged(st.lists(boxes(crowd=True), max_size=4).map(lambda found: {"boxes": found})))
    same(said, read(written(name, said, tmp_path), "boxes", name))


@quick()
@given(data=st.data())
def test_boxes_come_back_from_yolo_but_for_crowds_which_it_cannot_say(tmp_path, data):
    said = data.draw(judged(st.lists(boxes(crowd=False), max_size=4).map(lambda found: {"boxes": found})))
    same(said, read(written("yolo", said, tmp_path), "boxes", "yolo"))


@quick()
@given(data=st.data())
def test_shapes_with_holes_come_back_from_coco_as_they_were(tmp_path, data):
    said = data.draw(judged(st.lists(shapes, max_size=3).map(lambda found: {"shapes": found})))
    same(said, read(written("coco", said, tmp_path), "polygons", "coco"))


def test_a_hole_is_empty_for_those_who_know_polygons_without_holes_alone(tmp_path):
    from PIL import Image, ImageDraw

    holed = {"category": "boat", "rings": [[[20, 20], [200, 20], [200, 200], [20, 200]],
                                           [[60, 60], [60, 120], [120, 120], [120, 60]]]}  # fmt: skip
    file = written("coco", {("a" * 64, "ann", "annotator"): {"shapes": [holed]}}, tmp_path)
    (entry,) = json.loads(file.read_text())["annotations"]
    (outline,) = entry["segmentation"]
    mask = Image.new("1", SIZE)
    ImageDraw.Draw(mask).polygon(outline, fill=1)
    assert [mask.getpixel(at) > 0 for at in ((30, 30), (90, 90), (150, 150), (210, 90))] == [True, False, True, False]


@pytest.mark.parametrize("name", ["coco", "yolo", "voc"], ids=str)
def test_judgments_of_several_people_go_out_and_come_in_by_the_commands(stocked, tmp_path, name):
    first, second = campaign_of(stocked, "boxes")
    box = {"category": "boat", "x": 10.0, "y": 20.0, "w": 310.0, "h": 90.5, "crowd": False}
    said = {
        (first, "ann", "annotator"): {"boxes": [box, box | {"category": "car"}]},
        (first, "bea", "annotator"): {"boxes": []},
        (first, "ann", "reviewer"): {"boxes": [box]},
        (second, "ann", "annotator"): {"boxes": []},
    }
    file = written(name, said, tmp_path)
    at = ["--workspace", str(stocked.folder)]
    for _ in range(2):  # twice is the same as once
        assert run(["campaign", "import", "where", str(file), *at]) == 0
        found = answers(stocked)
        assert found.keys() == said.keys()
        for who, answer in said.items():
            assert names(found[who]) == names(answer)
            assert numbers(found[who]) == pytest.approx(numbers(answer))
    out = tmp_path / f"again{ENDINGS[name]}"
    assert run(["campaign", "export", "where", "--format", name, "-o", str(out), *at]) == 0
    same(read(file, "boxes", name), read(out, "boxes", name))


# ---- What others wrote.

COCO = {
    "annotations": [
        {"id": 11, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40], "iscrowd": 0},
        {"id": 12, "image_id": 8, "category_id": 3, "bbox": [300, 20, 30, 40]},
        {"id": 13, "image_id": 99, "category_id": 3, "bbox": [1, 2, 3, 4]},
        {"id": 14, "image_id": 9, "category_id": 3, "bbox": [1, 2, 3]},
        "nonsense",
    ],
    "images": [
        {"id": 7, "file_name": "train/0.png", "width": 320, "height": 240},
        {"id": 8, "file_name": "1.png", "width": 320, "height": 240},
        {"id": 9, "file_name": "2.png", "width": 240, "height": 320},
        {"id": 10, "file_name": "3.png"},
        {"id": 10, "file_name": "4.png"},
        {"id": 11},
    ],
    "categories": [{"id": 3, "name": "Boat"}],
}


def test_coco_of_others_is_matched_by_name_and_each_bad_part_is_told(stocked, tmp_path):
    shas = campaign_of(stocked, "boxes", pictures=4)
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(COCO))
    result = import_judgments(stocked, "where", file, ImportWish(annotator="an old hand"))
    assert answers(stocked) == {
        (shas[0], "an old hand", "annotator"): {
            "boxes": [{"category": "boat", "x": 10.0, "y": 20.0, "w": 30.0, "h": 40.0, "crowd": False}]
        },
        (shas[3], "an old hand", "annotator"): {"boxes": []},  # listed, and nothing on it
    }
    told = reasons(result)
    assert told["picture 5"] == "there is another picture of the id 10"
    assert told["picture 6"] == "a picture has an id and a file_name"
    assert told["annotation 3"] == "there is no picture of the id 99"
    assert told["annotation 5"] == "an annotation has an image_id"
    assert "reaches outside its picture (320, 240)" in told["picture 1.png"]
    assert told["picture 2.png"] == "the file speaks of a picture of 240 x 320 pixels, and this one has 320 x 240"
    assert (result.accepted, result.refused) == (2, 6)


def test_who_drew_it_must_be_said_by_the_file_or_the_curator(stocked, tmp_path):
    campaign_of(stocked, "boxes", pictures=4)
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(COCO))
    result = import_judgments(stocked, "where", file)
    assert result.accepted == 0
    assert reasons(result)["picture train/0.png"] == "there is no annotator"


def coco_of(tmp_path, **entry):
    document = {
        "images": [{"id": 1, "file_name": "0.png"}],
        "categories": [{"id": 1, "name": "boat"}, {"id": 2, "name": "zebra"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 1, **entry}],
    }
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"segmentation": {"counts": "PPYo0", "size": [240, 320]}}, "annotation 5: it is a mask in run-length code"),
        ({"segmentation": []}, "annotation 5: it has no segmentation"),
        ({"segmentation": [[1, 2, 3, 4]]}, "annotation 5: an outline is at least three pairs"),
        ({"segmentation": [[1, 2, 3, 4, 5, "x"]]}, "annotation 5"),
        ({"rings": [[1, 2]]}, "annotation 5"),
        ({"segmentation": [[1, 2, 3, 4, 500, 6]]}, "lies outside its picture"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6]], "category_id": 2}, "category 'zebra' is not one of"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6]], "category_id": 77}, "category None is not one of"),
    ],
    ids=["rle", "none", "two points", "a word", "ring", "outside", "category", "no category"],
)
def test_an_outline_that_cannot_be_taken_says_why(stocked, tmp_path, entry, reason):
    campaign_of(stocked, "polygons")
    (bad,) = import_judgments(stocked, "where", coco_of(tmp_path, **entry), ImportWish(annotator="x")).bad
    assert reason in bad.reason


def test_parts_of_an_outline_are_shapes_of_their_own(stocked, tmp_path):
    campaign_of(stocked, "polygons")
    file = coco_of(tmp_path, segmentation=[[0, 0, 10, 0, 10, 10], [20, 20, 30, 20, 320.004, 240.009]])
    assert import_judgments(stocked, "where", file, ImportWish(annotator="x")).accepted == 1
    (answer,) = answers(stocked).values()
    assert [shape["rings"] for shape in answer["shapes"]] == [
        [[[0, 0], [10, 0], [10, 10]]],
        [[[20, 20], [30, 20], [320, 240]]],  # what rounding put beyond the edge is on it
    ]


def test_objects_of_other_categories_are_left_out_when_asked_for(stocked, tmp_path):
    campaign_of(stocked, "boxes")
    file = coco_of(tmp_path, bbox=[1, 2, 3, 4], category_id=2)
    assert import_judgments(stocked, "where", file, ImportWish(annotator="x")).refused == 1
    assert import_judgments(stocked, "where", file, ImportWish(annotator="x", skip_unknown=True)).accepted == 1
    assert list(answers(stocked).values()) == [{"boxes": []}]


YOLO = {
    "data.yaml": "names: [Boat, car]\npath: ../datasets\n",
    "labels/train/0.txt": "0 0.5 0.5 1.0 0.5\n\n1 0.25 0.25 0.1 0.1 0.93\n",
    "labels/train/1.txt": "",
    "labels/train/2.txt": "0 0.9 0.5 0.5 0.5\n",
    "labels/train/3.txt": "0 0.5 0.5 0.5 0.5\n7 0.5 0.5 0.5 0.5\n",
    "labels/train/4.txt": "0 0.1 0.1 0.2 0.1 0.2 0.2\n",
    "labels/train/5.txt": "boat 1 2 3 4\n",
    "labels/train/9.txt": "",
    "train.txt": "images/0.png\n",
}


def tarred(entries, folder, name="labels.tar.gz"):
    file = folder / name
    with tarfile.open(file, "w:gz") as archive:
        for entry, content in entries.items():
            info = tarfile.TarInfo(entry)
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
    return file


def foldered(entries, folder):
    for name, content in entries.items():
        place = folder / "set" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    return folder / "set"


def in_zip(entries, folder):
    file = folder / "labels.zip"
    file.write_bytes(zipped(entries))
    return file


@pytest.mark.parametrize("pack", [tarred, foldered, in_zip], ids=["tar", "folder", "zip"])
def test_yolo_of_others_is_read_from_a_folder_zip_or_tar(stocked, tmp_path, pack):
    shas = campaign_of(stocked, "boxes", pictures=6)
    result = import_judgments(stocked, "where", pack(YOLO, tmp_path), ImportWish(annotator="x"))
    found = {who[0]: answer for who, answer in answers(stocked).items()}
    assert found == {
        shas[0]: {
            "boxes": [
                {"category": "boat", "x": 0.0, "y": 60.0, "w": 320.0, "h": 120.0, "crowd": False},
                {"category": "car", "x": 64.0, "y": 48.0, "w": 32.0, "h": 24.0, "crowd": False},
            ]
        },
        shas[1]: {"boxes": []},
    }
    told = {place.rpartition("/")[2]: reason for place, reason in reasons(result).items()}
    assert "reaches outside its picture" in told["2.txt"]
    assert told["3.txt"] == "line 2: class 7 has no name (there are 2)"
    assert told["4.txt"] == "line 1: a box is a class and four numbers, and the campaign asks for boxes"
    assert told["5.txt"].startswith("line 1: ")
    assert "collected under the name" in told["9.txt"]
    assert (result.accepted, result.refused) == (2, 5)


def test_outlines_of_yolo_are_polygons(stocked, tmp_path):
    campaign_of(stocked, "polygons")
    pack = in_zip(
        {"classes.txt": "boat\ncar\n", "0.txt": "1 0.1 0.1 0.5 0.1 0.5 0.5\n", "1.txt": "0 .5 .5 .1 .1\n"}, tmp_path
    )
    result = import_judgments(stocked, "where", pack, ImportWish(annotator="x"))
    (answer,) = answers(stocked).values()
    assert answer["shapes"] == [{"category": "car", "rings": [[[32.0, 24.0], [160.0, 24.0], [160.0, 120.0]]]}]
    assert "the campaign asks for polygons" in reasons(result)["1.txt"]


def test_yolo_without_the_names_of_its_classes_is_a_sentence(stocked, tmp_path):
    campaign_of(stocked, "boxes")
    for entries in ({"0.txt": ""}, {"0.txt": "", "data.yaml": "names: {a: b}"}, {"0.txt": "", "data.yaml": "{{"}):
        with pytest.raises(UsageError, match="does not name its classes"):
            import_judgments(stocked, "where", in_zip(entries, tmp_path), ImportWish(annotator="x"))


VOC = (
    "<annotation><folder>set</folder><filename>{name}</filename><size><width>320</width><height>240</height></size>"
    "<object><name>boat</name><difficult>0</difficult><part><bndbox><xmin>1</xmin></bndbox></part>"
    "<bndbox><xmin>1</xmin><ymin>11</ymin><xmax>{right}</xmax><ymax>240</ymax></bndbox></object></annotation>"
)
LAUGHS = (
    '<!DOCTYPE a [<!ENTITY l "ha"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;&l;&l;&l;">]>'
    "<annotation><filename>&m;</filename></annotation>"
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>'


def test_voc_of_others_is_read_and_what_could_harm_is_not(stocked, tmp_path):
    shas = campaign_of(stocked, "boxes")
    entries = {
        "Annotations/0.xml": VOC.format(name="0.png", right="320"),
        "Annotations/1.xml": VOC.format(name="1.png", right="321"),
        "Annotations/2.xml": LAUGHS,
        "Annotations/3.xml": OUTSIDE,
        "Annotations/4.xml": "<annotation>",
        "Annotations/5.xml": "<html/>",
        "Annotations/6.xml": VOC.format(name="0.png", right="wide"),
        "Annotations/._7.xml": "of a Mac",
    }
    result = import_judgments(stocked, "where", in_zip(entries, tmp_path), ImportWish(annotator="x"))
    assert answers(stocked) == {
        (shas[0], "x", "annotator"): {
            "boxes": [{"category": "boat", "x": 0.0, "y": 10.0, "w": 320.0, "h": 230.0, "crowd": False}]
        }
    }
    told = {place.rpartition("/")[2]: reason for place, reason in reasons(result).items()}
    assert "reaches outside its picture" in told["1.xml"]
    assert told["2.xml"] == told["3.xml"] == "it has a document type or an entity, which is not read for safety"
    assert told["4.xml"].startswith("it is not XML")
    assert told["5.xml"] == "it is no annotation but 'html'"
    assert "object 1 has no bndbox of four numbers" in told["6.xml"]


def test_an_archive_that_breaks_off_is_taken_up_to_there(stocked, tmp_path):
    campaign_of(stocked, "boxes")
    plain = tmp_path / "labels.tar"
    with tarfile.open(plain, "w") as archive:
        for entry, content in (("data.yaml", "names: [boat]"), ("0.txt", ""), ("1.txt", "0 .5 .5 .1 .1\n" * 900)):
            info = tarfile.TarInfo(entry)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode()))
    plain.write_bytes(plain.read_bytes()[:8_000])
    result = import_judgments(stocked, "where", plain, ImportWish(annotator="x"))
    assert result.accepted == 1
    assert result.bad[-1].place == "after 0.txt"


def test_a_file_too_long_is_one_bad_row(stocked, tmp_path, monkeypatch):
    campaign_of(stocked, "boxes")
    monkeypatch.setattr("annotate_app.importing.archives.MOST_BYTES", 200)
    entries = {"data.yaml": "names: [boat]", "0.txt": "0 .5 .5 .1 .1\n" * 90, "1.txt": ""}
    result = import_judgments(stocked, "where", in_zip(entries, tmp_path), ImportWish(annotator="x"))
    assert (result.accepted, list(reasons(result))) == (1, ["0.txt"])


@pytest.mark.parametrize(
    ("kind", "name", "content", "sentence"),
    [
        ("verify", "a.json", b'{"images": []}', "is read as coco, which says nothing for a campaign of verify"),
        ("polygons", "a.zip", zipped({"Annotations/1.xml": "<a/>"}), "is read as voc"),
        ("boxes", "a.json", b'{"images": []}', "has no pictures"),
        ("boxes", "a.json", b'{"images": [', "is not JSON"),
        ("boxes", "a.zip", b"PK no", "is no folder, zip or tar"),
        ("boxes", "a.zip", zipped({"a.pdf": ""}), "holds neither label files of YOLO"),
        ("boxes", "a.json", None, "cannot be read"),
    ],
    ids=["coco of words", "voc of outlines", "no pictures", "cut", "no archive", "no labels", "nothing"],
)
def test_a_file_that_is_something_else_is_a_sentence(stocked, tmp_path, kind, name, content, sentence):
    campaign_of(stocked, kind)
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        import_judgments(stocked, "where", file, ImportWish(annotator="x"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps({"images": [{"id": 1, "file_name": "0.png"}], "categories": [{"id": 1, "name": "boat"}],
                               "annotations": [{"id": k, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
                                               for k in range(100)]}).encode()),
        ("b.zip", zipped({"classes.txt": "boat", "0.txt": "0 .5 .5 .1 .1\n" * 300})),
        ("c.zip", zipped({"0.xml": VOC.format(name="0.png", right="320") + "\n" * 3_000})),
    ],
    ids=["coco", "yolo", "voc"],
)  # fmt: skip
def test_a_row_knows_how_much_it_holds(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    (row,) = files.rows_of(file, "boxes")
    assert 3_000 < row.bytes < 12_000
