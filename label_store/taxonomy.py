"""Categories by slug: adding, finding with a guess at what was meant, importing from CSV or TOML."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from label_store.errors import UsageError
from label_store.models import Attribute, Category, CategoryParent

RESERVED = frozenset({"unsure", "none"})
"""Words that are answers by themselves and can be neither a category nor a choice."""


@dataclass(frozen=True)
class AttributeSpec:
    """One question of a category."""

    name: str
    choices: tuple[str, ...]
    multiple: bool = False


@dataclass(frozen=True)
class CategorySpec:
    """A category as a file or command describes it."""

    name: str
    slug: str = ""
    definition: str = ""
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    wnid: str | None = None
    guideline: str = ""
    attributes: tuple[AttributeSpec, ...] = field(default=())


def slugify(name: str) -> str:
    """A category's slug: lower case words joined by hyphens; letters of any script are kept."""
    return re.sub(r"[^\w]+", "-", name.strip().lower()).strip("-_")


def find_category(session: Session, slug: str) -> Category:
    """The category with this slug; UsageError names the nearest ones otherwise."""
    category = session.scalar(select(Category).where(Category.slug == slug))
    if category is not None:
        return category
    known = list(session.scalars(select(Category.slug).order_by(Category.slug)))
    near = difflib.get_close_matches(slug, known, n=3, cutoff=0.5)
    if near:
        hint = "did you mean " + " or ".join(repr(name) for name in near) + "?"
    else:
        hint = f"add it with `cairn taxonomy add {slug!r}`; `cairn taxonomy show` lists {len(known)} categories"
    raise UsageError(f"there is no category {slug!r}", hint=hint)


def put_category(session: Session, spec: CategorySpec) -> Category:
    """Add a category, or bring the one of the same slug up to date with what the spec says."""
    slug = spec.slug or slugify(spec.name)
    if slug in RESERVED:
        raise UsageError(
            f"{slug!r} cannot be a category: it is an answer of its own", hint="give another one with slug"
        )
    if slug and slug != slugify(slug):
        raise UsageError(f"{slug!r} cannot be a slug", hint=f"for instance {slugify(slug)!r}")
    if not slug:
        raise UsageError(f"a category needs a name with a letter or digit in it, not {spec.name!r}")
    category = session.scalar(select(Category).where(Category.slug == slug))
    if category is None:
        category = Category(slug=slug, name=spec.name)
        session.add(category)
    category.name = spec.name
    category.definition = spec.definition or category.definition or ""
    category.synonyms = list(spec.synonyms) or category.synonyms or []
    category.wnid = spec.wnid or category.wnid
    category.guideline = spec.guideline or category.guideline or ""
    session.flush()
    for parent_slug in spec.parents:
        parent = find_category(session, parent_slug)
        if parent.id == category.id or _is_ancestor(session, category.id, parent.id):
            raise UsageError(f"category {slug!r} cannot be under {parent_slug!r}: that would be a circle")
        if session.get(CategoryParent, (category.id, parent.id)) is None:
            session.add(CategoryParent(child_id=category.id, parent_id=parent.id))
    put_attributes(session, category, spec.attributes)
    session.flush()
    return category


def put_attributes(session: Session, category: Category, attributes: Sequence[AttributeSpec]) -> None:
    """Add or replace the questions of a category, by name; judged choices are never removed silently."""
    existing = {attribute.name: attribute for attribute in category.attributes}
    for position, spec in enumerate(attributes, start=len(existing)):
        if RESERVED & set(spec.choices):
            raise UsageError(f"attribute {spec.name!r} of {category.slug!r}: 'unsure' and 'none' are no choices")
        if len(set(spec.choices)) < 2:
            raise UsageError(f"attribute {spec.name!r} of {category.slug!r} needs at least two different choices")
        known = existing.get(spec.name)
        if known is None:
            category.attributes.append(
                Attribute(name=spec.name, choices=list(spec.choices), multiple=spec.multiple, position=position)
            )
            continue
        gone = [choice for choice in known.choices if choice not in spec.choices]
        if gone:
            raise UsageError(
                f"attribute {spec.name!r} of {category.slug!r} would lose the choice {gone[0]!r}",
                hint="choices may be added, not removed: there may be judgments that gave them",
            )
        if known.multiple != spec.multiple:
            one, several = "one choice", "several choices"
            raise UsageError(
                f"attribute {spec.name!r} of {category.slug!r} allows {several if known.multiple else one}, "
                f"not {several if spec.multiple else one}",
                hint="give the new question another name: there may be judgments of the old one",
            )
        known.choices = list(spec.choices)


def read_taxonomy(path: Path) -> list[CategorySpec]:
    """Categories from a TOML or CSV file; UsageError names the row that is wrong."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}", hint="give a CSV or TOML file of categories")
    if path.suffix.lower() == ".toml":
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is not TOML: {error}") from error
        rows = table.get("category", table.get("categories", []))
        if not isinstance(rows, list) or not rows:
            raise UsageError(f"{path} has no [[category]] tables", hint='each needs at least name = "…"')
        return [_spec(row, f"{path}: category {n}") for n, row in enumerate(rows, start=1)]
    import pandas as pd  # here alone, since it takes longer to import than most commands to run

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, sep=None, engine="python")
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise UsageError(f"{path} cannot be read as CSV: {error}") from error
    frame.columns = [str(column).strip().lower() for column in frame.columns]
    if "name" not in frame.columns:
        raise UsageError(
            f"{path} has no column 'name' (it has {', '.join(frame.columns)})",
            hint="columns: name, slug, definition, synonyms, parents, wnid; several values joined by ;",
        )
    records = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    return [_spec(row, f"{path}: row {n}") for n, row in enumerate(records, start=2)]


def _spec(row: Mapping[str, object], where: str) -> CategorySpec:
    name = str(row.get("name", "")).strip()
    if not name:
        raise UsageError(f"{where}: a category needs a name")
    return CategorySpec(
        name=name,
        slug=str(row.get("slug", "") or "").strip(),
        definition=str(row.get("definition", "") or ""),
        synonyms=_several(row.get("synonyms")),
        parents=_several(row.get("parents")),
        wnid=str(row["wnid"]).strip() if row.get("wnid") else None,
        guideline=str(row.get("guideline", "") or ""),
        attributes=tuple(_attribute(entry, where) for entry in _tables(row.get("attributes"))),
    )


def _tables(value: object) -> Iterable[Mapping[str, object]]:
    if isinstance(value, Mapping):  # {type = ["suv", ...]}
        return [{"name": name, "choices": choices} for name, choices in value.items()]
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _attribute(entry: Mapping[str, object], where: str) -> AttributeSpec:
    choices = _several(entry.get("choices"))
    if not entry.get("name") or len(choices) < 2:
        raise UsageError(f"{where}: an attribute needs a name and at least two choices")
    return AttributeSpec(str(entry["name"]), choices, bool(entry.get("multiple", False)))


def _several(value: object) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)):
        return tuple(str(entry).strip() for entry in value)
    return tuple(part.strip() for part in str(value or "").split(";") if part.strip())


def _is_ancestor(session: Session, candidate_id: int, of_id: int) -> bool:
    """Whether `candidate_id` is above `of_id` in the taxonomy."""
    seen: set[int] = set()
    todo = [of_id]
    while todo:
        for parent_id in session.scalars(select(CategoryParent.parent_id).where(CategoryParent.child_id == todo.pop())):
            if parent_id == candidate_id:
                return True
            if parent_id not in seen:
                seen.add(parent_id)
                todo.append(parent_id)
    return False
