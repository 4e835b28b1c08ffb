"""Where workers of a crowd platform arrive, and read their completion code when they are done."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from annotate_app import crowd
from annotate_app.context import Context
from annotate_app.problems import Problem
from annotate_app.rendering import render
from annotate_app.security.rate_limit import FailureLimit
from annotate_app.security.roles import Anybody
from annotate_app.security.sessions import set_cookie, sign_in
from label_store import UsageError

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/crowd/{secret}")
def crowd_page(request: Request, context: Context, _: Anybody, secret: str) -> Response:
    """Sign the worker of the link in; say how much is to do, or the completion code."""
    limit: FailureLimit = request.app.state.login_limit
    address = f"crowd:{request.client.host if request.client else ''}"
    limit.check(address)
    with context.read() as session:
        campaign = crowd.campaign_of_link(session, secret)
        if campaign is None:
            limit.failed(address)
            raise Problem(404, "this study is over, or its link was replaced", hint="return the task on your platform")
        name = crowd.worker_name(campaign, dict(request.query_params))
        shown: dict[str, Any] = {"campaign": campaign, "prolific": (campaign.crowd or {}).get("platform") == "prolific"}
        if name is None:
            return render(request, "crowd.html", worker=None, complete=crowd.COMPLETE, **shown)
    at = context.clock()
    try:
        with context.write() as session:
            worker = crowd.arrive(session, campaign, name, at)
            days = min(1.0, context.workspace.settings.session_days)
            cookie, expires_at = sign_in(session, worker.person_id, kind="browser", at=at, days=days)
    except UsageError as error:
        raise Problem(403, str(error), hint=error.hint) from error
    response = render(request, "crowd.html", worker=worker, complete=crowd.COMPLETE, **shown)
    set_cookie(request, response, cookie, expires_at)
    return response
