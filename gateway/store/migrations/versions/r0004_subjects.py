"""The index of who was handled: tokens of identifiers, outside the events, to be deleted one day.

In PostgreSQL also row-level security, as over events; here also for deleting, which only a session
does that reads all agencies.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_READS_ALL = "(SELECT current_setting('gwanmun.reads', true)) = 'all'"
_OWN = "(agency = (SELECT current_setting('gwanmun.agency', true)) AND agency <> '')"


def upgrade() -> None:
    """Creates the table, and separates agencies in it."""
    op.create_table(
        "subject",
        sa.Column("agency", sa.String(128), primary_key=True),
        sa.Column("token", sa.LargeBinary(32), primary_key=True),
        sa.Column("record_id", sa.String(32), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("subject_at", "subject", ["at"])
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE subject ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY subject_read ON subject FOR SELECT USING ({_READS_ALL} OR {_OWN})")
    op.execute("CREATE POLICY subject_append ON subject FOR INSERT WITH CHECK (true)")
    op.execute(f"CREATE POLICY subject_delete ON subject FOR DELETE USING ({_READS_ALL})")
