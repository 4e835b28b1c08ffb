"""How much each person has judged of each category of a campaign, counted in the transaction that changes it"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("judgments", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_tallies_campaign_id_campaigns"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_tallies_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "person_id", "category_id", name=op.f("pk_tallies")),
    )
    op.execute("""
    INSERT INTO tallies (campaign_id, person_id, category_id, judgments)
    SELECT items.campaign_id, judgments.person_id, coalesce(items.category_id, 0), count(*)
    FROM judgments JOIN items ON items.id = judgments.item_id
    WHERE judgments.active AND judgments.role = 'annotator'
    GROUP BY items.campaign_id, judgments.person_id, coalesce(items.category_id, 0)
    """)


def downgrade() -> None:
    op.drop_table("tallies")
