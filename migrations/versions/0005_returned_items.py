"""Items that a reviewer gave back to people: how many more judgments they may get"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('items', sa.Column('extra', sa.Integer(), nullable=False, server_default='0'))


def downgrade() -> None:
    op.drop_column('items', 'extra')
