"""Groups for splitting: pictures that must lie in one split, under a name that never changes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Split = str
# The split that is worth most to keep clean comes first.
PROTECTED = ("test", "val", "train")


@dataclass(frozen=True)
class Group:
    """Pictures of one group in order; `split` is what an earlier release or a fixed list decided, else None."""

    id: str
    members: tuple[str, ...]
    split: Split | None


@dataclass(frozen=True)
class Grouping:
    """The groups in the order of their names, and the pictures left out because they join two splits."""

    groups: tuple[Group, ...]
    bridges: tuple[str, ...]


def components(members: Iterable[str], links: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Connected components of a graph over names, each sorted, ordered by their smallest name."""
    parent = {name: name for name in members}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for a, b in links:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(parent):
        found[root(name)].append(name)
    return [tuple(found[name]) for name in sorted(found)]


def group(
    members: Sequence[str],
    links: Iterable[tuple[str, str]],
    released: Mapping[str, tuple[str, Split]],
    fixed: Mapping[str, Split],
) -> Grouping:
    """Groups of pictures that links join, keeping what was decided before.

    `links` may also join names that are in no release (duplicates left out), which then only connect.
    `released` gives the (group, split) of pictures in an earlier release, `fixed` the split of pictures in
    an official list, which wins. A new group is named by its smallest member whose name no released group
    has; one that meets a released group takes its name and split. No two groups share a name. Where a
    component has parts in two splits, what is fixed in the most protected of them stays, or, with nothing
    fixed, what was released, each under its own group; all others are bridges.
    """
    wanted = set(members)
    same_group = defaultdict(list)
    for name, (known, _) in released.items():
        same_group[known].append(name)
    chains = [(names[0], name) for names in same_group.values() for name in names[1:]]
    links = list(links)
    nodes = wanted | set(released) | {name for link in links for name in link}
    groups: list[Group] = []
    bridges: list[str] = []
    taken = frozenset(same_group)
    for component in components(nodes, [*links, *chains]):
        kept, bridging = _one(component, wanted, released, fixed, taken)
        groups += kept
        bridges += bridging
    return Grouping(tuple(sorted(groups, key=lambda found: found.id)), tuple(sorted(bridges)))


def _one(
    component: tuple[str, ...],
    wanted: set[str],
    released: Mapping[str, tuple[str, Split]],
    fixed: Mapping[str, Split],
    taken: frozenset[str],
) -> tuple[list[Group], list[str]]:
    present = [name for name in component if name in wanted]
    decided = {name: released[name][1] for name in component if name in released}
    decided |= {name: fixed[name] for name in component if name in fixed}
    splits = set(decided.values())
    names = sorted({released[name][0] for name in component if name in released})
    if len(splits) <= 1 and len(names) <= 1:
        if not present:
            return [], []
        name = names[0] if names else _new_name(present, taken)
        return [Group(name, tuple(present), next(iter(splits), None))], []
    if len(splits) <= 1:
        return _join_to_first(present, names, released, next(iter(splits))), []
    return _apart(present, decided, released, fixed, taken)


def _join_to_first(
    present: Sequence[str], names: Sequence[str], released: Mapping[str, tuple[str, Split]], split: Split
) -> list[Group]:
    """Several released groups of one split keep their names; newcomers go to the first of them."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for member in present:
        by_name[released[member][0] if member in released else names[0]].append(member)
    return [Group(name, tuple(members), split) for name, members in sorted(by_name.items())]


def _apart(
    present: Sequence[str],
    decided: Mapping[str, Split],
    released: Mapping[str, tuple[str, Split]],
    fixed: Mapping[str, Split],
    taken: frozenset[str],
) -> tuple[list[Group], list[str]]:
    """A component in two splits: of the fixed the most protected split stays, else what was released."""
    kept: dict[tuple[str, Split], list[str]] = defaultdict(list)
    bridges = []
    splits = {split for name, split in decided.items() if name in fixed}
    first = next((split for split in PROTECTED if split in splits), None)
    for name in present:
        if first is None and name in released:
            kept[released[name]].append(name)
        elif first is not None and fixed.get(name) == first:
            kept[_fixed_id(present, first, fixed, released, taken), first].append(name)
        else:
            bridges.append(name)
    # An official list can have moved a part of a group: the name stays with the most protected split.
    groups: dict[str, Group] = {}
    for (name, split), found in sorted(kept.items(), key=lambda entry: (PROTECTED.index(entry[0][1]), entry[0])):
        name = name if name not in groups else _new_name(found, taken)
        groups[name] = Group(name, tuple(found), split)
    return list(groups.values()), bridges


def _new_name(members: Sequence[str], taken: frozenset[str]) -> str:
    """The smallest member that names no released group; with a number behind it where all do."""
    free = next((name for name in members if name not in taken), None)
    number = 2
    while free is None:
        numbered = f"{members[0]}-{number}"
        free, number = (None if numbered in taken else numbered), number + 1
    return free


def _fixed_id(
    present: Sequence[str],
    split: Split,
    fixed: Mapping[str, Split],
    released: Mapping[str, tuple[str, Split]],
    taken: frozenset[str],
) -> str:
    known = [released[other][0] for other in present if other in released and released[other][1] == split]
    if known:
        return min(known)
    return _new_name([other for other in present if fixed.get(other) == split], taken)
