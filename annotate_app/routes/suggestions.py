"""What a model's suggestions do to people: the curator's page, the same as JSON, and for how many they are hidden."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from annotate_app.access import find_campaign
from annotate_app.context import AppContext, Context
from annotate_app.importing import hide_suggestions
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.security.roles import Curator, Watcher
from annotate_app.security.sessions import SignedIn
from annotate_app.suggestion_bias import suggestion_bias
from label_store import UsageError

pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
api = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


@api.get("/{campaign}/suggestions")
def get_suggestions(context: Context, person: Watcher, campaign: str) -> dict[str, Any]:
    """How often people agree with a model's suggestions who were shown them, and who were not, with intervals."""
    with context.read() as session:
        return suggestion_bias(session, find_campaign(session, person, campaign)).as_json()


@pages.get("/campaigns/{campaign}/suggestions")
def suggestions_page(request: Request, context: Context, person: Watcher, campaign: str) -> Response:
    """The same as a page, with the items behind its figures."""
    return _page(request, context, person, campaign, None)


@pages.post("/campaigns/{campaign}/suggestions")
def hide(
    request: Request,
    context: Context,
    person: Curator,
    campaign: str,
    hidden_percent: Annotated[str, Form(max_length=20)],
) -> Response:
    """Hide suggestions from a share of people from now on."""
    with context.read() as session:
        slug = find_campaign(session, person, campaign).slug
    try:
        share = float(hidden_percent) / 100
    except ValueError:
        share = -1.0
    try:
        hide_suggestions(context.workspace, slug, share, person_id=person.id)
    except UsageError as error:
        return _page(request, context, person, campaign, Problem(400, str(error), hint="a percentage from 0 to 100"))
    return RedirectResponse(f"/campaigns/{slug}/suggestions", 303)


def _page(request: Request, context: AppContext, person: SignedIn, campaign: str, problem: Problem | None) -> Response:
    with context.read() as session:
        found = find_campaign(session, person, campaign)
        bias = suggestion_bias(session, found)
    status = problem.status if problem else 200
    return render(request, "suggestions.html", page_status=status, campaign=found, bias=bias, problem=problem)
