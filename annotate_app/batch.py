"""One batch of answers in its transaction: what it needs read once, one decision after another, all written at once.

`items.n` changes in the transaction that changes the judgments it counts.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from annotate_app import batch_statements as statements
from annotate_app import budget, policy
from annotate_app.access import CampaignFacts, campaigns_of
from annotate_app.answer_rules import AnswerRules
from annotate_app.context import AppContext
from annotate_app.security.sessions import SignedIn
from label_store import AnswerError, is_flag, tallies
from label_store.models import Judgment
from label_store.one_step import fetch, insert_rows

Status = Literal["accepted", "duplicate", "refused"]
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST_AFTER = timedelta(days=1)
"""What a client's clock may say, from EARLIEST to this long after the answer was received."""
LONGEST_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Given:
    """One answer as the client sent it. `supersedes`: the person's own earlier judgment that this one corrects.

    An answer is worth more than the clock of the machine it was given on: an impossible `answered_at` becomes the
    time of receipt, an impossible `shown_at` is dropped, and `active_ms` ends at a day.
    """

    id: UUID
    item: int
    answer: dict[str, Any]
    answered_at: datetime
    shown_at: datetime | None = None
    active_ms: int = 0
    supersedes: UUID | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of it; `reason` is a sentence when it was refused."""

    id: UUID
    status: Status
    reason: str | None = None


class Refused(Exception):
    """This answer cannot be taken."""


class Batch:
    """Answers of one person, to items of any campaigns."""

    def __init__(self, session: Session, context: AppContext, person: SignedIn, given: Sequence[Given]) -> None:
        self.session = session
        self.connection = session.connection()
        self.person = person
        self.given = given
        item_ids = sorted({entry.item for entry in given})
        self.items = {row[0]: _Item(*row) for row in fetch(self.connection, statements.items(), {"items": item_ids})}
        self.campaign_ids = {item.campaign_id for item in self.items.values()}
        self.campaigns = campaigns_of(session, person, self.campaign_ids)
        budget.lock(session, (campaign.id for campaign in self.campaigns.values() if campaign.has_budget))
        # Read once the rows are ours: a lease that ended while we waited has ended.
        self.at = context.clock()
        self.rules = AnswerRules(
            session,
            self.campaigns.values(),
            [(item.campaign_id, item.category_id, item.image_sha256) for item in self.items.values()],
        )
        named = {entry.id for entry in given} | {entry.supersedes for entry in given if entry.supersedes}
        self.owners: dict[UUID, int] = {
            row[0]: row[1] for row in fetch(self.connection, statements.owners(), {"ids": list(named)})
        }
        self.mine: dict[int, _Mine] = {}
        self.deadlines: dict[int, datetime] = {}
        self.saw: dict[int, bool] = {}
        """Whether the person was shown the item's suggestion, by item; missing where that is not known."""
        for item_id, judgment_id, counts, suggestion, shown, deadline, saw in fetch(
            self.connection, statements.mine(), {"items": item_ids, "person": person.id}
        ):
            if judgment_id is not None:
                self.mine[item_id] = _Mine(judgment_id, bool(counts), suggestion, shown)
            if deadline is not None:
                self.deadlines[item_id] = deadline
            if saw is not None:
                self.saw[item_id] = saw
        self.rows: list[dict[str, Any]] = []
        self.superseded: list[UUID] = []
        self.answered: set[int] = set()
        self.change: Counter[int] = Counter()
        self.late: Counter[int] = Counter()
        """Answers taken after their time, by campaign: nobody has promised them, so the budget must still pay them."""
        self.tallied: Counter[tallies.Key] = Counter()

    def take(self) -> list[Outcome]:
        """Decide and write; an outcome for each entry."""
        outcomes = []
        for entry in self.given:
            try:
                if self.owners.get(entry.id) == self.person.id:
                    outcomes.append(Outcome(entry.id, "duplicate"))
                    continue
                if entry.id in self.owners:
                    raise Refused("this id belongs to another judgment")
                self._accept(entry)
                outcomes.append(Outcome(entry.id, "accepted"))
            except (Refused, AnswerError) as error:
                outcomes.append(Outcome(entry.id, "refused", str(error)))
        self._write()
        return outcomes

    def _accept(self, entry: Given) -> None:
        item = self.items.get(entry.item)
        campaign = self.campaigns.get(item.campaign_id) if item else None
        if item is None or campaign is None:
            raise Refused(f"there is no item {entry.item} that is open to you")
        answer = self._checked(entry, item, campaign)
        previous = self.mine.get(item.id)
        suggestion, shown = item.suggestion, self.saw.get(item.id)
        if entry.supersedes is not None:
            if previous is None or previous.id != entry.supersedes:
                raise Refused("the judgment that this one corrects is not your present one of this item")
            if campaign.state == "closed":
                raise Refused(f"the campaign {campaign.slug!r} is closed")
            self.superseded.append(previous.id)
            suggestion, shown = previous.suggestion, previous.suggestion_shown
            self.change[item.id] -= previous.counts and not item.is_gold
        else:
            self._must_be_open(item, campaign)
            self.tallied[item.campaign_id, self.person.id, item.category_id] += 1
        counts = not is_flag(answer)
        self.rows.append(
            {
                "id": entry.id,
                "item_id": item.id,
                "person_id": self.person.id,
                "role": "annotator",
                "answer": answer,
                "shown_at": _possible(entry.shown_at, self.at),
                "answered_at": _possible(entry.answered_at, self.at) or self.at,
                "received_at": self.at,
                "active_ms": min(entry.active_ms, LONGEST_MS),
                "supersedes": entry.supersedes,
                "active": True,
                "undone_at": None,
                "suggestion": None if shown is None else suggestion,
                "suggestion_shown": None if suggestion is None else shown,
            }
        )
        self.change[item.id] += counts and not item.is_gold
        self.answered.add(item.id)
        self.mine[item.id] = _Mine(entry.id, counts, suggestion, shown)
        self.owners[entry.id] = self.person.id

    def _write(self) -> None:
        for row in self.rows:  # one that corrected another of this very batch was never active in the store
            if row["id"] in self.superseded:
                row |= {"active": False, "undone_at": self.at}
        if self.superseded:
            self.connection.execute(statements.deactivate(), {"ids": self.superseded, "at": self.at})
        if self.rows:
            insert_rows(self.connection, Judgment.__table__, self.rows)  # type: ignore[arg-type]  # it is a Table
            self.connection.execute(statements.release(), {"items": sorted(self.answered), "person": self.person.id})
        tallies.count(self.session, self.tallied)
        for by in sorted({by for by in self.change.values() if by}):
            changed = [item for item in sorted(self.change) if self.change[item] == by]
            self.connection.execute(statements.count(), {"ids": changed, "by": by})

    def _must_be_open(self, item: "_Item", campaign: CampaignFacts) -> None:
        if item.id in self.mine:
            raise Refused("you have already judged this item")
        deadline = self.deadlines.get(item.id)
        if deadline is None:
            raise Refused("this item was not given to you")
        if campaign.state in ("closed", "draft"):
            raise Refused(f"the campaign {campaign.slug!r} is {campaign.state}")
        if deadline > self.at:
            return
        left = budget.left(self.session, campaign.id, self.at, locked=True)
        if left is not None and left <= self.late[campaign.id]:
            raise Refused("your time for this item was over and all that the campaign may cost is given or promised")
        self._must_be_within_limits(item, campaign)
        if item.is_gold:
            self.late[campaign.id] += 1
            return
        leased = self.session.scalar(
            statements.held_by_others(), {"item": item.id, "person": self.person.id, "at": self.at}
        )  # fmt: skip
        present = policy.Candidate(item.id, item.n, leased or 0, extra=item.extra)
        if item.state != "open" or not policy.has_room(present, policy.most_judgments(campaign.stopping)):
            raise Refused("your time for this item was over and others have judged it enough since")
        self.late[campaign.id] += 1

    def _must_be_within_limits(self, item: "_Item", campaign: CampaignFacts) -> None:
        """A late answer's item may have been made good by another: both together stay within the person's limits."""
        if campaign.per_person_limit is None and campaign.per_category_limit is None:
            return
        had = Counter(tallies.judged(self.session, campaign.id, self.person.id))
        for (campaign_id, _, category), number in self.tallied.items():
            had[category] += number if campaign_id == campaign.id else 0
        asked = {"campaign": campaign.id, "person": self.person.id, "at": self.at}
        for item_id, category in self.session.execute(statements.held_by_me(), asked):
            had[category] += item_id not in self.answered
        most, of_category = campaign.per_person_limit, campaign.per_category_limit
        if (most is not None and had.total() >= most) or (
            of_category is not None and had[item.category_id] >= of_category
        ):
            raise Refused(
                "your time for this item was over and you have been given as many since as one person may have"
            )

    def _checked(self, entry: Given, item: "_Item", campaign: CampaignFacts) -> dict[str, Any]:
        try:
            text = json.dumps(entry.answer, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, UnicodeEncodeError, RecursionError) as error:
            raise AnswerError(f"the answer is not JSON: {error}") from error
        if b"\\u0000" in text:
            raise AnswerError("the answer holds a NUL character")
        return self.rules.check(campaign, item.category_id, item.image_sha256, entry.answer)


def _possible(said: datetime | None, received: datetime) -> datetime | None:
    """The time in UTC, or None where no right clock could have said it."""
    try:
        at = None if said is None else said.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, in another time zone
        return None
    return at if at is not None and EARLIEST <= at <= received + LATEST_AFTER else None


@dataclass(frozen=True)
class _Item:
    """What a decision needs to know of an item."""

    id: int
    campaign_id: int
    category_id: int | None
    image_sha256: str
    state: str
    n: int
    extra: int
    is_gold: bool
    suggestion: dict[str, Any] | None


@dataclass(frozen=True)
class _Mine:
    """The person's active judgment of an item; `counts`: it is an answer, not a flag."""

    id: UUID
    counts: bool
    suggestion: dict[str, Any] | None
    suggestion_shown: bool | None
