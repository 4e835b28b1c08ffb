"""All judgments of a campaign, streamed while people work."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from annotate_app import exporting
from annotate_app.access import find_campaign
from annotate_app.context import Context
from annotate_app.security.roles import Exporter

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


@router.get("/{campaign}/export", response_class=StreamingResponse)
def export_campaign(
    context: Context,
    person: Exporter,
    campaign: str,
    format: Literal["jsonl", "csv", "parquet", "label-studio", "coco", "yolo", "voc"] = "jsonl",  # noqa: A002
) -> StreamingResponse:
    """`item, annotator, answer` and more, one row a judgment; undone ones are left out. coco, yolo, voc: boxes."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
    chosen = exporting.format_for(format, found.kind)
    return StreamingResponse(
        chosen.write(context.read, found.id),
        media_type=chosen.media_type,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{_quoted(found.slug)}.{chosen.ending}"},
    )


def _quoted(slug: str) -> str:
    from urllib.parse import quote

    return quote(slug, safe="")
