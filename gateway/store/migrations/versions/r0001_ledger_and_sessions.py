"""The ledger's tables with their insert-only guards, and browser sessions.

In PostgreSQL also: a sequence that remembers the log's end, and row-level security over events.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_GUARDED = ("event", "leaf", "subtree", "checkpoint")


def upgrade() -> None:
    """Creates everything, and the empty tree's head."""
    _ledger()
    _tree()
    _sessions()
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgres()
        _separate_agencies()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for table in _GUARDED:
        for word in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{word} BEFORE {word.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )


def _guard_postgres() -> None:
    """Beside the rights: against whoever holds more of them than the gateway.

    ALWAYS: they fire in a session that calls itself a replica, too.
    """
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''% is insert-only'', TG_TABLE_NAME "
        "USING ERRCODE = ''restrict_violation''; END'"
    )
    for table in _GUARDED:
        for word in ("update", "delete", "truncate"):
            name = f"{table}_no_{word}"
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {word.upper()} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    op.execute("CREATE SEQUENCE event_tail MINVALUE 0 START 0")


def _separate_agencies() -> None:
    """A session sees the events of the agency that it names, or all if it says that it reads all.

    One that says nothing sees none. The owner is exempt: it migrates and makes backups.
    """
    op.execute("ALTER TABLE event ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY event_read ON event FOR SELECT USING ("
        "(SELECT current_setting('gwanmun.reads', true)) = 'all' OR "
        "(agency = (SELECT current_setting('gwanmun.agency', true)) AND agency <> ''))"
    )
    op.execute("CREATE POLICY event_append ON event FOR INSERT WITH CHECK (true)")


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _numbered_by_sqlite() -> bool:
    """Its AUTOINCREMENT remembers the last number ever given; PostgreSQL has `event_tail`."""
    return op.get_bind().dialect.name == "sqlite"


def _ledger() -> None:
    op.create_table(
        "writer",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.Column("floor", _big(), nullable=False),
        sa.Column("ended_at", sa.Float),
    )
    op.create_table(
        "event",
        sa.Column("position", _big(), primary_key=True, autoincrement=_numbered_by_sqlite()),
        sa.Column("writer", sa.String(32), nullable=False),
        sa.Column("sequence", _big(), nullable=False),
        sa.Column("record_id", sa.String(32), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("agency", sa.String(128), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("salt", sa.LargeBinary(32), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.UniqueConstraint("writer", "sequence", name="event_writer_sequence"),
        sqlite_autoincrement=True,
    )
    op.create_index("event_record", "event", ["record_id"])
    op.create_index("event_agency", "event", ["agency", "position"])


def _tree() -> None:
    op.create_table(
        "leaf",
        sa.Column("leaf_index", _big(), primary_key=True, autoincrement=False),
        sa.Column("position", _big(), nullable=False, unique=True),
        sa.Column("agency", sa.String(128), nullable=False),
        sa.Column("agency_number", _big(), nullable=False),
        sa.Column("entry", sa.LargeBinary(33), nullable=False),
        sa.UniqueConstraint("agency", "agency_number", name="leaf_agency_number"),
    )
    op.create_table(
        "subtree",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", _big(), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", _big(), primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed_at", sa.Float, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    head = op.create_table(
        "tree_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("size", _big(), nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
        sa.Column("position", _big(), nullable=False),
    )
    # The root of an empty tree is the hash of nothing (RFC 6962 section 2.1).
    empty = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    op.bulk_insert(head, [{"id": 1, "size": 0, "root": empty, "frontier": b"", "position": 0}])


def _sessions() -> None:
    op.create_table(
        "session",
        sa.Column("id_hash", sa.String(64), primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("tag", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("last_seen_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("issuer_session", sa.String(255), nullable=False),
    )
    op.create_index("session_expires", "session", ["expires_at"])
    op.create_index("session_issuer", "session", ["issuer_session"])
