"""The database's schema version: made and raised by Alembic, refused when it is from the future."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

import migrations
from label_store.errors import StoreVersionError


def _config(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["engine"] = engine
    return config


def current_revision(engine: Engine) -> str | None:
    """The revision the database is at; None when it has no schema yet."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision(engine: Engine) -> str:
    """The revision this Cairn knows as its newest."""
    head = ScriptDirectory.from_config(_config(engine)).get_current_head()
    assert head is not None, "the package carries no migrations"
    return head


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest schema; from nothing, or from any older version."""
    refuse_newer(engine)
    command.upgrade(_config(engine), "head")


def refuse_newer(engine: Engine) -> None:
    """Raise StoreVersionError when the database was written by a newer Cairn."""
    at = current_revision(engine)
    known = {script.revision for script in ScriptDirectory.from_config(_config(engine)).walk_revisions()}
    if at is not None and at not in known:
        raise StoreVersionError(
            f"the database {_shown(engine)} is at schema {at!r}, which this version of Cairn does not know",
            hint="it was made by a newer Cairn: upgrade with `pip install -U cairn-dataset`",
        )


def require_current(engine: Engine) -> None:
    """Raise StoreVersionError unless the database has exactly the newest schema."""
    refuse_newer(engine)
    at = current_revision(engine)
    if at is None:
        raise StoreVersionError(f"the database {_shown(engine)} is empty", hint="make it with `cairn init`")
    if at != newest_revision(engine):
        raise StoreVersionError(
            f"the database {_shown(engine)} has an older schema ({at})",
            hint="raise it with `cairn init` in the workspace; nothing is lost",
        )


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
