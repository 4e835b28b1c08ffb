"""Leases that cost the same however much was judged: SQLite's index of active judgments can be used by queries,
and leases carry no index that nothing reads"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

# SQLite uses a partial index only for a query that says its condition in the same words, and a boolean column
# is compared with 1 there: with `WHERE active` the index held the rule and answered nothing.
ACTIVE, ACTIVE_BEFORE = sa.text('active = 1'), sa.text('active')


def upgrade() -> None:
    op.drop_index('uq_judgments_one_active', table_name='judgments')
    op.create_index('uq_judgments_one_active', 'judgments', ['item_id', 'person_id', 'role'], unique=True,
                    sqlite_where=ACTIVE, postgresql_where=sa.text('active'))
    op.drop_index('ix_leases_token', table_name='leases')
    op.drop_index('ix_leases_deadline', table_name='leases')


def downgrade() -> None:
    op.create_index('ix_leases_deadline', 'leases', ['deadline'])
    op.create_index('ix_leases_token', 'leases', ['token'])
    op.drop_index('uq_judgments_one_active', table_name='judgments')
    op.create_index('uq_judgments_one_active', 'judgments', ['item_id', 'person_id', 'role'], unique=True,
                    sqlite_where=ACTIVE_BEFORE, postgresql_where=sa.text('active'))
