"""The taxonomy in the label store: finding a category, and bringing categories, parents and questions up to date.

What a category is, apart from any database, is in taxonomy_specs.py; files of categories in taxonomy_files.py.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from label_store.errors import UsageError
from label_store.models import Attribute, Category, CategoryParent
from label_store.taxonomy_specs import AttributeSpec, CategorySpec, slugify


def find_category(session: Session, slug: str) -> Category:
    """The category with this slug; UsageError names the nearest ones otherwise."""
    category = session.scalar(select(Category).where(Category.slug == slug))
    if category is not None:
        return category
    known = list(session.scalars(select(Category.slug).order_by(Category.slug)))
    hint = _near(slug, known) or (
        f"add it with `cairn taxonomy add {slug!r}`; `cairn taxonomy show` lists {len(known)} categories"
    )
    raise UsageError(f"there is no category {slug!r}", hint=hint)


def put_category(session: Session, spec: CategorySpec) -> Category:
    """Add a category, or bring the one of the same slug up to date with what the spec says."""
    return put_categories(session, [spec])[0]


def put_categories(session: Session, specs: Sequence[CategorySpec]) -> list[Category]:
    """Add categories, or bring those that there are up to date; a parent may come after its child.

    A category is known by its slug, else by its WordNet id. What a spec leaves empty stays as it is; parents,
    translations and questions are added to those there are, and nothing is taken away. UsageError (with the
    spec's file and row) for what is wrong; the caller's transaction then takes everything back.
    """
    for spec in specs:
        spec.check()
    slugs = _slugs(session, specs)
    rows = {row.slug: row for row in session.scalars(select(Category))}
    new = [Category(slug=slug, name=spec.name) for spec, slug in zip(specs, slugs, strict=True) if slug not in rows]
    session.add_all(new)
    fresh = {row.slug for row in new}
    rows |= {row.slug: row for row in new}
    for spec, slug in zip(specs, slugs, strict=True):
        _update(rows[slug], spec)
    session.flush()
    _put_parents(session, specs, slugs, rows)
    for spec, slug in zip(specs, slugs, strict=True):
        if spec.attributes:
            put_attributes(session, rows[slug], spec.attributes, where=spec.where, fresh=slug in fresh)
    session.flush()
    return [rows[slug] for slug in slugs]


def put_attributes(
    session: Session, category: Category, attributes: Sequence[AttributeSpec], *, where: str = "", fresh: bool = False
) -> None:
    """Add or replace the questions of a category, by name; judged choices are never removed silently."""
    prefix = f"{where}: " if where else ""
    existing = {} if fresh else {attribute.name: attribute for attribute in category.attributes}
    position = len(existing)
    for spec in attributes:
        spec.check(f"{prefix}attribute {spec.name!r} of {category.slug!r}")
        known = existing.get(spec.name)
        if known is None:
            made = Attribute(
                category_id=category.id,
                name=spec.name,
                choices=list(spec.choices),
                multiple=spec.multiple,
                position=position,
            )
            position += 1
            category.attributes.append(made)
            existing[spec.name] = made
            continue
        gone = [choice for choice in known.choices if choice not in spec.choices]
        if gone:
            raise UsageError(
                f"{prefix}attribute {spec.name!r} of {category.slug!r} would lose the choice {gone[0]!r}",
                hint="choices may be added, not removed: there may be judgments that gave them",
            )
        if known.multiple != spec.multiple:
            one, several = "one choice", "several choices"
            raise UsageError(
                f"{prefix}attribute {spec.name!r} of {category.slug!r} allows {several if known.multiple else one}, "
                f"not {several if spec.multiple else one}",
                hint="give the new question another name: there may be judgments of the old one",
            )
        known.choices = list(spec.choices)


def read_specs(session: Session, slugs: Iterable[str] | None = None) -> list[CategorySpec]:
    """The taxonomy as specs, by slug: what `put_categories` in an empty store makes the same again."""
    rows = list(session.scalars(select(Category).order_by(Category.slug)))
    names = {row.id: row.slug for row in rows}
    parents: dict[int, list[str]] = defaultdict(list)
    for edge in session.scalars(select(CategoryParent)):
        parents[edge.child_id].append(names[edge.parent_id])
    questions: dict[int, list[AttributeSpec]] = defaultdict(list)
    for row in session.scalars(select(Attribute).order_by(Attribute.position, Attribute.id)):
        questions[row.category_id].append(AttributeSpec(row.name, tuple(row.choices), row.multiple))
    wanted = None if slugs is None else set(slugs)
    return [
        CategorySpec(
            name=row.name,
            slug=row.slug,
            definition=row.definition,
            synonyms=tuple(row.synonyms),
            translations={language: tuple(words) for language, words in sorted(row.translations.items())},
            parents=tuple(sorted(parents[row.id])),
            wnid=row.wnid,
            guideline=row.guideline,
            good=tuple(row.examples.get("good", ())),
            bad=tuple(row.examples.get("bad", ())),
            attributes=tuple(questions[row.id]),
        )
        for row in rows
        if wanted is None or row.slug in wanted
    ]


def _slugs(session: Session, specs: Sequence[CategorySpec]) -> list[str]:
    """The slug of each spec; refuses two specs of one slug, and a WordNet id that another category has."""
    stored = {row.wnid: row.slug for row in session.execute(select(Category.wnid, Category.slug)) if row.wnid}
    of_slug = {slug: wnid for wnid, slug in stored.items()}
    wnids = dict(stored)
    seen: dict[str, CategorySpec] = {}
    slugs = []
    for spec in specs:
        slug = spec.slug or stored.get(spec.wnid or "") or slugify(spec.name)
        if slug in seen:
            raise UsageError(
                f"{spec.prefix}category {slug!r} comes a second time (first: {seen[slug].where or seen[slug].name})",
                hint="give one of them another slug",
            )
        owner = wnids.get(spec.wnid) if spec.wnid else None
        if owner not in (None, slug):
            raise UsageError(
                f"{spec.prefix}the WordNet id {spec.wnid} of {slug!r} belongs to {owner!r}",
                hint=f"leave the slug out, or say slug {owner!r}, to bring that one up to date",
            )
        if spec.wnid and of_slug.get(slug) not in (None, spec.wnid):
            raise UsageError(
                f"{spec.prefix}category {slug!r} is the WordNet synset {of_slug[slug]}, not {spec.wnid}",
                hint="give one of them another name or slug",
            )
        if spec.wnid:
            wnids[spec.wnid] = slug
        seen[slug] = spec
        slugs.append(slug)
    return slugs


def _update(category: Category, spec: CategorySpec) -> None:
    category.name = spec.name
    category.definition = spec.definition or category.definition or ""
    category.synonyms = list(spec.synonyms) or category.synonyms or []
    told = {language: list(words) for language, words in spec.translations.items()}
    category.translations = {**(category.translations or {}), **told}
    category.wnid = spec.wnid or category.wnid
    category.guideline = spec.guideline or category.guideline or ""
    shown = {kind: list(hashes) for kind, hashes in (("good", spec.good), ("bad", spec.bad)) if hashes}
    category.examples = {**(category.examples or {}), **shown}


def _put_parents(
    session: Session, specs: Sequence[CategorySpec], slugs: Sequence[str], rows: Mapping[str, Category]
) -> None:
    if not any(spec.parents for spec in specs):
        return
    above: dict[int, set[int]] = defaultdict(set)
    for edge in session.scalars(select(CategoryParent)):
        above[edge.child_id].add(edge.parent_id)
    added: list[tuple[CategorySpec, Category, Category]] = []
    for spec, slug in zip(specs, slugs, strict=True):
        child = rows[slug]
        for word in spec.parents:
            parent = rows.get(word) or rows.get(slugify(word))
            if parent is None:
                hint = _near(word, sorted(rows)) or f"add it with `cairn taxonomy add {word!r}`, or to the same file"
                raise UsageError(f"{spec.prefix}{slug!r} is under {word!r}, and there is no such category", hint=hint)
            if parent.id not in above[child.id]:
                above[child.id].add(parent.id)
                session.add(CategoryParent(child_id=child.id, parent_id=parent.id))
                added.append((spec, child, parent))
    circle = _in_circles(above)
    for spec, child, parent in added:
        if child.id in circle and parent.id in circle:
            raise UsageError(
                f"{spec.prefix}category {child.slug!r} cannot be under {parent.slug!r}: that would be a circle"
            )


def _in_circles(above: Mapping[int, set[int]]) -> set[int]:
    """What is left when everything without a parent, and then without a child, is taken away again and again."""
    left = set(above) | {parent for parents in above.values() for parent in parents}
    below: dict[int, set[int]] = defaultdict(set)
    for child, parents in above.items():
        for parent in parents:
            below[parent].add(child)
    for neighbours, back in ((above, below), (below, above)):
        count = {node: len(neighbours.get(node, set()) & left) for node in left}
        ready = [node for node in left if not count[node]]
        while ready:
            node = ready.pop()
            left.discard(node)
            for other in back.get(node, ()):
                if other in left:
                    count[other] -= 1
                    if not count[other]:
                        ready.append(other)
    return left


def _near(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    return "did you mean " + " or ".join(repr(name) for name in near) + "?" if near else ""
