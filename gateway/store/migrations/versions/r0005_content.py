"""Sealed content: encrypted texts of records, outside the events, to be deleted one day.

In PostgreSQL also row-level security, as over events; only a session that reads all agencies
deletes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_READS_ALL = "(SELECT current_setting('gwanmun.reads', true)) = 'all'"
_OWN = "(agency = (SELECT current_setting('gwanmun.agency', true)) AND agency <> '')"


def upgrade() -> None:
    """Creates the table, and separates agencies in it."""
    op.create_table(
        "content",
        sa.Column("record_id", sa.String(32), primary_key=True),
        sa.Column("part", sa.String(16), primary_key=True),
        sa.Column("agency", sa.String(128), nullable=False),
        sa.Column("week", sa.String(16), nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("content_expires", "content", ["expires_at"])
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE content ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY content_read ON content FOR SELECT USING ({_READS_ALL} OR {_OWN})")
    op.execute("CREATE POLICY content_append ON content FOR INSERT WITH CHECK (true)")
    op.execute(f"CREATE POLICY content_delete ON content FOR DELETE USING ({_READS_ALL})")
