"""Label Studio's JSON both ways: a task a picture, an annotation a judgment, coordinates in percent of the picture.

https://labelstud.io/guide/export.html#Label-Studio-JSON-format-of-annotated-tasks
"""

from collections.abc import Callable, Mapping
from typing import Any

from annotate_app.edges import box_on_picture, point_on_picture
from label_store import AnswerError

_WORD = "answer"
_PICTURE = "image"


def task(rows: list[dict[str, Any]], size: tuple[int, int], base_url: str = "") -> dict[str, Any]:
    """One item with all its judgments (rows of `exporting.rows`) as a task; `size` is (width, height) in pixels."""
    first = rows[0]
    return {
        "id": first["item"],
        "data": {
            _PICTURE: f"{base_url}/images/{first['image']}?variant=full",
            "sha256": first["image"],
            "category": first["category"],
        },
        "annotations": [
            {
                "id": row["id"],
                "completed_by": row["annotator"],
                "created_at": row["answered_at"],
                "lead_time": (row["active_ms"] or 0) / 1000,
                "ground_truth": row["role"] == "reviewer",
                "was_cancelled": "flag" in row["answer"],
                "result": results(row["answer"], size),
            }
            for row in rows
        ],
    }


def results(answer: Mapping[str, Any], size: tuple[int, int]) -> list[dict[str, Any]]:
    """An answer as regions and choices. A crowd box and a shape's holes are kept in `meta`."""
    width, height = size
    common = {"original_width": width, "original_height": height, "image_rotation": 0, "to_name": _PICTURE}
    found: list[dict[str, Any]] = []
    if "value" in answer:
        found.append(_choice(_WORD, [answer["value"]]))
    for name, value in answer.get("values", {}).items():
        found.append(_choice(name, value if isinstance(value, list) else [value]))
    if "flag" in answer:
        found.append(_choice("flag", [answer["flag"]]))
    for k, box in enumerate(answer.get("boxes", [])):
        value = {
            "x": 100 * box["x"] / width,
            "y": 100 * box["y"] / height,
            "width": 100 * box["w"] / width,
            "height": 100 * box["h"] / height,
            "rotation": 0,
            "rectanglelabels": [box["category"]],
        }
        region = {"id": f"box{k}", "type": "rectanglelabels", "from_name": "box", "value": value, **common}
        found.append(region | ({"meta": {"crowd": True}} if box.get("crowd") else {}))
    for k, shape in enumerate(answer.get("shapes", [])):
        rings = [[[100 * x / width, 100 * y / height] for x, y in ring] for ring in shape["rings"]]
        value = {"points": rings[0], "closed": True, "polygonlabels": [shape["category"]]}
        region = {"id": f"shape{k}", "type": "polygonlabels", "from_name": "shape", "value": value, **common}
        found.append(region | ({"meta": {"holes": rings[1:]}} if rings[1:] else {}))
    if answer.get("comment"):
        text = {"text": [answer["comment"]]}
        found.append({"type": "textarea", "from_name": "comment", "to_name": _PICTURE, "value": text})
    return found


def _choice(name: str, choices: list[str]) -> dict[str, Any]:
    return {"type": "choices", "from_name": name, "to_name": _PICTURE, "value": {"choices": choices}}


def answer_of(
    kind: str, result: Any, size: tuple[int, int], category: Callable[[str], str | None] = lambda name: name
) -> dict[str, Any]:
    """The inverse of `results` for a campaign of this kind. `category`: a label's slug, None to leave its region out.

    AnswerError where a region is not what it should be, or is drawn as something that the kind does not ask for.
    """
    if not isinstance(result, list) or not all(isinstance(region, dict) for region in result):
        raise AnswerError("an annotation's result is a list of regions")
    try:
        return _answer_of(kind, result, size, category)
    except (AttributeError, KeyError, TypeError, IndexError, ValueError, OverflowError) as error:
        raise AnswerError(f"a region lacks what its type needs: {error!r}") from error


def _answer_of(
    kind: str, result: list[dict[str, Any]], size: tuple[int, int], category: Callable[[str], str | None]
) -> dict[str, Any]:
    choices = {region["from_name"]: region["value"]["choices"] for region in result if region.get("type") == "choices"}
    said = [region["value"]["text"] for region in result if region.get("type") == "textarea"]
    comment = {"comment": said[-1] if isinstance(said[-1], str) else said[-1][0]} if said else {}
    if "flag" in choices:
        return {"flag": choices["flag"][0], **comment}
    if kind in _DRAWN:
        type_, objects, read = _DRAWN[kind]
        drawn = [region for region in result if region.get("type") not in _NOT_DRAWN]
        other = [region for region in drawn if region.get("type") != type_]
        if other:
            raise AnswerError(f"a region of type {other[0].get('type')!r}, and the campaign asks for {kind}")
        named = [(category(region["value"][type_][0]), region) for region in drawn]
        return {objects: [read(slug, region, size) for slug, region in named if slug is not None], **comment}
    if kind == "attributes":
        return {"values": {name: value[0] if len(value) == 1 else value for name, value in choices.items()}, **comment}
    chosen: list[str] = choices.get(_WORD) or next(iter(choices.values()), [])
    word = chosen[0] if chosen else ""
    return {"value": _slug(word, category) if kind == "classify" else word.lower(), **comment}


def _slug(word: str, category: Callable[[str], str | None]) -> str:
    return word if word in ("unsure", "none", "") else category(word) or "none"


def _box(slug: str, region: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    value, (width, height) = region["value"], size
    if value.get("rotation"):
        raise AnswerError(f"a box is turned by {value['rotation']} degrees; boxes here are upright")
    x, y, w, h = (value[side] / 100 for side in ("x", "y", "width", "height"))
    crowd = bool((region.get("meta") or {}).get("crowd"))
    return {"category": slug, **box_on_picture(x * width, y * height, w * width, h * height, size), "crowd": crowd}


def _shape(slug: str, region: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    rings = [region["value"]["points"], *((region.get("meta") or {}).get("holes") or [])]
    return {
        "category": slug,
        "rings": [[point_on_picture(x * size[0] / 100, y * size[1] / 100, size) for x, y in ring] for ring in rings],
    }


_DRAWN = {"boxes": ("rectanglelabels", "boxes", _box), "polygons": ("polygonlabels", "shapes", _shape)}
_NOT_DRAWN = ("choices", "textarea", "rating", "number", "taxonomy", "datetime", "pairwise")
