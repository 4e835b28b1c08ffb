"""Rows in one step are the rows that SQLAlchemy itself would write and read."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, delete, select

from label_store import Workspace
from label_store.models import Campaign, Image, Item, Judgment, Lease, Person
from label_store.one_step import fetch, insert_rows

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
ANSWERS = st.recursive(
    TEXT | st.integers(-(2**53), 2**53) | st.booleans() | st.floats(-1e6, 1e6).map(lambda x: x + 0.0) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
QUERY = select(Judgment).where(Judgment.item_id == bindparam("item")).with_only_columns(*Judgment.__table__.c)
LEASES = select(Lease.item_id, Lease.person_id, Lease.token, Lease.deadline).where(
    Lease.item_id.in_(bindparam("items", expanding=True))
)


@pytest.fixture
def one_item(any_workspace: Workspace) -> Workspace:
    with any_workspace.write() as session:
        session.add(Image(sha256="a" * 64, bytes=1, format="PNG", mode="RGB", width=1, height=1))
        session.add(Person(id=1, name="ann"))
        session.add(Campaign(id=1, slug="c", kind="verify", stopping={"rule": "fixed", "n": 3}))
        session.flush()
        session.add(Item(id=1, campaign_id=1, image_sha256="a" * 64))
    return any_workspace


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.uuids(),
                "answer": st.dictionaries(TEXT, ANSWERS, max_size=4),
                "shown_at": st.none() | MOMENTS,
                "answered_at": MOMENTS,
                "received_at": MOMENTS,
                "active_ms": st.integers(0, 2**31 - 1),
            }
        ),
        max_size=5,
        unique_by=lambda row: row["id"],
    )
)
def test_what_is_inserted_in_one_step_is_read_in_one_step_and_by_sqlalchemy(one_item, rows):
    whole = [
        {**row, "item_id": 1, "person_id": 1, "role": "model", "supersedes": None, "active": False,
         "undone_at": row["received_at"], "suggestion": row["answer"] or None, "suggestion_shown": None}
        for row in rows
    ]  # fmt: skip
    with one_item.write() as session:
        connection = session.connection()
        insert_rows(connection, Judgment.__table__, whole)
        names = [column.name for column in Judgment.__table__.c]
        told = {row[0]: row for row in fetch(connection, QUERY, {"item": 1})}
        plain = {row[0]: tuple(row) for row in connection.execute(QUERY, {"item": 1})}
        assert told == plain
        assert told == {row["id"]: tuple(row[name] for name in names) for row in whole}
        session.execute(delete(Judgment))


def test_a_row_of_the_same_key_is_written_over_only_where_that_is_asked_for(one_item):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    first = {"item_id": 1, "person_id": 1, "campaign_id": 1, "token": UUID(int=1), "leased_at": at, "deadline": at}
    second = first | {"token": UUID(int=2), "deadline": at + timedelta(minutes=30)}
    with one_item.write() as session:
        connection = session.connection()
        insert_rows(connection, Lease.__table__, [first])
        insert_rows(connection, Lease.__table__, [second], replace=True)
        assert fetch(connection, LEASES, {"items": [1]}) == [(1, 1, UUID(int=2), second["deadline"])]
    with pytest.raises(Exception, match=r"(?i)unique"), one_item.write() as session:
        insert_rows(session.connection(), Lease.__table__, [second])


def test_no_rows_are_no_statement_and_nothing_found_is_an_empty_list(one_item):
    with one_item.write() as session:
        insert_rows(session.connection(), Lease.__table__, [])
        assert fetch(session.connection(), LEASES, {"items": [99]}) == []
