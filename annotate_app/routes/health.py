"""For those who run the app: alive, ready, counters."""

from fastapi import APIRouter, Response
from sqlalchemy import select

from annotate_app.context import Context
from annotate_app.problems import Problem
from annotate_app.security.roles import Anybody
from label_store.models import Campaign

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz(_: Anybody) -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(context: Context, _: Anybody) -> dict[str, str]:
    """The database answers too; 503 with the reason when it does not."""
    try:
        with context.read() as session:
            session.scalar(select(Campaign.id).limit(1))
    except Exception as error:
        raise Problem(503, "the database does not answer", hint="`cairn doctor` says more") from error
    return {"status": "ready"}


@router.get("/metrics")
def metrics(context: Context, _: Anybody) -> Response:
    """Counters in Prometheus' text format."""
    return Response(context.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
