"""The reviewer's pages: the items behind a figure, one item with all its judgments, the queue, the decision."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from annotate_app import item_list, reviewing
from annotate_app.access import find_campaign
from annotate_app.context import AppContext, Context
from annotate_app.gold import parse_answer
from annotate_app.item_list import ItemFilter, Order
from annotate_app.languages import Words, language_of, words_of
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.security.roles import Reviewer, Watcher
from annotate_app.security.sessions import SignedIn
from label_store.models import Campaign, Category

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
ItemId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Queue = Annotated[Literal["disputed", "random"] | None, Query()]
Text = Annotated[str | None, Query(max_length=200)]


@router.get("/campaigns/{campaign}/items")
def items_page(
    request: Request,
    context: Context,
    person: Watcher,
    campaign: str,
    state: Literal["open", "settled", "disputed", "ordinary", "gold"] | None = None,
    category: Text = None,
    annotator: Text = None,
    answer: Text = None,
    question: Text = None,
    said: Text = None,
    missed: bool = False,
    flagged: bool = False,
    judged: bool = False,
    differs: bool = False,
    disagree: bool = False,
    recent: bool = False,
    enough: bool | None = None,
    day: Annotated[date | None, Query(le=item_list.LAST_DAY)] = None,
    under_ms: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    suggestion: Literal["any", "shown", "hidden"] | None = None,
    order: Order = "id",
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """The pictures behind a figure; the filter is the address."""
    wanted = ItemFilter(
        state=state, category=category, person=annotator, missed=missed, flagged=flagged, judged=judged, answer=answer,
        question=question, said=said, differs=differs, disagree=disagree, enough=enough, day=day, recent=recent,
        under_ms=under_ms, suggestion=suggestion,
    )  # fmt: skip
    with context.read() as session:
        found = find_campaign(session, person, campaign)
        rows = item_list.items(session, found, wanted, context.clock(), after=after, order=order)
        more = request.url.include_query_params(after=rows[-1].id) if len(rows) == item_list.PAGE else None
        return render(request, "items.html", campaign=found, rows=rows, wanted=wanted, more=more, order=order)


@router.get("/campaigns/{campaign}/review")
def next_in_queue(
    request: Request,
    context: Context,
    person: Reviewer,
    campaign: str,
    queue: Queue = "disputed",
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """On to the next item of the queue; a page that says so when it is empty."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
        at, waiting = context.clock(), context.review_queue
        if queue == "random":
            item = waiting.next(session, found, person.id, at, after=after)
        else:
            item = reviewing.disputed(
                session, found, person, after=after, claim=lambda one: waiting.claim(one, person.id, at)
            )
        if item is None:
            return render(request, "review_done.html", campaign=found, queue=queue)
        return RedirectResponse(f"/campaigns/{found.slug}/items/{item}?queue={queue}", 303)


@router.get("/campaigns/{campaign}/items/{item}")
def item_page(
    request: Request, context: Context, person: Watcher, campaign: str, item: ItemId, queue: Queue = None
) -> Response:
    """One item with what everybody said of it."""
    return _page(request, context, person, campaign, item, queue, None)


@router.post("/campaigns/{campaign}/items/{item}/decide")
def decide_item(
    request: Request,
    context: Context,
    person: Reviewer,
    campaign: str,
    item: ItemId,
    answer: Annotated[str, Form(max_length=100_000)],
    comment: Annotated[str, Form(max_length=2000)] = "",
    queue: Queue = None,
) -> Response:
    """Decide: a judgment with the role reviewer. `answer` is a word, or JSON where the kind needs it."""
    with context.write() as session:
        found = _item_of(session, person, campaign, item)
        reviewing.decide(session, found, item, person, _parsed(answer, comment.strip()), context.clock())
        slug, campaign_id = found.slug, found.id
    context.live.judged({campaign_id})
    return _on(slug, item, queue)


@router.post("/campaigns/{campaign}/items/{item}/return")
def return_item(context: Context, person: Reviewer, campaign: str, item: ItemId, queue: Queue = None) -> Response:
    """Give the item to two more people, before everything else."""
    with context.write() as session:
        found = _item_of(session, person, campaign, item)
        reviewing.give_back(session, found, item, person)
        slug = found.slug
    return _on(slug, item, queue)


@router.post("/campaigns/{campaign}/items/{item}/undecide")
def undecide_item(context: Context, person: Reviewer, campaign: str, item: ItemId, queue: Queue = None) -> Response:
    """Take your own decision back."""
    with context.write() as session:
        found = _item_of(session, person, campaign, item)
        reviewing.set_aside_decision(session, found, item, person, context.clock())
        slug, campaign_id = found.slug, found.id
    context.live.judged({campaign_id})
    return RedirectResponse(f"/campaigns/{slug}/items/{item}" + (f"?queue={queue}" if queue else ""), 303)


def _item_of(session: Any, person: SignedIn, campaign: str, item: int) -> Campaign:
    found = find_campaign(session, person, campaign)
    if item_list.one(session, found, item) is None:
        raise Problem(404, f"the campaign {found.slug!r} has no item {item}")
    return found


def _page(
    request: Request,
    context: AppContext,
    person: SignedIn,
    campaign: str,
    item: int,
    queue: str | None,
    problem: Problem | None,
) -> Response:
    with context.read() as session:
        found = _item_of(session, person, campaign, item)
        shown = item_list.one(session, found, item)
        assert shown is not None
        asked = session.query(Category).filter(Category.slug == shown.category).one_or_none()
        return render(
            request,
            "item.html",
            campaign=found,
            item=shown,
            category=asked,
            answers=reviewing.answers(session, item),
            choices=_choices(found, words_of(language_of(request))),
            queue=queue,
            problem=problem,
        )


def _choices(campaign: Campaign, t: Words) -> list[tuple[str, str]]:
    if campaign.kind == "verify":
        return [(word, f"{sign} {t(f'item.{word}')}") for word, sign in (("yes", "✓"), ("no", "✗"), ("unsure", "?"))]
    if campaign.kind == "classify":
        return [(category.slug, category.name) for category in campaign.categories] + [
            ("none", t("work.none_of_these"))
        ]
    return []


def _parsed(answer: str, comment: str) -> dict[str, Any]:
    flag = answer.strip().removeprefix("flag:")
    parsed = {"flag": flag} if flag != answer.strip() else parse_answer(answer)
    return {**parsed, "comment": comment} if comment else parsed


def _on(slug: str, item: int, queue: str | None) -> Response:
    if queue:
        return RedirectResponse(f"/campaigns/{slug}/review?queue={queue}&after={item}", 303)
    return RedirectResponse(f"/campaigns/{slug}/items/{item}", 303)
