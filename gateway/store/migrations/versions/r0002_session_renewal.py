"""Browser sessions keep what renews them: whose they are, the issuer's sealed tokens, until when.

Every session ends with this step: its authenticated tag covers the new columns too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns to a table that has been emptied."""
    op.execute("DELETE FROM session")
    for column in (
        sa.Column("subject", sa.String(256), nullable=False, server_default=""),
        sa.Column("renewal", sa.Text, nullable=False, server_default=""),
        sa.Column("confirmed_until", sa.Float, nullable=False, server_default="0"),
    ):
        op.add_column("session", column)
    op.create_index("session_subject", "session", ["subject"])
