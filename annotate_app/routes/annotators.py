"""The curator's page of one person in a campaign."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import select

from annotate_app.access import find_campaign
from annotate_app.context import Context
from annotate_app.one_annotator import one_annotator
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.security.roles import Watcher
from label_store.models import Person

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/campaigns/{campaign}/annotator")
def annotator_page(
    request: Request, context: Context, person: Watcher, campaign: str, name: Annotated[str, Query(max_length=200)]
) -> Response:
    """How much, how fast, how well: confusion with what was settled, known items, patterns, days."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
        who = session.scalar(select(Person).where(Person.name == name))
        figures = one_annotator(session, found, who) if who is not None else None
        if figures is None or not figures.judgments:
            raise Problem(404, f"nobody called {name!r} has judged in the campaign {found.slug!r}")
        return render(request, "annotator.html", campaign=found, one=figures)
