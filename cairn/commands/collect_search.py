"""`cairn collect commons` and `cairn collect openverse`: pictures that search APIs find for categories."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairn.commands.collect_plan import BudgetOption, ExpandOption, LanguagesOption, PlanOption, show_plan
from cairn.commands.collect_run import DelayOption, IgnoreOption, ProcessesOption, RetryOption, options_of, run
from cairn.console import JsonOption, WorkspaceOption
from label_store import Settings, UsageError, Workspace, find_category

if TYPE_CHECKING:
    from collector import Query
    from collector.planning import Plan, SearchTerms

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


def commons(
    category: CategoriesOption = None,
    query: QueryOption = None,
    commons_category: Annotated[
        list[str] | None,
        typer.Option(help="Take a category of Commons, for the one --category, in place of a search. Repeatable."),
    ] = None,
    depth: Annotated[int, typer.Option(help="Levels of subcategories below --commons-category.", min=0)] = 1,
    limit: LimitOption = 200,
    expand: ExpandOption = False,
    language: LanguagesOption = None,
    budget: BudgetOption = None,
    plan: PlanOption = False,
    size: Annotated[
        str, typer.Option(help="Width in pixels: 120, 250, 330, 500, 960, 1280, 1920 or 3840; or original.")
    ] = "1280",
    api: Annotated[str | None, typer.Option(help="api.php of another wiki than Commons.")] = None,
    delay: DelayOption = None,
    processes: ProcessesOption = None,
    ignore: IgnoreOption = None,
    retry: RetryOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect what Wikimedia Commons finds. Needs `contact` in the settings. Exit 3 when a query failed.

    Example: cairn collect commons --category tram --limit 100
    """
    options = replace(options_of(delay, processes, ignore, retry=retry), per_host=_PICTURES_AT_ONCE)
    from collector import Commons
    from collector.planning import commons_terms
    from collector.sources.commons import API

    asked = Asked(category or (), query or (), commons_category or (), expand, language or (), limit, budget)
    planned, settings = _planned(workspace, asked, lambda one: commons_terms(_pace(delay, one)))
    if plan:
        show_plan(planned, as_json)
        return
    source = Commons(planned.asked(), limit, settings.contact, _width(size), depth, api or API)
    run(source, None, options, workspace, as_json, unusable="queries failed")


def openverse(
    category: CategoriesOption = None,
    query: QueryOption = None,
    limit: LimitOption = 200,
    expand: ExpandOption = False,
    language: LanguagesOption = None,
    budget: BudgetOption = None,
    plan: PlanOption = False,
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
    retry: RetryOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect openly licensed pictures that Openverse finds, at most 240 of a query. Exit 3 when a query failed.

    Example: cairn collect openverse --category tram --query tram --query streetcar --license-type commercial
    """
    options = options_of(delay, processes, ignore, retry=retry)
    from collector import Openverse
    from collector.planning import openverse_terms
    from collector.sources.openverse import API

    asked = Asked(category or (), query or (), (), expand, language or (), limit, budget)
    planned, settings = _planned(
        workspace, asked, lambda one: openverse_terms(_pace(delay, one), one.openverse_client_id)
    )
    if plan:
        show_plan(planned, as_json)
        return
    source = Openverse(
        planned.asked(),
        limit,
        licenses=tuple(license_ or ()),
        license_types=tuple(license_type or ()),
        mature=mature,
        client_id=settings.openverse_client_id,
        client_secret=settings.openverse_client_secret,
        api=api or API,
    )
    run(source, None, options, workspace, as_json, unusable="queries failed")


@dataclass(frozen=True)
class Asked:
    """What a search command was told to search for."""

    categories: Sequence[str]
    words: Sequence[str] = ()
    trees: Sequence[str] = ()
    """Categories of Commons."""
    expand: bool = False
    languages: Sequence[str] = ()
    limit: int = 200
    budget: int | None = None


def queries_of(
    workspace: Workspace,
    categories: Sequence[str],
    words: Sequence[str],
    trees: Sequence[str] = (),
    *,
    expand: bool = False,
    languages: Sequence[str] = (),
) -> "tuple[Query, ...]":
    """What a search source is asked: `words` and `trees` (Commons' categories) for one category, else each one's name.

    `expand` adds the queries that the taxonomy and a lexicon have for it, `languages` the translations into these.
    Raises UsageError where no category is said, one does not exist, or it is not clear what the words are for.
    """
    from collector import Categories, Query
    from collector.expansion import without_repeats
    from collector.found import require_category
    from collector.planning import expanded_queries
    from collector.sources.commons import CATEGORY

    if not categories:
        raise UsageError("for which category?", hint="say --category NAME; `cairn taxonomy show` lists them")
    with workspace.read() as session:
        known = Categories.load(session)
        found = [find_category(session, require_category(session, known, word)) for word in categories]
        names = {category.slug: category.name for category in found}
        more = expanded_queries(session, list(names), synonyms=expand, languages=languages)
    if not words and not trees:
        return more if expand or languages else tuple(Query(name, slug, "name") for slug, name in names.items())
    if len(names) > 1:
        raise UsageError(
            f"which of {', '.join(names)} are the words for?", hint="say one --category with --query, a command each"
        )
    (slug,) = names
    given = [*words, *(f"{CATEGORY}{tree.removeprefix(CATEGORY)}" for tree in trees)]
    asked = tuple(Query(one, slug) for one in dict.fromkeys(given))
    return without_repeats([*asked, *more]) if expand or languages else asked


def _planned(folder: Path | None, asked: Asked, terms: "Callable[[Settings], SearchTerms]") -> "tuple[Plan, Settings]":
    """The queries in their order with what each may bring, and the settings that the source needs."""
    from collector.planning import plan_search

    workspace = Workspace.open(folder)
    try:
        queries = queries_of(
            workspace, asked.categories, asked.words, asked.trees, expand=asked.expand, languages=asked.languages
        )
        with workspace.read() as session:
            made = plan_search(session, queries, terms(workspace.settings), limit=asked.limit, budget=asked.budget)
    finally:
        workspace.close()
    if not made.asked():
        raise UsageError(
            f"all {len(made.queries)} queries have brought the {asked.limit} pictures that --limit allows",
            hint="say a higher --limit, or --expand for more queries",
        )
    return made, workspace.settings


def _pace(delay: float | None, settings: Settings) -> float:
    return settings.host_delay if delay is None else delay


def _width(size: str) -> int | None:
    if size.strip().lower() == "original":
        return None
    if not (size.isascii() and size.isdigit()):
        raise UsageError(f"--size {size!r} is no width", hint="a number of pixels, for example 1280; or original")
    return int(size)
