"""Signed-in browsers and API tokens: a random secret whose SHA-256 alone is kept.

Browsers send it in a cookie that scripts cannot read; programs as `Authorization: Bearer`.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.orm import Session

from label_store.models import Invitation, LoginSession, Person

if TYPE_CHECKING:  # accounts and invitations are also made where no web framework is installed
    from fastapi import Request, Response

COOKIE = "cairn_session"
PERSON_HEADER = "X-Cairn-Person"
"""For whom a page was loaded. All tabs share one cookie, so it may be somebody else's by the time of a request."""


@dataclass(frozen=True)
class SignedIn:
    """Who sent a request."""

    id: int
    name: str
    role: str
    token_hash: str
    scopes: tuple[str, ...] = ()
    """What an API token may do; empty: all that the role may."""


def new_secret() -> str:
    """A secret of 256 random bits, fit for a header, a cookie or a link."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What the store keeps of a secret. It is random, so a plain hash cannot be turned back."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def sign_in(
    session: Session, person_id: int, *, kind: str, at: datetime, days: float, scopes: Sequence[str] = ()
) -> tuple[str, datetime]:
    """A new session of kind `browser` or `token`: its secret, told once, and when it ends.

    `scopes` narrow what a token may do; empty: all that the person may.
    """
    secret, expires_at = new_secret(), at + timedelta(days=days)
    session.execute(delete(LoginSession).where(LoginSession.expires_at <= at))
    session.add(
        LoginSession(
            token_hash=hash_secret(secret),
            person_id=person_id,
            kind=kind,
            scopes=list(scopes),
            created_at=at,
            expires_at=expires_at,
        )
    )
    return secret, expires_at


def sign_out(session: Session, token_hash: str) -> None:
    """End one session."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash))


def sign_out_everywhere(session: Session, person_id: int) -> None:
    """End all sessions of a person (password changed, person disabled)."""
    session.execute(delete(LoginSession).where(LoginSession.person_id == person_id))


def secret_of(request: "Request") -> str | None:
    """The secret that a request brings: Bearer first, then the cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.cookies.get(COOKIE)


def meant_for(request: "Request") -> str | None:
    """The id of the person for whom the page was loaded that sent this; None where nothing is said (programs)."""
    return request.headers.get(PERSON_HEADER)


def signed_in(session: Session, secret: str, at: datetime) -> SignedIn | None:
    """Whose secret this is; None when unknown, ended, or the person is disabled."""
    row = session.execute(_signed_in(), {"hash": hash_secret(secret), "at": at}).one_or_none()
    return None if row is None else SignedIn(row.id, row.name, row.role, row.token_hash, tuple(row.scopes))


@cache
def _signed_in() -> Select[int, str, str, str, list[str]]:
    """Asked with every request, so it is built once."""
    return (
        select(Person.id, Person.name, Person.role, LoginSession.token_hash, LoginSession.scopes)
        .join(LoginSession, LoginSession.person_id == Person.id)
        .where(
            LoginSession.token_hash == bindparam("hash"),
            LoginSession.expires_at > bindparam("at"),
            Person.disabled_at.is_(None),
        )
    )


def set_cookie(request: "Request", response: "Response", secret: str, expires_at: datetime) -> None:
    """Give the browser its secret; Secure whenever the page came over TLS."""
    response.set_cookie(
        COOKIE,
        secret,
        expires=expires_at,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def clear_cookie(response: "Response") -> None:
    """Take the secret from the browser."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")


def open_invitation(session: Session, secret: str, at: datetime) -> Invitation | None:
    """The unused, unexpired invitation behind a link."""
    return session.scalar(
        select(Invitation).where(
            Invitation.token_hash == hash_secret(secret),
            Invitation.used_at.is_(None),
            Invitation.expires_at > at,
        )
    )


def use_invitation(session: Session, secret: str, person_id: int, at: datetime) -> bool:
    """Mark the invitation used; False when somebody was faster."""
    used = session.execute(
        update(Invitation)
        .where(Invitation.token_hash == hash_secret(secret), Invitation.used_at.is_(None))
        .values(used_at=at, used_by_id=person_id)
        .returning(Invitation.token_hash)
    )
    return used.first() is not None
