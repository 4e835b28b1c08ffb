"""Judgments from a file, given with the form of a campaign's page: what `cairn campaign import` takes, up to a size."""

import shutil
import tempfile
from pathlib import Path, PurePath
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData, UploadFile

from annotate_app import exporting, uploads
from annotate_app.access import find_campaign
from annotate_app.context import AppContext, Context
from annotate_app.importing import Bad, ImportWish, import_judgments
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.security.roles import Importer
from annotate_app.security.sessions import SignedIn
from label_store import UsageError

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
MOST_BYTES = 64 * 2**20
"""Of one file, whose page waits until it is taken; larger ones are for the command."""
_MOST_SHOWN = 200
_MOST_NAME = 200
"""Bytes of a file's name; file systems take 255."""


@router.post("/campaigns/{campaign}/import")
async def import_file(request: Request, context: Context, person: Importer, campaign: str) -> Response:
    """Take the judgments of one file; a page that says how many, and which rows were refused for what."""
    slug = await run_in_threadpool(_slug, context, person, campaign)
    form = await uploads.read_form(request, max_files=1, max_file_bytes=MOST_BYTES)
    try:
        return await run_in_threadpool(_taken, request, context, person, slug, form)
    finally:
        await form.close()


def transfer_of(kind: str) -> dict[str, Any]:
    """What the form of imports and the links of exports show for a campaign of a kind."""
    return {"formats": exporting.formats_of(kind), "most": MOST_BYTES}


def _slug(context: AppContext, person: SignedIn, campaign: str) -> str:
    with context.read() as session:
        return find_campaign(session, person, campaign).slug


def _taken(request: Request, context: AppContext, person: SignedIn, slug: str, form: FormData) -> Response:
    given = uploads.files(form, "file")
    wish = ImportWish(
        uploads.text_field(form, "format"),
        uploads.text_field(form, "annotator"),
        uploads.text_field(form, "role") or "annotator",
        bool(uploads.text_field(form, "skip_unknown")),
    )
    bad: list[Bad] = []
    result, problem = None, None

    def told(row: Bad) -> None:
        if len(bad) < _MOST_SHOWN:
            bad.append(row)

    with tempfile.TemporaryDirectory() as folder:
        try:
            file = _kept(Path(folder), given)
            result = import_judgments(
                context.workspace, slug, file, wish, told=told, write=context.write, person_id=person.id
            )
        except UsageError as error:  # which speaks of the file by its place here
            problem = Problem(400, str(error).replace(f"{folder}/", ""), hint=error.hint.replace(f"{folder}/", ""))
    with context.read() as session:
        campaign = find_campaign(session, person, slug)
        if result is not None and result.accepted:
            context.live.judged({campaign.id})
        return render(
            request,
            "import.html",
            page_status=problem.status if problem else 200,
            campaign=campaign,
            result=result,
            bad=bad,
            problem=problem,
            **transfer_of(campaign.kind),
        )


def _kept(folder: Path, given: list[UploadFile]) -> Path:
    """The file on disk under its own name, by whose ending its format is found out; UsageError without one."""
    if not given:
        raise UsageError("no file was chosen", hint="choose one to import")
    name = PurePath((given[0].filename or "").replace("\\", "/")).name.replace("\0", "")
    short = name.encode(errors="ignore")[-_MOST_NAME:].decode(errors="ignore")  # its end says the format
    kept = folder / (short.lstrip(".") or "file")
    with kept.open("wb") as opened:
        shutil.copyfileobj(given[0].file, opened)
    return kept
