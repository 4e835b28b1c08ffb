"""A taxonomy out of a lexicon: which leaves under a synset, all that is above them, and names that differ."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from label_store.lexicon import Lexicon, Synset, ancestors
from label_store.taxonomy_specs import CategorySpec, slugify


def choose_leaves(lexicon: Lexicon, root: Synset, count: int) -> tuple[list[Synset], int]:
    """At most `count` synsets without hyponyms under `root`, and how many there are.

    Where there are more, every synset divides what it may take evenly among its hyponyms: a branch that has fewer
    gives all of them, the others share the rest, and what cannot be divided goes to the branches with the most
    leaves. A synset with several hypernyms belongs to the one that is reached first, level by level in the
    lexicon's order. So every branch is there, and the same lexicon gives the same leaves.
    """
    branches: dict[str, list[Synset]] = {root.key: []}
    order = [root]
    for synset in order:
        for child in lexicon.children(synset):
            if child.key not in branches:
                branches[child.key] = []
                branches[synset.key].append(child)
                order.append(child)
    leaf = {synset.key: not lexicon.children(synset) for synset in order}
    leaves: dict[str, int] = {}
    for synset in reversed(order):
        leaves[synset.key] = int(leaf[synset.key]) + sum(leaves[child.key] for child in branches[synset.key])
    share = {root.key: min(count, leaves[root.key])}
    for synset in order:
        left = share[synset.key]
        fewest_first = sorted(branches[synset.key], key=lambda child: leaves[child.key])
        for place, child in enumerate(fewest_first):
            share[child.key] = min(leaves[child.key], left // (len(fewest_first) - place))
            left -= share[child.key]
    return [synset for synset in order if leaf[synset.key] and share[synset.key]], leaves[root.key]


def tree_specs(
    lexicon: Lexicon,
    leaves: Sequence[Synset],
    root: Synset | None = None,
    names: Mapping[str, str] | None = None,
    known: Mapping[str, tuple[str, str]] | None = None,
) -> list[CategorySpec]:
    """The leaves in their order, then everything above them (up to `root`, where given) by key, as categories.

    `names` (by key) replaces a synset's first word as its name; `known` (by WordNet id) are the slug and name that
    a synset has already, which no other gets.
    """
    above: dict[str, Synset] = {}
    for leaf in leaves:
        for synset in ancestors(lexicon, leaf):
            above[synset.key] = synset
    if root is not None:
        lines = {key: {one.key for one in ancestors(lexicon, synset)} for key, synset in above.items()}
        above = {key: synset for key, synset in above.items() if key == root.key or root.key in lines[key]}
    lowest = {leaf.key for leaf in leaves}
    inner = [synset for key, synset in sorted(above.items()) if key not in lowest]
    called = _different_names(lexicon, leaves, inner, names or {}, known or {})
    return [
        CategorySpec(
            name=called[synset.key].name,
            slug=called[synset.key].slug,
            definition=synset.definition,
            synonyms=tuple(dict.fromkeys(word for word in synset.words if word != called[synset.key].name)),
            parents=tuple(
                called[parent.key].slug
                for parent in lexicon.parents(synset)
                if parent.key in called and (root is None or synset.key != root.key)
            ),
            wnid=synset.wnid,
        )
        for synset in (*leaves, *inner)
    ]


class _Called(NamedTuple):
    slug: str
    name: str


def _different_names(
    lexicon: Lexicon,
    leaves: Sequence[Synset],
    above: Sequence[Synset],
    names: Mapping[str, str],
    known: Mapping[str, tuple[str, str]],
) -> dict[str, _Called]:
    """A name for each synset, of which no two give one slug: a leaf keeps its word unless another leaf has it.

    The others get the first word of what is above them in brackets: crane (wading bird), crane (lifting device);
    where that is not enough, their id.
    """
    called = {one.key: _Called(*known[one.wnid]) for one in (*leaves, *above) if one.wnid and one.wnid in known}
    taken = {slug for slug, _ in known.values()}
    plain = {one.key: names.get(one.key, one.words[0]) for one in (*leaves, *above) if one.key not in called}
    rivals = Counter(slugify(plain[one.key]) for one in leaves if one.key in plain)
    everything = Counter(slugify(name) for name in plain.values())
    for synsets, count in ((leaves, rivals), (above, everything)):
        for synset in synsets:
            slug = slugify(plain.get(synset.key, ""))
            if synset.key in plain and count[slug] == 1 and slug not in taken:
                called[synset.key] = _Called(slug, plain[synset.key])
    taken |= {one.slug for one in called.values()}
    for synset in (*leaves, *above):
        if synset.key in called:
            continue
        words = [parent.words[0] for parent in lexicon.parents(synset)]
        tries = [f"{plain[synset.key]} ({word})" for word in (*words, synset.wnid or synset.key)]
        name = next((one for one in tries if slugify(one) not in taken), tries[-1])
        called[synset.key] = _Called(slugify(name), name)
        taken.add(slugify(name))
    return called
