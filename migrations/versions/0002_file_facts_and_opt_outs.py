"""What a picture's file says of its place, author and rights; the opt-outs in force at a fetch

Columns are added in place: rebuilding `images` or `fetches`, as SQLite needs for table constraints, would empty
the tables that refer to them. The checks therefore belong to the columns.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

CHECKS = {
    'latitude': "CONSTRAINT ck_images_latitude_range CHECK (latitude BETWEEN -90 AND 90)",
    'longitude': "CONSTRAINT ck_images_longitude_range CHECK (longitude BETWEEN -180 AND 180) "
    "CONSTRAINT ck_images_place_whole CHECK ((latitude IS NULL) = (longitude IS NULL))",
}


def upgrade() -> None:
    kind = 'DOUBLE PRECISION' if op.get_bind().dialect.name == 'postgresql' else 'DOUBLE'
    for column, checks in CHECKS.items():
        op.execute(f"ALTER TABLE images ADD COLUMN {column} {kind} {checks}")
    op.add_column('images', sa.Column('rights', sa.Text(), nullable=True))
    op.add_column('images', sa.Column('creator', sa.Text(), nullable=True))
    op.add_column('fetches', sa.Column('opt_outs', JSON, server_default='[]', nullable=False))


def downgrade() -> None:
    op.drop_column('fetches', 'opt_outs')
    for column in ('creator', 'rights', 'longitude', 'latitude'):
        op.drop_column('images', column)
