"""COCO's annotations: one JSON document of pictures, categories and objects in any order, read in flat memory.

https://cocodataset.org/#format-data. Objects are gathered by picture in a temporary file of SQLite's. `annotator` and
`role` of an object, `rings` and `nothing_by` are what our own exports add, so that they can be read back as they were.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from annotate_app.edges import box_on_picture, point_on_picture
from annotate_app.importing.json_documents import parts
from annotate_app.importing.rows import Asked, Bad, Row
from label_store import AnswerError, UsageError

_TABLES = """
CREATE TABLE pictures (number INTEGER PRIMARY KEY, id TEXT UNIQUE, picture TEXT);
CREATE TABLE objects (id TEXT, annotator TEXT, role TEXT, number INTEGER, object TEXT);
"""
_PICTURES = """
SELECT pictures.picture, objects.annotator, objects.role, objects.object
FROM pictures LEFT JOIN objects ON objects.id = pictures.id
ORDER BY pictures.number, objects.annotator, objects.role, objects.number
"""
Objects = list[dict[str, Any]]


def coco_rows(file: Path) -> Iterator[Row | Bad]:
    """A row a picture and person. UsageError when the document has no pictures."""
    names = {}
    for category in parts(file, "categories.item"):
        if isinstance(category, dict) and "id" in category:
            names[_key(category["id"])] = category.get("name")
    with closing(sqlite3.connect("")) as gathered:  # "": a file of its own, in memory while it is small
        gathered.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
        yield from _pictures(file, gathered)
        yield from _objects(file, gathered, names)
        gathered.execute("CREATE INDEX by_picture ON objects (id, annotator, role, number)")
        # Where a file names people, a picture of which nobody said anything was not judged.
        named = gathered.execute("SELECT EXISTS (SELECT 1 FROM objects WHERE annotator <> '')").fetchone()[0]
        yield from _gathered(gathered, bool(named))


def _pictures(file: Path, gathered: sqlite3.Connection) -> Iterator[Bad]:
    number = 0
    for picture in parts(file, "images.item"):
        if isinstance(picture, Bad):
            yield picture
            continue
        number += 1
        if not isinstance(picture, dict) or "id" not in picture or not isinstance(picture.get("file_name"), str):
            yield Bad(f"picture {number}", "a picture has an id and a file_name")
            continue
        kept = {key: picture.get(key) for key in ("file_name", "width", "height")}
        row = (number, _key(picture["id"]), json.dumps(kept))
        if not gathered.execute("INSERT OR IGNORE INTO pictures VALUES (?, ?, ?)", row).rowcount:
            yield Bad(f"picture {number}", f"there is another picture of the id {picture['id']!r}")
        people = picture.get("nothing_by")
        for person in people if isinstance(people, list) else ():
            if isinstance(person, dict):
                said = (_key(picture["id"]), _text(person.get("annotator")), _text(person.get("role")), 0, None)
                gathered.execute("INSERT INTO objects VALUES (?, ?, ?, ?, ?)", said)
    if not number:
        raise UsageError(f"{file} has no pictures", hint="COCO's JSON has images, annotations and categories")


def _objects(file: Path, gathered: sqlite3.Connection, names: dict[str, Any]) -> Iterator[Bad]:
    number = 0
    for entry in parts(file, "annotations.item"):
        if isinstance(entry, Bad):
            yield entry
            continue
        number += 1
        if not isinstance(entry, dict) or "image_id" not in entry:
            yield Bad(f"annotation {number}", "an annotation has an image_id")
            continue
        picture = _key(entry["image_id"])
        if not gathered.execute("SELECT 1 FROM pictures WHERE id = ?", (picture,)).fetchone():
            yield Bad(f"annotation {number}", f"there is no picture of the id {entry['image_id']!r}")
            continue
        kept = {key: entry[key] for key in ("bbox", "segmentation", "rings", "iscrowd") if key in entry}
        kept |= {"id": entry.get("id", number), "category": names.get(_key(entry.get("category_id")))}
        who = _text(entry.get("annotator")), _text(entry.get("role"))
        gathered.execute("INSERT INTO objects VALUES (?, ?, ?, ?, ?)", (picture, *who, number, json.dumps(kept)))


def _gathered(gathered: sqlite3.Connection, named: bool) -> Iterator[Row]:
    before: tuple[Any, ...] | None = None
    found: Objects = []
    size = 0
    for picture, annotator, role, entry in gathered.execute(_PICTURES):
        if before is not None and before != (picture, annotator, role):
            yield from _row(before, found, named, size)
            found, size = [], 0
        before = (picture, annotator, role)
        if entry is not None:
            found.append(json.loads(entry))
            size += len(entry)
    if before is not None:
        yield from _row(before, found, named, size)


def _row(of: tuple[Any, ...], found: Objects, named: bool, size: int) -> Iterator[Row]:
    picture, annotator, role = json.loads(of[0]), of[1], of[2]
    if named and not annotator and not found:
        return
    sides = picture["width"], picture["height"]
    whole = all(isinstance(side, int) and side > 0 for side in sides)
    yield Row(
        f"picture {picture['file_name']}" + (f" by {annotator}" if annotator else ""),
        partial(_answer, found),
        picture=picture["file_name"],
        annotator=annotator or "",
        role=role or "",
        size=sides if whole else None,
        bytes=size,
    )


def _answer(found: Objects, asked: Asked) -> dict[str, Any]:
    made: list[dict[str, Any]] = []
    for entry in found:
        slug = asked.category(entry["category"])
        if slug is None:
            continue
        try:
            made += [_box(entry, slug, asked)] if asked.kind == "boxes" else _shapes(entry, slug, asked)
        except (TypeError, ValueError, OverflowError) as error:
            raise AnswerError(f"annotation {entry['id']}: {error}") from error
    return {"boxes" if asked.kind == "boxes" else "shapes": made}


def _box(entry: dict[str, Any], slug: str, asked: Asked) -> dict[str, Any]:
    sides = entry.get("bbox")
    if not isinstance(sides, list) or len(sides) != 4:
        raise ValueError("a bbox is [x, y, width, height]")
    x, y, w, h = map(float, sides)
    return {"category": slug, **box_on_picture(x, y, w, h, asked.size), "crowd": bool(entry.get("iscrowd"))}


def _shapes(entry: dict[str, Any], slug: str, asked: Asked) -> list[dict[str, Any]]:
    """One shape; of an object in several parts, one each."""
    rings = entry.get("rings")
    if rings is not None:
        return [{"category": slug, "rings": [[point_on_picture(x, y, asked.size) for x, y in ring] for ring in rings]}]
    outline = entry.get("segmentation")
    if isinstance(outline, dict):
        raise ValueError("it is a mask in run-length code, and the campaign asks for polygons")
    if not isinstance(outline, list) or not outline:
        raise ValueError("it has no segmentation, and the campaign asks for polygons")
    return [{"category": slug, "rings": [ring_of(part, asked.size)]} for part in outline]


def ring_of(values: Any, size: tuple[int, int]) -> list[list[float]]:
    """[x, y, x, y, …] as points. ValueError when they are not pairs."""
    if not isinstance(values, list) or len(values) % 2 or len(values) < 6:
        raise ValueError("an outline is at least three pairs of numbers")
    return [point_on_picture(float(x), float(y), size) for x, y in zip(values[::2], values[1::2], strict=True)]


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
