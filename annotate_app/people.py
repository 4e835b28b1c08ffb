"""Accounts: adding, inviting, joining by an invitation, changing a role, disabling."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotate_app.security.passwords import hash_password
from annotate_app.security.sessions import (
    hash_secret,
    new_secret,
    open_invitation,
    sign_out_everywhere,
    use_invitation,
)
from label_store import UsageError, log_event
from label_store.models import ROLES, Campaign, Invitation, Person, now

INVITATION_DAYS = 14
PEOPLE_ROLES = tuple(role for role in ROLES if role != "model")


class InvitationOver(UsageError):
    """The link was used, has run out, or never was one."""


def add_person(session: Session, name: str, password: str | None, role: str = "annotator") -> Person:
    """Add an account; without a password nobody can sign in to it. UsageError when the name is taken."""
    name = _proper_name(name)
    _known_role(role)
    if session.scalar(select(Person.id).where(Person.name == name)) is not None:
        raise UsageError(f"there is already somebody called {name!r}", hint="choose another name")
    person = Person(name=name, role=role, password_hash=hash_password(password) if password else None)
    session.add(person)
    session.flush()
    log_event(session, "person.add", f"people:{person.id}", name=name, role=role)
    return person


def invite(
    session: Session,
    role: str = "annotator",
    *,
    campaign_id: int | None = None,
    by_id: int | None = None,
    at: datetime | None = None,
) -> str:
    """The secret of a new invitation (told once): whoever opens its link makes one account of this role."""
    _known_role(role)
    secret, at = new_secret(), at or now()
    session.add(
        Invitation(
            token_hash=hash_secret(secret),
            role=role,
            campaign_id=campaign_id,
            created_by_id=by_id,
            created_at=at,
            expires_at=at + timedelta(days=INVITATION_DAYS),
        )
    )
    log_event(
        session, "invitation.create", f"campaigns:{campaign_id}" if campaign_id else "", person_id=by_id, role=role
    )
    return secret


def accept_invitation(session: Session, secret: str, name: str, password: str, at: datetime) -> Person:
    """Make the account of an invitation; InvitationOver when its link is no longer good."""
    invitation = open_invitation(session, secret, at)
    if invitation is None:
        raise InvitationOver(
            "this invitation was used already or has run out", hint="ask whoever sent it for a new link"
        )
    person = add_person(session, name, password, invitation.role)
    if not use_invitation(session, secret, person.id, at):
        raise InvitationOver("this invitation was used a moment ago", hint="ask for a new link")
    return person


def find_person(session: Session, name: str) -> Person:
    """The person of this name; UsageError when there is none."""
    person = session.scalar(select(Person).where(Person.name == name))
    if person is None:
        raise UsageError(f"there is nobody called {name!r}", hint="`cairn user list` shows who there is")
    return person


def listed(session: Session, *, like: str = "", after: str = "", n: int) -> tuple[list[Person], int]:
    """At most `n` people whose names hold `like`, in the order of their names behind `after`; how many there are."""
    wanted = [Person.role != "model"]
    if like:
        wanted.append(Person.name.icontains(like, autoescape=True))
    number = session.scalar(select(func.count()).where(*wanted)) or 0
    query = select(Person).where(*wanted, Person.name > after) if after else select(Person).where(*wanted)
    return list(session.scalars(query.order_by(Person.name).limit(n))), number


def set_role(session: Session, person: Person, role: str, *, by_id: int | None = None) -> None:
    """Give another role; sessions stay, what they may do changes at once."""
    _known_role(role)
    log_event(session, "person.role", f"people:{person.id}", person_id=by_id, before=person.role, after=role)
    person.role = role


def set_password(session: Session, person: Person, password: str) -> None:
    """Change the password and end all sessions of the person."""
    person.password_hash = hash_password(password)
    sign_out_everywhere(session, person.id)
    log_event(session, "person.password", f"people:{person.id}")


def disable(session: Session, person: Person, at: datetime | None = None, *, by_id: int | None = None) -> None:
    """Let somebody in no more; their judgments stay."""
    person.disabled_at = at or now()
    sign_out_everywhere(session, person.id)
    log_event(session, "person.disable", f"people:{person.id}", person_id=by_id)


def campaign_of_invitation(session: Session, secret: str, at: datetime) -> tuple[Invitation, Campaign | None] | None:
    """An open invitation and the campaign it is for, to be shown before it is accepted."""
    invitation = open_invitation(session, secret, at)
    if invitation is None:
        return None
    return invitation, session.get(Campaign, invitation.campaign_id) if invitation.campaign_id else None


def _proper_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise UsageError("a name has 1 to 100 printable characters")
    return name


def _known_role(role: str) -> None:
    if role not in PEOPLE_ROLES:
        raise UsageError(f"there is no role {role!r}", hint=f"it is one of {', '.join(PEOPLE_ROLES)}")
