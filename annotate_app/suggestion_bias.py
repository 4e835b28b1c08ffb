"""How much a model's suggestions sway people: those who were shown them against those who were not.

Who belongs to which is chance (`holding.sees_no_suggestions`), so the difference of their agreement with the suggestion
is what seeing it does. Every judgment keeps the suggestion it was given with or without.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import Integer, Select, cast, func, select
from sqlalchemy.orm import Session

from consensus.clustered import ClusteredShare, clustered_share, difference
from consensus.objects_agreement import object_agreement
from label_store import is_flag
from label_store.models import Campaign, Item, Judgment, Person


@dataclass(frozen=True)
class Follower:
    """One person: `agreeing` of `judgments` say what was suggested (parts of one where several things are asked)."""

    name: str
    shown: bool
    judgments: int
    agreeing: float


@dataclass(frozen=True)
class Arm:
    """Those who were shown suggestions, or who were not. `low`, `high`: 95 %, None with fewer than two people."""

    people: int
    judgments: int
    agreement: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Bias:
    """What suggestions did in a campaign. `difference`: of agreement, shown less hidden, with its interval of 95 %."""

    campaign: str
    kind: str
    hidden_share: float
    items: int
    """That have a suggestion now."""
    models: tuple[tuple[str, int], ...]
    """Whose they are, and how many."""
    shown: Arm
    hidden: Arm
    difference: float | None
    low: float | None
    high: float | None
    people: tuple[Follower, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @property
    def sways(self) -> bool | None:
        """Whether people agree more with what they are shown than chance explains; None when it cannot be told yet."""
        return None if self.low is None else self.low > 0


def suggestion_bias(session: Session, campaign: Campaign) -> Bias:
    """Compare active judgments of annotators, flags left out. Reads the campaign's judgments once."""
    people = tuple(sorted(_people(session, campaign), key=lambda one: (not one.shown, -one.judgments, one.name)))
    shares = {shown: _share([one for one in people if one.shown == shown]) for shown in (True, False)}
    shown, hidden = shares[True], shares[False]
    found = difference(shown, hidden) if shown and hidden else None
    model = func.coalesce(Item.suggestion["model"].as_string(), "").label("model_name")
    models = session.execute(
        select(model, func.count())
        .where(Item.campaign_id == campaign.id, Item.suggestion.is_not(None))
        .group_by("model_name")
        .order_by(func.count().desc(), "model_name")
    ).all()
    return Bias(
        campaign=campaign.slug,
        kind=campaign.kind,
        hidden_share=campaign.suggestions_hidden,
        items=sum(number for _, number in models),
        models=tuple((name, number) for name, number in models),
        shown=_arm(shown, [one for one in people if one.shown]),
        hidden=_arm(hidden, [one for one in people if not one.shown]),
        difference=found[0] if found else None,
        low=found[1] if found else None,
        high=found[2] if found else None,
        people=people,
    )


def agreement(answer: Mapping[str, Any], suggestion: Mapping[str, Any]) -> float:
    """From 0 to 1: the same word; the share of questions answered alike; F1 of objects paired at an IoU of a half."""
    if "values" in suggestion:
        asked = suggestion["values"]
        return sum(answer.get("values", {}).get(name) == value for name, value in asked.items()) / max(1, len(asked))
    if "value" in suggestion:
        return float(answer.get("value") == suggestion["value"])
    return object_agreement(answer, suggestion)


def _people(session: Session, campaign: Campaign) -> Iterable[Follower]:
    if campaign.kind in ("verify", "classify"):  # counted where the rows are: a campaign may have millions
        same = cast(Judgment.answer["value"].as_string() == Judgment.suggestion["value"].as_string(), Integer)
        rows = session.execute(
            _compared(campaign, Person.name, Judgment.suggestion_shown, func.count(), func.sum(same))
            .where(Judgment.answer["value"].as_string().is_not(None))
            .group_by(Person.id, Person.name, Judgment.suggestion_shown)
        )
        return [Follower(name, bool(shown), number, float(agreeing)) for name, shown, number, agreeing in rows]
    sums: dict[tuple[str, bool], list[float]] = {}
    every = _compared(campaign, Person.name, Judgment.suggestion_shown, Judgment.answer, Judgment.suggestion)
    for name, shown, answer, suggestion in session.execute(every.execution_options(yield_per=1000)):
        if not is_flag(answer):
            sums.setdefault((name, bool(shown)), []).append(agreement(answer, suggestion))
    return [Follower(name, shown, len(each), sum(each)) for (name, shown), each in sums.items()]


def _compared(campaign: Campaign, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Judgment)
        .join(Item, Item.id == Judgment.item_id)
        .join(Person, Person.id == Judgment.person_id)
        .where(
            Item.campaign_id == campaign.id,
            Judgment.active,
            Judgment.role == "annotator",
            Judgment.suggestion_shown.is_not(None),
        )
    )


def _share(people: list[Follower]) -> ClusteredShare | None:
    return clustered_share(
        np.array([one.agreeing for one in people], dtype=np.float64),
        np.array([one.judgments for one in people], dtype=np.float64),
    )


def _arm(share: ClusteredShare | None, people: list[Follower]) -> Arm:
    interval = share.interval if share else None
    return Arm(
        len(people),
        sum(one.judgments for one in people),
        share.share if share else None,
        interval[0] if interval else None,
        interval[1] if interval else None,
    )
