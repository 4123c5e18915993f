"""One event written by a command that does its work beside running gateways, or without any.

The command is a writer of its own whose whole life is one transaction: it starts, writes, and
stops, so that no other writer ever finds it unended or is ended by it. Whoever seals the ledger
seals these events too.
"""

import os
import pwd
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.engine import Connection

from gateway.ledger.events import Event, WriterStarted, WriterStopped, canonical, new_id
from gateway.ledger.keys import KeysUnusable, LedgerKeys, mounted_keys, open_keys
from gateway.proofs.entry import SALT_BYTES, event_hash, promise
from gateway.proofs.trust import FILE_NAME
from gateway.store.database import Database
from gateway.store.dialect import begin_append
from gateway.store.events import EventRow, append_events, end_writer, last_event, start_writer
from gateway.store.schema import newest_revision


def errand_keys(data_dir: Path, key_dir: Path | None) -> LedgerKeys:
    """The writer's key of an installation; never makes any.

    Raises:
        KeysUnusable: there is none, or it is not the one that is pinned.
    """
    if key_dir is not None:
        return mounted_keys(key_dir, writes=True, seals=False)
    if not (data_dir / FILE_NAME).exists():
        raise KeysUnusable(
            data_dir / FILE_NAME,
            "키가 없습니다. 관문을 한 번 시작해야 만들어집니다.",
            "no keys here; the gateway's first start makes them.",
        )
    return open_keys(data_dir)


def account() -> str:
    """The operating system's user who runs a command: its name, or its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not stand in /etc/passwd
        return str(os.getuid())


def nothing_else(_connection: Connection) -> None:
    """What most events change beside themselves."""


async def append_alone(
    database: Database,
    keys: LedgerKeys,
    event: Event,
    *,
    build: str,
    at: float | None = None,
    also: Callable[[Connection], None] = nothing_else,
) -> None:
    """Writes one event, and what it changes `also`, in one transaction, durable when this returns.

    `at` is its time in Unix seconds, by default now.

    Raises:
        StoreUnavailable: it is not known to be durable; it may or may not have been kept.
    """
    writer, at = new_id(), time.time() if at is None else at

    def write(connection: Connection) -> None:
        tail = begin_append(connection, writer)
        started = WriterStarted(
            record_id=writer,
            key_id=keys.writer_id,
            build=build,
            schema=newest_revision(),
            previous=last_event(connection),
        )
        life = (started, event, WriterStopped(record_id=new_id()))
        start_writer(connection, writer, key_id=keys.writer_id, at=at)
        rows = [_signed(keys, writer, number, each, at) for number, each in enumerate(life)]
        append_events(connection, tail, rows)
        end_writer(connection, writer, at=at)
        also(connection)

    await database.transact(write)


def _signed(keys: LedgerKeys, writer: str, number: int, event: Event, at: float) -> EventRow:
    action, agency, body = canonical(event, at)
    salt = os.urandom(SALT_BYTES)
    message = promise(writer, number, agency=agency, salt=salt, body_hash=event_hash(body))
    signature = keys.writing_key.sign(message)
    return EventRow(writer, number, event.record_id, action, agency, body, salt, signature)
