"""Writing what was settled: only what has changed, some hundred items a transaction, so that nobody waits long."""

import fcntl
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, delete, false, insert, or_, select, text, update
from sqlalchemy.orm import Session

from label_store.models import Campaign, Consensus, Item, Judgment, now
from label_store.questions import CampaignData
from label_store.returning import with_people
from label_store.settle_items import ItemConsensus
from label_store.workspace import Workspace

ITEMS_AT_ONCE = 500
_PAUSE = 1.0
"""Between two transactions others get as much time as the last one took: on SQLite who waits for the lock only looks
for it now and then, and would never find it free."""
_TURN = 0x5E771E
"""Key of PostgreSQL's advisory lock."""


@contextmanager
def my_turn(workspace: Workspace) -> Iterator[None]:
    """One settles at a time, in whatever process; the lock ends with the process that holds it."""
    if workspace.sqlite_file is not None:
        with workspace.sqlite_file.with_name("settling.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with workspace.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _TURN})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _TURN})


def write_items(
    workspace: Workspace,
    campaign_id: int,
    version: int,
    method: str,
    data: CampaignData,
    items: Sequence[ItemConsensus],
    *,
    states: bool = True,
) -> None:
    """Make the version's rows these; with `states` also the items' states, but of those judged since `data`, and of
    those given back to people, who are still to answer.
    """
    said = _said(data)
    with workspace.read() as session:
        waits = with_people(session.get_one(Campaign, campaign_id).stopping)
    for start in range(0, len(items), ITEMS_AT_ONCE):
        some = items[start : start + ITEMS_AT_ONCE]
        with workspace.read() as session:
            changed = _changed(session, version, method, some, waits if states else None)
        if changed:
            began = time.monotonic()
            with workspace.write() as session:
                _write(session, version, method, changed, said, waits if states else None)
            time.sleep(_PAUSE * (time.monotonic() - began))
    kept = {item.item_id for item in items}
    with workspace.read() as session:
        rows = session.scalars(
            select(Consensus.item_id)
            .join(Item, Item.id == Consensus.item_id)
            .where(Item.campaign_id == campaign_id, Consensus.version == version)
        )
        gone = [item_id for item_id in rows if item_id not in kept]  # became gold, or nobody's judgment is left
    for start in range(0, len(gone), ITEMS_AT_ONCE):
        some_ids = gone[start : start + ITEMS_AT_ONCE]
        with workspace.write() as session:
            session.execute(delete(Consensus).where(Consensus.version == version, Consensus.item_id.in_(some_ids)))


def _changed(
    session: Session, version: int, method: str, items: Sequence[ItemConsensus], waits: ColumnElement[bool] | None
) -> list[ItemConsensus]:
    ids = [item.item_id for item in items]
    query = select(
        Consensus.item_id, Consensus.state, Consensus.answer, Consensus.posterior, Consensus.risk, Consensus.n,
        Consensus.method, Item.state.label("now"), Item.priority, (false() if waits is None else waits).label("waits"),
    ).join(Item, Item.id == Consensus.item_id)  # fmt: skip
    there = {
        row.item_id: row
        for row in session.execute(query.where(Consensus.version == version, Consensus.item_id.in_(ids)))
    }

    def same(item: ItemConsensus) -> bool:
        row = there.get(item.item_id)
        return (
            row is not None
            and (row.state, row.answer, row.posterior, row.risk, row.n, row.method)
            == (item.state, item.answer, item.posterior, item.risk, item.n, method)
            and (waits is None or row.waits or (row.now == item.state and not row.priority))
        )

    return [item for item in items if not same(item)]


Said = dict[int, list[tuple[int, str, Any]]]
"""Person, role and answer of each judgment of an item, in the order of `read_campaign`."""


def _said(data: CampaignData) -> Said:
    said: Said = defaultdict(list)
    for vote in data.votes:
        said[vote.item_id].append((vote.person_id, vote.role, vote.answer))
    return said


def _write(
    session: Session,
    version: int,
    method: str,
    items: Sequence[ItemConsensus],
    said: Said,
    waits: ColumnElement[bool] | None,
) -> None:
    ids = [item.item_id for item in items]
    # Locked before it is looked at what people have said of them by now.
    there = set(
        session.scalars(select(Item.id).where(Item.id.in_(ids)).order_by(Item.id).with_for_update(key_share=True))
    )
    # Nobody reads the rows of a version that is not the campaign's yet: they may be a little old.
    since = set() if waits is None else _judged_since(session, ids, said)
    items = [item for item in items if item.item_id in there and item.item_id not in since]
    fresh = [item.item_id for item in items]
    session.execute(delete(Consensus).where(Consensus.version == version, Consensus.item_id.in_(fresh)))
    at = now()
    rows = [
        {
            "item_id": item.item_id,
            "version": version,
            "state": item.state,
            "answer": item.answer,
            "posterior": item.posterior,
            "risk": item.risk,
            "n": item.n,
            "method": method,
            "at": at,
        }
        for item in items
    ]
    if rows:
        session.execute(insert(Consensus), rows)
    if waits is None:
        return
    waiting = set(session.scalars(select(Item.id).where(Item.id.in_(fresh), waits)))
    for state in ("open", "settled", "disputed"):
        of_state = [item.item_id for item in items if item.state == state and item.item_id not in waiting]
        session.execute(
            update(Item)
            .where(Item.id.in_(of_state), or_(Item.state != state, Item.priority > 0))
            .values(state=state, priority=0, extra=0)
            .execution_options(synchronize_session=False)
        )


def _judged_since(session: Session, ids: Sequence[int], said: Said) -> set[int]:
    """Those of the items of which people say something else now than when they were read."""
    by_now: Said = defaultdict(list)
    for row in session.execute(
        select(Judgment.item_id, Judgment.person_id, Judgment.role, Judgment.answer)
        .where(Judgment.item_id.in_(ids), Judgment.active)
        .order_by(Judgment.item_id, Judgment.person_id, Judgment.role)
    ):
        by_now[row.item_id].append((row.person_id, row.role, row.answer))
    return {item_id for item_id in ids if by_now.get(item_id, []) != said.get(item_id, [])}
