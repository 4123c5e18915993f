"""How far the events have been forwarded to each destination, and which gateway forwards now."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table, without rows."""
    op.create_table(
        "forwarding",
        sa.Column("destination", sa.String(32), primary_key=True),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("held_until", sa.Float, nullable=False),
    )
