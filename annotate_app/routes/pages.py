"""The pages that people see, rendered on the server: signing in, joining, work, progress."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from annotate_app.access import visible_campaigns
from annotate_app.context import AppContext, Context
from annotate_app.languages import language_of
from annotate_app.own_work import own_figures
from annotate_app.people import accept_invitation, campaign_of_invitation
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.routes.auth import check_credentials
from annotate_app.routes.campaigns import as_json, judged_by
from annotate_app.security.rate_limit import FailureLimit
from annotate_app.security.roles import Anybody, Member
from annotate_app.security.sessions import clear_cookie, set_cookie, sign_in, sign_out
from label_store import UsageError
from label_store.models import Campaign

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Field = Annotated[str, Form(max_length=1000)]


@router.get("/")
def home(request: Request, context: Context, person: Member) -> Response:
    """What there is to do for whoever is signed in."""
    with context.read() as session:
        judged = judged_by(session, person.id)
        found = session.scalars(visible_campaigns(person).where(Campaign.state == "open")).all()
        campaigns = [as_json(campaign, judged.get(campaign.id, 0), language_of(request)) for campaign in found]
        figures = {campaign.id: own_figures(session, campaign, person.id) for campaign in found}
    return render(request, "home.html", campaigns=campaigns, figures=figures)


@router.get("/login", name="login_page")
def login_page(request: Request, person: Anybody, next: str = "/") -> Response:  # noqa: A002  the word in the address
    """The form to sign in."""
    if person is not None:
        return RedirectResponse(own_path(next), 303)
    return render(request, "login.html", next=next, name="", problem=None)


@router.post("/login")
def login(
    request: Request,
    context: Context,
    _: Anybody,
    name: Field,
    password: Field,
    next: Field = "/",  # noqa: A002  the name of the form's field
) -> Response:
    """Sign in with the form."""
    try:
        me = check_credentials(request, context, name, password)
    except Problem as problem:
        page = render(request, "login.html", page_status=problem.status, next=next, name=name, problem=problem)
        page.headers.update(problem.headers)
        return page
    return signed_in_response(request, context, me.id, own_path(next))


@router.post("/logout")
def logout(context: Context, person: Member) -> Response:
    """Sign out."""
    with context.write() as session:
        sign_out(session, person.token_hash)
    response = RedirectResponse("/login", 303)
    clear_cookie(response)
    return response


@router.get("/invitations/{secret}")
def invitation_page(request: Request, context: Context, _: Anybody, secret: str) -> Response:
    """The form to make an account by an invitation."""
    return _invitation_form(request, context, secret, name="", problem=None)


@router.post("/invitations/{secret}")
def join(request: Request, context: Context, _: Anybody, secret: str, name: Field, password: Field) -> Response:
    """Make the account and sign in."""
    try:
        with context.write() as session:
            person = accept_invitation(session, secret, name, password, context.clock())
    except UsageError as error:
        return _invitation_form(request, context, secret, name=name, problem=Problem(400, str(error), hint=error.hint))
    return signed_in_response(request, context, person.id, "/")


@router.get("/api/docs")
def api_docs(request: Request, _: Anybody) -> Response:
    """Every route of the HTTP interface in one page, from the OpenAPI document."""
    return render(request, "api.html", document=request.app.openapi())


def own_path(target: str) -> str:
    """A path of this site; anything else becomes the home page, so that no link can send people elsewhere."""
    parts = urlsplit(target)
    own = not parts.scheme and not parts.netloc and target.startswith("/") and "\\" not in target
    return target if own and not target.startswith("//") else "/"


def signed_in_response(request: Request, context: AppContext, person_id: int, target: str) -> Response:
    """Sign this browser in and send it to a path of this site."""
    with context.write() as session:
        secret, expires_at = sign_in(
            session, person_id, kind="browser", at=context.clock(), days=context.workspace.settings.session_days
        )
    response = RedirectResponse(target, 303)
    set_cookie(request, response, secret, expires_at)
    return response


def _invitation_form(
    request: Request, context: AppContext, secret: str, *, name: str, problem: Problem | None
) -> Response:
    limit: FailureLimit = request.app.state.login_limit
    address = f"invitation:{request.client.host if request.client else ''}"
    limit.check(address)
    with context.read() as session:
        found = campaign_of_invitation(session, secret, context.clock())
        if found is None:
            limit.failed(address)
            raise Problem(
                404,
                "this invitation was used already, has run out, or never was one",
                hint="ask whoever sent it for a new link",
            )
        invitation, campaign = found
        return render(
            request,
            "invitation.html",
            page_status=problem.status if problem else 200,
            role=invitation.role,
            campaign=campaign.title if campaign else None,
            name=name,
            problem=problem,
        )
