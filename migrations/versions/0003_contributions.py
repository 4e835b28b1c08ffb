"""Contributions of the public: consent and licence of each submission, what was decided about each picture"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('submissions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=True),
    sa.Column('license', sa.String(length=100), nullable=False),
    sa.Column('author', sa.String(length=200), nullable=True),
    sa.Column('consent_version', sa.String(length=20), nullable=False),
    sa.Column('consent_text', sa.Text(), nullable=False),
    sa.Column('consented_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('length(token_hash) = 64', name=op.f('ck_submissions_token_hash_length')),
    sa.CheckConstraint("license <> ''", name=op.f('ck_submissions_license_not_empty')),
    sa.CheckConstraint("author <> ''", name=op.f('ck_submissions_author_not_empty')),
    sa.CheckConstraint("consent_version <> '' AND consent_text <> ''", name=op.f('ck_submissions_consent_not_empty')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_submissions_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_submissions')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_submissions_token_hash'))
    )
    op.create_index(op.f('ix_submissions_person_id'), 'submissions', ['person_id'])
    op.create_table('contributions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('submission_id', sa.Integer(), nullable=False),
    sa.Column('candidate_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by_id', sa.Integer(), nullable=True),
    sa.Column('reason', sa.String(length=20), nullable=True),
    sa.Column('comment', sa.Text(), nullable=False),
    sa.CheckConstraint("state IN ('waiting', 'approved', 'declined', 'withdrawn')", name=op.f('ck_contributions_state')),
    sa.CheckConstraint("reason IN ('not_shown', 'quality', 'rights', 'private', 'offensive', 'other')", name=op.f('ck_contributions_reason')),
    sa.CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name=op.f('ck_contributions_decided_has_time')),
    sa.CheckConstraint("state <> 'waiting' OR decided_by_id IS NULL", name=op.f('ck_contributions_waiting_is_undecided')),
    sa.CheckConstraint("state NOT IN ('approved', 'declined') OR decided_by_id IS NOT NULL", name=op.f('ck_contributions_decided_by_somebody')),
    sa.CheckConstraint("(state = 'declined') = (reason IS NOT NULL)", name=op.f('ck_contributions_declined_has_reason')),
    sa.CheckConstraint("state = 'declined' OR comment = ''", name=op.f('ck_contributions_comment_is_on_a_decline')),
    sa.CheckConstraint("reason <> 'other' OR comment <> ''", name=op.f('ck_contributions_other_has_comment')),
    sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_contributions_submission_id_submissions')),
    sa.ForeignKeyConstraint(['candidate_id'], ['candidates.id'], name=op.f('fk_contributions_candidate_id_candidates')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['people.id'], name=op.f('fk_contributions_decided_by_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contributions')),
    sa.UniqueConstraint('candidate_id', name=op.f('uq_contributions_candidate_id'))
    )
    op.create_index(op.f('ix_contributions_submission_id'), 'contributions', ['submission_id'])
    op.create_index(op.f('ix_contributions_state'), 'contributions', ['state'])
    op.create_index(op.f('ix_contributions_created_at'), 'contributions', ['created_at'])
    op.create_index(op.f('ix_fetches_contributor_id'), 'fetches', ['contributor_id'])


def downgrade() -> None:
    op.drop_index(op.f('ix_fetches_contributor_id'), table_name='fetches')
    op.drop_table('contributions')
    op.drop_table('submissions')
