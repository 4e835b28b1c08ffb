"""Takedowns know of which kind their perceptual hash is, and releases record the split of what people could not tell"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CHECK = "ck_release_images_split"
SPLITS, SPLITS_BEFORE = "('train', 'val', 'test', 'unsure')", "('train', 'val', 'test')"


def upgrade() -> None:
    op.add_column("takedowns", sa.Column("phash_version", sa.Integer(), nullable=True))
    _allow(SPLITS, 6)


def downgrade() -> None:
    op.execute("DELETE FROM release_images WHERE split = 'unsure'")
    _allow(SPLITS_BEFORE, 5)
    with op.batch_alter_table("takedowns") as batch:
        batch.drop_column("phash_version")


def _allow(splits: str, length: int) -> None:
    with op.batch_alter_table("release_images") as batch:
        batch.drop_constraint(op.f(CHECK), type_="check")
        batch.alter_column("split", type_=sa.String(length), existing_nullable=False)
        batch.create_check_constraint(op.f(CHECK), f"split IN {splits}")
