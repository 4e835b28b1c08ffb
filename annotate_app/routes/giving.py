"""The pages of whoever gives pictures: choose a category, give, and see what became of it under a link."""

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

import imaging
from annotate_app import consent, contributions, moderation, outcomes
from annotate_app.context import AppContext, Context
from annotate_app.languages import language_of
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.routes.contributions import receive
from annotate_app.security.headers import PICTURE_POLICY
from annotate_app.security.rate_limit import FailureLimit
from annotate_app.security.roles import Anybody, Contributor
from annotate_app.security.sessions import SignedIn, new_secret

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
OWN = "mine"
"""In place of a link's secret: all that whoever is signed in has given."""
_SHOWN_CATEGORIES = 60


@router.get("/contribute")
def contribute_page(request: Request, context: Context, _: Contributor, q: str = "") -> Response:
    """The categories that pictures can be given for."""
    with context.read() as session:
        found, number = contributions.categories(session, q.strip()[:100], _SHOWN_CATEGORIES)
    return render(request, "contribute.html", categories=found, number=number, q=q.strip()[:100])


@router.get("/contribute/{category}")
def contribute_to_page(request: Request, context: Context, person: Contributor, category: str) -> Response:
    """The form to give pictures for one category."""
    return _form(request, context, category, {}, receipt=new_secret(), problem=None)


@router.post("/contribute/{category}")
async def contribute_with_form(request: Request, context: Context, person: Contributor, category: str) -> Response:
    """Give pictures with the form, also without scripts; leads to the page of what becomes of them."""
    fields: dict[str, str] = {}
    try:
        given = await receive(request, context, person, category, fields)
        if given.link is not None:
            return RedirectResponse(given.link, 303)
        first = next((one for one in given.pictures if one.status == "refused"), None)
        if first is None:  # all were given before under another link
            return RedirectResponse(f"/contributions/{OWN}", 303)
        problem = Problem(422, f"{first.name}: {first.reason}", hint=first.hint)
    except Problem as error:
        if error.status == 404:
            raise
        problem = error
    page = await anyio.to_thread.run_sync(
        lambda: _form(
            request, context, category, fields, receipt=fields.get("receipt") or new_secret(), problem=problem
        )
    )
    page.headers.update(problem.headers)
    return page


@router.get("/contributions/{secret}")
def contributions_page(request: Request, context: Context, person: Anybody, secret: str) -> Response:
    """What became of the pictures given under a link; with `mine`, of all that whoever is signed in gave."""
    return render(request, "contributions.html", fates=_fates(request, context, person, secret), secret=secret, own=OWN)


@router.get("/contributions/{secret}/pictures/{contribution}")
def contribution_picture(
    request: Request, context: Context, person: Anybody, secret: str, contribution: Number
) -> Response:
    """One of these pictures, small, as long as it is here."""
    fate = _one(_fates(request, context, person, secret), contribution)
    if not fate.shown:
        raise Problem(404, "this picture is no longer here")
    try:
        data = context.pictures.jpeg(fate.sha256, "thumb")
    except imaging.ImageError as error:
        raise Problem(422, f"the picture cannot be shown: {error}") from error
    headers = {"Cache-Control": "private, max-age=300", "Content-Security-Policy": PICTURE_POLICY}
    return Response(data, media_type="image/jpeg", headers=headers)


@router.post("/contributions/{secret}/pictures/{contribution}/remove")
def remove_contribution(
    request: Request, context: Context, person: Anybody, secret: str, contribution: Number
) -> Response:
    """Take one of these pictures back: out of every later release, its bytes gone."""
    fate = _one(_fates(request, context, person, secret), contribution)
    moderation.withdraw(context, fate.id, person_id=person.id if person else None)
    return RedirectResponse(f"/contributions/{secret}", 303)


def _fates(request: Request, context: AppContext, person: SignedIn | None, secret: str) -> list[outcomes.Fate]:
    """What was given; Problem 404 for a link that never was one, 429 for whoever guesses."""
    if secret == OWN:
        if person is None:
            raise Problem(401, "you are not signed in", headers={"WWW-Authenticate": "Bearer"})
        with context.read() as session:
            return outcomes.of_person(session, person.id)
    limit: FailureLimit = request.app.state.login_limit
    address = f"contributions:{request.client.host if request.client else ''}"
    limit.check(address)
    with context.read() as session:
        found = outcomes.of_link(session, secret)
    if found is None:
        limit.failed(address)
        raise Problem(404, "no pictures were given under this link", hint="look at the link again; it is long")
    return found


def _one(fates: list[outcomes.Fate], contribution: int) -> outcomes.Fate:
    for fate in fates:
        if fate.id == contribution:
            return fate
    raise Problem(404, "this picture was not given under this link")


def _form(
    request: Request,
    context: AppContext,
    slug: str,
    fields: dict[str, Any],
    *,
    receipt: str,
    problem: Problem | None,
) -> Response:
    settings, language = context.workspace.settings, language_of(request)
    with context.read() as session:
        category = contributions.find_category(session, slug)
    return render(
        request,
        "contribute_category.html",
        page_status=problem.status if problem else 200,
        category=category,
        licenses=consent.licenses(settings, language),
        chosen=fields.get("license") or settings.contribution_licenses[0],
        author=fields.get("author", ""),
        agreed=consent.statement(language),
        receipt=receipt,
        most=settings.contribution_batch,
        max_bytes=settings.max_image_bytes,
        problem=problem,
    )
