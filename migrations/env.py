"""Alembic's environment: runs migrations on the engine that `label_store.schema` hands over."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON, Engine

from label_store.models import Base
from label_store.models.base import UTCDateTime


def render_item(kind: str, item: Any, _autogen_context: Any) -> str | Literal[False]:
    """Write our own column types as plain SQLAlchemy ones, so that an old migration never imports new code."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        return "JSON"
    return False


def run(engine: Engine) -> None:
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=engine.dialect.name == "sqlite",
            render_item=render_item,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run(context.config.attributes["engine"])
