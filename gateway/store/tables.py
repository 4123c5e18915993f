"""The tables, as SQLAlchemy Core metadata: what is stored, and nothing of how.

The migrations create them; a test compares the two. Tables in INSERT_ONLY may only ever grow: the
database itself refuses every change and deletion of their rows (see dialect).
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

# SQLite gives only INTEGER keys the meaning of a row id; other databases need 64 bits spelt out.
_BIG = BigInteger().with_variant(Integer(), "sqlite")

# One process that writes events. `floor` is a sequence number below which every opened record of
# this writer is closed; it only shortens the search for lost records and is allowed to be stale.
WRITER = Table(
    "writer",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("floor", _BIG, nullable=False),
    Column("ended_at", Float),
)

# `position` is the order of commits. `body` holds the canonical JSON, byte for byte as hashed and
# signed; `record_id`, `action` and `agency` repeat what it says so that it can be found.
EVENT = Table(
    "event",
    METADATA,
    Column("position", _BIG, primary_key=True),
    Column("writer", String(32), nullable=False),
    Column("sequence", _BIG, nullable=False),
    Column("record_id", String(32), nullable=False),
    Column("action", String(64), nullable=False),
    Column("agency", String(128), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("salt", LargeBinary(32), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    UniqueConstraint("writer", "sequence", name="event_writer_sequence"),
    Index("event_record", "record_id"),
    Index("event_agency", "agency", "position"),
    sqlite_autoincrement=True,
)

# No foreign key to the event: a leaf outlives its event, whose retention ends one day.
LEAF = Table(
    "leaf",
    METADATA,
    Column("leaf_index", _BIG, primary_key=True, autoincrement=False),
    Column("position", _BIG, nullable=False, unique=True),
    Column("agency", String(128), nullable=False),
    Column("agency_number", _BIG, nullable=False),
    Column("entry", LargeBinary(33), nullable=False),
    UniqueConstraint("agency", "agency_number", name="leaf_agency_number"),
)

# The hash of each complete subtree of 256^level leaves, level 1 and up: what a proof is built from
# without reading every leaf.
SUBTREE = Table(
    "subtree",
    METADATA,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", _BIG, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)

# Every tree head that was ever signed, as a C2SP signed note.
CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    Column("size", _BIG, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("sealed_at", Float, nullable=False),
    Column("note", Text, nullable=False),
)

# The one mutable row of the tree: sealing replaces (size, root) only if both are as it read them.
TREE_HEAD = Table(
    "tree_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("size", _BIG, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("position", _BIG, nullable=False),
)

# Browser sessions. The cookie's secret is not here, only its hash; `tag` authenticates the row.
SESSION = Table(
    "session",
    METADATA,
    Column("id_hash", String(64), primary_key=True),
    Column("principal", Text, nullable=False),
    Column("tag", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("last_seen_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("issuer_session", String(255), nullable=False),
    Index("session_expires", "expires_at"),
    Index("session_issuer", "issuer_session"),
)

INSERT_ONLY = (EVENT, LEAF, SUBTREE, CHECKPOINT)
