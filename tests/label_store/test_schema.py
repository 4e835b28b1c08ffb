"""The schema: made by migrations alone, the same as the models, and refusing every bad state."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, inspect, select, text
from sqlalchemy.exc import IntegrityError

import migrations
from label_store import StoreVersionError, Workspace
from label_store.models import (
    Base,
    Campaign,
    Candidate,
    Category,
    Consensus,
    Fetch,
    Image,
    Item,
    Judgment,
    Person,
    Release,
)
from label_store.schema import revisions, upgrade

SHA = "a" * 64


def add_basics(workspace: Workspace) -> dict[str, int]:
    with workspace.write() as session:
        category = Category(slug="car", name="car")
        image = Image(sha256=SHA, bytes=10, format="JPEG", mode="RGB", width=4, height=3)
        campaign = Campaign(slug="cars", kind="verify", stopping={"rule": "fixed", "n": 3})
        person = Person(name="ann")
        session.add_all([category, image, campaign, person])
        session.flush()
        item = Item(campaign_id=campaign.id, image_sha256=SHA, category_id=category.id)
        session.add(item)
        session.flush()
        return {"category": category.id, "campaign": campaign.id, "person": person.id, "item": item.id}


def judgment(ids: dict[str, int], **changes) -> Judgment:
    values = {
        "id": uuid4(),
        "item_id": ids["item"],
        "person_id": ids["person"],
        "answer": {"value": "yes"},
        "answered_at": datetime.now(UTC),
    }
    return Judgment(**{**values, **changes})


def test_migrations_make_exactly_the_models(any_workspace):
    with any_workspace.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_migration_s_file_is_named_by_its_revision():
    """So that a command can tell without Alembic, whose import takes longer than most of what it would then do."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert revisions() == known[::-1]


def test_migrations_make_the_checks_of_the_models(any_workspace):
    """Autogenerate compares no CHECK constraints; here are their names on both sides, table by table."""
    inspector = inspect(any_workspace.engine)
    made = {
        table: sorted(str(c["name"]) for c in inspector.get_check_constraints(table)) for table in Base.metadata.tables
    }
    meant = {
        name: sorted(str(c.name) for c in table.constraints if isinstance(c, CheckConstraint))
        for name, table in Base.metadata.tables.items()
    }
    assert made == meant
    assert sum(map(len, meant.values())) > 20


def test_an_older_database_is_raised_with_its_rows(any_workspace):
    ids = add_basics(any_workspace)
    with any_workspace.write() as session:
        fetch = Fetch(url="u", url_hash="d" * 64, source="urls", status="ok", image_sha256=SHA)
        session.add(fetch)
        session.flush()
        session.add(Candidate(image_sha256=SHA, category_id=ids["category"], fetch_id=fetch.id))
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["engine"] = any_workspace.engine
    command.downgrade(config, "0001")
    upgrade(any_workspace.engine)
    with any_workspace.read() as session:
        assert session.scalars(select(Fetch.opt_outs)).all() == [[]]
        assert session.scalars(select(Candidate.image_sha256)).all() == [SHA]
        assert session.get_one(Image, SHA).latitude is None


def test_every_table_of_the_design_is_there(any_workspace):
    named = """categories category_parents images fetches candidates campaigns items people sessions invitations
    leases judgments consensus attributes predictions releases release_images takedowns events"""
    assert set(named.split()) <= set(inspect(any_workspace.engine).get_table_names())


def test_one_active_judgment_per_item_person_and_role(any_workspace):
    ids = add_basics(any_workspace)
    with any_workspace.write() as session:
        session.add(judgment(ids))
        session.add(judgment(ids, role="reviewer"))
        session.add(judgment(ids, active=False, undone_at=datetime.now(UTC)))
    with pytest.raises(IntegrityError), any_workspace.write() as session:
        session.add(judgment(ids))


def test_an_item_is_unique_also_where_it_has_no_category(any_workspace):
    ids = add_basics(any_workspace)
    with any_workspace.write() as session:
        session.add(Item(campaign_id=ids["campaign"], image_sha256=SHA))
    with pytest.raises(IntegrityError), any_workspace.write() as session:
        session.add(Item(campaign_id=ids["campaign"], image_sha256=SHA))
    with pytest.raises(IntegrityError), any_workspace.write() as session:
        session.add(Item(campaign_id=ids["campaign"], image_sha256=SHA, category_id=ids["category"]))


@pytest.mark.parametrize(
    "row",
    [
        lambda ids: Campaign(slug="x", kind="guess", stopping={}),
        lambda ids: Campaign(slug="x", kind="verify", stopping={}, gold_rate=1.5),
        lambda ids: Campaign(slug="x", kind="verify", stopping={}, price_per_judgment=-5),
        lambda ids: Campaign(slug="x", kind="verify", stopping={}, per_person_limit=0),
        lambda ids: Campaign(slug="x", kind="verify", stopping={}, state="closed"),
        lambda ids: Campaign(slug="x", kind="verify", stopping={}, closed_at=datetime.now(UTC)),
        lambda ids: Consensus(
            item_id=ids["item"], version=1, state="settled", posterior={}, risk=0.1, n=1, method="majority/1"
        ),
        lambda ids: Item(campaign_id=999, image_sha256=SHA),
        lambda ids: Item(campaign_id=ids["campaign"], image_sha256="b" * 64),
        lambda ids: Image(sha256="short", bytes=1, format="JPEG", mode="RGB", width=1, height=1),
        lambda ids: Image(sha256="c" * 64, bytes=1, format="JPEG", mode="RGB", width=0, height=1),
        lambda ids: Image(sha256="c" * 64, bytes=1, format="JPEG", mode="RGB", width=1, height=1, latitude=1.0),
        lambda ids: Image(
            sha256="c" * 64, bytes=1, format="JPEG", mode="RGB", width=1, height=1, latitude=90.5, longitude=0.0
        ),
        lambda ids: Image(
            sha256="c" * 64, bytes=1, format="JPEG", mode="RGB", width=1, height=1, latitude=0.0, longitude=-181.0
        ),
        lambda ids: Fetch(url="u", url_hash="d" * 64, source="urls", status="ok"),
        lambda ids: Fetch(url="u", url_hash="d" * 64, source="urls", status="failed"),
        lambda ids: Fetch(url="u", url_hash="d" * 64, source="urls", status="failed", error="because"),
        lambda ids: Person(name="bob", role="king"),
        lambda ids: judgment(ids, active=False),
        lambda ids: Release(name="r", version=0, manifest_sha256=SHA, path="p", recipe={}),
    ],
)
def test_bad_states_are_refused_by_the_database(any_workspace, row):
    ids = add_basics(any_workspace)
    with pytest.raises(IntegrityError), any_workspace.write() as session:
        session.add(row(ids))


def test_a_database_from_a_newer_cairn_is_refused_in_a_sentence(any_workspace):
    with any_workspace.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from-2031'"))
    with pytest.raises(StoreVersionError, match="from-2031") as refused:
        Workspace.open(any_workspace.folder, database_url=any_workspace.settings.database_url)
    assert "upgrade" in refused.value.hint


def test_times_come_back_aware_and_in_utc(any_workspace):
    ids = add_basics(any_workspace)
    at = datetime(2026, 3, 1, 12, 30, 15, 250000, tzinfo=UTC)
    row = judgment(ids, answered_at=at)
    with any_workspace.write() as session:
        session.add(row)
    with any_workspace.read() as session:
        assert session.get_one(Judgment, row.id).answered_at == at
