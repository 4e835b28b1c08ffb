"""The whole schema of the first version"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table('campaigns',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('slug', sa.String(length=100), nullable=False),
    sa.Column('title', sa.String(length=300), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('guideline', sa.Text(), nullable=False),
    sa.Column('stopping', JSON, nullable=False),
    sa.Column('gold_rate', sa.Double(), nullable=False),
    sa.Column('per_person_limit', sa.Integer(), nullable=True),
    sa.Column('budget', sa.Double(), nullable=True),
    sa.Column('price_per_judgment', sa.Double(), nullable=False),
    sa.Column('open_to_all', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('consensus_method', sa.String(length=100), nullable=True),
    sa.Column('consensus_version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind IN ('verify', 'classify', 'attributes', 'boxes', 'polygons')", name=op.f('ck_campaigns_kind')),
    sa.CheckConstraint("slug <> ''", name=op.f('ck_campaigns_slug_not_empty')),
    sa.CheckConstraint("state IN ('draft', 'open', 'paused', 'closed')", name=op.f('ck_campaigns_state')),
    sa.CheckConstraint('gold_rate >= 0 AND gold_rate < 1', name=op.f('ck_campaigns_gold_rate_share')),
    sa.CheckConstraint('price_per_judgment >= 0', name=op.f('ck_campaigns_price_not_negative')),
    sa.CheckConstraint('budget >= 0', name=op.f('ck_campaigns_budget_not_negative')),
    sa.CheckConstraint('per_person_limit >= 1', name=op.f('ck_campaigns_limit_from_one')),
    sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name=op.f('ck_campaigns_closed_has_time')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaigns')),
    sa.UniqueConstraint('slug', name=op.f('uq_campaigns_slug'))
    )
    op.create_table('categories',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('slug', sa.String(length=200), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('definition', sa.Text(), nullable=False),
    sa.Column('synonyms', JSON, nullable=False),
    sa.Column('translations', JSON, nullable=False),
    sa.Column('wnid', sa.String(length=20), nullable=True),
    sa.Column('guideline', sa.Text(), nullable=False),
    sa.Column('examples', JSON, nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("slug <> ''", name=op.f('ck_categories_slug_not_empty')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_categories')),
    sa.UniqueConstraint('slug', name=op.f('uq_categories_slug')),
    sa.UniqueConstraint('wnid', name=op.f('uq_categories_wnid'))
    )
    op.create_table('images',
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('bytes', sa.Integer(), nullable=False),
    sa.Column('format', sa.String(length=20), nullable=False),
    sa.Column('mode', sa.String(length=20), nullable=False),
    sa.Column('width', sa.Integer(), nullable=False),
    sa.Column('height', sa.Integer(), nullable=False),
    sa.Column('orientation', sa.Integer(), nullable=False),
    sa.Column('icc_name', sa.Text(), nullable=True),
    sa.Column('taken_at', sa.String(length=30), nullable=True),
    sa.Column('frames', sa.Integer(), nullable=False),
    sa.Column('phash', sa.String(length=16), nullable=True),
    sa.Column('phash_version', sa.Integer(), nullable=True),
    sa.Column('group', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('bytes > 0', name=op.f('ck_images_has_bytes')),
    sa.CheckConstraint('length(sha256) = 64', name=op.f('ck_images_sha256_length')),
    sa.CheckConstraint('width > 0 AND height > 0', name=op.f('ck_images_has_pixels')),
    sa.PrimaryKeyConstraint('sha256', name=op.f('pk_images'))
    )
    with op.batch_alter_table('images', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_images_group'), ['group'], unique=False)
        batch_op.create_index(batch_op.f('ix_images_phash'), ['phash'], unique=False)

    op.create_table('people',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=True),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('language', sa.String(length=20), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("name <> ''", name=op.f('ck_people_name_not_empty')),
    sa.CheckConstraint("role IN ('owner', 'curator', 'reviewer', 'annotator', 'contributor', 'viewer', 'model')", name=op.f('ck_people_role')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_people')),
    sa.UniqueConstraint('name', name=op.f('uq_people_name'))
    )
    op.create_table('releases',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('manifest_sha256', sa.String(length=64), nullable=False),
    sa.Column('parent_id', sa.Integer(), nullable=True),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('recipe', JSON, nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("name <> ''", name=op.f('ck_releases_name_not_empty')),
    sa.CheckConstraint('version >= 1', name=op.f('ck_releases_version_from_one')),
    sa.ForeignKeyConstraint(['parent_id'], ['releases.id'], name=op.f('fk_releases_parent_id_releases')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_releases')),
    sa.UniqueConstraint('name', 'version', name=op.f('uq_releases_name_version'))
    )
    op.create_table('attributes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('category_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('choices', JSON, nullable=False),
    sa.Column('multiple', sa.Boolean(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.CheckConstraint("name <> ''", name=op.f('ck_attributes_name_not_empty')),
    sa.ForeignKeyConstraint(['category_id'], ['categories.id'], name=op.f('fk_attributes_category_id_categories'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attributes')),
    sa.UniqueConstraint('category_id', 'name', name=op.f('uq_attributes_category_id_name'))
    )
    op.create_table('campaign_categories',
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('category_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_campaign_categories_campaign_id_campaigns'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['category_id'], ['categories.id'], name=op.f('fk_campaign_categories_category_id_categories')),
    sa.PrimaryKeyConstraint('campaign_id', 'category_id', name=op.f('pk_campaign_categories'))
    )
    op.create_table('category_parents',
    sa.Column('child_id', sa.Integer(), nullable=False),
    sa.Column('parent_id', sa.Integer(), nullable=False),
    sa.CheckConstraint('child_id <> parent_id', name=op.f('ck_category_parents_not_itself')),
    sa.ForeignKeyConstraint(['child_id'], ['categories.id'], name=op.f('fk_category_parents_child_id_categories'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['parent_id'], ['categories.id'], name=op.f('fk_category_parents_parent_id_categories'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('child_id', 'parent_id', name=op.f('pk_category_parents'))
    )
    with op.batch_alter_table('category_parents', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_category_parents_parent_id'), ['parent_id'], unique=False)

    op.create_table('events',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=True),
    sa.Column('action', sa.String(length=50), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('detail', JSON, nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_events_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_events'))
    )
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_events_at'), ['at'], unique=False)
        batch_op.create_index(batch_op.f('ix_events_subject'), ['subject'], unique=False)

    op.create_table('fetches',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('url_hash', sa.String(length=64), nullable=False),
    sa.Column('source', sa.String(length=50), nullable=False),
    sa.Column('query', sa.Text(), nullable=True),
    sa.Column('page_url', sa.Text(), nullable=True),
    sa.Column('title', sa.Text(), nullable=True),
    sa.Column('caption', sa.Text(), nullable=True),
    sa.Column('license', sa.Text(), nullable=True),
    sa.Column('author', sa.Text(), nullable=True),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('error', sa.String(length=20), nullable=True),
    sa.Column('detail', sa.Text(), nullable=True),
    sa.Column('http_status', sa.Integer(), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('retry_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('etag', sa.Text(), nullable=True),
    sa.Column('last_modified', sa.Text(), nullable=True),
    sa.Column('overrides', JSON, nullable=False),
    sa.Column('image_sha256', sa.String(length=64), nullable=True),
    sa.Column('contributor_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(status = 'ok') = (image_sha256 IS NOT NULL)", name=op.f('ck_fetches_ok_has_image')),
    sa.CheckConstraint("(status IN ('failed', 'refused')) = (error IS NOT NULL)", name=op.f('ck_fetches_error_has_reason')),
    sa.CheckConstraint("error IN ('dns', 'connect', 'tls', 'timeout', 'http_4xx', 'http_5xx', 'robots', 'opted_out', 'private_address', 'too_large', 'not_image', 'undecodable', 'takedown')", name=op.f('ck_fetches_error')),
    sa.CheckConstraint("status IN ('pending', 'ok', 'failed', 'refused')", name=op.f('ck_fetches_status')),
    sa.ForeignKeyConstraint(['contributor_id'], ['people.id'], name=op.f('fk_fetches_contributor_id_people')),
    sa.ForeignKeyConstraint(['image_sha256'], ['images.sha256'], name=op.f('fk_fetches_image_sha256_images')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fetches')),
    sa.UniqueConstraint('url_hash', name=op.f('uq_fetches_url_hash'))
    )
    with op.batch_alter_table('fetches', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_fetches_image_sha256'), ['image_sha256'], unique=False)
        batch_op.create_index(batch_op.f('ix_fetches_source'), ['source'], unique=False)
        batch_op.create_index(batch_op.f('ix_fetches_status'), ['status'], unique=False)

    op.create_table('invitations',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=True),
    sa.Column('created_by_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('used_by_id', sa.Integer(), nullable=True),
    sa.CheckConstraint("role IN ('owner', 'curator', 'reviewer', 'annotator', 'contributor', 'viewer', 'model')", name=op.f('ck_invitations_role')),
    sa.CheckConstraint('(used_at IS NULL) = (used_by_id IS NULL)', name=op.f('ck_invitations_used_by_somebody')),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_invitations_campaign_id_campaigns'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['created_by_id'], ['people.id'], name=op.f('fk_invitations_created_by_id_people')),
    sa.ForeignKeyConstraint(['used_by_id'], ['people.id'], name=op.f('fk_invitations_used_by_id_people')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_invitations'))
    )
    op.create_table('items',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('image_sha256', sa.String(length=64), nullable=False),
    sa.Column('category_id', sa.Integer(), nullable=True),
    sa.Column('gold', JSON, nullable=True),
    sa.Column('suggestion', JSON, nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('open', 'settled', 'disputed')", name=op.f('ck_items_state')),
    sa.CheckConstraint('n >= 0', name=op.f('ck_items_n_not_negative')),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_items_campaign_id_campaigns'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['category_id'], ['categories.id'], name=op.f('fk_items_category_id_categories')),
    sa.ForeignKeyConstraint(['image_sha256'], ['images.sha256'], name=op.f('fk_items_image_sha256_images')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_items')),
    sa.UniqueConstraint('campaign_id', 'image_sha256', 'category_id', name=op.f('uq_items_campaign_id_image_sha256_category_id'))
    )
    with op.batch_alter_table('items', schema=None) as batch_op:
        batch_op.create_index('ix_items_campaign_id_state_n', ['campaign_id', 'state', 'n'], unique=False)
        batch_op.create_index(batch_op.f('ix_items_image_sha256'), ['image_sha256'], unique=False)
        batch_op.create_index('uq_items_campaign_id_image_sha256_no_category', ['campaign_id', 'image_sha256'], unique=True, sqlite_where=sa.text('category_id IS NULL'), postgresql_where=sa.text('category_id IS NULL'))

    op.create_table('release_images',
    sa.Column('release_id', sa.Integer(), nullable=False),
    sa.Column('image_sha256', sa.String(length=64), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('split', sa.String(length=5), nullable=False),
    sa.Column('label', sa.Integer(), nullable=False),
    sa.Column('group', sa.String(length=64), nullable=False),
    sa.CheckConstraint("split IN ('train', 'val', 'test')", name=op.f('ck_release_images_split')),
    sa.ForeignKeyConstraint(['image_sha256'], ['images.sha256'], name=op.f('fk_release_images_image_sha256_images')),
    sa.ForeignKeyConstraint(['release_id'], ['releases.id'], name=op.f('fk_release_images_release_id_releases'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('release_id', 'image_sha256', name=op.f('pk_release_images')),
    sa.UniqueConstraint('release_id', 'key', name=op.f('uq_release_images_release_id_key'))
    )
    with op.batch_alter_table('release_images', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_release_images_image_sha256'), ['image_sha256'], unique=False)

    op.create_table('sessions',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('scopes', JSON, nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('browser', 'token')", name=op.f('ck_sessions_kind')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_sessions_person_id_people'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_sessions'))
    )
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sessions_person_id'), ['person_id'], unique=False)

    op.create_table('takedowns',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=True),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('url_hash', sa.String(length=64), nullable=True),
    sa.Column('phash', sa.String(length=16), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('sha256 IS NOT NULL OR url_hash IS NOT NULL OR phash IS NOT NULL', name=op.f('ck_takedowns_names_something')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_takedowns_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_takedowns'))
    )
    with op.batch_alter_table('takedowns', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_takedowns_sha256'), ['sha256'], unique=False)
        batch_op.create_index(batch_op.f('ix_takedowns_url_hash'), ['url_hash'], unique=False)

    op.create_table('candidates',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('image_sha256', sa.String(length=64), nullable=False),
    sa.Column('category_id', sa.Integer(), nullable=False),
    sa.Column('fetch_id', sa.Integer(), nullable=False),
    sa.Column('query', sa.Text(), nullable=True),
    sa.Column('caption', sa.Text(), nullable=True),
    sa.Column('approved', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['category_id'], ['categories.id'], name=op.f('fk_candidates_category_id_categories')),
    sa.ForeignKeyConstraint(['fetch_id'], ['fetches.id'], name=op.f('fk_candidates_fetch_id_fetches')),
    sa.ForeignKeyConstraint(['image_sha256'], ['images.sha256'], name=op.f('fk_candidates_image_sha256_images')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_candidates')),
    sa.UniqueConstraint('image_sha256', 'category_id', 'fetch_id', name=op.f('uq_candidates_image_sha256_category_id_fetch_id'))
    )
    with op.batch_alter_table('candidates', schema=None) as batch_op:
        batch_op.create_index('ix_candidates_category_id_image_sha256', ['category_id', 'image_sha256'], unique=False)
        batch_op.create_index(batch_op.f('ix_candidates_fetch_id'), ['fetch_id'], unique=False)

    op.create_table('consensus',
    sa.Column('item_id', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('answer', JSON, nullable=True),
    sa.Column('posterior', JSON, nullable=False),
    sa.Column('risk', sa.Double(), nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('method', sa.String(length=100), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('open', 'settled', 'disputed')", name=op.f('ck_consensus_state')),
    sa.CheckConstraint('n >= 0', name=op.f('ck_consensus_n_not_negative')),
    sa.CheckConstraint('risk >= 0 AND risk <= 1', name=op.f('ck_consensus_risk_share')),
    sa.CheckConstraint("state <> 'settled' OR answer IS NOT NULL", name=op.f('ck_consensus_settled_has_answer')),
    sa.ForeignKeyConstraint(['item_id'], ['items.id'], name=op.f('fk_consensus_item_id_items'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('item_id', 'version', name=op.f('pk_consensus'))
    )
    op.create_table('judgments',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('item_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(length=10), nullable=False),
    sa.Column('answer', JSON, nullable=False),
    sa.Column('shown_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('active_ms', sa.Integer(), nullable=False),
    sa.Column('supersedes', sa.Uuid(), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("role IN ('annotator', 'reviewer', 'model')", name=op.f('ck_judgments_role')),
    sa.CheckConstraint('active = (undone_at IS NULL)', name=op.f('ck_judgments_undone_is_not_active')),
    sa.CheckConstraint('active_ms >= 0', name=op.f('ck_judgments_active_ms_not_negative')),
    sa.ForeignKeyConstraint(['item_id'], ['items.id'], name=op.f('fk_judgments_item_id_items')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_judgments_person_id_people')),
    sa.ForeignKeyConstraint(['supersedes'], ['judgments.id'], name=op.f('fk_judgments_supersedes_judgments')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_judgments')),
    sa.UniqueConstraint('supersedes', name=op.f('uq_judgments_supersedes'))
    )
    with op.batch_alter_table('judgments', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_judgments_item_id'), ['item_id'], unique=False)
        batch_op.create_index('ix_judgments_person_id_received_at', ['person_id', 'received_at'], unique=False)
        batch_op.create_index('uq_judgments_one_active', ['item_id', 'person_id', 'role'], unique=True, sqlite_where=sa.text('active'), postgresql_where=sa.text('active'))

    op.create_table('leases',
    sa.Column('item_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('token', sa.Uuid(), nullable=False),
    sa.Column('leased_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('deadline', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_leases_campaign_id_campaigns'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['item_id'], ['items.id'], name=op.f('fk_leases_item_id_items'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_leases_person_id_people'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('item_id', 'person_id', name=op.f('pk_leases'))
    )
    with op.batch_alter_table('leases', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_leases_deadline'), ['deadline'], unique=False)
        batch_op.create_index('ix_leases_person_id_campaign_id', ['person_id', 'campaign_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_leases_token'), ['token'], unique=False)

    op.create_table('predictions',
    sa.Column('run', sa.String(length=200), nullable=False),
    sa.Column('item_id', sa.Integer(), nullable=False),
    sa.Column('probabilities', JSON, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['item_id'], ['items.id'], name=op.f('fk_predictions_item_id_items'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('run', 'item_id', name=op.f('pk_predictions'))
    )


def downgrade() -> None:
    op.drop_table('predictions')
    with op.batch_alter_table('leases', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_leases_token'))
        batch_op.drop_index('ix_leases_person_id_campaign_id')
        batch_op.drop_index(batch_op.f('ix_leases_deadline'))

    op.drop_table('leases')
    with op.batch_alter_table('judgments', schema=None) as batch_op:
        batch_op.drop_index('uq_judgments_one_active', sqlite_where=sa.text('active'), postgresql_where=sa.text('active'))
        batch_op.drop_index('ix_judgments_person_id_received_at')
        batch_op.drop_index(batch_op.f('ix_judgments_item_id'))

    op.drop_table('judgments')
    op.drop_table('consensus')
    with op.batch_alter_table('candidates', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_candidates_fetch_id'))
        batch_op.drop_index('ix_candidates_category_id_image_sha256')

    op.drop_table('candidates')
    with op.batch_alter_table('takedowns', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_takedowns_url_hash'))
        batch_op.drop_index(batch_op.f('ix_takedowns_sha256'))

    op.drop_table('takedowns')
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sessions_person_id'))

    op.drop_table('sessions')
    with op.batch_alter_table('release_images', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_release_images_image_sha256'))

    op.drop_table('release_images')
    with op.batch_alter_table('items', schema=None) as batch_op:
        batch_op.drop_index('uq_items_campaign_id_image_sha256_no_category', sqlite_where=sa.text('category_id IS NULL'), postgresql_where=sa.text('category_id IS NULL'))
        batch_op.drop_index(batch_op.f('ix_items_image_sha256'))
        batch_op.drop_index('ix_items_campaign_id_state_n')

    op.drop_table('items')
    op.drop_table('invitations')
    with op.batch_alter_table('fetches', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_fetches_status'))
        batch_op.drop_index(batch_op.f('ix_fetches_source'))
        batch_op.drop_index(batch_op.f('ix_fetches_image_sha256'))

    op.drop_table('fetches')
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_events_subject'))
        batch_op.drop_index(batch_op.f('ix_events_at'))

    op.drop_table('events')
    with op.batch_alter_table('category_parents', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_category_parents_parent_id'))

    op.drop_table('category_parents')
    op.drop_table('campaign_categories')
    op.drop_table('attributes')
    op.drop_table('releases')
    op.drop_table('people')
    with op.batch_alter_table('images', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_images_phash'))
        batch_op.drop_index(batch_op.f('ix_images_group'))

    op.drop_table('images')
    op.drop_table('categories')
    op.drop_table('campaigns')
