"""The database's schema version: made and raised by Alembic, refused when it is from the future.

A migration's file is named by its revision, so that every other command need not import Alembic to look.
"""

from pathlib import Path

from sqlalchemy import Engine, inspect, text

import migrations
from label_store.errors import StoreVersionError

_FOLDER = Path(migrations.__file__).parent


def current_revision(engine: Engine) -> str | None:
    """The revision the database is at; None when it has no schema yet."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def revisions() -> list[str]:
    """The revisions this Cairn knows, the newest last."""
    return sorted(path.name.partition("_")[0] for path in _FOLDER.glob("versions/[0-9]*_*.py"))


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest schema; from nothing, or from any older version."""
    from alembic import command
    from alembic.config import Config

    refuse_newer(engine)
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["engine"] = engine
    command.upgrade(config, "head")


def refuse_newer(engine: Engine) -> str | None:
    """The revision the database is at; StoreVersionError when it was written by a newer Cairn."""
    at = current_revision(engine)
    if at is not None and at not in revisions():
        raise StoreVersionError(
            f"the database {_shown(engine)} is at schema {at!r}, which this version of Cairn does not know",
            hint="it was made by a newer Cairn: upgrade with `pip install -U cairn-dataset`",
        )
    return at


def require_current(engine: Engine) -> None:
    """Raise StoreVersionError unless the database has exactly the newest schema."""
    at = refuse_newer(engine)
    if at is None:
        raise StoreVersionError(f"the database {_shown(engine)} is empty", hint="make it with `cairn init`")
    if at != revisions()[-1]:
        raise StoreVersionError(
            f"the database {_shown(engine)} has an older schema ({at})",
            hint="raise it with `cairn init` in the workspace; nothing is lost",
        )


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
