"""Whose labels a folder of an archive holds: `annotators.json`, which our exports of YOLO and Pascal VOC carry."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath

FILE = "annotators.json"
"""{"labels/ann": {"annotator": "ann", "role": "annotator"}}"""
Person = tuple[str, str]
"""Name and role; "" where the file does not say."""


def read_people(content: bytes) -> dict[str, Person]:
    """The people by folder. Nobody where the file is another one of that name."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        folder: (str(who.get("annotator") or ""), str(who.get("role") or ""))
        for folder, who in found.items()
        if isinstance(who, dict)
    }


def person_of(name: str, people: Mapping[str, Person]) -> Person:
    """Who said what the file of this name in the archive says; an archive may hold all in one folder more."""
    folders = PurePosixPath(name).parent.parts
    return people.get("/".join(folders)) or people.get("/".join(folders[-2:])) or ("", "")
