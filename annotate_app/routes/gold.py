"""The curator's page of known answers, for a table of them; and one item made gold at a time."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from annotate_app import item_list
from annotate_app.access import find_campaign
from annotate_app.context import AppContext, Context
from annotate_app.gold import GoldTaken, make_gold, parse_answer, take_gold
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.routes.review import ItemId
from annotate_app.security.roles import Curator
from annotate_app.security.sessions import SignedIn
from label_store import UsageError, log_event

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Table = Annotated[str, Form(max_length=10_000_000)]
MOST_ROWS = 20_000
"""Of a table in a form, whose page waits until they are taken."""


@router.get("/campaigns/{campaign}/gold")
def gold_page(request: Request, context: Context, person: Curator, campaign: str) -> Response:
    """The form."""
    with context.read() as session:
        return render(request, "gold.html", campaign=find_campaign(session, person, campaign), table="", taken=None)


@router.post("/campaigns/{campaign}/gold")
def add_gold_table(request: Request, context: Context, person: Curator, campaign: str, table: Table) -> Response:
    """Take the table; back to the campaign when all of it was taken."""
    with context.read() as session:
        slug = find_campaign(session, person, campaign).slug
    return taken_or_told(request, context, person, slug, table)


@router.post("/campaigns/{campaign}/items/{item}/gold")
def make_item_gold(
    context: Context,
    person: Curator,
    campaign: str,
    item: ItemId,
    answer: Annotated[str, Form(max_length=100_000)],
) -> Response:
    """This item's answer is known from now on."""
    with context.write() as session:
        found = find_campaign(session, person, campaign)
        shown = item_list.one(session, found, item)
        if shown is None:
            raise Problem(404, f"the campaign {found.slug!r} has no item {item}")
        make_gold(session, found, shown.sha256, shown.category, parse_answer(answer))
        log_event(session, "item.gold", f"items:{item}", person_id=person.id)
        return RedirectResponse(f"/campaigns/{found.slug}/items/{item}", 303)


def taken_or_told(request: Request, context: AppContext, person: SignedIn, slug: str, table: str) -> Response:
    """Take known answers; the campaign's page, or this one with the rows that were not taken."""
    problem, taken = None, GoldTaken(0, ())
    try:
        taken = take_gold(context.write, slug, table, person_id=person.id, most=MOST_ROWS)
    except UsageError as error:
        problem = Problem(400, str(error), hint=error.hint)
    if problem is None and not taken.refused:
        return RedirectResponse(f"/campaigns/{slug}", 303)
    with context.read() as session:
        return render(
            request,
            "gold.html",
            page_status=400,
            campaign=find_campaign(session, person, slug),
            table=table,
            taken=taken,
            problem=problem,
        )
