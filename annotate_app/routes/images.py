"""Pictures: small, to fill the window, or whole; the same bytes for ever, so browsers keep them."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import Response as PlainResponse
from sqlalchemy import exists, select

import imaging
from annotate_app.context import Context
from annotate_app.moderation import held_back
from annotate_app.pictures import Variant
from annotate_app.problems import Problem
from annotate_app.security.headers import PICTURE_POLICY
from annotate_app.security.roles import CURATES, Member
from label_store.models import Image, Takedown

router = APIRouter(tags=["pictures"])
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.get("/images/{sha256}", response_class=PlainResponse, responses={200: {"content": {"image/jpeg": {}}}})
def get_image(
    request: Request, context: Context, person: Member, sha256: Sha256, variant: Variant = "view"
) -> Response:
    """A picture as JPEG: `thumb` (384 pixels), `view` (1600 pixels) or `full`; never enlarged, no metadata."""
    etag = context.pictures.etag(sha256, variant)
    headers = {
        "ETag": etag,
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Security-Policy": PICTURE_POLICY,
    }
    here = select(Image.sha256).where(Image.sha256 == sha256, ~exists().where(Takedown.sha256 == Image.sha256))
    if person.role not in CURATES:  # who alone see given pictures before they are approved
        here = here.where(~held_back())
    with context.read() as session:
        known = session.scalar(here)
    if known is None:
        raise Problem(404, f"there is no picture {sha256}")
    if etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    try:
        data = context.pictures.jpeg(sha256, variant)
    except imaging.ImageError as error:
        raise Problem(422, f"the picture {sha256} cannot be shown: {error}") from error
    return Response(data, media_type="image/jpeg", headers=headers)
