"""An import beside people at work, on a real PostgreSQL: nobody waits in a circle, and every answer counts once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text

from annotate_app import create_campaign
from annotate_app.gold import make_gold
from annotate_app.holding import hold
from annotate_app.importing import import_judgments, import_suggestions
from label_store import Origin, Workspace, find_campaign, ingest
from label_store.models import Item, Judgment, Lease, Tally
from tests.annotate_app.material import add_categories, add_people, draw
from tests.annotate_app.server import serving
from tests.annotate_app.work import judgment, lease, send

ITEMS, OLD_HANDS = 80, 5


@pytest.fixture
def on_postgres(tmp_path, postgres_database):
    """A campaign of eighty small pictures."""
    workspace = Workspace.init(tmp_path / "workspace", database_url=postgres_database)
    add_categories(workspace)
    add_people(workspace, ["ann", "bea", "carl"])
    for k in range(ITEMS):
        ingest(workspace, draw("boat", k, (128, 96)), Origin("test", f"file:///{k}.png", category="boat"))
    create_campaign(workspace, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 20})
    yield workspace
    workspace.close()


def backwards(workspace, folder, people):
    """A file that names the items from the last to the first, each answered by so many."""
    with workspace.read() as session:
        items = session.scalars(select(Item.id).order_by(Item.id.desc())).all()
    file = folder / f"{people[0]}.csv"
    file.write_text("item,annotator,answer\n" + "".join(f"{item},{who},no\n" for item in items for who in people))
    return file


@pytest.mark.postgres
def test_an_import_from_the_last_item_to_the_first_and_answers_from_the_first_on_all_arrive(on_postgres, tmp_path):
    file = backwards(on_postgres, tmp_path, [f"old hand {k}" for k in range(OLD_HANDS)])
    begin = threading.Barrier(4)

    def work(client, batch):
        begin.wait(timeout=30)
        return {outcome["status"] for outcome in send(client, batch)}

    def take():
        begin.wait(timeout=30)
        return import_judgments(on_postgres, "boats", file)

    with serving(on_postgres) as app, ThreadPoolExecutor(4) as threads:
        people = [app.client(name) for name in ("ann", "bea", "carl")]
        batches = [[judgment(item["id"]) for item in lease(client, "boats", ITEMS)["items"]] for client in people]
        assert {len(batch) for batch in batches} == {ITEMS}
        answered = [
            threads.submit(work, client, sorted(batch, key=lambda one: one["item"]))
            for client, batch in zip(people, batches, strict=True)
        ]
        result = threads.submit(take).result(timeout=60)
        assert (result.accepted, result.refused) == (ITEMS * OLD_HANDS, 0)
        assert [one.result(timeout=60) for one in answered] == [{"accepted"}] * 3
    with on_postgres.read() as session:
        assert set(session.scalars(select(Item.n))) == {OLD_HANDS + 3}
        assert session.scalar(select(func.sum(Tally.judgments))) == ITEMS * (OLD_HANDS + 3)


@pytest.mark.postgres
def test_two_imports_of_the_same_new_people_at_once_make_each_of_them_once(on_postgres, tmp_path):
    names = [f"old hand {k}" for k in range(OLD_HANDS)]
    there = backwards(on_postgres, tmp_path, names)
    lines = there.read_text().splitlines()
    back = tmp_path / "back.csv"
    back.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    begin = threading.Barrier(3)

    def take(job, *more):
        begin.wait(timeout=30)
        return job(on_postgres, "boats", *more)

    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(take, import_judgments, file) for file in (there, back)]
        running.append(threads.submit(take, import_suggestions, there))
        first, second, suggested = [one.result(timeout=60) for one in running]
    assert first.accepted + second.accepted == ITEMS * OLD_HANDS
    assert first.duplicate + second.duplicate == ITEMS * OLD_HANDS
    assert (first.refused, second.refused) == (0, 0)
    assert suggested.accepted == ITEMS
    with on_postgres.read() as session:
        assert set(session.scalars(select(Item.n))) == {OLD_HANDS}
        assert session.scalar(select(func.count()).select_from(Judgment)) == ITEMS * OLD_HANDS


def waits_for_a_lock(workspace):
    with workspace.read() as session:
        return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def until(true, seconds=30.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.postgres
def test_an_item_made_gold_while_its_import_waits_is_counted_for_nobody(on_postgres, tmp_path):
    with on_postgres.read() as session:
        item, sha256 = session.execute(select(Item.id, Item.image_sha256).order_by(Item.id).limit(1)).one()
    file = tmp_path / "old.csv"
    file.write_text(f"item,annotator,answer\n{item},maria,yes\n")
    with ThreadPoolExecutor(1) as threads:
        with on_postgres.write() as session:
            make_gold(session, find_campaign(session, "boats"), sha256, "boat", {"value": "yes"})
            session.flush()
            importing = threads.submit(import_judgments, on_postgres, "boats", file)
            until(lambda: waits_for_a_lock(on_postgres))
        assert importing.result(timeout=60).accepted == 1
    with on_postgres.read() as session:
        assert session.get_one(Item, item).n == 0


@pytest.mark.postgres
def test_gold_given_while_another_suggestion_comes_is_not_taken_for_shown(on_postgres, tmp_path, monkeypatch):
    with on_postgres.write() as session:
        campaign = find_campaign(session, "boats")
        campaign.gold_rate = 0.999999
        item, sha256 = session.execute(select(Item.id, Item.image_sha256).order_by(Item.id).limit(1)).one()
        make_gold(session, campaign, sha256, "boat", {"value": "yes"})
    file = tmp_path / "predictions.csv"
    file.write_text(f"item,answer\n{item},yes\n")
    import_suggestions(on_postgres, "boats", file)
    file.write_text(f"item,answer\n{item},no\n")
    with ThreadPoolExecutor(1) as threads:
        suggesting = []

        def hold_late(*words):
            """Between what is shown and what is written of it, the other suggestion comes, or waits."""
            suggesting.append(threads.submit(import_suggestions, on_postgres, "boats", file))
            until(lambda: suggesting[0].done() or waits_for_a_lock(on_postgres))
            hold(*words)

        monkeypatch.setattr("annotate_app.leasing.hold", hold_late)
        with serving(on_postgres) as app:
            (given,) = lease(app.client("ann"), "boats", 1)["items"]
        assert (given["id"], given["suggestion"]) == (item, {"value": "yes"})
        assert suggesting[0].result(timeout=60).accepted == 1
    with on_postgres.read() as session:
        assert session.scalars(select(Lease.suggestion_shown)).one() is None
