"""`cairn collect commons` and `cairn collect openverse`: pictures that search APIs find for categories."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairn.commands.collect import DelayOption, IgnoreOption, ProcessesOption, _collect, _options, app
from cairn.console import JsonOption, WorkspaceOption
from label_store import Settings, UsageError, Workspace, find_category

if TYPE_CHECKING:
    from collector import Query

CategoriesOption = Annotated[
    list[str] | None,
    typer.Option("--category", "-c", help="Search for this category, by its name unless --query. Repeatable."),
]
QueryOption = Annotated[
    list[str] | None, typer.Option("--query", help="Search for these words, for the one --category. Repeatable.")
]
LimitOption = Annotated[int, typer.Option(help="Pictures of each query at most.", min=1)]
_PICTURES_AT_ONCE = 2
"""Requests in flight to Commons' picture host, as https://wikitech.wikimedia.org/wiki/Robot_policy asks."""


@app.command("commons")
def commons(
    category: CategoriesOption = None,
    query: QueryOption = None,
    commons_category: Annotated[
        list[str] | None,
        typer.Option(help="Take a category of Commons, for the one --category, in place of a search. Repeatable."),
    ] = None,
    depth: Annotated[int, typer.Option(help="Levels of subcategories below --commons-category.", min=0)] = 1,
    limit: LimitOption = 200,
    size: Annotated[
        str, typer.Option(help="Width in pixels: 120, 250, 330, 500, 960, 1280, 1920 or 3840; or original.")
    ] = "1280",
    api: Annotated[str | None, typer.Option(help="api.php of another wiki than Commons.")] = None,
    delay: DelayOption = None,
    processes: ProcessesOption = None,
    ignore: IgnoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect what Wikimedia Commons finds. Needs `contact` in the settings. Exit 3 when a query failed.

    Example: cairn collect commons --category tram --limit 100
    """
    options = replace(_options(delay, processes, ignore), per_host=_PICTURES_AT_ONCE)
    from collector import Commons
    from collector.sources.commons import API

    queries, settings = _asked(workspace, category, query, commons_category)
    source = Commons(queries, limit, settings.contact, _width(size), depth, api or API)
    _collect(source, None, options, workspace, as_json)


@app.command("openverse")
def openverse(
    category: CategoriesOption = None,
    query: QueryOption = None,
    limit: LimitOption = 200,
    license_: Annotated[
        list[str] | None,
        typer.Option("--license", help="Only by, by-sa, by-nd, by-nc, by-nc-sa, by-nc-nd, cc0 or pdm. Repeatable."),
    ] = None,
    license_type: Annotated[
        list[str] | None,
        typer.Option(help="Only all-cc, commercial or modification; twice: both. Repeatable."),
    ] = None,
    mature: Annotated[bool, typer.Option("--mature", help="Also what is marked as not for everybody.")] = False,
    api: Annotated[str | None, typer.Option(help="The /v1/ of another Openverse.")] = None,
    delay: DelayOption = None,
    processes: ProcessesOption = None,
    ignore: IgnoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect openly licensed pictures that Openverse finds, at most 240 of a query. Exit 3 when a query failed.

    Example: cairn collect openverse --category tram --query tram --query streetcar --license-type commercial
    """
    options = _options(delay, processes, ignore)
    from collector import Openverse
    from collector.sources.openverse import API

    queries, settings = _asked(workspace, category, query)
    source = Openverse(
        queries,
        limit,
        licenses=tuple(license_ or ()),
        license_types=tuple(license_type or ()),
        mature=mature,
        client_id=settings.openverse_client_id,
        client_secret=settings.openverse_client_secret,
        api=api or API,
    )
    _collect(source, None, options, workspace, as_json)


def queries_of(
    workspace: Workspace, categories: Sequence[str], words: Sequence[str], trees: Sequence[str] = ()
) -> "tuple[Query, ...]":
    """What a search source is asked: `words` and `trees` (Commons' categories) for one category, else each one's name.

    Raises UsageError where no category is said, one does not exist, or it is not clear what the words are for.
    """
    from collector import Categories, Query
    from collector.found import require_category
    from collector.sources.commons import CATEGORY

    if not categories:
        raise UsageError("for which category?", hint="say --category NAME; `cairn taxonomy show` lists them")
    with workspace.read() as session:
        known = Categories.load(session)
        found = [find_category(session, require_category(session, known, word)) for word in categories]
        names = {category.slug: category.name for category in found}
    if not words and not trees:
        return tuple(Query(name, slug, "name") for slug, name in names.items())
    if len(names) > 1:
        raise UsageError(
            f"which of {', '.join(names)} are the words for?", hint="say one --category with --query, a command each"
        )
    (slug,) = names
    given = [*words, *(f"{CATEGORY}{tree.removeprefix(CATEGORY)}" for tree in trees)]
    return tuple(Query(one, slug) for one in dict.fromkeys(given))


def _asked(
    folder: Path | None, categories: list[str] | None, words: list[str] | None, trees: list[str] | None = None
) -> "tuple[tuple[Query, ...], Settings]":
    """The queries, and the settings that the source needs."""
    workspace = Workspace.open(folder)
    try:
        return queries_of(workspace, categories or (), words or (), trees or ()), workspace.settings
    finally:
        workspace.close()


def _width(size: str) -> int | None:
    if size.strip().lower() == "original":
        return None
    if not (size.isascii() and size.isdigit()):
        raise UsageError(f"--size {size!r} is no width", hint="a number of pixels, for example 1280; or original")
    return int(size)
