"""Whether a lease showed its holder a model's suggestion, and which suggestion a judgment was given with or without"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_items_campaign_id_suggestion", "items", "campaign_id", "suggestion"),
    ("ix_judgments_item_id_suggestion_shown", "judgments", "item_id", "suggestion_shown"),
)


def upgrade() -> None:
    json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
    op.add_column("leases", sa.Column("suggestion_shown", sa.Boolean(), nullable=True))
    op.add_column("judgments", sa.Column("suggestion", json, nullable=True))
    op.add_column("judgments", sa.Column("suggestion_shown", sa.Boolean(), nullable=True))
    for name, table, column, there in INDEXES:
        where = sa.text(f"{there} IS NOT NULL")
        op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_column("judgments", "suggestion_shown")
    op.drop_column("judgments", "suggestion")
    op.drop_column("leases", "suggestion_shown")
