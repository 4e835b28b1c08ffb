"""Which pictures become samples, with which label: a pure function of what the store says and the recipe.

Whatever is left out gets one reason of a closed list and a phrase for a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from dataset_builder.recipe import Recipe
from dataset_builder.store import Answered, Picture, Provenance

Reason = Literal[
    "takedown", "unsettled", "disputed", "category", "low_posterior", "license", "too_small", "aspect", "attributes",
    "undecodable", "bit_rot", "leak",
    "duplicate", "bridges_splits", "class_min", "class_max",
]  # fmt: skip
REASONS: tuple[Reason, ...] = get_args(Reason)
"""The closed list in the order in which the rules are applied."""

SOFT_WIDTH = 10
_DIGITS = 6
NO_LABEL = -1


@dataclass(frozen=True)
class Dropped:
    """A picture that was considered and left out."""

    sha256: str
    category: str | None
    reason: Reason
    detail: str = ""
    kept_sha256: str | None = None


@dataclass(frozen=True)
class Chosen:
    """A picture that may become a sample. `soft` are at most ten (label, p), best first, summing to 1."""

    picture: Picture
    label: int
    category: str | None
    posterior: float
    soft: tuple[tuple[int, float], ...]
    n_judgments: int
    attributes: Mapping[str, Any] | None
    boxes: list[Any] | None
    shapes: list[Any] | None
    origin: Provenance
    objects_risk: float | None = None
    """Of detect and segment: the chance that its list of objects is wrong anywhere; None for other tasks."""
    unsure: bool = False
    """For the split of what people were unsure of: it has no label, and never meets a sample that has one."""

    @property
    def sha256(self) -> str:
        """The picture's name."""
        return self.picture.sha256


@dataclass(frozen=True)
class Labelled:
    """What people say a picture shows: one category with its probability, or why there is none."""

    category: str | None
    posterior: float = 0.0
    soft: tuple[tuple[int, float], ...] = ()
    n: int = 0
    why_not: tuple[Reason, str] | None = None


_STATE_REASONS: tuple[tuple[str, Reason], ...] = (("open", "unsettled"), ("disputed", "disputed"))
OBJECTS = {"detect": "boxes", "segment": "polygons"}
"""Tasks whose label is a list of objects -> the kind of campaign that it comes from."""
_NEEDS = {"attributes": "attributes"} | OBJECTS


def select(
    pictures: Sequence[Picture], recipe: Recipe, categories: Sequence[str]
) -> tuple[list[Chosen], list[Dropped]]:
    """The pictures that may become samples, and those left out, both in the order given.

    `categories` are the released slugs in the order of their numbers.
    """
    number = {slug: label for label, slug in enumerate(categories)}
    chosen: list[Chosen] = []
    dropped: list[Dropped] = []
    for picture in pictures:
        verdict = _judge(picture, recipe, number)
        if isinstance(verdict, Chosen):
            chosen.append(verdict)
        else:
            dropped.append(verdict)
    return chosen, dropped


def _judge(picture: Picture, recipe: Recipe, number: Mapping[str, int]) -> Chosen | Dropped:
    labelled = label_of(picture.answers, number, multi_label=recipe.multi_label)

    def drop(reason: Reason, detail: str) -> Dropped:
        return Dropped(picture.sha256, labelled.category, reason, detail)

    if picture.taken_down is not None:
        return drop("takedown", picture.taken_down)
    missing = labelled.why_not if recipe.task == "classify" else _missing(picture.answers, recipe.task)
    doubtful = recipe.splits.unsure and recipe.task == "classify" and is_doubtful(picture.answers, labelled, recipe)
    if missing is not None and not doubtful:
        return drop(*missing)
    if labelled.why_not is not None:  # another task needs no category; a disputed one is none
        labelled = Labelled(None)
    if labelled.category is not None and labelled.posterior < recipe.min_posterior and not doubtful:
        return drop("low_posterior", f"{labelled.category}: {labelled.posterior:.4f} < {recipe.min_posterior:g}")
    origin = _allowed(picture.provenances, recipe.licenses, recipe.duplicates.prefer_licenses)
    if origin is None:
        found = sorted({p.license or "none stated" for p in picture.provenances})
        return drop("license", ", ".join(found) or "origin unknown")
    if min(picture.width, picture.height) < recipe.min_side:
        return drop("too_small", f"{picture.width} x {picture.height} pixels")
    if recipe.max_aspect is not None and aspect(picture) > recipe.max_aspect:
        return drop("aspect", f"{picture.width} x {picture.height} pixels, {aspect(picture):.2f} to 1")
    attributes = _attributes(picture.answers, labelled.category)
    if (unmet := lacking(attributes or {}, recipe.attributes)) is not None:
        return drop("attributes", unmet)
    if doubtful:
        labelled = Labelled(None, soft=_doubts(picture.answers, number), n=labelled.n)
    return Chosen(
        picture=picture,
        label=NO_LABEL if labelled.category is None else number[labelled.category],
        category=labelled.category,
        posterior=round(labelled.posterior, _DIGITS),
        soft=labelled.soft,
        n_judgments=labelled.n or max((a.n for a in picture.answers), default=0),
        attributes=attributes,
        boxes=_objects(picture.answers, "boxes", "boxes"),
        shapes=_objects(picture.answers, "polygons", "shapes"),
        origin=origin,
        objects_risk=_objects_risk(picture.answers, recipe.task),
        unsure=doubtful,
    )


def aspect(picture: Picture) -> float:
    """The longer side over the shorter, as a person sees the picture."""
    return max(picture.width, picture.height) / max(1, min(picture.width, picture.height))


def is_doubtful(answers: Sequence[Answered], labelled: Labelled, recipe: Recipe) -> bool:
    """Whether people looked and could not tell: disputed, settled as unsure, or less sure than the recipe wants."""
    if labelled.why_not is None:
        return labelled.posterior < recipe.min_posterior
    if labelled.why_not[0] == "disputed":
        return True
    return any(
        answer.kind in ("verify", "classify") and answer.state == "settled"
        and (answer.answer or {}).get("value") == "unsure"
        for answer in answers
    )  # fmt: skip


def lacking(attributes: Mapping[str, Any], wanted: Sequence[str]) -> str | None:
    """What of `wanted` (NAME, or NAME=VALUE) settled attributes do not have; None where they have all.

    Of one name any of the values given is enough.
    """
    choices: dict[str, list[str]] = {}
    for entry in wanted:
        name, _, value = entry.partition("=")
        choices.setdefault(name, []).extend([value] if value else [])
    for name, values in choices.items():
        if name not in attributes:
            return f"{name} is not settled"
        has = attributes[name] if isinstance(attributes[name], list) else [attributes[name]]
        if values and not {str(value) for value in has} & set(values):
            return f"{name} is {', '.join(map(str, has)) or 'none'}"
    return None


def _doubts(answers: Sequence[Answered], number: Mapping[str, int]) -> tuple[tuple[int, float], ...]:
    """Soft labels of what has no label: what judgments say so far, also of items that are not settled."""
    found: dict[str, float] = {}
    for answer in answers:
        if answer.kind == "classify":
            found |= {name: float(p) for name, p in answer.posterior.items() if name in number}
        elif answer.kind == "verify" and answer.n > 0 and answer.category is not None and "yes" in answer.posterior:
            found[answer.category] = max(found.get(answer.category, 0.0), float(answer.posterior["yes"]))
    return soft_labels(found, number)


def label_of(answers: Sequence[Answered], number: Mapping[str, int], *, multi_label: bool = False) -> Labelled:
    """The one category that settled campaigns give a picture, with its soft labels, or why there is none.

    classify names it directly; of verify the settled `yes` with the largest P(yes). Two settled categories
    are a dispute unless `multi_label`, where the likelier one is the label.
    """
    about = [answer for answer in answers if answer.kind in ("verify", "classify")]
    claims = [claim for answer in about if (claim := _claim(answer)) is not None and claim[0] in number]
    if not claims:
        return Labelled(None, why_not=_why_no_label(about))
    names = sorted({name for name, _, _ in claims}, key=number.__getitem__)
    category, posterior, best = max(claims, key=lambda claim: (claim[1], -number[claim[0]], claim[2].campaign))
    if len(names) > 1 and not multi_label:
        return Labelled(category, posterior, why_not=("disputed", f"settled as {' and as '.join(names)}"))
    if best.kind == "classify":
        soft = soft_labels(best.posterior, number)
    else:
        soft = soft_labels(_p_yes(about), number)
    if not soft or soft[0][0] != number[category]:
        # A reviewer decided against the posterior, which then says nothing of the label.
        soft = ((number[category], 1.0),)
    return Labelled(category, posterior, soft, best.n)


def soft_labels(posterior: Mapping[str, float], number: Mapping[str, int]) -> tuple[tuple[int, float], ...]:
    """At most ten (label, p) of the released categories, likeliest first, renormalised to sum 1."""
    known = [(number[name], float(p)) for name, p in posterior.items() if name in number and float(p) > 0]
    best = sorted(known, key=lambda pair: (-pair[1], pair[0]))[:SOFT_WIDTH]
    total = sum(p for _, p in best)
    return tuple((label, round(p / total, _DIGITS)) for label, p in best if round(p / total, _DIGITS) > 0)


def _claim(answer: Answered) -> tuple[str, float, Answered] | None:
    """(category, its probability, where from) of a settled answer that names one."""
    value = (answer.answer or {}).get("value")
    if answer.state != "settled" or value is None:
        return None
    if answer.kind == "verify":
        named = answer.category if value == "yes" else None
        return None if named is None else (named, float(answer.posterior.get("yes", 0.0)), answer)
    return (str(value), float(answer.posterior.get(value, 0.0)), answer)


def _why_no_label(about: Sequence[Answered]) -> tuple[Reason, str]:
    """Open before disputed before settled on something that is not released."""
    if not about:
        return "unsettled", "no settled answer names a category (gold alone is not released)"
    for state, reason in _STATE_REASONS:
        held = [answer for answer in about if answer.state == state]
        if held:
            where = held[0].category or held[0].campaign
            return reason, f"{where}: {state} after {held[0].n} judgments"
    unsure = any((answer.answer or {}).get("value") == "unsure" for answer in about)
    return "low_posterior" if unsure else "category", "; ".join(_said(answer) for answer in about)


def _said(answer: Answered) -> str:
    value = str((answer.answer or {}).get("value", "nothing"))
    if answer.kind == "verify":
        return f"judged not {answer.category}" if value == "no" else f"{answer.category}: judged {value}"
    return f"judged {value}, which is not released"


def _p_yes(about: Sequence[Answered]) -> dict[str, float]:
    """P(yes) of what was judged and settled; an open item's posterior is little more than its prior."""
    found: dict[str, float] = {}
    for answer in about:
        judged = answer.kind == "verify" and answer.state == "settled" and answer.n > 0
        if judged and answer.category is not None and "yes" in answer.posterior:
            found[answer.category] = max(found.get(answer.category, 0.0), float(answer.posterior["yes"]))
    return found


def _missing(answers: Sequence[Answered], task: str) -> tuple[Reason, str] | None:
    kind = _NEEDS[task]
    about = [answer for answer in answers if answer.kind == kind]
    if any(answer.state == "settled" for answer in about):
        return None
    if any(answer.state == "disputed" for answer in about):
        return "disputed", f"its {kind} are disputed"
    return "unsettled", f"its {kind} are not settled"


def _attributes(answers: Sequence[Answered], category: str | None) -> Mapping[str, Any] | None:
    """The settled attributes that were asked of the picture as this category, all campaigns together."""
    found: dict[str, Any] = {}
    for answer in answers:
        fits = category is None or answer.category in (None, category)
        if answer.kind == "attributes" and answer.state == "settled" and fits:
            found |= (answer.answer or {}).get("values", {})
    return dict(sorted(found.items())) or None


def _objects(answers: Sequence[Answered], kind: str, name: str) -> list[Any] | None:
    """Boxes or shapes of every settled campaign; None where none was asked (an empty list: no object)."""
    settled = [answer for answer in answers if answer.kind == kind and answer.state == "settled"]
    if not settled:
        return None
    return [found for answer in settled for found in (answer.answer or {}).get(name, [])]


def _objects_risk(answers: Sequence[Answered], task: str) -> float | None:
    if task not in OBJECTS:
        return None
    return max(answer.risk for answer in answers if answer.kind == OBJECTS[task] and answer.state == "settled")


def _allowed(
    provenances: Sequence[Provenance], licenses: Sequence[str] | None, preferred: Sequence[str]
) -> Provenance | None:
    """The first origin under a licence that the recipe allows; before others one under a licence that it prefers."""
    allowed = [one for one in provenances if licenses is None or one.license in licenses]
    if allowed:
        return min(allowed, key=lambda one: preference(one.license, preferred))
    return None if provenances or licenses is not None else Provenance(url="")


def preference(license: str | None, preferred: Sequence[str]) -> int:  # noqa: A002  as the column is called
    """The place of a licence among those preferred; behind them for any other."""
    return preferred.index(license) if license in preferred else len(preferred)
