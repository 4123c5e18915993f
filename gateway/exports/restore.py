"""A database that was put back: is it this log, how old is it, and what must not come back with it?

1. All of it verifies with the pins. 2. It is compared with the last checkpoint that was remembered
outside it: it has grown out of that, is older, or is another log. 3. An event says that it was put
back, from what and over what, and in its transaction goes what was erased since. Only then may
anything be served.
"""

import os
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final

from gateway.ledger.errand import append_alone
from gateway.ledger.keys import LedgerKeys
from gateway.ledger.restored import DatabaseRestored
from gateway.proofs.note import Checkpoint
from gateway.proofs.reader import LogReader
from gateway.proofs.tree import EMPTY_ROOT, Frontier, leaf_hash
from gateway.store.content import delete_content_of, whose_content
from gateway.store.database import Database
from gateway.store.private_file import sync_folder
from gateway.store.snapshot import gather

_AT_ONCE: Final = 500
_BESIDE: Final = ("-wal", "-shm")


class Standing(StrEnum):
    """A database against what was remembered of the log; a closed set of words."""

    GROWN = "grown"
    OLDER = "older"  # what was sealed since the remembered checkpoint's beginning is missing
    OTHER = "other"  # another history under the same keys


def standing(reader: LogReader, size: int, known: Checkpoint | None) -> Standing:
    """How a verified log of `size` leaves stands to the checkpoint that is known of it.

    Raises:
        LogUnreadable: it cannot be read.
    """
    if known is None:
        return Standing.GROWN
    if known.size > size:
        return Standing.OLDER
    tree = Frontier()
    for entry in reader.entries(known.size):
        tree.append(leaf_hash(entry if isinstance(entry, bytes) else b""))
    root = tree.root() if tree.size else EMPTY_ROOT
    return Standing.GROWN if (tree.size, root) == (known.size, known.root) else Standing.OTHER


async def still_there(database: Database, listed: Sequence[str]) -> list[str]:
    """Those of the erased records whose content stands in the database again.

    Raises:
        StoreUnavailable: it cannot be read.
    """
    async with database.reading() as connection:
        return [
            record_id
            for first in range(0, len(listed), _AT_ONCE)
            for _, record_id in await whose_content(connection, listed[first : first + _AT_ONCE])
        ]


async def tell(
    database: Database,
    keys: LedgerKeys,
    event: DatabaseRestored,
    erased: Sequence[str],
    *,
    build: str,
) -> None:
    """Writes the event, and deletes the content of these records in its transaction.

    Raises:
        StoreUnavailable: it is not known to be kept.
    """
    also = partial(delete_content_of, record_ids=erased)
    await append_alone(database, keys, event, build=build, also=also)


def put_in_place(draft: Path, path: Path, stamp: str) -> Path | None:
    """Gives a database file its name; the one before it is kept aside, under the name returned.

    At no moment is there no database, so that a command that is killed leaves none to be begun
    anew. A write-ahead log goes aside even without its database: it would be read into this one.

    Raises:
        OSError, StoreUnavailable: it cannot be moved.
    """
    gather(draft)
    aside, there = path.with_name(f"{path.name}.replaced-{stamp}"), path.exists()
    if there and not (aside.exists() and aside.samefile(path)):  # of a command that was killed
        os.link(path, aside)
    for suffix in _BESIDE:
        before = path.with_name(path.name + suffix)
        if before.exists():
            before.rename(f"{aside}{suffix}")
    draft.replace(path)
    sync_folder(path.parent)
    return aside if there else None
