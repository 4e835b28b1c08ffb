"""Recording many results at once leaves the same rows as recording them one by one."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from label_store import (
    CairnError,
    CategorySpec,
    Examined,
    Failure,
    Origin,
    Result,
    UsageError,
    Workspace,
    examine,
    put_category,
    record,
    record_all,
)  # fmt: skip
from label_store.models import Candidate, Fetch, Image, now
from tests.label_store.pictures import jpeg

PICTURES: list[Examined] = [examine(jpeg(seed)) for seed in range(4)]
AT = now()


@pytest.fixture
def store(any_workspace: Workspace) -> Workspace:
    with any_workspace.write() as session:
        put_category(session, CategorySpec(name="car"))
        put_category(session, CategorySpec(name="bus"))
    return any_workspace


def rows(store: Workspace) -> dict[str, Any]:
    """All that was recorded, by names that do not depend on the order of numbers or on the clock."""
    with store.read() as session:
        fetches = list(session.scalars(select(Fetch)))
        of = {fetch.id: fetch.url for fetch in fetches}
        return {
            "images": sorted(session.scalars(select(Image.sha256))),
            "fetches": {
                fetch.url: {
                    column.name: getattr(fetch, column.name)
                    for column in Fetch.__table__.columns
                    if column.name not in ("id", "created_at")
                }
                for fetch in fetches
            },
            "candidates": sorted(
                (of[one.fetch_id], one.category_id, one.image_sha256, one.query or "", one.approved)
                for one in session.scalars(select(Candidate))
            ),
        }


def empty(store: Workspace) -> None:
    with store.write() as session:
        for model in (Candidate, Fetch, Image):
            session.execute(delete(model))


def origins(url: str) -> st.SearchStrategy[Origin]:
    return st.builds(
        Origin,
        source=st.just("urls"),
        url=st.just(url),
        category=st.sampled_from([None, "car", "bus"]),
        query=st.sampled_from([None, "one", "two"]),
        license=st.sampled_from([None, "CC0-1.0"]),
        etag=st.sampled_from([None, '"a"']),
        overrides=st.sampled_from([(), ("noai",)]),
        fetched_at=st.just(AT),
        approved=st.booleans(),
    )


@st.composite
def results(draw: st.DrawFn) -> Result:
    url = f"https://a.example/{draw(st.integers(0, 3))}.jpg"
    origin = draw(origins(url))
    more = tuple(
        dataclasses.replace(one, category=one.category or "car") for one in draw(st.lists(origins(url), max_size=2))
    )
    kind = draw(st.sampled_from(["picture", "failure", "unchanged", "mention"]))
    if kind == "picture":
        return Result(origin, draw(st.sampled_from(PICTURES)), more=more)
    if kind == "failure":
        reason = draw(st.sampled_from(["timeout", "robots", "http_4xx"]))
        return Result(origin, failure=Failure(reason, "words", draw(st.sampled_from([None, AT + timedelta(hours=1)]))))
    return Result(origin, unchanged=kind == "unchanged", more=more)


@given(st.lists(results(), max_size=8), st.lists(results(), max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_batch_is_recorded_as_its_results_one_by_one_would_be(
    store: Workspace, earlier: Sequence[Result], batch: Sequence[Result]
) -> None:
    empty(store)
    for result in (*earlier, *batch):
        with store.write() as session:
            record_all(session, [result])
    one_by_one = rows(store)
    empty(store)
    told = []
    for part in (earlier, batch):
        with store.write() as session:
            told += record_all(session, part)
    assert rows(store) == one_by_one
    assert sum(one.new_image for one in told) == len(one_by_one["images"])
    assert sum(one.new_candidates for one in told) == len(one_by_one["candidates"])


def test_a_success_that_was_told_stays_told(store: Workspace) -> None:
    origin = Origin("urls", "https://a.example/1.jpg", category="car")
    with store.write() as session:
        record(session, PICTURES[0], origin)
    with store.write() as session:
        record_all(session, [Result(origin, failure=Failure("http_4xx", "answered 404"))])
    fetch = rows(store)["fetches"][origin.url]
    assert (fetch["status"], fetch["error"], fetch["attempts"]) == ("ok", None, 2)


def test_a_category_that_does_not_exist_records_nothing_of_the_batch(store: Workspace) -> None:
    with pytest.raises(UsageError, match="there is no category 'cra'"), store.write() as session:
        record_all(session, [
            Result(Origin("urls", "https://a.example/1.jpg", category="car"), PICTURES[0]),
            Result(Origin("urls", "https://a.example/2.jpg", category="cra"), PICTURES[1]),
        ])  # fmt: skip
    assert rows(store)["fetches"] == {}


def test_a_picture_without_an_address_is_refused(store: Workspace) -> None:
    with pytest.raises(CairnError, match="without a URL"), store.write() as session:
        record(session, PICTURES[0], Origin("urls", ""))


def test_more_results_than_one_lookup_takes(tmp_path: Path) -> None:
    store = Workspace.init(tmp_path / "many")
    batch = [Result(Origin("urls", f"https://a.example/{n}.jpg"), PICTURES[n % 4]) for n in range(1201)]
    with store.write() as session:
        told = record_all(session, batch)
    assert len({one.fetch_id for one in told}) == 1201
    assert [n for n, one in enumerate(told) if one.new_image] == [0, 1, 2, 3]
    store.close()
