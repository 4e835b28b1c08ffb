"""The shapes of answers, one per kind of campaign: checked once, here, for the API and for imports alike."""

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from label_store.errors import UsageError

FLAGS = ("broken", "offensive", "private", "other")
MAX_COMMENT = 2000
_POINT_LIMIT = 10_000


class AnswerError(UsageError):
    """The answer does not fit the item's kind."""


def check_answer(
    kind: str,
    answer: Any,
    *,
    categories: Sequence[str] = (),
    attributes: Sequence[Mapping[str, Any]] = (),
    size: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """The answer in its normal form, or AnswerError with what is wrong.

    `categories` are the campaign's slugs; `attributes` the schemas {"name", "choices", "multiple"} of the
    item's category; `size` (width, height) of the picture in pixels, for boxes and polygons.
    """
    if not isinstance(answer, Mapping):
        raise AnswerError("an answer is a JSON object")
    comment = answer.get("comment")
    if comment is not None and (not isinstance(comment, str) or len(comment) > MAX_COMMENT):
        raise AnswerError(f"a comment is a text of at most {MAX_COMMENT} characters")
    if comment and any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in comment):
        raise AnswerError("a comment holds no control characters")
    if "flag" in answer:
        if answer["flag"] not in FLAGS:
            raise AnswerError(f"a flag is one of {', '.join(FLAGS)}")
        normal: dict[str, Any] = {"flag": answer["flag"]}
    elif kind == "verify":
        normal = {"value": _choice(answer.get("value"), ("yes", "no", "unsure"), "value")}
    elif kind == "classify":
        normal = {"value": _choice(answer.get("value"), (*categories, "unsure", "none"), "value")}
    elif kind == "attributes":
        normal = {"values": _attributes(answer.get("values"), attributes)}
    elif kind == "boxes":
        normal = {"boxes": [_box(box, categories, size) for box in _list(answer.get("boxes"), "boxes")]}
    elif kind == "polygons":
        normal = {"shapes": [_shape(shape, categories, size) for shape in _list(answer.get("shapes"), "shapes")]}
    else:
        raise AnswerError(f"there is no kind {kind!r}")
    if comment:
        normal["comment"] = comment
    return normal


def is_flag(answer: Mapping[str, Any]) -> bool:
    """Whether this is a flag instead of an answer."""
    return "flag" in answer


def as_word(answer: Mapping[str, Any]) -> str:
    """The answer as exports write it: one word where it is one, else JSON."""
    value = answer.get("value")
    return value if isinstance(value, str) and len(answer) == 1 else json.dumps(answer, sort_keys=True)


def _choice(value: Any, choices: Sequence[str], what: str) -> str:
    if not isinstance(value, str) or value not in choices:
        shown = ", ".join(choices[:12]) + (", …" if len(choices) > 12 else "")
        raise AnswerError(f"{what} {value!r} is not one of {shown}")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise AnswerError(f"{what} is a list (empty when there is no object)")
    return value


def _attributes(values: Any, schemas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise AnswerError("values is an object of attribute names and choices")
    names = [schema["name"] for schema in schemas]
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise AnswerError(f"attribute {unknown[0]!r} is not one of {', '.join(names)}")
    normal: dict[str, Any] = {}
    for schema in schemas:
        name, choices = schema["name"], schema["choices"]
        if name not in values:
            raise AnswerError(f"attribute {name!r} has no answer (unsure is one)")
        value = values[name]
        if value == "unsure":
            normal[name] = "unsure"
        elif schema["multiple"]:
            picked = value if isinstance(value, list) else [value]
            chosen = {_choice(entry, choices, name) for entry in picked}
            normal[name] = [choice for choice in choices if choice in chosen]
        else:
            normal[name] = _choice(value, choices, name)
    return normal


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise AnswerError(f"{what} is a finite number of pixels")
    return float(value)


def _box(box: Any, categories: Sequence[str], size: tuple[int, int] | None) -> dict[str, Any]:
    if not isinstance(box, Mapping):
        raise AnswerError("a box is an object with category, x, y, w, h")
    x, y, w, h = (_number(box.get(side), side) for side in "xywh")
    if w <= 0 or h <= 0:
        raise AnswerError("a box has a width and height above zero")
    if x < 0 or y < 0 or (size is not None and (x + w > size[0] or y + h > size[1])):
        raise AnswerError(f"the box ({x}, {y}, {w}, {h}) reaches outside its picture {size}")
    return {
        "category": _choice(box.get("category"), categories, "category"),
        "x": x, "y": y, "w": w, "h": h,
        "crowd": bool(box.get("crowd", False)),
    }  # fmt: skip


def _shape(shape: Any, categories: Sequence[str], size: tuple[int, int] | None) -> dict[str, Any]:
    if not isinstance(shape, Mapping):
        raise AnswerError("a shape is an object with category and rings")
    rings = _list(shape.get("rings"), "rings")
    if not rings:
        raise AnswerError("a shape has at least one ring")
    normal = []
    for ring in rings:
        if not isinstance(ring, list) or not 3 <= len(ring) <= _POINT_LIMIT:
            raise AnswerError(f"a ring has 3 to {_POINT_LIMIT} points")
        points = []
        for point in ring:
            if not isinstance(point, list) or len(point) != 2:
                raise AnswerError("a point is [x, y]")
            x, y = _number(point[0], "x"), _number(point[1], "y")
            if x < 0 or y < 0 or (size is not None and (x > size[0] or y > size[1])):
                raise AnswerError(f"the point ({x}, {y}) lies outside its picture {size}")
            points.append([x, y])
        normal.append(points)
    return {"category": _choice(shape.get("category"), categories, "category"), "rings": normal}
