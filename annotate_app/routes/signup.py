"""Signing up without an invitation: an annotator's account for anybody, where `open_signup` is on."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse

from annotate_app.context import AppContext, Context
from annotate_app.people import add_person
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.routes.pages import signed_in_response
from annotate_app.security.rate_limit import FailureLimit
from annotate_app.security.roles import Anybody
from label_store import UsageError

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Field = Annotated[str, Form(max_length=1000)]


@router.get("/signup")
def signup_page(request: Request, context: Context, _: Anybody) -> Response:
    """The form to make an annotator's account; 404 where sign-up is by invitation."""
    return _form(request, context, name="", problem=None)


@router.post("/signup")
def sign_up(request: Request, context: Context, _: Anybody, name: Field, password: Field) -> Response:
    """Make the account and sign in; ten accounts from one address in five minutes, no more."""
    _must_be_open(context)
    limit: FailureLimit = request.app.state.login_limit
    address = f"signup:{request.client.host if request.client else ''}"
    limit.check(address)
    limit.failed(address)
    try:
        with context.write() as session:
            person = add_person(session, name, password, "annotator")
    except UsageError as error:
        return _form(request, context, name=name, problem=Problem(400, str(error), hint=error.hint))
    return signed_in_response(request, context, person.id, "/")


def _must_be_open(context: AppContext) -> None:
    if not context.workspace.settings.open_signup:
        raise Problem(404, "accounts are made by invitation here", hint="ask whoever runs this campaign for a link")


def _form(request: Request, context: AppContext, *, name: str, problem: Problem | None) -> Response:
    _must_be_open(context)
    return render(
        request,
        "invitation.html",
        page_status=problem.status if problem else 200,
        role="annotator",
        campaign=None,
        name=name,
        problem=problem,
    )
