"""The curator's pages: all campaigns, one of them, making one, adding items, pausing and closing."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select

from annotate_app import budget
from annotate_app.access import find_campaign, visible_campaigns
from annotate_app.campaigns import add_items, create_campaign, set_state
from annotate_app.context import AppContext, Context
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.routes.gold import taken_or_told
from annotate_app.routes.transfer import transfer_of
from annotate_app.security.roles import Curator, Watcher
from annotate_app.security.sessions import SignedIn
from label_store import UsageError
from label_store.models import KINDS, Campaign, Category

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Short = Annotated[str, Form(max_length=300)]
Long = Annotated[str, Form(max_length=100_000)]


@router.get("/campaigns")
def campaigns_page(request: Request, context: Context, person: Watcher) -> Response:
    """All campaigns with how far they are."""
    with context.read() as session:
        found = session.scalars(visible_campaigns(person).order_by(None).order_by(Campaign.id.desc())).all()
    counted = [(campaign, context.figures.of(campaign.id)) for campaign in found]
    rows = [(campaign, figures[0] if figures else None) for campaign, figures in counted]
    return render(request, "campaigns.html", rows=rows)


@router.get("/campaigns/new")
def new_campaign_page(request: Request, context: Context, person: Curator) -> Response:
    """The form to make a campaign."""
    return _form(request, context, {"kind": "verify", "rule": "fixed", "n": "3", "open_to_all": "yes"}, [], None)


@router.post("/campaigns/new")
async def make_campaign(request: Request, context: Context, person: Curator) -> Response:
    """Make the campaign of the form; what cannot be is said above the form, which keeps what was typed."""
    from starlette.concurrency import run_in_threadpool

    form = await request.form(max_files=0, max_fields=2000)
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    categories = [value for value in form.getlist("categories") if isinstance(value, str)]
    return await run_in_threadpool(_make, request, context, person, given, categories)


def _make(
    request: Request, context: AppContext, person: SignedIn, given: dict[str, str], categories: list[str]
) -> Response:
    try:
        made = create_campaign(
            context.workspace,
            given.get("slug", "").strip(),
            given.get("kind", ""),
            categories,
            stopping=_rule(given),
            gold_rate=(_number(given, "gold_percent", "the share of gold") or 0.0) / 100,
            guideline=given.get("guideline", ""),
            title=given.get("title", "").strip(),
            per_person_limit=_whole(given, "per_person_limit", "the limit a person"),
            per_category_limit=_whole(given, "per_category_limit", "the limit a category"),
            price_per_judgment=_number(given, "price", "the price") or 0.0,
            budget=_number(given, "budget", "the budget"),
            open_to_all=given.get("open_to_all") == "yes",
            item_order=given.get("item_order", "auto"),
            suggestions_hidden=(_number(given, "hidden_percent", "the share without suggestions") or 0.0) / 100,
            imagenet_v2=given.get("preset") == "imagenet-v2",
            state="draft" if given.get("draft") else "open",
            person_id=person.id,
        )
    except UsageError as error:
        return _form(request, context, given, categories, Problem(400, str(error), hint=error.hint))
    if given.get("gold", "").strip():
        return taken_or_told(request, context, person, made.slug, given["gold"])
    return RedirectResponse(f"/campaigns/{made.slug}", 303)


@router.get("/campaigns/{campaign}")
def campaign_page(request: Request, context: Context, person: Watcher, campaign: str) -> Response:
    """One campaign: how far, how well, by whom."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
        spent = budget.spent(session, found.id)
    figures = context.figures.of(found.id)
    if figures is None:
        return render(request, "campaign_counting.html", campaign=found)
    return render(
        request,
        "campaign.html",
        campaign=found,
        progress=figures[0],
        counted_at=figures[1],
        at=context.clock(),
        spent=spent,
        **transfer_of(found.kind),
    )


@router.post("/campaigns/{campaign}/state")
def change_state(context: Context, person: Curator, campaign: str, state: Short) -> Response:
    """Open, pause or close a campaign from its page."""
    with context.write() as session:
        found = find_campaign(session, person, campaign)
        set_state(session, found, state, person_id=person.id)
        slug = found.slug
    return RedirectResponse(f"/campaigns/{slug}", 303)


@router.post("/campaigns/{campaign}/items")
def add_new_items(context: Context, person: Curator, campaign: str) -> Response:
    """Take what was collected for the campaign's categories since it was made."""
    with context.read() as session:
        slug = find_campaign(session, person, campaign).slug
    add_items(context.workspace, slug, person_id=person.id)
    return RedirectResponse(f"/campaigns/{slug}", 303)


def _form(
    request: Request, context: AppContext, given: dict[str, str], chosen: list[str], problem: Problem | None
) -> Response:
    with context.read() as session:
        categories = session.execute(select(Category.slug, Category.name).order_by(Category.name)).all()
    return render(
        request,
        "campaign_new.html",
        page_status=problem.status if problem else 200,
        categories=categories,
        chosen=chosen,
        given=given,
        kinds=KINDS,
        problem=problem,
    )


def _rule(given: dict[str, str]) -> dict[str, Any]:
    if given.get("rule") == "risk":
        return {
            "rule": "risk",
            "max_risk": (_number(given, "max_risk_percent", "the risk") or 0.0) / 100,
            "max_n": _whole(given, "max_n", "the most people an item") or 10,
        }
    return {"rule": "fixed", "n": _whole(given, "n", "the number of people an item") or 3}


def _number(given: dict[str, str], name: str, words: str) -> float | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not 0 <= number < 1e12:
        raise UsageError(f"{words} is a number from 0 on, not {text!r}")
    return number


def _whole(given: dict[str, str], name: str, words: str) -> int | None:
    number = _number(given, name, words)
    if number is None:
        return None
    if number != int(number) or not 1 <= number < 2**31:
        raise UsageError(f"{words} is a whole number from 1 on, not {given[name]!r}")
    return int(number)
