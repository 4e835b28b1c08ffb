"""Boxes and shapes of a campaign as COCO, YOLO and Pascal VOC, streamed; each judgment is an annotation by itself.

COCO: https://cocodataset.org/#format-data. YOLO: https://docs.ultralytics.com/datasets/detect/. Pascal VOC: the
development kit of 2012. Flags are left out; a crowd box is `iscrowd` in COCO and `difficult` in VOC. What the formats
have no place for (who said it, holes, a picture that somebody found empty) is in additions that others skip and
`annotate_app.importing` reads.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from xml.sax.saxutils import escape

Row = dict[str, Any]
Size = Callable[[str], tuple[int, int]]


def coco(rows: Iterable[Row], categories: list[str], size: Size) -> Iterator[str]:
    """One JSON document. Annotations first, because the pictures are known only when all have been seen."""
    number = {slug: k + 1 for k, slug in enumerate(categories)}
    named = [{"id": number[slug], "name": slug, "supercategory": ""} for slug in categories]
    yield '{"info": {"description": "judgments of a Cairn campaign"}, "categories": ' + json.dumps(named)
    yield ', "annotations": ['
    pictures: dict[str, int] = {}
    nothing: dict[int, list[Row]] = {}
    annotation = 0
    for row in rows:
        if "flag" in row["answer"]:
            continue
        image = pictures.setdefault(row["image"], len(pictures) + 1)
        who = {"annotator": row["annotator"], "role": row["role"]}
        objects = list(_objects(row["answer"]))
        if not objects:
            nothing.setdefault(image, []).append(who)
        for found in objects:
            annotation += 1
            entry = {
                "id": annotation,
                "image_id": image,
                "category_id": number[found["category"]],
                **who,
                **found["coco"],
            }
            yield (", " if annotation > 1 else "") + json.dumps(entry)
    yield '], "images": ['
    for sha256, image in pictures.items():
        width, height = size(sha256)
        entry = {"id": image, "file_name": f"{sha256}.jpg", "width": width, "height": height}
        entry |= {"nothing_by": nothing[image]} if image in nothing else {}
        yield (", " if image > 1 else "") + json.dumps(entry)
    yield "]}"


def _objects(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for box in answer.get("boxes", []):
        x, y, w, h = box["x"], box["y"], box["w"], box["h"]
        outline = {"bbox": [x, y, w, h], "area": w * h, "iscrowd": int(box.get("crowd", False)), "segmentation": []}
        yield {"category": box["category"], "coco": outline}
    for shape in answer.get("shapes", []):
        outer = shape["rings"][0]
        xs, ys = [point[0] for point in outer], [point[1] for point in outer]
        area = abs(_area(outer)) - sum(abs(_area(ring)) for ring in shape["rings"][1:])
        outline = {
            "bbox": [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)],
            "area": max(0.0, area),
            "iscrowd": 0,
            "segmentation": [[value for point in _cut_open(shape["rings"]) for value in point]],
        }
        if shape["rings"][1:]:
            outline["rings"] = shape["rings"]
        yield {"category": shape["category"], "coco": outline}


def _cut_open(rings: list[list[list[float]]]) -> list[list[float]]:
    """One ring with a cut of no width to each hole: COCO's polygons have no holes, and several are their union."""
    outer = rings[0]
    if not rings[1:]:
        return outer
    return [*outer, outer[0], *(point for hole in rings[1:] for point in (*hole, hole[0], outer[0]))]


def _area(ring: list[list[float]]) -> float:
    """Signed, by the shoelace formula, square pixels."""
    following = [*ring[1:], ring[0]]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, following, strict=True)) / 2


def yolo(rows: Iterable[Row], categories: list[str], size: Size) -> Iterator[bytes]:
    """A zip of `data.yaml` and `labels/ANNOTATOR/SHA256.txt`: class, centre and size as shares of the picture."""
    number = {slug: k for k, slug in enumerate(categories)}
    names = "".join(f"  {k}: {json.dumps(slug)}\n" for slug, k in number.items())
    folders = _Folders("labels")

    def files() -> Iterator[tuple[str, str]]:
        yield "data.yaml", f"path: .\nnames:\n{names}"
        for row in rows:
            if "boxes" in row["answer"]:
                width, height = size(row["image"])
                lines = [
                    f"{number[box['category']]} {(box['x'] + box['w'] / 2) / width:.10g} "
                    f"{(box['y'] + box['h'] / 2) / height:.10g} {box['w'] / width:.10g} {box['h'] / height:.10g}\n"
                    for box in row["answer"]["boxes"]
                ]
                yield f"{folders.of(row)}/{row['image']}.txt", "".join(lines)
        yield folders.file()

    return _zipped(files())


def voc(rows: Iterable[Row], categories: list[str], size: Size) -> Iterator[bytes]:
    """A zip of `Annotations/ANNOTATOR/SHA256.xml`; pixels count from 1, as in VOC."""
    folders = _Folders("Annotations")

    def files() -> Iterator[tuple[str, str]]:
        for row in rows:
            if "boxes" in row["answer"]:
                width, height = size(row["image"])
                objects = "".join(_voc_object(box) for box in row["answer"]["boxes"])
                yield (
                    f"{folders.of(row)}/{row['image']}.xml",
                    (
                        f"<annotation><folder>images</folder><filename>{row['image']}.jpg</filename>"
                        f"<source><annotation>{escape(row['annotator'])}</annotation></source>"
                        f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
                        f"<segmented>0</segmented>{objects}</annotation>\n"
                    ),
                )
        yield folders.file()

    return _zipped(files())


def _voc_object(box: dict[str, Any]) -> str:
    left, top = box["x"] + 1, box["y"] + 1
    return (
        f"<object><name>{escape(box['category'])}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>{int(box.get('crowd', False))}</difficult><bndbox><xmin>{left:.12g}</xmin>"
        f"<ymin>{top:.12g}</ymin><xmax>{box['x'] + box['w']:.12g}</xmax><ymax>{box['y'] + box['h']:.12g}</ymax>"
        "</bndbox></object>"
    )


class _Folders:
    """A folder for each person in each role, whose name leads nowhere else; `annotators.json` says whose it is."""

    def __init__(self, parent: str) -> None:
        self._parent = parent
        self._names: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()

    def of(self, row: Row) -> str:
        """The folder of who answered."""
        who = row["annotator"], row["role"]
        if who not in self._names:
            plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in row["annotator"]) or "_"
            name, k = plain, 1
            while name.casefold() in self._taken:  # two roles of one person, or two names that become one
                k += 1
                name = f"{plain}-{k}"
            self._taken.add(name.casefold())
            self._names[who] = f"{self._parent}/{name}"
        return self._names[who]

    def file(self) -> tuple[str, str]:
        """Name and text of the list."""
        people = {folder: {"annotator": name, "role": role} for (name, role), folder in self._names.items()}
        return "annotators.json", json.dumps(people, ensure_ascii=False, indent=1)


class Pipe(io.RawIOBase):
    """What a zip file is written to: bytes to be taken away, no seeking."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Keep the bytes until they are taken."""
        self.waiting += data
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken


def _zipped(files: Iterator[tuple[str, str]]) -> Iterator[bytes]:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files:
            archive.writestr(zipfile.ZipInfo(name), text)
            if len(pipe.waiting) > 1 << 16:
                yield pipe.take()
    yield pipe.take()
