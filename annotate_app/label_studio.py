"""Label Studio's JSON both ways: a task a picture, an annotation a judgment, coordinates in percent of the picture.

https://labelstud.io/guide/export.html#Label-Studio-JSON-format-of-annotated-tasks
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

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


def read_tasks(text: str) -> Iterator[dict[str, Any]]:
    """Rows `item, annotator, answer, category` of a file of tasks. AnswerError when it is no list of tasks.

    `item` is the SHA-256 where a task has one, else the task's id; `answer` keeps percent until the picture's size
    is known: pass it to `answer_of`.
    """
    try:
        tasks = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"the file is not JSON: {error}") from error
    if not isinstance(tasks, list):
        raise AnswerError("Label Studio's JSON is a list of tasks")
    for entry in tasks:
        if not isinstance(entry, dict):
            yield {"item": "", "annotator": "", "answer": [], "category": ""}
            continue
        data: dict[str, Any] = entry["data"] if isinstance(entry.get("data"), dict) else {}
        for annotation in entry.get("annotations") or []:
            if not isinstance(annotation, dict):
                annotation = {}
            who = annotation.get("completed_by", "")
            who = who.get("email") or who.get("id") if isinstance(who, dict) else who
            yield {
                "item": str(data.get("sha256") or entry.get("id") or ""),
                "annotator": str(who or ""),
                "answer": annotation.get("result"),
                "category": str(data.get("category") or ""),
            }


def answer_of(kind: str, result: Any, size: tuple[int, int]) -> dict[str, Any]:
    """The inverse of `results` for a campaign of this kind. AnswerError where a region is not what it should be."""
    if not isinstance(result, list) or not all(isinstance(region, dict) for region in result):
        raise AnswerError("an annotation's result is a list of regions")
    try:
        return _answer_of(kind, result, size)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise AnswerError(f"a region lacks what its type needs: {error!r}") from error


def _answer_of(kind: str, result: list[dict[str, Any]], size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    choices = {region["from_name"]: region["value"]["choices"] for region in result if region.get("type") == "choices"}
    answer: dict[str, Any] = {}
    if kind in ("boxes", "polygons"):
        answer = {"boxes": []} if kind == "boxes" else {"shapes": []}
    for region in result:
        value = region.get("value") or {}
        if region.get("type") == "rectanglelabels" and kind == "boxes":
            x, y = value["x"] * width / 100, value["y"] * height / 100
            answer["boxes"].append(
                {
                    "category": value["rectanglelabels"][0],
                    "x": x,
                    "y": y,
                    # Percent and back may reach a hair beyond the edge.
                    "w": min(value["width"] * width / 100, width - x),
                    "h": min(value["height"] * height / 100, height - y),
                    "crowd": bool((region.get("meta") or {}).get("crowd")),
                }
            )
        elif region.get("type") == "polygonlabels" and kind == "polygons":
            rings = [value["points"], *((region.get("meta") or {}).get("holes") or [])]
            points = [[[min(x * width / 100, width), min(y * height / 100, height)] for x, y in ring] for ring in rings]
            answer["shapes"].append({"category": value["polygonlabels"][0], "rings": points})
        elif region.get("type") == "textarea":
            answer["comment"] = value["text"][0]
    if "flag" in choices:
        kept = {"comment": answer["comment"]} if "comment" in answer else {}
        return {"flag": choices["flag"][0], **kept}
    if kind in ("verify", "classify"):
        named: list[str] = choices.get(_WORD) or next(iter(choices.values()), [])
        answer["value"] = named[0] if named else ""
    elif kind == "attributes":
        answer["values"] = {name: value[0] if len(value) == 1 else value for name, value in choices.items()}
    return answer
