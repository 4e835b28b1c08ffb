"""People in the browser: who there is, links that invite, roles and disabling; and everybody's own account."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotate_app.access import find_campaign
from annotate_app.context import AppContext, Context
from annotate_app.people import PEOPLE_ROLES, disable, find_person, invite, listed, set_password, set_role
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.routes.auth import check_credentials
from annotate_app.routes.pages import signed_in_response
from annotate_app.security.roles import CURATES, Curator, Inviter, Owner, Whole
from annotate_app.security.sessions import SignedIn
from label_store import UsageError
from label_store.models import Campaign, Person

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Field = Annotated[str, Form(max_length=1000)]
Name = Annotated[str, Query(max_length=100)]
PAGE = 100


@router.get("/people")
def people_page(request: Request, context: Context, person: Curator, q: Name = "", after: Name = "") -> Response:
    """Everybody (or whose name holds `q`), some at a time, and the form that makes a link for one more."""
    return _people(request, context, person, q=q.strip(), after=after)


@router.post("/people/invitations")
def make_invitation(request: Request, context: Context, person: Inviter, role: Field, campaign: Field = "") -> Response:
    """A link that makes one account, shown once. Only an owner invites those who run the place."""
    if role in CURATES and person.role != "owner":
        raise Problem(403, f"only an owner invites somebody as {role}")
    with context.write() as session:
        campaign_id = find_campaign(session, person, campaign).id if campaign else None
        secret = invite(session, role, campaign_id=campaign_id, by_id=person.id, at=context.clock())
    return _people(request, context, person, link=str(request.base_url) + f"invitations/{secret}", invited=role)


@router.post("/people/role")
def change_role(context: Context, person: Owner, name: Field, role: Field) -> Response:
    """Give somebody else another role."""
    with context.write() as session:
        set_role(session, _somebody_else(session, person, name), role, by_id=person.id)
    return RedirectResponse("/people", 303)


@router.post("/people/disable")
def disable_person(context: Context, person: Owner, name: Field) -> Response:
    """Let somebody else in no more; their judgments stay."""
    with context.write() as session:
        disable(session, _somebody_else(session, person, name), context.clock(), by_id=person.id)
    return RedirectResponse("/people", 303)


@router.get("/account")
def account_page(request: Request, person: Whole) -> Response:
    """One's own name, role and password."""
    return render(request, "account.html", problem=None)


@router.post("/account/password")
def change_password(request: Request, context: Context, person: Whole, password: Field, new: Field) -> Response:
    """Another password: the present one is asked for, and all other browsers and tokens are signed out."""
    try:
        check_credentials(request, context, person.name, password)
        with context.write() as session:
            set_password(session, find_person(session, person.name), new)
    except (Problem, UsageError) as error:
        problem = error if isinstance(error, Problem) else Problem(400, str(error), hint=error.hint)
        page = render(request, "account.html", page_status=problem.status, problem=problem)
        page.headers.update(problem.headers)  # when to try again
        return page
    return signed_in_response(request, context, person.id, "/")


def _somebody_else(session: Session, person: SignedIn, name: str) -> Person:
    found = find_person(session, name)
    if found.id == person.id:
        raise Problem(400, "nobody changes their own role or shuts themselves out", hint="ask another owner")
    return found


def _people(
    request: Request,
    context: AppContext,
    person: SignedIn,
    link: str = "",
    invited: str = "",
    q: str = "",
    after: str = "",
) -> Response:
    roles = PEOPLE_ROLES if person.role == "owner" else tuple(role for role in PEOPLE_ROLES if role not in CURATES)
    with context.read() as session:
        people, number = listed(session, like=q, after=after, n=PAGE + 1)
        campaigns = session.execute(select(Campaign.slug, Campaign.title).where(Campaign.state != "closed")).all()
    last = people[:PAGE][-1].name if people else ""
    more = request.url_for("people_page").include_query_params(q=q, after=last)
    return render(
        request,
        "people.html",
        people=people[:PAGE],
        number=number,
        more=more if len(people) > PAGE else None,
        q=q,
        after=after,
        campaigns=campaigns,
        roles=roles,
        link=link,
        invited=invited,
    )
