"""Alembic migrations of the label store; `label_store.schema` runs them."""
