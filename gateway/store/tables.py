"""The tables, as SQLAlchemy Core metadata: what is stored, and nothing of how.

The migrations create them; a test compares the two. Tables in INSERT_ONLY may only ever grow: the
database itself refuses every change and deletion of their rows (see dialect), but for events that
were pruned.
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

SCHEMA = "gwanmun"  # in PostgreSQL; SQLite has none
EVENT_TAIL = "event_tail"  # the sequence in PostgreSQL that remembers the last position given out
POOL_TIMEOUT_SECONDS = 5.0  # longest wait for a connection of this process

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

# `position` is the order of commits, without gaps: it is given under the lock of append, not by the
# database, whose own counters run ahead of what is committed. `body` holds the canonical JSON, byte
# for byte as hashed and signed; `record_id`, `action` and `agency` repeat what it says so that it
# can be found.
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

# A witness's signature line over the checkpoint of this size; `witness` is its key's name and id,
# `signed_at` the time that it signed (Unix seconds).
COSIGNATURE = Table(
    "cosignature",
    METADATA,
    Column("size", _BIG, primary_key=True, autoincrement=False),
    Column("witness", String(320), primary_key=True),
    Column("signed_at", _BIG, nullable=False),
    Column("line", Text, nullable=False),
)

# How the log's keys followed each other, from 1: notes signed by the old keys and the new ones.
KEY_ROTATION = Table(
    "key_rotation",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)

# What the sealer has signed for one agency at the checkpoint of this size: how many of the leaves
# are its own, and the last one's entry.
AGENCY_HEAD = Table(
    "agency_head",
    METADATA,
    Column("size", _BIG, primary_key=True, autoincrement=False),
    Column("agency", String(128), primary_key=True),
    Column("leaves", _BIG, nullable=False),
    Column("note", Text, nullable=False),
)

# How far all events have been forwarded to a destination; `holder` is the process that forwards
# now, until `held_until` (Unix seconds) unless it says so again.
FORWARDING = Table(
    "forwarding",
    METADATA,
    Column("destination", String(32), primary_key=True),
    Column("position", _BIG, nullable=False),
    Column("holder", String(32), nullable=False),
    Column("held_until", Float, nullable=False),
)

# With which rights each person or system was last seen, by the client that its token was given to.
PRINCIPAL = Table(
    "principal",
    METADATA,
    Column("subject", String(256), primary_key=True),
    Column("client", String(256), primary_key=True),
    Column("agency", String(128), nullable=False),
    Column("rights", Text, nullable=False),
)

# Browser sessions. The cookie's secret is not here, only its hash; `tag` authenticates the row.
# `renewal` holds the issuer's tokens, sealed under a key that needs the cookie's secret.
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
    Column("subject", String(256), nullable=False, server_default=""),
    Column("renewal", Text, nullable=False, server_default=""),
    Column("confirmed_until", Float, nullable=False, server_default="0"),
    Index("session_expires", "expires_at"),
    Index("session_issuer", "issuer_session"),
    Index("session_subject", "subject"),
)

# Who was handled: a token for each identifier that a request held, outside the events and deleted
# by retention. `at` is in Unix seconds. Tokens are personal data: who has the key finds a person by
# them, and without it they still tell which of an agency's requests were about the same one.
SUBJECT = Table(
    "subject",
    METADATA,
    Column("agency", String(128), primary_key=True),
    Column("token", LargeBinary(32), primary_key=True),
    Column("record_id", String(32), primary_key=True),
    Column("at", Float, nullable=False),
    Index("subject_at", "at"),
    sqlite_with_rowid=False,
)

# A text of a record, sealed to the agency's officers and its CPO. `part` is prompt, answer or
# reason; `week` names the week key outside the database under which `key` lies.
CONTENT = Table(
    "content",
    METADATA,
    Column("record_id", String(32), primary_key=True),
    Column("part", String(16), primary_key=True),
    Column("agency", String(128), nullable=False),
    Column("week", String(16), nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("content_expires", "expires_at"),
)

# What is left of an event whose retention has ended: its place in its writer's numbers, and `act`,
# the record id of the event that tells of the pruning. Only where such a row stands may the event
# itself be deleted (see dialect); its leaf stays.
PRUNED = Table(
    "pruned",
    METADATA,
    Column("position", _BIG, primary_key=True, autoincrement=False),
    Column("writer", String(32), nullable=False),
    Column("sequence", _BIG, nullable=False),
    Column("action", String(64), nullable=False),
    Column("act", String(32), nullable=False),
    UniqueConstraint("writer", "sequence", name="pruned_writer_sequence"),
)

INSERT_ONLY = (EVENT, LEAF, SUBTREE, CHECKPOINT, COSIGNATURE, KEY_ROTATION, AGENCY_HEAD, PRUNED)
