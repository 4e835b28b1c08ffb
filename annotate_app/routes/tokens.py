"""API tokens of one's own: made with scopes and an end, told once, listed, ended."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from annotate_app.context import Context
from annotate_app.problems import Problem
from annotate_app.security.roles import Whole
from annotate_app.security.sessions import hash_secret, sign_in, sign_out
from label_store import log_event
from label_store.models import LoginSession

router = APIRouter(prefix="/api/v1/tokens", tags=["sessions"])
ID_LENGTH = 16
Scope = Literal["judge", "review", "watch", "export", "curate", "contribute"]


class TokenIn(BaseModel):
    """What the token may do, and for how long. Without scopes: all that you may."""

    model_config = ConfigDict(extra="forbid")

    scopes: Annotated[list[Scope], Field(max_length=6)] = []
    days: Annotated[float, Field(gt=0, le=3650)] = 30


class TokenOut(BaseModel):
    """A token, by the start of its hash."""

    id: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime


class NewTokenOut(TokenOut):
    """A new one, with its secret, which is told once."""

    token: str


@router.post("", status_code=201)
def create_token(context: Context, person: Whole, wanted: TokenIn) -> NewTokenOut:
    """A token of your own for a program: to send as `Authorization: Bearer`."""
    at = context.clock()
    scopes: list[str] = sorted(set(wanted.scopes))
    with context.write() as session:
        secret, expires_at = sign_in(session, person.id, kind="token", at=at, days=wanted.days, scopes=scopes)
        name = hash_secret(secret)[:ID_LENGTH]
        log_event(session, "token.create", f"people:{person.id}", person_id=person.id, token=name, scopes=scopes)
    return NewTokenOut(id=name, scopes=scopes, created_at=at, expires_at=expires_at, token=secret)


@router.get("")
def list_tokens(context: Context, person: Whole) -> list[TokenOut]:
    """Your tokens that have not ended, the newest first."""
    query = select(LoginSession).where(
        LoginSession.person_id == person.id, LoginSession.kind == "token", LoginSession.expires_at > context.clock()
    )
    with context.read() as session:
        rows = session.scalars(query.order_by(LoginSession.created_at.desc()))
        return [
            TokenOut(
                id=row.token_hash[:ID_LENGTH], scopes=row.scopes, created_at=row.created_at, expires_at=row.expires_at
            )
            for row in rows
        ]


@router.delete("/{token}", status_code=204)
def delete_token(context: Context, person: Whole, token: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]) -> Response:
    """End one of your tokens."""
    with context.write() as session:
        found = session.scalar(
            select(LoginSession.token_hash).where(
                LoginSession.person_id == person.id,
                LoginSession.kind == "token",
                LoginSession.token_hash.startswith(token),
            )
        )
        if found is None:
            raise Problem(404, f"you have no token {token}")
        sign_out(session, found)
        log_event(session, "token.delete", f"people:{person.id}", person_id=person.id, token=token)
    return Response(status_code=204)
