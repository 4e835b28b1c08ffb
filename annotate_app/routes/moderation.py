"""What curators do with given pictures: a page to decide on the keyboard, and the same over the API."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from annotate_app import moderation
from annotate_app.context import Context
from annotate_app.rendering import render
from annotate_app.security.roles import Curator

api = APIRouter(prefix="/api/v1/contributions", tags=["contributions"])
pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
PAGE = 48
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]


class DecisionIn(BaseModel):
    """Approve, or decline for a reason of the list; `other` needs a comment. The giver reads both."""

    id: Id
    decision: Literal["approve", "decline"]
    reason: Literal["not_shown", "quality", "rights", "private", "offensive", "other"] | None = None
    comment: Annotated[str, Field(max_length=moderation.MAX_COMMENT, pattern=r"^[^\x00]*$")] = ""


@api.get("")
def list_waiting(
    context: Context,
    _: Curator,
    category: str | None = None,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    n: Annotated[int, Query(ge=1, le=200)] = PAGE,
) -> list[moderation.Waiting]:
    """Given pictures that wait for a decision, oldest first; `after` is the last id of the page before."""
    with context.read() as session:
        return moderation.waiting(session, category=category, after=after, limit=n)


@api.post("/decisions")
def post_decisions(
    context: Context, person: Curator, decisions: Annotated[list[DecisionIn], Field(max_length=200)]
) -> list[moderation.Decided]:
    """Approve or decline given pictures; on disk when this answers, and sending twice is the same as once."""
    return moderation.decide(
        context,
        person,
        [moderation.Decision(one.id, one.decision, one.reason, one.comment) for one in decisions],
    )


@pages.get("/moderate")
def moderate_page(request: Request, context: Context, _: Curator, category: str = "") -> Response:
    """Given pictures that wait, in a grid, to be approved or declined on the keyboard."""
    with context.read() as session:
        rows = moderation.waiting(session, category=category or None, limit=PAGE)
        counts = moderation.waiting_by_category(session)
    return render(
        request,
        "moderate.html",
        rows=rows,
        counts=counts,
        category=category,
        number=sum(n for slug, _, n in counts if category in ("", slug)),
        reasons=moderation.REASONS,
        taking=context.workspace.settings.contributions,
    )
