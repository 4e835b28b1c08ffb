"""Campaigns in full: order, limits a category, budget's page, crowd platforms; items a model disputes; kept figures"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql')
    double = sa.Double().compile(op.get_bind().dialect)
    # Added by hand, with their checks: recreating the table, SQLite's other way, would empty those that refer to it.
    for column in (
        "item_order VARCHAR(10) DEFAULT 'auto' NOT NULL"
        " CONSTRAINT ck_campaigns_item_order CHECK (item_order IN ('auto', 'near_first', 'near_last'))",
        "per_category_limit INTEGER CONSTRAINT ck_campaigns_category_limit_from_one CHECK (per_category_limit >= 1)",
        f"suggestions_hidden {double} DEFAULT '0' NOT NULL"
        " CONSTRAINT ck_campaigns_hidden_share CHECK (suggestions_hidden >= 0 AND suggestions_hidden <= 1)",
    ):
        op.execute(f'ALTER TABLE campaigns ADD COLUMN {column}')
    op.add_column('campaigns', sa.Column('page', json, nullable=True))
    op.add_column('campaigns', sa.Column('crowd', json, nullable=True))
    op.add_column('items', sa.Column('priority', sa.Integer(), nullable=False, server_default='0'))
    op.drop_index('ix_items_campaign_id_state_n', table_name='items')
    op.create_index('ix_items_campaign_id_state_n_id', 'items', ['campaign_id', 'state', 'n', 'id'])
    op.create_index('ix_items_campaign_id_category_id_state_n_id', 'items', ['campaign_id', 'category_id', 'state', 'n', 'id'])
    op.create_index('ix_items_campaign_id_priority', 'items', ['campaign_id', 'priority'],
                    sqlite_where=sa.text('priority > 0'), postgresql_where=sa.text('priority > 0'))
    op.create_index('ix_items_campaign_id_gold', 'items', ['campaign_id'],
                    sqlite_where=sa.text('gold IS NOT NULL'), postgresql_where=sa.text('gold IS NOT NULL'))
    op.create_table('campaign_figures',
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seconds', sa.Double(), nullable=False),
    sa.Column('figures', json, nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_campaign_figures_campaign_id_campaigns'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('campaign_id', name=op.f('pk_campaign_figures'))
    )


def downgrade() -> None:
    op.drop_table('campaign_figures')
    op.drop_index('ix_items_campaign_id_gold', table_name='items')
    op.drop_index('ix_items_campaign_id_priority', table_name='items')
    op.drop_index('ix_items_campaign_id_category_id_state_n_id', table_name='items')
    op.drop_index('ix_items_campaign_id_state_n_id', table_name='items')
    op.create_index('ix_items_campaign_id_state_n', 'items', ['campaign_id', 'state', 'n'])
    op.drop_column('items', 'priority')
    for column in ('suggestions_hidden', 'crowd', 'page', 'per_category_limit', 'item_order'):
        op.drop_column('campaigns', column)
