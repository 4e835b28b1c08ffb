"""A budget holds in the gaps between two transactions: real threads on a real PostgreSQL, met at the worst moment.

Where a row is locked the second thread waits for the first; where it is not it goes on, and the budget would be passed.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text

from annotate_app import create_campaign
from annotate_app.batch import Batch, Given
from annotate_app.context import AppContext
from annotate_app.leasing import Attempt, Wish
from annotate_app.security.sessions import SignedIn
from annotate_app.undoing import undo
from label_store import Workspace
from label_store.models import Campaign, Judgment, Lease, Person
from tests.annotate_app.material import add_categories, add_people, add_pictures
from tests.annotate_app.server import SettableClock

pytestmark = pytest.mark.postgres


class Desk:
    """The app's core without its web, and a campaign whose budget pays for one judgment."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.clock = SettableClock()
        self.context = AppContext(workspace, self.clock, seed=0)
        add_categories(workspace)
        add_people(workspace, ["ann", "bea"])
        add_pictures(workspace, "boat", 6)
        create_campaign(workspace, "boats", "verify", ["boat"], price_per_judgment=0.1, budget=0.1)
        with workspace.read() as session:
            self.campaign = session.scalars(select(Campaign.id)).one()
            people = session.scalars(select(Person)).all()
        self.people = {one.name: SignedIn(one.id, one.name, one.role, "") for one in people}

    def lease(self, name: str) -> list[int]:
        attempt = Attempt(self.context, self.campaign, self.people[name].id, Wish(1), self.clock())
        with self.context.write() as session:
            return [item.id for item in attempt.make(session, uuid.uuid4())]

    def given_and_promised(self) -> int:
        with self.workspace.read() as session:
            given = session.scalar(select(func.count()).select_from(Judgment).where(Judgment.active)) or 0
            held = session.scalar(select(func.count()).select_from(Lease).where(Lease.deadline > self.clock())) or 0
        return given + held

    def over_or_waiting(self, thread: threading.Thread) -> None:
        """Return once the thread has ended, or waits for a lock that somebody has."""
        while thread.is_alive():
            with self.workspace.engine.connect() as connection:
                if connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                    return
            time.sleep(0.01)


@pytest.fixture
def desk(tmp_path: Path, postgres_database: str) -> Iterator[Desk]:
    workspace = Workspace.init(tmp_path / "workspace", database_url=postgres_database)
    yield Desk(workspace)
    workspace.close()


def started(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_an_answer_that_is_being_written_while_its_time_ends_is_paid_for_before_anybody_else_is_asked(desk):
    (item,) = desk.lease("ann")
    with desk.context.write() as session:
        given = Given(uuid.uuid4(), item, {"value": "yes"}, desk.clock())
        outcomes = Batch(session, desk.context, desk.people["ann"], [given]).take()
        assert [outcome.status for outcome in outcomes] == ["accepted"]
        desk.clock.forward(minutes=31)  # what ann held is promised to nobody now, and her answer is not committed yet
        others: list[int] = []
        bea = started(lambda: others.extend(desk.lease("bea")))
        desk.over_or_waiting(bea)
    bea.join()
    assert others == []
    assert desk.given_and_promised() == 1


def test_a_late_answer_is_weighed_at_the_moment_when_it_has_its_turn(desk):
    (item,) = desk.lease("ann")
    outcomes: list[str] = []

    def answer() -> None:
        with desk.context.write() as session:
            given = Given(uuid.uuid4(), item, {"value": "yes"}, desk.clock())
            batch = Batch(session, desk.context, desk.people["ann"], [given])
            outcomes.extend(outcome.status for outcome in batch.take())

    with desk.context.write() as session:
        session.execute(select(Campaign.id).with_for_update())  # somebody is being given an item of this campaign
        ann = started(answer)
        desk.over_or_waiting(ann)
        desk.clock.forward(minutes=31)
        attempt = Attempt(desk.context, desk.campaign, desk.people["bea"].id, Wish(1), desk.clock())
        assert len(attempt.make(session, uuid.uuid4())) == 1
    ann.join()
    assert outcomes == ["refused"]
    assert desk.given_and_promised() == 1


def test_an_answer_taken_back_between_two_looks_at_the_budget_is_not_free_for_two(desk):
    (item,) = desk.lease("ann")
    given = Given(uuid.uuid4(), item, {"value": "yes"}, desk.clock())
    with desk.context.write() as session:
        Batch(session, desk.context, desk.people["ann"], [given]).take()
    undone: list[threading.Thread] = []

    def take_back(_connection, _cursor, statement, *_rest):  # type: ignore[no-untyped-def]
        """Ann takes her answer back, and holds its item again, when bea has counted what is promised."""
        if "count" in statement and "FROM leases" in statement and "JOIN" not in statement and not undone:
            undone.append(threading.Thread(target=lambda: undo(desk.context, desk.people["ann"], given.id, hold=True)))
            undone[0].start()
            desk.over_or_waiting(undone[0])

    event.listen(desk.workspace.engine, "after_cursor_execute", take_back)
    others = desk.lease("bea")
    event.remove(desk.workspace.engine, "after_cursor_execute", take_back)
    undone[0].join()
    assert others == []
    assert desk.given_and_promised() == 1
