"""Whose labels a folder of an archive holds: `annotators.json`, which our exports of YOLO and Pascal VOC carry."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from annotate_app.importing.rows import Bad

FILE = "annotators.json"
"""{"labels/ann": {"annotator": "ann", "role": "annotator"}}"""
Person = tuple[str, str]
"""Name and role; "" where the file does not say."""


def read_people(place: str, content: bytes) -> dict[str, Person] | Bad:
    """The people by folder; Bad when it is not JSON. Nobody where the file is another one of that name."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        return Bad(place, f"it is not JSON: {error}")
    if not isinstance(found, dict):
        return {}
    return {
        folder: (_text(who.get("annotator")), _text(who.get("role")))
        for folder, who in found.items()
        if isinstance(who, dict)
    }


def person_of(name: str, people: Mapping[str, Person]) -> Person:
    """Who said what the file of this name in the archive says; an archive may hold all in one folder more."""
    folders = PurePosixPath(name).parent.parts
    return people.get("/".join(folders)) or people.get("/".join(folders[-2:])) or ("", "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
