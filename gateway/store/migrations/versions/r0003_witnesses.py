"""What others sign of the tree, and what is signed for one agency; all insert-only.

Cosignatures of witnesses over checkpoints, rotations of the log's keys, and agencies' heads.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_GUARDED = ("cosignature", "key_rotation", "agency_head")


def upgrade() -> None:
    """Creates the three tables with their guards."""
    op.create_table(
        "cosignature",
        sa.Column("size", _big(), primary_key=True, autoincrement=False),
        sa.Column("witness", sa.String(320), primary_key=True),
        sa.Column("signed_at", _big(), nullable=False),
        sa.Column("line", sa.Text, nullable=False),
    )
    op.create_table(
        "key_rotation",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "agency_head",
        sa.Column("size", _big(), primary_key=True, autoincrement=False),
        sa.Column("agency", sa.String(128), primary_key=True),
        sa.Column("leaves", _big(), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    for table in _GUARDED:
        _guard(table)


def _guard(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for word in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{word} BEFORE {word.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )
        return
    for word in ("update", "delete", "truncate"):
        name = f"{table}_no_{word}"
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {word.upper()} ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
