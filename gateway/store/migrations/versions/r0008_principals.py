"""With which rights each person or system was last seen."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table, without rows."""
    op.create_table(
        "principal",
        sa.Column("subject", sa.String(256), primary_key=True),
        sa.Column("client", sa.String(256), primary_key=True),
        sa.Column("agency", sa.String(128), nullable=False),
        sa.Column("rights", sa.Text, nullable=False),
    )
