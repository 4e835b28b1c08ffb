"""`cairn taxonomy`: categories and their attribute schemas."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import func, select

from cairn.console import JsonOption, WorkspaceOption, finish, print_json, table
from label_store import AttributeSpec, CategorySpec, UsageError, Workspace, log_event, put_category, read_taxonomy
from label_store.models import Candidate, Category, CategoryParent

app = typer.Typer(no_args_is_help=True, help="Categories and their attribute schemas.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The category's name, for instance 'sports car'.")],
    definition: Annotated[str, typer.Option(help="What counts as one, in a sentence.")] = "",
    synonym: Annotated[list[str] | None, typer.Option(help="Another word for it; may be repeated.")] = None,
    parent: Annotated[list[str] | None, typer.Option(help="Slug of a category above it; may be repeated.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="A question: name=choice,choice,…  (name+=… allows several choices).")
    ] = None,
    wnid: Annotated[str | None, typer.Option(help="WordNet id, for instance n02091134.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Add a category, or bring one up to date.

    Example: cairn taxonomy add car --synonym auto --attribute type=sedan,suv,van --attribute colour+=red,black
    """
    spec = CategorySpec(
        name=name,
        definition=definition,
        synonyms=tuple(synonym or ()),
        parents=tuple(parent or ()),
        wnid=wnid,
        attributes=tuple(parse_attribute(text) for text in attribute or ()),
    )
    place = Workspace.open(workspace)
    with place.write() as session:
        category = put_category(session, spec)
        log_event(session, "taxonomy.add", f"categories:{category.slug}")
        slug = category.slug
    finish(f"category {slug!r} is in the taxonomy", then=f"cairn collect urls FILE --category {slug}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV or TOML file of categories.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Add all categories of a CSV or TOML file; all of them or none.

    Example: cairn taxonomy import categories.toml
    """
    specs = read_taxonomy(file)
    place = Workspace.open(workspace)
    with place.write() as session:
        for spec in specs:
            put_category(session, spec)
        log_event(session, "taxonomy.import", str(file), categories=len(specs))
    finish(f"{len(specs)} categories from {file} are in the taxonomy", then="cairn taxonomy show")


@app.command()
def show(
    category: Annotated[str | None, typer.Argument(help="Slug of one category (else all).")] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List categories with their candidates, parents and attributes.

    Example: cairn taxonomy show car --json
    """
    place = Workspace.open(workspace)
    with place.read() as session:
        images = func.count(Candidate.image_sha256.distinct())
        per_category = session.execute(select(Candidate.category_id, images).group_by(Candidate.category_id))
        counts = {category_id: n for category_id, n in per_category.all()}  # noqa: C416  dict() has no types
        slugs = {row.id: row.slug for row in session.scalars(select(Category))}
        parents: dict[int, list[str]] = {}
        for edge in session.scalars(select(CategoryParent)):
            parents.setdefault(edge.child_id, []).append(slugs[edge.parent_id])
        rows: list[dict[str, Any]] = [
            {
                "slug": row.slug,
                "name": row.name,
                "definition": row.definition,
                "synonyms": row.synonyms,
                "parents": parents.get(row.id, []),
                "wnid": row.wnid,
                "attributes": [attribute.as_schema() for attribute in row.attributes],
                "candidates": counts.get(row.id, 0),
            }
            for row in session.scalars(select(Category).order_by(Category.slug))
            if category in (None, row.slug)
        ]
    if category is not None and not rows:
        raise UsageError(f"there is no category {category!r}", hint="`cairn taxonomy show` lists them")
    if json:
        print_json(rows)
        return
    if not rows:
        finish("the taxonomy is empty", then="cairn taxonomy add car")
        return
    table(
        "",
        ("category", "candidates", "parents", "attributes", "definition"),
        [
            (
                row["slug"],
                row["candidates"],
                ", ".join(row["parents"]),
                ", ".join(entry["name"] for entry in row["attributes"]),
                row["definition"][:60],
            )
            for row in rows
        ],
    )


def parse_attribute(text: str) -> AttributeSpec:
    """`name=a,b` (one choice) or `name+=a,b` (several); UsageError otherwise."""
    name, equals, listed = text.partition("=")
    choices = tuple(part.strip() for part in listed.split(",") if part.strip())
    if not equals or not name.strip("+ ") or len(choices) < 2:
        raise UsageError(f"--attribute {text!r} is not name=choice,choice", hint="for instance colour+=red,black")
    return AttributeSpec(name.rstrip("+ ").strip(), choices, multiple=name.endswith("+"))
