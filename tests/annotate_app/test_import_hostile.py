"""Files that are broken, or that mean harm: a bad row or a sentence each, never the end of an import."""

import io
import json
import lzma
import tarfile
import zipfile
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotate_app.importing import ImportWish, files, import_judgments
from annotate_app.importing.rows import Asked, Row
from label_store import AnswerError, UsageError
from tests.annotate_app.test_import_objects import VOC, campaign_of, reasons, zipped

DEEP = 100_000
WISH = ImportWish(annotator="x")
SIZE = (320, 240)


def packed(folder, entries):
    file = folder / "labels.zip"
    file.write_bytes(zipped(entries))
    return file


def taken(workspace, file, kind="boxes"):
    campaign_of(workspace, kind)
    return import_judgments(workspace, "where", file, WISH)


def test_a_width_of_thousands_of_digits_is_one_bad_row_of_voc(stocked, tmp_path):
    good = VOC.format(name="0.png", right="320")
    entries = {"1.xml": good.replace("<width>320", "<width>" + "9" * 5_000), "0.xml": good}
    result = taken(stocked, packed(tmp_path, entries))
    assert (result.accepted, result.refused) == (1, 1)
    assert "width or height" in reasons(result)["1.xml"]


@pytest.mark.parametrize("said", ["[" * DEEP + "]" * DEEP, '{"a": ', '{"a": ' + "9" * 5_000 + "}"], ids=str)
@pytest.mark.parametrize("ending", ["xml", "txt"])
def test_people_that_cannot_be_read_are_one_bad_row(stocked, tmp_path, said, ending):
    label = VOC.format(name="0.png", right="320") if ending == "xml" else "0 .5 .5 .1 .1\n"
    entries = {"annotators.json": said, "classes.txt": "boat\n", f"0.{ending}": label}
    result = taken(stocked, packed(tmp_path, entries))
    assert (result.accepted, result.refused) == (1, 1)
    assert "it is not JSON" in reasons(result)["annotators.json"]


STEPS = list(zip("abcdefghi", "bcdefghij", strict=True))
BOMB = "a: &a [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in STEPS
)
MERGES = "a: &a {k: v}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n" for before, name in STEPS
)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (BOMB + "names: [*j]\n", "data.yaml: the name of class 0 is not a word"),
        (BOMB + "names: {0: *j}\n", "data.yaml: the name of class 0 is not a word"),
        ("names: " + "[" * 2_000, "data.yaml: it is not YAML"),
        ("names: [boat]\n" + "#" * 2**20, "data.yaml: a YAML file of names is not longer than 1 MiB"),
        ("names: [boat\n", "data.yaml: it is not YAML"),
    ],
    ids=["list of a bomb", "mapping of a bomb", "deep", "long", "broken"],
)
def test_names_that_cannot_be_read_are_a_sentence_and_a_bad_row_beside_others(stocked, tmp_path, names, sentence):
    entries = {"data.yaml": names, "0.txt": "0 .5 .5 .1 .1\n"}
    with pytest.raises(UsageError, match=sentence):
        taken(stocked, packed(tmp_path, entries))
    result = import_judgments(stocked, "where", packed(tmp_path, {**entries, "classes.txt": "boat\n"}), WISH)
    assert (result.accepted, list(reasons(result))) == (1, ["data.yaml"])


@pytest.mark.parametrize(
    "names",
    ["released: 2001-99-99\nnames: [boat]", "names: {0: boat, 1: 2001-99-99, two: car}", MERGES + "names: [boat]"],
    ids=["impossible date", "impossible date as a name", "merges of merges"],
)
def test_what_stands_beside_the_names_does_not_matter(stocked, tmp_path, names):
    result = taken(stocked, packed(tmp_path, {"data.yaml": names, "0.txt": "0 .5 .5 .1 .1\n"}))
    assert (result.accepted, result.refused) == (1, 0)


def test_a_name_that_yaml_takes_for_something_else_is_the_word_that_was_written(tmp_path):
    file = packed(tmp_path, {"data.yaml": "names: [no, 007, boat]", "0.txt": "2 .5 .5 .1 .1\n1 .5 .5 .1 .1\n"})
    (row,) = files.rows_of(file, "boxes")
    asked = Asked("boxes", SIZE, {"boat": "boat", "007": "bond"})
    assert [box["category"] for box in row.read(asked)["boxes"]] == ["boat", "bond"]


def region(**value):
    return {"type": "rectanglelabels", "from_name": "b", "value": {
        "x": 10, "y": 10, "width": 50, "height": 50, "rectanglelabels": ["boat"], **value}}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("boxes", {"annotations": 5}),
        ("boxes", {"annotations": True}),
        ("boxes", {"annotations": {"result": []}}),
        ("boxes", {"annotations": [{"result": [region() | {"meta": [1]}]}]}),
        ("boxes", {"annotations": [{"result": [region() | {"value": [1]}]}]}),
        ("polygons", {"annotations": [{"result": [region() | {"type": "polygonlabels", "meta": 5}]}]}),
        ("verify", {"annotations": [{"result": [
            {"type": "choices", "from_name": "c", "value": {"choices": [5]}}]}]}),
    ],
    ids=["a number", "a truth", "an object", "meta of a box", "value of a box", "meta of a shape", "numeric choice"],
)  # fmt: skip
def test_a_task_of_the_wrong_shape_is_one_bad_row(stocked, tmp_path, kind, wrong):
    good = [] if kind == "boxes" else [{"type": "choices", "from_name": "flag", "value": {"choices": ["broken"]}}]
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps([
        {"data": {"image": "0.png"}, **wrong},
        {"data": {"image": "1.png"}, "annotations": [{"result": good}]},
    ]))  # fmt: skip
    result = taken(stocked, file, kind)
    assert result.refused == 1
    assert result.accepted == 1, result.bad


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TASK = {
    "id": 1,
    "data": {"image": "0.png", "sha256": "", "category": ""},
    "annotations": [{"completed_by": {"email": "ann"}, "lead_time": 1.5, "created_at": "2025-01-01", "result": [
        region() | {"meta": {"crowd": True}},
        {"type": "polygonlabels", "value": {"points": [[1, 2], [3, 4], [5, 1]], "polygonlabels": ["boat"]},
         "meta": {"holes": [[[1, 2], [3, 4], [5, 1]]]}},
        {"type": "choices", "from_name": "answer", "value": {"choices": ["yes"]}},
        {"type": "textarea", "from_name": "comment", "value": {"text": ["said"]}}]}],
}  # fmt: skip
COCO = {
    "images": [{"id": 1, "file_name": "0.png", "width": 320, "height": 240, "nothing_by": [{"annotator": "ann"}]}],
    "categories": [{"id": 1, "name": "boat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "annotator": "ann", "bbox": [1, 2, 3, 4], "iscrowd": 0,
                     "segmentation": [[1, 2, 3, 4, 5, 1]], "rings": [[[1, 2], [3, 4], [5, 1]]]}],
}  # fmt: skip


@st.composite
def spoiled(draw, value, certainly=True):
    """The value with one part of it replaced by anything."""
    children = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not children or (not certainly and draw(st.integers(0, 4)) == 0):
        return draw(anything)
    chosen = draw(st.sampled_from(children))
    copied = value.copy()
    copied[chosen] = draw(spoiled(value[chosen], certainly=False))
    return copied


@pytest.mark.parametrize("kind", ["boxes", "polygons", "verify", "classify", "attributes"])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_whatever_stands_in_a_document_each_part_of_it_is_read_or_told(tmp_path, kind, data):
    drawn = kind in ("boxes", "polygons")
    document = [data.draw(spoiled(TASK))] if not drawn or data.draw(st.booleans()) else data.draw(spoiled(COCO))
    file = tmp_path / "document.json"
    file.write_text(json.dumps(document))
    asked = Asked(kind, SIZE, {"boat": "boat"})
    with suppress(UsageError):
        for row in files.rows_of(file, kind, "label-studio" if isinstance(document, list) else "coco"):
            with suppress(AnswerError):
                if isinstance(row, Row):
                    row.read(asked)


# ---- Archives.


def compressed(folder, how):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", how) as archive:
        for name in ("classes.txt", "0.txt", "1.txt"):
            archive.writestr(name, "boat\n" if name == "classes.txt" else "0 .5 .5 .1 .1\n" * 30)
    return bytearray(held.getvalue())


def test_a_member_of_a_zip_whose_lzma_is_broken_is_one_bad_row(stocked, tmp_path):
    content = compressed(tmp_path, zipfile.ZIP_LZMA)
    at = content.index(b"0.txt") + len("0.txt")
    content[at + 4 : at + 9] = b"\xff" * 5  # its properties
    file = tmp_path / "labels.zip"
    file.write_bytes(content)
    with zipfile.ZipFile(file) as archive, pytest.raises(lzma.LZMAError):
        archive.read("0.txt")
    result = taken(stocked, file)
    assert (result.accepted, list(reasons(result))) == (1, ["0.txt"])


def test_a_zip_whose_directory_is_broken_is_a_sentence(stocked, tmp_path):
    content = compressed(tmp_path, zipfile.ZIP_DEFLATED)
    at = content.index(b"PK\x01\x02")
    content[at : at + 4] = b"oops"
    file = tmp_path / "labels.zip"
    file.write_bytes(content)
    assert zipfile.is_zipfile(file)
    with pytest.raises(UsageError, match="is a broken zip"):
        taken(stocked, file)


def as_tar(how):
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=f"w:{how}") as archive:
        for name in ("classes.txt", "0.txt", "1.txt"):
            content = b"boat\n" if name == "classes.txt" else b"0 .5 .5 .1 .1\n" * 30
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return held.getvalue()


WHOLE = {
    "zip": bytes(compressed(None, zipfile.ZIP_DEFLATED)),
    "lzma": bytes(compressed(None, zipfile.ZIP_LZMA)),
    **{f"tar.{how}": as_tar(how) for how in ("gz", "bz2", "xz")},
    "tar": as_tar(""),
}


@pytest.mark.parametrize("name", list(WHOLE))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_whatever_a_broken_archive_holds_is_read_or_told(tmp_path, name, data):
    content = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "labels"
    file.write_bytes(content[: data.draw(st.integers(1, len(content))) if data.draw(st.booleans()) else None])
    with suppress(UsageError):
        list(files.rows_of(file, "boxes", "yolo"))
