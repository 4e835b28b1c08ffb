"""The demo's annotators: different skill, known pictures, and no door but the app's public HTTP interface.

What they answer is a pure function of who they are and what they are shown, so a run can be repeated;
what they know is the renderer's truth about a picture's SHA-256, never anything from our database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from cairn.demo.site_truth import SiteTruth

Habit = Literal["honest", "random", "yes"]
UNSURE_SHARE = 0.03


@dataclass(frozen=True)
class Annotator:
    """One simulated person: how often an honest one is right, and how long a picture takes, milliseconds."""

    name: str
    accuracy: float
    habit: Habit = "honest"
    pace_ms: int = 900


CROWD: tuple[Annotator, ...] = (
    Annotator("Ada", 0.97, pace_ms=1400),
    Annotator("Bo", 0.95, pace_ms=1250),
    Annotator("Chen", 0.93, pace_ms=1100),
    Annotator("Dana", 0.90, pace_ms=1000),
    Annotator("Eli", 0.87, pace_ms=950),
    Annotator("Fay", 0.84, pace_ms=800),
    Annotator("Gus", 0.80, pace_ms=700),
    Annotator("Hui", 0.75, pace_ms=650),
    Annotator("Rand", 0.5, "random", pace_ms=300),
    Annotator("Yes", 0.5, "yes", pace_ms=250),
)
"""Eight careful to average ones, one who answers at random, one who always says yes."""


def answer(
    who: Annotator,
    kind: str,
    sha256: str,
    category: str | None,
    choices: Sequence[Mapping[str, Any]],
    truth: SiteTruth,
    seed: int,
) -> dict[str, Any]:
    """What this person says to an item, in the shape of its kind; the same item always gets the same answer.

    `choices` are the category's attribute schemas, as the app shows them.
    """
    chance = Random(f"{seed}/{who.name}/{kind}/{sha256}/{category}")
    known = truth.lookup(sha256)
    if kind == "verify":
        shows = known is not None and known.category == category
        return {"value": _verified(who, shows, chance)}
    if kind == "attributes":
        attributes = known.attributes if known is not None and known.category == category else {}
        return {"values": {schema["name"]: _attribute(who, schema, attributes, chance) for schema in choices}}
    raise ValueError(f"the demo's annotators do not judge {kind}")


def _verified(who: Annotator, shows: bool, chance: Random) -> str:
    if who.habit == "yes":
        return "yes"
    if who.habit == "random":
        return chance.choice(("yes", "no"))
    if chance.random() < UNSURE_SHARE:
        return "unsure"
    right = chance.random() < who.accuracy
    return "yes" if shows == right else "no"


def _attribute(who: Annotator, schema: Mapping[str, Any], known: Mapping[str, Any], chance: Random) -> Any:
    choices = list(schema["choices"])
    value = known.get(schema["name"])
    if who.habit == "yes":
        picked = choices[0]
    elif who.habit == "random" or value not in choices:
        picked = chance.choice(choices)
    elif chance.random() < who.accuracy:
        picked = value
    else:
        picked = chance.choice([choice for choice in choices if choice != value])
    return [picked] if schema["multiple"] else picked
