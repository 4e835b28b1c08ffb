"""Giving pictures over HTTP: the terms, a form with files that is read within bounds, an outcome for each file."""

import asyncio
from dataclasses import dataclass

import anyio.to_thread
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile

from annotate_app import consent, contributions, outcomes, uploads
from annotate_app.context import AppContext, Context
from annotate_app.languages import language_of
from annotate_app.problems import Problem
from annotate_app.security.rate_limit import FailureLimit
from annotate_app.security.roles import Contributor
from annotate_app.security.sessions import SignedIn, new_secret

router = APIRouter(prefix="/api/v1/contributions", tags=["contributions"])
_SECRET_LENGTHS = range(32, 101)


class LicenseOut(BaseModel):
    """A licence that is taken here."""

    spdx: str
    name: str
    url: str


class TermsOut(BaseModel):
    """What a giver agrees to, and how much is taken."""

    consent_version: str
    consent_text: str
    licenses: list[LicenseOut]
    max_pictures: int
    max_bytes: int
    max_pixels: int


class GivenOut(BaseModel):
    """One picture of a request: taken, known (sent before), or refused with the reason."""

    name: str
    status: contributions.Status
    id: int | None
    reason: str | None
    hint: str


class ContributedOut(BaseModel):
    """`link` shows what becomes of the pictures; who has it can take them back. None where nothing was new."""

    link: str | None
    pictures: list[GivenOut]


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["pictures", "category", "license", "consent"],
                    "properties": {
                        "pictures": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "category": {"type": "string", "description": "A category's slug."},
                        "license": {"type": "string", "description": "SPDX identifier; see the terms."},
                        "consent": {"type": "string", "description": "Version of the statement that is agreed to."},
                        "author": {"type": "string", "description": "Whom to credit.", "maxLength": 200},
                        "receipt": {
                            "type": "string",
                            "description": "A secret of yours, 32 to 100 characters A-Z a-z 0-9 - _, that becomes the"
                            " link's: with the same one, sending twice is the same as once.",
                        },
                    },
                }
            }
        },
    }
}


@router.get("/terms")
def get_terms(request: Request, context: Context, _: Contributor) -> TermsOut:
    """What a giver of pictures agrees to, the licences to choose from, and how much is taken at once."""
    settings = context.workspace.settings
    language = language_of(request)
    agreed = consent.statement(language)
    return TermsOut(
        consent_version=agreed.version,
        consent_text=agreed.text,
        licenses=[
            LicenseOut(spdx=one.spdx, name=one.name, url=one.url) for one in consent.licenses(settings, language)
        ],
        max_pictures=settings.contribution_batch,
        max_bytes=settings.max_image_bytes,
        max_pixels=settings.max_image_pixels,
    )


@router.post("", status_code=201, openapi_extra=_BODY)
async def contribute(request: Request, response: Response, context: Context, person: Contributor) -> ContributedOut:
    """Give pictures for a category as multipart/form-data; anybody may where the setting `contributions` is "open".

    Fields: `pictures` (files), `category`, `license`, `consent`, `author`, `receipt`. 201: some were taken;
    200: all were known; 422: all were refused, with `pictures` saying why for each.
    """
    given = await receive(request, context, person)
    if not any(one.status == "taken" for one in given.pictures):
        refused = [one for one in given.pictures if one.status == "refused"]
        if len(refused) == len(given.pictures):
            raise Problem(
                422,
                refused[0].reason or "nothing was taken",
                hint=refused[0].hint,
                pictures=[one.model_dump() for one in given.pictures],
            )
        response.status_code = 200
    return ContributedOut(link=given.link, pictures=given.pictures)


@dataclass(frozen=True)
class Received:
    """What became of each file; `link` is None where nothing was new."""

    link: str | None
    pictures: list[GivenOut]


async def receive(
    request: Request,
    context: AppContext,
    person: SignedIn | None,
    category: str | None = None,
    fields: dict[str, str] | None = None,
) -> Received:
    """Read the form, take its pictures one after the other; `fields` gets the words that were sent."""
    limits: Limits = request.app.state.contribution_limits
    settings = context.workspace.settings
    keys = limits.keys(request, person)
    limits.faults.check(*keys)
    if person is None:
        limits.pictures.check(*keys)
    # Before the body is read: who may give no more need not send it.
    left = await anyio.to_thread.run_sync(contributions.left_today, context, person.id if person else None)
    form = await uploads.read_form(
        request, max_files=settings.contribution_batch, max_file_bytes=settings.max_image_bytes
    )
    try:
        words = {
            name: uploads.text_field(form, name) for name in ("category", "license", "author", "consent", "receipt")
        }
        if fields is not None:
            fields.update(words)
        return await _take_all(context, limits, keys, person, form, words, category or words["category"], left)
    finally:
        await form.close()


async def _take_all(
    context: AppContext,
    limits: "Limits",
    keys: tuple[str, ...],
    person: SignedIn | None,
    form: FormData,
    words: dict[str, str],
    slug: str,
    left: int,
) -> Received:
    def chosen() -> contributions.CategoryShown:
        with context.read() as session:
            return contributions.find_category(session, slug)

    category = await anyio.to_thread.run_sync(chosen)
    terms = consent.check_terms(
        context.workspace.settings, license_id=words["license"], author=words["author"], consent=words["consent"]
    )
    secret = _proper_secret(words["receipt"]) if words["receipt"] else new_secret()
    giver = contributions.Giver(person.id if person else None, secret)
    files = uploads.files(form, "pictures")
    if not files:
        raise Problem(422, "no picture was chosen", hint="choose at least one file")
    pictures: list[GivenOut] = []
    for file in files:
        given = contributions.Given("refused", reason="as many pictures as are taken in a day were given today")
        if left > 0:
            async with limits.turns:
                given = await anyio.to_thread.run_sync(_take, context, giver, category, terms, file)
        if given.faulty:
            limits.faults.failed(*keys)
        if given.status == "taken":
            left -= 1
            limits.pictures.failed(*keys)
            context.metrics.add("cairn_contributions_total")
        name = (file.filename or "picture")[:200]
        pictures.append(
            GivenOut(name=name, status=given.status, id=given.contribution, reason=given.reason, hint=given.hint)
        )

    def is_there() -> bool:
        with context.read() as session:
            return outcomes.of_link(session, secret) is not None

    return Received(f"/contributions/{secret}" if await anyio.to_thread.run_sync(is_there) else None, pictures)


def _take(
    context: AppContext,
    giver: contributions.Giver,
    category: contributions.CategoryShown,
    terms: consent.Terms,
    file: UploadFile,
) -> contributions.Given:
    return contributions.take(context, giver, category, terms, file.file.read())


class Limits:
    """What slows down whoever sends too much; held in memory, for one process."""

    def __init__(self, context: AppContext) -> None:
        self.faults = FailureLimit(context.clock, most=30, sentence="too many files that were no pictures to take")
        self.pictures = FailureLimit(
            context.clock,
            most=context.workspace.settings.contributions_per_person,
            window=contributions.DAY,
            sentence="as many pictures as are taken in a day came from your address",
        )
        self.turns = asyncio.Semaphore(2)
        """Pictures that are decoded at once, each with all its pixels in memory."""

    @staticmethod
    def keys(request: Request, person: SignedIn | None) -> tuple[str, ...]:
        """Whom to count: the person, else the address."""
        if person is not None:
            return (f"contributor:{person.id}",)
        return (f"contributions:{request.client.host if request.client else ''}",)


def _proper_secret(secret: str) -> str:
    if (
        len(secret) not in _SECRET_LENGTHS
        or not secret.isascii()
        or not secret.replace("-", "").replace("_", "").isalnum()
    ):
        raise Problem(
            422,
            "a receipt has 32 to 100 characters A-Z a-z 0-9 - _",
            hint="leave it out and one is made",
        )
    return secret
