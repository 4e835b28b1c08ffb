"""Signing in and out for programs: a token to send as `Authorization: Bearer`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from annotate_app.context import AppContext, Context
from annotate_app.problems import Problem
from annotate_app.security.passwords import password_matches
from annotate_app.security.rate_limit import FailureLimit
from annotate_app.security.roles import Anybody, Member
from annotate_app.security.sessions import clear_cookie, sign_in, sign_out
from label_store.models import Person

router = APIRouter(prefix="/api/v1", tags=["sessions"])


class Credentials(BaseModel):
    """A name and its password."""

    name: Annotated[str, Field(max_length=100)]
    password: Annotated[str, Field(max_length=200)]


class Me(BaseModel):
    """Who is signed in."""

    id: int
    name: str
    role: str


class Token(BaseModel):
    """A secret that is told once."""

    token: str
    expires_at: datetime
    person: Me


@router.post("/sessions", status_code=201)
def create_session(request: Request, context: Context, _: Anybody, credentials: Credentials) -> Token:
    """Sign in with a name and password; the answer's `token` goes into `Authorization: Bearer TOKEN`."""
    person = check_credentials(request, context, credentials.name, credentials.password)
    with context.write() as session:
        secret, expires_at = sign_in(
            session, person.id, kind="token", at=context.clock(), days=context.workspace.settings.session_days
        )
    return Token(token=secret, expires_at=expires_at, person=person)


@router.get("/sessions/current")
def current_session(person: Member) -> Me:
    """Who this token or cookie belongs to."""
    return Me(id=person.id, name=person.name, role=person.role)


@router.delete("/sessions/current", status_code=204)
def delete_session(context: Context, person: Member) -> Response:
    """Sign out: this token or cookie is worth nothing afterwards."""
    with context.write() as session:
        sign_out(session, person.token_hash)
    response = Response(status_code=204)
    clear_cookie(response)
    return response


def check_credentials(request: Request, context: AppContext, name: str, password: str) -> Me:
    """The person whose name and password these are; Problem 401, or 429 after too many failures."""
    limit: FailureLimit = request.app.state.login_limit
    name = " ".join(name.split())
    keys = (f"address:{request.client.host if request.client else ''}", f"name:{name.lower()}")
    limit.check(*keys)
    with context.read() as session:
        person = session.scalar(select(Person).where(Person.name == name, Person.disabled_at.is_(None)))
    if not password_matches(password, person.password_hash if person else None) or person is None:
        limit.failed(*keys)
        raise Problem(401, "this name and password do not belong together", hint="names are case-sensitive")
    return Me(id=person.id, name=person.name, role=person.role)
