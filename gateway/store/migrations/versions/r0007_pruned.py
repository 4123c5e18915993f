"""Events whose retention has ended: what stays of them, and the one way in which they may go."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table, guards it, and lets an event go only where its row here stays."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "pruned",
        sa.Column("position", big, primary_key=True, autoincrement=False),
        sa.Column("writer", sa.String(32), nullable=False),
        sa.Column("sequence", big, nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("act", sa.String(32), nullable=False),
        sa.UniqueConstraint("writer", "sequence", name="pruned_writer_sequence"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgres()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for word in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER pruned_no_{word} BEFORE {word.upper()} ON pruned "
            "BEGIN SELECT RAISE(ABORT, 'pruned is insert-only'); END"
        )
    op.execute("DROP TRIGGER event_no_delete")
    op.execute(
        "CREATE TRIGGER event_no_delete BEFORE DELETE ON event "
        "WHEN NOT EXISTS (SELECT 1 FROM pruned WHERE pruned.position = OLD.position) "
        "BEGIN SELECT RAISE(ABORT, 'event is insert-only'); END"
    )


def _guard_postgres() -> None:
    for word in ("update", "delete", "truncate"):
        op.execute(
            f"CREATE TRIGGER pruned_no_{word} BEFORE {word.upper()} ON pruned "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"ALTER TABLE pruned ENABLE ALWAYS TRIGGER pruned_no_{word}")
    op.execute(
        "CREATE FUNCTION refuse_unpruned() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NOT EXISTS (SELECT 1 FROM gwanmun.pruned p WHERE p.position = OLD.position) "
        "THEN RAISE EXCEPTION ''% is insert-only'', TG_TABLE_NAME "
        "USING ERRCODE = ''restrict_violation''; END IF; RETURN OLD; END'"
    )
    op.execute("DROP TRIGGER event_no_delete ON event")
    op.execute(
        "CREATE TRIGGER event_no_delete BEFORE DELETE ON event "
        "FOR EACH ROW EXECUTE FUNCTION refuse_unpruned()"
    )
    op.execute("ALTER TABLE event ENABLE ALWAYS TRIGGER event_no_delete")
    op.execute(
        "CREATE POLICY event_prune ON event FOR DELETE "
        "USING ((SELECT current_setting('gwanmun.reads', true)) = 'all')"
    )
