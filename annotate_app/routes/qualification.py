"""The short qualification over HTTP, and a person's own figures in a campaign."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from annotate_app import qualifying
from annotate_app.access import find_campaign
from annotate_app.context import Context
from annotate_app.own_work import own_figures
from annotate_app.problems import Problem
from annotate_app.security.roles import Annotator

router = APIRouter(prefix="/api/v1/campaigns", tags=["work"])
Word = Annotated[str, Field(max_length=200)]


class AnswersIn(BaseModel):
    """What is said of some of the pictures, by SHA-256; of all of them to be graded."""

    answers: Annotated[dict[Word, Word], Field(max_length=100)]


class GradeOut(BaseModel):
    """The known answers of these pictures; the grade where all were answered."""

    told: dict[str, str]
    right: int
    asked: int
    passed: bool


class OwnOut(BaseModel):
    """Your own figures. `per_hour` counts time in view; `agreement` is null until something of yours is settled;
    `total`: about how many answers there are for you, those given among them."""

    judged: int
    per_hour: float | None
    agreement: float | None
    compared: int
    earned: float | None
    total: int | None


@router.post("/{campaign}/qualification")
def qualify(context: Context, person: Annotator, campaign: str, given: AnswersIn) -> GradeOut:
    """Answer pictures of the qualification: tells the known answers; with all of them, whether you may start."""
    with context.write() as session:
        found = find_campaign(session, person, campaign)
        asked = qualifying.questions(session, found, person.id)
        known = {question.sha256: question.answer for question in asked}
        strange = sorted(set(given.answers) - set(known))
        if strange:
            raise Problem(422, f"{strange[0]} is no picture of this qualification")
        qualifying.remember(
            session, found, person.id, [question for question in asked if question.sha256 in given.answers]
        )
        result = qualifying.grade(asked, given.answers)
        passed = bool(asked) and len(given.answers) == len(asked) and result.passed
        if passed and qualifying.is_new(session, found, person.id):
            qualifying.record(session, found, person.id, result)
    told = {sha256: known[sha256] for sha256 in given.answers}
    return GradeOut(told=told, right=result.right, asked=result.asked, passed=passed)


@router.get("/{campaign}/me")
def get_own_figures(context: Context, person: Annotator, campaign: str) -> OwnOut:
    """How much you have answered here, how fast, how often as what was settled, and what you earned."""
    with context.read() as session:
        figures = own_figures(session, find_campaign(session, person, campaign), person.id)
    return OwnOut.model_validate(figures, from_attributes=True)
