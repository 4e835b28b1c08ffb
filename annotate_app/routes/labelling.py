"""The pages to judge on, one per kind of work, the way in for newcomers, and the choice of the language."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from annotate_app import languages, qualifying
from annotate_app.access import find_campaign
from annotate_app.context import Context
from annotate_app.own_work import own_figures
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.routes.campaigns import CampaignOut, as_json, judged_by
from annotate_app.routes.pages import own_path
from annotate_app.security.roles import REVIEWS, Annotator, Anybody

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
WORKER = Path(__file__).parents[1] / "static" / "offline-worker.js"
_A_YEAR = 365 * 24 * 3600


@router.get("/label/offline-worker.js")
def offline_worker(_: Anybody) -> Response:
    """The script that opens a labelling page again without a network; by its address it can do so for these alone."""
    return Response(WORKER.read_bytes(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@router.get("/label/{campaign}")
def label_page(request: Request, context: Context, person: Annotator, campaign: str, preview: bool = False) -> Response:
    """The page to judge on, one per kind. `?preview=true`: for those who run campaigns, and saves nothing."""
    if preview and person.role not in REVIEWS:
        raise Problem(403, "a preview is for those who make or review campaigns")
    with context.read() as session:
        found = find_campaign(session, person, campaign)
        shown = as_json(found, judged_by(session, person.id).get(found.id, 0), languages.language_of(request))
        own = own_figures(session, found, person.id)
        new = person.role == "annotator" and qualifying.is_new(session, found, person.id)
        if new and (found.guideline or qualifying.questions(session, found, person.id)):
            return RedirectResponse(f"/label/{found.slug}/start", 303)
    if preview:
        shown = shown.model_copy(update={"preview": True, "judged": 0})
    return render(request, f"label_{shown.kind}.html", campaign=shown, own=own)


@router.get("/label/{campaign}/start")
def start_page(request: Request, context: Context, person: Annotator, campaign: str) -> Response:
    """The guideline, then a short qualification where there are pictures whose answer is known."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
        shown = as_json(found, 0, languages.language_of(request))
        asked = qualifying.questions(session, found, person.id)
    quiz = _quiz(languages.words_of(languages.language_of(request)), shown, asked)
    return render(
        request,
        "start.html",
        campaign=shown,
        quiz=quiz,
        quiz_json=json.dumps(quiz, ensure_ascii=False),
        least=qualifying.least(len(quiz)),
    )


@router.post("/label/{campaign}/start")
def start(context: Context, person: Annotator, campaign: str) -> Response:
    """The guideline was read; where there is a qualification it comes before the work."""
    with context.write() as session:
        found = find_campaign(session, person, campaign)
        if not qualifying.questions(session, found, person.id):
            qualifying.record(session, found, person.id, qualifying.Grade(0, 0))
    return RedirectResponse(f"/label/{found.slug}", 303)


def _quiz(t: languages.Words, campaign: CampaignOut, asked: Sequence[qualifying.Question]) -> list[dict[str, object]]:
    """The questions as the page asks them; their answers stay here."""
    names = {category.slug: category.name for category in campaign.categories}
    words = names | {"yes": t("work.yes"), "no": t("work.no"), "none": t("work.none_of_these")}
    return [
        {
            "sha256": question.sha256,
            "question": t("work.shows_q", name=names[question.category]) if question.category else t("work.what"),
            "options": [[value, words.get(value, value)] for value in question.options],
        }
        for question in asked
    ]


@router.post("/language")
def choose_language(
    request: Request,
    _: Anybody,
    language: Annotated[str, Form(max_length=20)],
    next: Annotated[str, Form(max_length=1000)] = "/",  # noqa: A002  the name of the form's field
) -> Response:
    """Show the pages in another language from now on, in this browser."""
    if language not in languages.available():
        raise Problem(
            422, f"there is no language {language!r}", hint=f"it is one of {', '.join(languages.available())}"
        )
    response = RedirectResponse(own_path(next), 303)
    secure = request.url.scheme == "https"
    response.set_cookie(languages.COOKIE, language, max_age=_A_YEAR, httponly=True, samesite="lax", secure=secure)
    return response
