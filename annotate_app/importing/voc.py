"""Pascal VOC's annotations: an XML file a picture, boxes in whole or broken pixels that count from 1.

A document type or an entity in a file, which could make a parser read other files or swell a few bytes to gigabytes,
is refused (defusedxml).
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from annotate_app.edges import box_on_picture
from annotate_app.importing import people
from annotate_app.importing.archives import entries
from annotate_app.importing.rows import Asked, Bad, Row
from label_store import AnswerError

_LONGEST_NUMBER = 20


def voc_rows(place: Path) -> Iterator[Row | Bad]:
    """A row a file; one that is no annotation is a bad row."""
    who: dict[str, people.Person] = {}
    for entry in entries(place, _says_people):
        if isinstance(entry, Bad):
            continue  # met again below, and told then
        found = people.read_people(*entry)
        if isinstance(found, Bad):
            yield found
        else:
            who = found
    for entry in entries(place, lambda name: _is_annotation(name) or _says_people(name)):
        if isinstance(entry, Bad):
            yield entry
        elif _is_annotation(entry[0]):
            yield _row(*entry, *people.person_of(entry[0], who))


def _says_people(name: str) -> bool:
    return PurePosixPath(name).name == people.FILE


def _is_annotation(name: str) -> bool:
    base = PurePosixPath(name).name
    return base.lower().endswith(".xml") and not base.startswith(".")


def _row(name: str, content: bytes, annotator: str, role: str) -> Row | Bad:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(content, forbid_dtd=True)
    except DefusedXmlException:
        return Bad(name, "it has a document type or an entity, which is not read for safety")
    except (ParseError, ValueError, LookupError) as error:
        return Bad(name, f"it is not XML: {error}")
    if root.tag != "annotation":
        return Bad(name, f"it is no annotation but {root.tag[:40]!r}")
    sides = [root.findtext(f"size/{side}", "").strip() for side in ("width", "height")]
    if any(len(side) > _LONGEST_NUMBER for side in sides):
        return Bad(name, f"its width or height has more than {_LONGEST_NUMBER} characters")
    whole = all(side.isascii() and side.isdigit() and int(side) > 0 for side in sides)
    return Row(
        name,
        partial(_answer, root.findall("object")),
        picture=root.findtext("filename", "").strip() or name,
        annotator=annotator,
        role=role,
        size=(int(sides[0]), int(sides[1])) if whole else None,
        bytes=len(content),
    )


def _answer(objects: list[Element], asked: Asked) -> dict[str, Any]:
    made = []
    for number, found in enumerate(objects, start=1):
        slug = asked.category(found.findtext("name", "").strip())
        if slug is None:
            continue
        try:
            sides = (found.findtext(f"bndbox/{side}", "") for side in ("xmin", "ymin", "xmax", "ymax"))
            left, top, right, bottom = map(float, sides)
        except ValueError as error:
            raise AnswerError(f"object {number} has no bndbox of four numbers: {error}") from error
        x, y = left - 1, top - 1
        crowd = found.findtext("difficult", "0").strip() == "1"
        made.append({"category": slug, **box_on_picture(x, y, right - x, bottom - y, asked.size), "crowd": crowd})
    return {"boxes": made}
