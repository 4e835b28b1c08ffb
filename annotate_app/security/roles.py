"""Who may call a route. A route declares it by depending on one of these; a test walks all routes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from annotate_app.context import Context
from annotate_app.problems import Problem
from annotate_app.security.sessions import SignedIn, meant_for, secret_of, signed_in


class Public:
    """Anybody may call."""

    roles: frozenset[str] | None = None

    def __call__(self, request: Request, context: Context) -> SignedIn | None:
        """Whoever is signed in, if anybody."""
        secret = secret_of(request)
        person = None
        if secret is not None:
            with context.read() as session:
                person = signed_in(session, secret, context.clock())
        request.state.person = person
        return person


class Require:
    """Only people signed in with one of these roles may call."""

    def __init__(self, *roles: str, scope: str | None = None) -> None:
        self.roles = frozenset(roles)
        self.scope = scope
        """What a token with scopes must have among them; None: any token will do."""

    def __call__(self, request: Request, context: Context) -> SignedIn:
        """The person; Problem 401 when nobody is signed in, 403 when the role does not allow it.

        Problem 409 when the request comes from a page that was loaded for somebody else.
        """
        return self.check(Public()(request, context), meant_for(request))

    def check(self, person: SignedIn | None, meant: str | None) -> SignedIn:
        """The same for whoever is signed in; `meant`: the id of the person for whom the page was loaded."""
        if person is None:
            raise _not_signed_in()
        if meant is not None and meant != str(person.id):
            raise Problem(
                409,
                f"this page was opened by somebody else, and {person.name} is signed in now",
                hint="what was answered stays in this browser until the one who answered signs in again",
                signed_in=person.name,
            )
        if person.role not in self.roles:
            raise Problem(403, f"this is not open to the role {person.role!r}")
        if person.scopes and self.scope is not None and self.scope not in person.scopes:
            raise Problem(
                403,
                f"this token is for {', '.join(person.scopes)}, not for {self.scope!r}",
                hint="make one with that scope at POST /api/v1/tokens",
            )
        return person


@dataclass(frozen=True)
class Claim:
    """What a request says of who sent it, to be believed inside the transaction that does its work."""

    secret: str
    meant: str | None
    require: Require

    def person(self, session: Session, at: datetime) -> SignedIn:
        """Who it is; the Problems of `Require`."""
        return self.require.check(signed_in(session, self.secret, at), self.meant)


class Claims(Require):
    """As `Require`, for what is asked many times a second: no thread and no transaction of its own."""

    async def __call__(self, request: Request) -> Claim:  # type: ignore[override]  # FastAPI reads the signature
        """Problem 401 where nobody is named; the rest when the claim is looked at."""
        secret = secret_of(request)
        if secret is None:
            raise _not_signed_in()
        return Claim(secret, meant_for(request), self)


def _not_signed_in() -> Problem:
    return Problem(
        401,
        "you are not signed in, or your session has ended",
        hint="sign in again; what you have answered is kept in this browser",
        headers={"WWW-Authenticate": "Bearer"},
    )


class Gives(Public):
    """Whoever may give pictures: these roles, or anybody at all, or nobody, by the setting `contributions`."""

    def __init__(self, *roles: str) -> None:
        self.roles = frozenset(roles)
        self._require = Require(*roles, scope="contribute")

    def __call__(self, request: Request, context: Context) -> SignedIn | None:
        """Who gives; None for somebody without an account. Problem 404 where nothing is taken."""
        who = context.workspace.settings.contributions
        person = super().__call__(request, context) if who == "open" else self._require(request, context)
        if who == "off":
            raise Problem(404, "pictures are not taken here", hint="whoever runs this place can turn contributions on")
        return person


CURATES = ("owner", "curator")
REVIEWS = (*CURATES, "reviewer")
ANNOTATES = (*REVIEWS, "annotator", "model")
GIVES = (*REVIEWS, "annotator", "contributor")
SCOPES = ("judge", "review", "watch", "export", "curate", "contribute")
EVERYBODY = (*ANNOTATES, "contributor", "viewer")

public = Public()
Anybody = Annotated[SignedIn | None, Depends(public)]
Member = Annotated[SignedIn, Depends(Require(*EVERYBODY))]
Annotator = Annotated[SignedIn, Depends(Require(*ANNOTATES, scope="judge"))]
AnnotatorClaim = Annotated[Claim, Depends(Claims(*ANNOTATES, scope="judge"))]
Reviewer = Annotated[SignedIn, Depends(Require(*REVIEWS, scope="review"))]
Watcher = Annotated[SignedIn, Depends(Require(*REVIEWS, "viewer", scope="watch"))]
Exporter = Annotated[SignedIn, Depends(Require(*CURATES, scope="export"))]
Curator = Annotated[SignedIn, Depends(Require(*CURATES, scope="curate"))]
_WHOLE = "everything"
"""No scope of SCOPES: a narrowed token never has it, so that none makes an account, a role or a wider token."""
Owner = Annotated[SignedIn, Depends(Require("owner", scope=_WHOLE))]
Inviter = Annotated[SignedIn, Depends(Require(*CURATES, scope=_WHOLE))]
Importer = Annotated[SignedIn, Depends(Require(*CURATES, scope=_WHOLE))]
"""Of judgments in other people's names, reviewers among them, for whom accounts are made."""
Whole = Annotated[SignedIn, Depends(Require(*EVERYBODY, scope=_WHOLE))]
"""Signed in without a narrowed token."""
Contributor = Annotated[SignedIn | None, Depends(Gives(*GIVES))]
