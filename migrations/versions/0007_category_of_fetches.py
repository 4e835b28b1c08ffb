"""The category for which an address was asked for, also where it brought no picture"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

KEY = 'fk_fetches_category_id_categories'


def upgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        # In one statement, which SQLite can; Alembic would copy the table, and leave its CHECK constraints behind.
        op.execute(f'ALTER TABLE fetches ADD COLUMN category_id INTEGER CONSTRAINT {KEY} REFERENCES categories (id)')
    else:
        op.add_column('fetches', sa.Column('category_id', sa.Integer(), nullable=True))
        op.create_foreign_key(KEY, 'fetches', 'categories', ['category_id'], ['id'])


def downgrade() -> None:
    op.drop_column('fetches', 'category_id')
