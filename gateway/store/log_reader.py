"""Reads the ledger of a PostgreSQL server for verification: read-only, in pieces, as any role.

Needs no settings and no schema check: whoever may read the tables can verify them. Each piece is a
query of its own, so that a long verification keeps no snapshot from which the server would have to
preserve old rows; the tables only grow, and what is read ends at bounds taken at the start.
"""

from types import TracebackType
from typing import Self

import psycopg

from gateway.proofs.reader import Bounds, LogReader, LogUnreadable
from gateway.store.errors import StoreUnavailable
from gateway.store.place import PostgresPlace
from gateway.store.tables import SCHEMA
from gateway.store.why import why

_OPTIONS = (
    f"search_path={SCHEMA}",
    "default_transaction_read_only=on",
    "gwanmun.reads=all",  # row-level security shows events to nobody who does not say whose
    "lock_timeout=10s",
)
_GIVEN = "SELECT last_value FROM event_tail"
_BOUNDS = """
    SELECT (SELECT coalesce(max(size), 0) FROM checkpoint),
           (SELECT coalesce(max(leaf_index) + 1, 0) FROM leaf),
           (SELECT coalesce(max(position), 0) FROM event),
           coalesce((SELECT position FROM leaf ORDER BY leaf_index DESC LIMIT 1), 0),
           (SELECT size FROM tree_head WHERE id = 1), (SELECT root FROM tree_head WHERE id = 1),
           (SELECT position FROM tree_head WHERE id = 1),
           (SELECT frontier FROM tree_head WHERE id = 1),
           (SELECT coalesce(max(size), 0) FROM cosignature),
           (SELECT coalesce(max(size), 0) FROM agency_head)"""


class ServerReader(LogReader):
    """A context manager over one connection.

    Raises:
        LogUnreadable: on entering and from every method.
    """

    def __init__(self, place: PostgresPlace) -> None:
        self._place = place

    def __enter__(self) -> Self:
        options = " ".join(f"-c {option}" for option in _OPTIONS)
        try:
            self._connection = psycopg.connect(
                **self._place.arguments(),  # type: ignore[arg-type]
                password=self._place.password(),
                options=options,
                autocommit=True,
            )
        except psycopg.Error as error:
            raise LogUnreadable(why(error).english) from None
        except StoreUnavailable:
            raise LogUnreadable("the password's file cannot be read") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def bounds(self) -> Bounds:
        """What to read in this run.

        The sequence first: it follows no snapshot, and read later it could be ahead of ours. It
        remembers where the log ended when the last append began, so it is behind by that one.
        """
        ((given,),) = self._rows(_GIVEN)
        (row,) = self._rows(_BOUNDS)
        size, leaves, position, *rest = row
        # All of these are of the type BIGINT, which PostgreSQL itself sees to.
        return Bounds(size, leaves, position, max(given, position), *rest)  # type: ignore[arg-type, call-overload]

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        try:
            with self._connection.cursor(binary=True) as cursor:
                return cursor.execute(query.replace("?", "%s").encode(), values).fetchall()
        except psycopg.Error as error:
            raise LogUnreadable(why(error).english) from None
