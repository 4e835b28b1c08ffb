"""Every error as an RFC 9457 problem document with a sentence that a person understands.

The same problem is shown as a page when a browser asked for one.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from annotate_app.rendering import render
from label_store import AnswerError, BlobError, CairnError, StoreBusy, StoreFull, UsageError

_RETRY_AFTER = 10
"""Seconds after which a client may try again what the database could not take."""
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that cannot be answered as asked."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.hint = hint
        self.headers = dict(headers or {})
        self.extra = extra

    def document(self) -> dict[str, Any]:
        """The members of RFC 9457, `hint`, and what else the problem carries."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.hint:
            body["hint"] = self.hint
        return body | self.extra

    def response(self, request: Request) -> Response:
        """The problem as JSON, or as a page (a redirect to sign in) where a browser navigates."""
        if wants_page(request):
            if self.status == HTTPStatus.UNAUTHORIZED and request.method == "GET":
                path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return RedirectResponse(request.url_for("login_page").include_query_params(next=path), 303)
            page = render(request, "problem.html", status=self.status, problem=self, page_status=self.status)
            page.headers.update(self.headers)
            return page
        return JSONResponse(self.document(), status_code=self.status, media_type=MEDIA_TYPE, headers=self.headers)


def wants_page(request: Request) -> bool:
    """Whether a browser is navigating (it names text/html first), outside the API."""
    path = request.url.path
    return "text/html" in request.headers.get("accept", "") and not path.startswith(("/api/v1/", "/images/"))


def install_problems(app: FastAPI) -> None:
    """Turn every error of the app into a problem document."""

    def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response(request)

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
        sentence = detail or _SENTENCES.get(error.status_code, "the request cannot be answered")
        return Problem(error.status_code, sentence, headers=error.headers).response(request)

    def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [
            {"where": ".".join(str(part) for part in entry["loc"]), "what": entry["msg"]} for entry in error.errors()
        ]
        first = errors[0] if errors else {"where": "the request", "what": "is not valid"}
        return Problem(422, f"{first['where']}: {first['what']}", errors=errors).response(request)

    def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, CairnError)
        status = 500
        if isinstance(error, BlobError):
            status = 410
        elif isinstance(error, AnswerError):
            status = 422
        elif isinstance(error, UsageError):
            status = 400
        elif isinstance(error, StoreFull):
            status = 507
        elif isinstance(error, StoreBusy):
            status = 503
        headers = {"Retry-After": str(_RETRY_AFTER)} if status == 503 else {}
        return Problem(status, str(error), hint=error.hint, headers=headers).response(request)

    def unstorable(request: Request, error: Exception) -> Response:
        return Problem(422, "the request holds what the database cannot take, such as a NUL character").response(
            request
        )

    def unexpected(request: Request, error: Exception) -> Response:
        return Problem(500, "something went wrong in Cairn; the log of the server says what").response(request)

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(CairnError, known)
    app.add_exception_handler(DataError, unstorable)
    app.add_exception_handler(Exception, unexpected)


_SENTENCES = {
    404: "there is nothing at this address",
    405: "this address does not take that method",
    413: "that is too large",
}
