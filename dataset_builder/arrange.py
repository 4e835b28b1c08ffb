"""From chosen pictures and their fingerprints to samples in splits: leaks, duplicates, groups, limits, lots.

Pure: everything it needs is given, the same input gives the same samples whatever its order.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from dataset_builder.duplicates import Match, left_out, stars
from dataset_builder.errors import BuildError
from dataset_builder.fingerprints import Fingerprint, quality
from dataset_builder.groups import PROTECTED, components, group
from dataset_builder.recipe import Recipe
from dataset_builder.select import Chosen, Dropped, Reason, preference
from dataset_builder.splits import UNSURE, assign, draw


@dataclass(frozen=True)
class Leak:
    """A chosen picture that is one shot with one of the sets that the release must not overlap."""

    sha256: str
    where: str


@dataclass(frozen=True)
class History:
    """What earlier releases and official lists have decided: (group, split), and split, by SHA-256."""

    released: Mapping[str, tuple[str, str]]
    fixed: Mapping[str, str]


@dataclass(frozen=True)
class Assigned:
    """A chosen picture with its group and split."""

    chosen: Chosen
    group: str
    split: str


@dataclass(frozen=True)
class DuplicatePair:
    """A picture left out as a duplicate, the one that was kept, and how they match."""

    sha256: str
    kept: str
    match: Match


@dataclass(frozen=True)
class Arrangement:
    """Samples by SHA-256, what was left out on the way, and the duplicates among it."""

    samples: tuple[Assigned, ...]
    dropped: tuple[Dropped, ...]
    pairs: tuple[DuplicatePair, ...]


def arrange(
    chosen: Sequence[Chosen],
    fingerprints: Sequence[Fingerprint],
    matches: Sequence[Match],
    leaks: Sequence[Leak],
    history: History,
    recipe: Recipe,
    beyond: Sequence[tuple[str, str]] = (),
    details: Mapping[int, float] = MappingProxyType({}),
    damaged: Sequence[Dropped] = (),
) -> Arrangement:
    """Samples with their groups and splits. `fingerprints` and the indices of `matches` go with `chosen`.

    `beyond` are pairs, by SHA-256, that must not be in two splits although none of them is left out for the other:
    matches with pictures that are not chosen now but were released or have a fixed split, and series. `details` are the
    shares of their sides that pictures use, where that is known. `damaged` are chosen ones that could not be read any
    more.
    BuildError if a picture would be neither a sample nor left out.
    """
    dropped: dict[str, Dropped] = {one.sha256: one for one in damaged}

    def drop(one: Chosen, reason: Reason, detail: str, kept: str | None = None) -> None:
        dropped[one.sha256] = Dropped(one.sha256, one.category, reason, detail, kept)

    by_name = {one.sha256: one for one in chosen}
    for leak in leaks:
        if leak.sha256 not in dropped:
            drop(by_name[leak.sha256], "leak", f"is in {leak.where}")
    usable = [m for m in matches if not {chosen[m.a].sha256, chosen[m.b].sha256} & dropped.keys()]

    pairs = []
    framed = {m.framed for m in usable}
    rank = [
        _rank(one, quality(found, details.get(index, 1.0)), index in framed, history, recipe)
        for index, (one, found) in enumerate(zip(chosen, fingerprints, strict=True))
    ]
    for star in stars(len(chosen), usable, rank):
        kept = chosen[star.centre].sha256
        for index, match in left_out(star, recipe.duplicates.keep):
            drop(chosen[index], "duplicate", _how(match), kept)
            pairs.append(DuplicatePair(chosen[index].sha256, kept, match))

    members = [one.sha256 for one in chosen if one.sha256 not in dropped and not one.unsure]
    doubtful = [one.sha256 for one in chosen if one.sha256 not in dropped and one.unsure]
    # What is damaged now may have been released: its copies still belong where it was.
    links = [*((chosen[m.a].sha256, chosen[m.b].sha256) for m in matches), *beyond]
    leaked = {leak.sha256 for leak in leaks}
    links = [pair for pair in links if not leaked & set(pair)]
    grouping = group(members, links, history.released, history.fixed)
    for name in grouping.bridges:
        drop(by_name[name], "bridges_splits", "joins pictures that are in different splits")

    for name, reason, detail in _limits([by_name[n] for n in members if n not in dropped], history, recipe):
        drop(by_name[name], reason, detail)
    # Grouped again, so that a group is named after a picture that is in the release with it.
    final = group([name for name in members if name not in dropped], links, history.released, history.fixed).groups
    unsure = _unsure_groups(doubtful, {*members, *history.released, *history.fixed}, links)
    for name in sorted(set(doubtful) - unsure.keys()):
        drop(by_name[name], "bridges_splits", "is like a picture that has a label")
    stratum = {name: one.category or "" for name, one in by_name.items()}
    split_of = assign(final, stratum, recipe.splits)
    group_of = {name: found.id for found in final for name in found.members}
    labelled = [Assigned(by_name[name], its, split_of[its]) for name, its in group_of.items()]
    rest = [Assigned(by_name[name], its, UNSURE) for name, its in unsure.items()]
    samples = tuple(sorted([*labelled, *rest], key=lambda sample: sample.chosen.sha256))
    _refuse_vanished(by_name, samples, dropped, len(final) + len(set(unsure.values())))
    pairs.sort(key=lambda pair: pair.sha256)
    return Arrangement(samples, tuple(dropped[name] for name in sorted(dropped)), tuple(pairs))


def _unsure_groups(doubtful: Sequence[str], labelled: set[str], links: Sequence[tuple[str, str]]) -> dict[str, str]:
    """{picture: group} of what people were unsure of, without what is linked to a picture of another split."""
    wanted, ends = set(doubtful), {name for link in links for name in link}
    found: dict[str, str] = {}
    for component in components({*doubtful, *ends}, links):
        its = [name for name in component if name in wanted]
        if its and labelled.isdisjoint(component):
            found |= dict.fromkeys(its, its[0])
    return found


def _refuse_vanished(
    chosen: Mapping[str, Chosen], samples: Sequence[Assigned], dropped: Mapping[str, Dropped], groups: int
) -> None:
    names = {sample.chosen.sha256 for sample in samples}
    lost = chosen.keys() - names - dropped.keys()
    if lost or names & dropped.keys() or len({sample.group for sample in samples}) != groups:
        raise BuildError(
            f"of {len(chosen)} pictures {len(samples)} became samples and {len(dropped)} were left out"
            f" in {groups} groups, which does not add up",
            hint="nothing was released; please report this with the recipe and the history of the release",
        )


def _rank(one: Chosen, size: tuple[float, float], framed: bool, history: History, recipe: Recipe) -> tuple[object, ...]:
    """The better member of a group first: labelled, officially fixed, released before, unframed, under the licence
    wanted most, quality, certainty."""
    fixed = history.fixed.get(one.sha256)
    return (
        one.unsure,
        PROTECTED.index(fixed) if fixed is not None else len(PROTECTED),
        one.sha256 not in history.released,
        framed,
        preference(one.origin.license, recipe.duplicates.prefer_licenses),
        *size,
        -one.posterior,
        one.sha256,
    )


def _how(match: Match) -> str:
    lies = "" if match.transform == "identity" else f", {match.transform}"
    return f"{match.distance} bits apart, similarity {match.similarity:.3f}{lies}"


def _limits(samples: Sequence[Chosen], history: History, recipe: Recipe) -> list[tuple[str, Reason, str]]:
    """(sha256, reason, detail) of what the least and most number of a category leave out."""
    by_category: dict[str | None, list[Chosen]] = defaultdict(list)
    for one in samples:
        if one.category is not None:
            by_category[one.category].append(one)
    found = []
    enough = [len(its) for its in by_category.values() if len(its) >= recipe.per_class_min]
    limits = [recipe.per_class_max] if recipe.per_class_max is not None else []
    limits += [min(enough)] if recipe.balance and enough else []
    most = min(limits, default=None)
    for category, its in by_category.items():
        if len(its) < recipe.per_class_min:
            detail = f"{category} has {len(its)} of the {recipe.per_class_min} that a category needs"
            found += [(one.sha256, "class_min", detail) for one in its]
        elif most is not None and len(its) > most:
            ordered = sorted(
                its,
                key=lambda one: (
                    one.sha256 not in history.released and one.sha256 not in history.fixed,
                    draw(recipe.splits.seed, one.sha256),
                ),
            )
            found += [(one.sha256, "class_max", f"{category} is full with {most}") for one in ordered[most:]]
    return found
