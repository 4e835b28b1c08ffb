"""Tasks of Label Studio's JSON, one at a time; what an annotation's regions mean is `annotate_app.label_studio`'s."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from annotate_app.importing.json_documents import opens_with, parts
from annotate_app.importing.rows import Asked, Bad, Row
from annotate_app.label_studio import answer_of
from label_store import UsageError

_WORDS_FOR_PICTURES = ("image", "img", "picture", "ocr")


def rows(file: Path, *, predictions: bool) -> Iterator[Row | Bad]:
    """A row an annotation, or, where predictions are asked for and there are some, a prediction.

    A task is found by `data.sha256`, else by its picture's name, else (where it names none) by its id.
    """
    if opens_with(file) != "[":
        raise UsageError(f"{file}: Label Studio's JSON is a list of tasks", hint="export it from Label Studio as JSON")
    for number, task in enumerate(parts(file, "item"), start=1):
        if isinstance(task, Bad):
            yield task
        elif not isinstance(task, dict):
            yield Bad(f"task {number}", "it is not a task")
        else:
            yield from _of_task(f"task {number}", task, predictions)


def _of_task(place: str, task: dict[str, Any], predictions: bool) -> Iterator[Row | Bad]:
    data: dict[str, Any] = task["data"] if isinstance(task.get("data"), dict) else {}
    picture = next((data[name] for name in _WORDS_FOR_PICTURES if isinstance(data.get(name), str)), "")
    item = _text(data.get("sha256"))
    if not item and not picture:
        item = _text(task.get("id"))
    foretold = task.get("predictions") if predictions else None
    what = "prediction" if foretold else "annotation"
    every = foretold or task.get("annotations") or []
    if not isinstance(every, list):
        yield Bad(place, f"its {what}s are not a list")
        return
    for k, said in enumerate(every, start=1):
        where = f"{place}, {what} {k}"
        if not isinstance(said, dict):
            yield Bad(where, "it is not an object")
            continue
        try:
            size = len(json.dumps(said))
        except (RecursionError, ValueError) as error:
            yield Bad(where, f"it is nested too deep: {error}")
            continue
        lead = said.get("lead_time")
        yield Row(
            where,
            partial(_answer, said.get("result")),
            item=item,
            picture="" if item else picture,
            category=_text(data.get("category")),
            annotator=_text(said.get("model_version")) if foretold else _name(said.get("completed_by")),
            role="reviewer" if said.get("ground_truth") is True and not foretold else "",
            answered_at=said.get("created_at"),
            bytes=size,
            active_ms=round(1000 * lead) if isinstance(lead, int | float) and 0 <= lead < 1e6 else 0,
        )


def _name(who: Any) -> str:
    who = (who.get("email") or who.get("id")) if isinstance(who, dict) else who
    return _text(who)


def _text(value: Any) -> str:
    return str(value or "") if isinstance(value, str | int | float) else ""


def _answer(result: Any, asked: Asked) -> dict[str, Any]:
    return answer_of(asked.kind, result, asked.size, asked.category)
