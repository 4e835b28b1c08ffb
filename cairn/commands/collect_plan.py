"""What queries brought so far, `cairn collect yield`, and what a search would bring and cost, `--plan`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cairn.console import JsonOption, WorkspaceOption, finish, print_json, table
from label_store import Workspace, find_category

if TYPE_CHECKING:
    from collector.planning import Plan

ExpandOption = Annotated[
    bool,
    typer.Option(
        "--expand/--no-expand",
        help="Search also for synonyms, for these with a word of what is above, and for translations.",
    ),
]
LanguagesOption = Annotated[
    list[str] | None,
    typer.Option("--language", help="Search also for the translation into this language, and no other. Repeatable."),
]
BudgetOption = Annotated[
    int | None,
    typer.Option(help="Pictures of each category in this run, most for queries that bring right ones.", min=1),
]
PlanOption = Annotated[
    bool, typer.Option("--plan", help="Show the queries, what they may bring and cost; fetch nothing.")
]


def yield_(
    category: Annotated[
        list[str] | None, typer.Option("--category", "-c", help="Only queries for this category. Repeatable.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what each query brought: pictures, how many were judged, and how many of these are right.

    Example: cairn collect yield --category whippet
    """
    from collector.yields import measure

    opened = Workspace.open(workspace)
    try:
        with opened.read() as session:
            wanted = [find_category(session, slug).slug for slug in category] if category else None
            rows = measure(session, wanted)
    finally:
        opened.close()
    if as_json:
        print_json([row.as_dict() for row in rows])
        return
    if not rows:
        finish("no query has brought pictures", then="cairn collect commons --category C --expand --plan")
        return
    table(
        "",
        ("category", "source", "query", "pictures", "judged", "right", "95 % interval"),
        [
            (
                row.category,
                row.source,
                row.query,
                row.candidates,
                row.judged,
                "–" if row.rate is None else f"{row.rate:.0%}",
                "–" if row.rate is None else "{:.0%} to {:.0%}".format(*row.interval),
            )
            for row in rows
        ],
    )
    judged = sum(row.judged for row in rows)
    right = sum(row.right for row in rows)
    share = f", {right / judged:.0%} of them right" if judged else ""
    finish(f"{len(rows):,} queries, {sum(row.candidates for row in rows):,} pictures, {judged:,} judged{share}")


def show_plan(plan: "Plan", as_json: bool) -> None:
    """Print a plan as a table with its sum, or as JSON."""
    told = plan.as_dict()
    if as_json:
        print_json(told)
        return
    table(
        "",
        (
            "category",
            "query",
            "kind",
            "language",
            "so far",
            "pictures",
            "right",
            "rate",
            "requests",
            "judgments",
            "cost",
        ),
        [
            (
                one.query.category,
                one.query.words,
                one.query.kind,
                one.query.language,
                one.brought,
                one.candidates,
                round(one.right),
                f"{one.rate:.0%}{'' if one.judged else '?'}",
                one.requests,
                one.judgments,
                f"{one.money:,.2f}",
            )
            for one in plan.queries
        ],
    )
    bound = "at most " if plan.seconds_is_bound else ""
    finish(
        f"{plan.source}: {len(plan.asked()):,} queries in {told['requests']:,} requests bring at most "
        f"{told['candidates']:,} pictures in {bound}{_duration(plan.seconds)}, of which about {told['right']:,.0f} "
        f"right; {told['judgments']:,} judgments, costing {told['money']:,.2f}. Nothing was fetched.",
        then="the same command without --plan",
    )
    if any(not one.judged for one in plan.queries):
        finish("?: nobody judged what it brought; reckoned with 10 %, as ImageNet found")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"
