"""Answers over HTTP: a batch, each with an id that the client made, so that sending twice is the same as once."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from pydantic_core import to_json

from annotate_app.access import find_campaign
from annotate_app.batch import Given, Status
from annotate_app.context import Context
from annotate_app.judging import judge
from annotate_app.own_work import past_answers
from annotate_app.problems import Problem
from annotate_app.routes.leases import ItemOut
from annotate_app.security.roles import Annotator, AnnotatorClaim
from annotate_app.undoing import undo

router = APIRouter(prefix="/api/v1/judgments", tags=["work"])
MAX_BATCH = 500


class JudgmentIn(BaseModel):
    """One answer; `answer` in the shape of the campaign's kind."""

    id: UUID
    item: Annotated[int, Field(ge=1, le=2**31 - 1)]
    answer: dict[str, Any]
    answered_at: AwareDatetime
    shown_at: AwareDatetime | None = None
    active_ms: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    supersedes: UUID | None = None
    """Your own earlier judgment of this item that this one corrects."""

    def given(self) -> Given:
        """The value that the core works with."""
        return Given(
            self.id, self.item, self.answer, self.answered_at, self.shown_at, self.active_ms, self.supersedes
        )  # fmt: skip


class OutcomeOut(BaseModel):
    """What became of one answer. A refused one comes with the reason, and is yours to keep or drop."""

    id: UUID | str | None
    status: Status
    reason: str | None = None


class PastOut(BaseModel):
    """One of your answers, with the item as it was shown to you."""

    id: UUID
    item: ItemOut
    answer: dict[str, Any]


class UndoOut(BaseModel):
    """The judgment that no longer counts."""

    id: UUID
    status: str = "undone"


# Left to right: what is no judgment is kept as it came, to be refused by itself with its reason.
Entry = Annotated[JudgmentIn | Any, Field(union_mode="left_to_right")]
Batch = Annotated[list[Entry], Field(max_length=MAX_BATCH)]


@router.post("", response_model=list[OutcomeOut])
async def create_judgments(context: Context, claim: AnnotatorClaim, batch: Batch) -> Response:
    """Take a batch; on disk when this answers. One bad entry is refused by itself and holds nobody up."""
    good: list[Given] = []
    outcomes: list[OutcomeOut | None] = []
    for entry in batch:
        if isinstance(entry, JudgmentIn):
            good.append(entry.given())
            outcomes.append(None)
        else:
            outcomes.append(_malformed(entry))
    taken = iter(await judge(context, claim, good))
    body = [outcome or next(taken) for outcome in outcomes]
    return Response(to_json(body), media_type="application/json")


@router.get("")
def list_judgments(
    context: Context,
    person: Annotator,
    campaign: str,
    n: Annotated[int, Query(ge=1, le=100)] = 20,
    before: UUID | None = None,
) -> list[PastOut]:
    """Your own active judgments in a campaign, the newest first: to go back to, and to correct."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
        rows = past_answers(session, found.id, person.id, n, before)
    return [PastOut.model_validate(row, from_attributes=True) for row in rows]


@router.post("/{judgment}/undo")
def undo_judgment(context: Context, person: Annotator, judgment: UUID, hold: bool = False) -> UndoOut:
    """Take your judgment back; the item returns to the queue, or to you with `?hold=true`."""
    undo(context, person, judgment, hold=hold)
    return UndoOut(id=judgment)


def _malformed(entry: Any) -> OutcomeOut:
    try:
        JudgmentIn.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the judgment"
        name = entry.get("id") if isinstance(entry, dict) else None
        return OutcomeOut(
            id=name[:100] if isinstance(name, str) else None, status="refused", reason=f"{where}: {first['msg']}"
        )
    raise Problem(422, "the batch is not a list of judgments")
