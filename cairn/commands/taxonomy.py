"""`cairn taxonomy`: categories, parents and attribute schemas, from commands, files and WordNet, and out again."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import func, select

from cairn.console import JsonOption, WorkspaceOption, finish, print_json, table
from label_store import (
    CategorySpec,
    UsageError,
    Workspace,
    find_category,
    find_taxonomy,
    log_event,
    put_categories,
    read_specs,
    read_taxonomy,
    write_taxonomy,
)
from label_store import put_category as put_one
from label_store.models import Candidate, Category, Image
from label_store.taxonomy_csv import by_language, parse_attribute, parse_translation

app = typer.Typer(no_args_is_help=True, help="Categories and their attribute schemas.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The category's name, for instance 'sports car'.")],
    slug: Annotated[str, typer.Option(help="Its short name in commands and files (else made from the name).")] = "",
    definition: Annotated[str, typer.Option(help="What counts as one, in a sentence.")] = "",
    synonym: Annotated[list[str] | None, typer.Option(help="Another word for it; may be repeated.")] = None,
    translation: Annotated[
        list[str] | None, typer.Option(help="Its word in another language, lang=word; may be repeated.")
    ] = None,
    parent: Annotated[list[str] | None, typer.Option(help="Slug of a category above it; may be repeated.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="A question: name=choice,choice,…  (name+=… allows several choices).")
    ] = None,
    wnid: Annotated[str | None, typer.Option(help="WordNet id, for instance n02091134.")] = None,
    guideline: Annotated[str, typer.Option(help="What annotators read before they judge it.")] = "",
    good: Annotated[
        list[str] | None, typer.Option(help="SHA-256 of a picture that shows one; may be repeated.")
    ] = None,
    bad: Annotated[
        list[str] | None, typer.Option(help="SHA-256 of a picture that shows none, though near; may be repeated.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Add a category, or bring one up to date: what is not said stays as it is.

    Example: cairn taxonomy add car --synonym auto --translation de=Auto --attribute type=sedan,suv,van
    """
    spec = CategorySpec(
        name=name.strip(),
        slug=slug.strip(),
        definition=definition.strip(),
        synonyms=tuple(word.strip() for word in synonym or () if word.strip()),
        translations=by_language(parse_translation(text, "--translation") for text in translation or ()),
        parents=tuple(parent or ()),
        wnid=wnid,
        guideline=guideline.strip(),
        good=tuple(good or ()),
        bad=tuple(bad or ()),
        attributes=tuple(parse_attribute(text, "--attribute") for text in attribute or ()),
    )
    place = Workspace.open(workspace)
    with place.write() as session:
        unknown = [sha256 for sha256 in (*spec.good, *spec.bad) if session.get(Image, sha256) is None]
        category = put_one(session, spec)
        if unknown:
            raise UsageError(
                f"there is no picture {unknown[0]!r} in the workspace", hint="collect it first, with `cairn collect`"
            )
        log_event(session, "taxonomy.add", f"categories:{category.slug}")
        made = category.slug
    finish(f"category {made!r} is in the taxonomy", then=f"cairn collect urls FILE --category {made}")


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(help="A CSV or TOML file, or a taxonomy that is shipped: ilsvrc.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Add all categories of a CSV or TOML file, or of a shipped taxonomy; all of them or none.

    Example: cairn taxonomy import ilsvrc
    """
    path = find_taxonomy(file)
    _put(workspace, read_taxonomy(path), f"from {file}", "taxonomy.import", file)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The file to write, .csv or .toml.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Write the whole taxonomy to a file that `cairn taxonomy import` reads back the same.

    Example: cairn taxonomy export categories.toml
    """
    place = Workspace.open(workspace)
    with place.read() as session:
        specs = read_specs(session)
    write_taxonomy(file, specs)
    finish(f"{len(specs):,} categories are in {file}")


@app.command()
def wordnet(
    synset: Annotated[str, typer.Argument(help="dog.n.01, n02084071, or a word of one meaning.")],
    leaves: Annotated[
        int, typer.Option(min=1, help="Take so many kinds that have none below them, evenly from every branch.")
    ] = 1000,
    where: Annotated[
        str | None,
        typer.Option("--wordnet", metavar="DIR", help="WordNet's folder, or a lexicon of wn such as omw-en:1.4."),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a taxonomy from an installed WordNet: kinds under a synset, and everything between them and it.

    Example: cairn taxonomy wordnet dog.n.01 --leaves 100
    """
    from label_store.lexicon import find_synset, open_lexicon
    from label_store.taxonomy_wordnet import choose_leaves, tree_specs

    place = Workspace.open(workspace)  # a workspace that is missing is told before a lexicon is read
    lexicon = open_lexicon(where)
    root = find_synset(lexicon, synset)
    chosen, there = choose_leaves(lexicon, root, leaves)
    few = "" if there >= leaves else f" (all there are under {root.words[0]!r})"
    with place.read() as session:
        known = {row.wnid: (row.slug, row.name) for row in session.scalars(select(Category)) if row.wnid}
    specs = tree_specs(lexicon, chosen, root, known=known)
    whence = f"from {lexicon.name}: {len(chosen):,} of {there:,} leaves{few}"
    _put(place.folder, specs, whence, "taxonomy.wordnet", synset)


@app.command()
def show(
    category: Annotated[str | None, typer.Argument(help="Slug of one category (else all).")] = None,
    leaves: Annotated[bool, typer.Option("--leaves", help="Only categories with none under them.")] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List categories with their candidates, parents and attributes.

    Example: cairn taxonomy show car --json
    """
    place = Workspace.open(workspace)
    with place.read() as session:
        if category is not None:
            category = find_category(session, category).slug
        images = func.count(Candidate.image_sha256.distinct())
        counted = select(Category.slug, images).join(Candidate, Candidate.category_id == Category.id)
        counts = {slug: n for slug, n in session.execute(counted.group_by(Category.slug))}  # noqa: C416  has no types
        specs = read_specs(session)
    above = {parent for spec in specs for parent in spec.parents}
    rows: list[dict[str, Any]] = [
        {
            "slug": spec.slug,
            "name": spec.name,
            "definition": spec.definition,
            "synonyms": spec.synonyms,
            "translations": spec.translations,
            "parents": spec.parents,
            "wnid": spec.wnid,
            "guideline": spec.guideline,
            "examples": {"good": spec.good, "bad": spec.bad},
            "attributes": [
                {"name": one.name, "choices": one.choices, "multiple": one.multiple} for one in spec.attributes
            ],
            "candidates": counts.get(spec.slug, 0),
        }
        for spec in specs
        if category in (None, spec.slug) and not (leaves and spec.slug in above)
    ]
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


def _put(folder: Path | None, specs: list[CategorySpec], whence: str, event: str, subject: str) -> None:
    place = Workspace.open(folder)
    with place.write() as session:
        before = session.scalar(select(func.count()).select_from(Category)) or 0
        put_categories(session, specs)
        after = session.scalar(select(func.count()).select_from(Category)) or 0
        log_event(session, event, subject, categories=len(specs), new=after - before)
    above = {parent for spec in specs for parent in spec.parents} & {spec.slug for spec in specs}
    noun = "category" if len(specs) == 1 else "categories"
    split = f" ({len(specs) - len(above):,} and {len(above):,} above them)" if above else ""
    finish(
        f"{len(specs):,} {noun}{split} {whence}: in the taxonomy, {after - before:,} of them new",
        then="cairn taxonomy show",
    )
