"""YOLO's labels: a text file a picture, a line an object, coordinates as shares of the picture.

`class cx cy w h` is a box, a sixth number a model's confidence; `class x1 y1 x2 y2 x3 y3 …` an outline
(https://docs.ultralytics.com/datasets/detect/, …/segment/). Names come from `data.yaml` or `classes.txt`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from annotate_app.edges import box_on_picture, point_on_picture
from annotate_app.importing import people
from annotate_app.importing.archives import entries
from annotate_app.importing.rows import Asked, Bad, Row
from label_store import AnswerError, UsageError

_NUMBER = re.compile(r"[0-9]{1,9}")
_LISTS = ("classes.txt", "obj.names")
_NO_LABELS = (*_LISTS, "train.txt", "val.txt", "valid.txt", "test.txt", "notes.txt", "readme.txt")
_NUMBERS_OF_BOX = 4
_MOST_BYTES_OF_YAML = 2**20
"""Twenty thousand classes need half of it; a parser of YAML needs seconds for more."""
_TOLD = 3


def yolo_rows(place: Path) -> Iterator[Row | Bad]:
    """A row a file. UsageError when no file says which class has which name."""
    names: dict[int, str] = {}
    who: dict[str, people.Person] = {}
    lost: list[Bad] = []
    unread: list[Bad] = []
    for entry in entries(place, _says_names):
        if isinstance(entry, Bad):
            lost.append(entry)  # met again below, and told then
        elif PurePosixPath(entry[0]).name.lower() == people.FILE:
            found = people.read_people(*entry)
            if isinstance(found, Bad):
                unread.append(found)
            else:
                who = found
        elif not names:
            named = _names(*entry)
            if isinstance(named, Bad):
                unread.append(named)
            else:
                names = named
    if not names:
        why = "".join(f"; {bad.place}: {bad.reason}" for bad in [*lost, *unread][:_TOLD])
        raise UsageError(
            f"{place} does not name its classes{why}",
            hint="YOLO's data.yaml with names, or a classes.txt, belongs to it",
        )
    yield from unread
    for entry in entries(place, lambda name: _is_label(name) or _says_names(name)):
        if isinstance(entry, Bad):
            yield entry
        elif _is_label(entry[0]):
            name, content = entry
            annotator, role = people.person_of(name, who)
            answer = partial(_answer, content, names)
            yield Row(name, answer, picture=name, annotator=annotator, role=role, bytes=len(content))


def _says_names(name: str) -> bool:
    base = PurePosixPath(name).name.lower()
    return base in _LISTS or base == people.FILE or base.endswith((".yaml", ".yml"))


def _is_label(name: str) -> bool:
    base = PurePosixPath(name).name
    return base.lower().endswith(".txt") and base.lower() not in _NO_LABELS and not base.startswith(".")


def _names(place: str, content: bytes) -> dict[int, str] | Bad:
    """Classes' names by number, none where the file is about something else; Bad for one that cannot be read.

    The nodes of YAML are read and no values made of them: no date is checked, no alias copied.
    """
    base = PurePosixPath(place).name.lower()
    text = content.decode(errors="replace")
    if base in _LISTS:
        return dict(enumerate(line.strip() for line in text.splitlines() if line.strip()))
    import yaml

    if len(content) > _MOST_BYTES_OF_YAML:
        return Bad(place, f"a YAML file of names is not longer than {_MOST_BYTES_OF_YAML // 2**20} MiB")
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        return Bad(place, f"it is not YAML: {' '.join(str(error).split())}")
    entries_there = root.value if isinstance(root, yaml.MappingNode) else []
    named = next((value for key, value in entries_there if key.value == "names"), None)
    if isinstance(named, yaml.SequenceNode):
        pairs = [(str(k), name) for k, name in enumerate(named.value)]
    elif isinstance(named, yaml.MappingNode):
        pairs = [(key.value, name) for key, name in named.value if _NUMBER.fullmatch(str(key.value))]
    else:
        return {}
    for number, name in pairs:
        if not isinstance(name, yaml.ScalarNode):
            return Bad(place, f"the name of class {number} is not a word")
    return {int(number): name.value for number, name in pairs}


def _answer(content: bytes, names: Mapping[int, str], asked: Asked) -> dict[str, Any]:
    made = []
    for number, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
        if not line.split():
            continue
        try:
            found = _object(line.split(), names, asked)
        except ValueError as error:
            raise AnswerError(f"line {number}: {error}") from error
        if found is not None:
            made.append(found)
    return {"boxes" if asked.kind == "boxes" else "shapes": made}


def _object(words: list[str], names: Mapping[int, str], asked: Asked) -> dict[str, Any] | None:
    number, values = int(words[0]), [float(word) for word in words[1:]]
    if number not in names:
        raise ValueError(f"class {number} has no name (there are {len(names)})")
    slug = asked.category(names[number])
    if slug is None:
        return None
    width, height = asked.size
    if asked.kind == "boxes":
        if len(values) not in (_NUMBERS_OF_BOX, _NUMBERS_OF_BOX + 1):
            raise ValueError("a box is a class and four numbers, and the campaign asks for boxes")
        cx, cy, w, h = values[0] * width, values[1] * height, values[2] * width, values[3] * height
        return {"category": slug, **box_on_picture(cx - w / 2, cy - h / 2, w, h, asked.size), "crowd": False}
    if len(values) < 6 or len(values) % 2:
        raise ValueError("an outline is a class and three or more pairs, and the campaign asks for polygons")
    ring = [point_on_picture(x * width, y * height, asked.size) for x, y in zip(values[::2], values[1::2], strict=True)]
    return {"category": slug, "rings": [ring]}
