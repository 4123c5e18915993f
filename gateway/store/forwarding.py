"""How far events have been forwarded: one row per destination, held by one process at a time.

Every function runs inside the caller's transaction in the writer's thread (`Database.transact`).
"""

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from gateway.store.dialect import server_time
from gateway.store.tables import FORWARDING


def hold_cursor(
    connection: Connection, destination: str, holder: str, *, here: float | None, seconds: float
) -> bool:
    """Whether `holder` alone forwards for the next seconds; `here` is this process's Unix time.

    None says that no other process can be alive: then whoever held it is dead.
    """
    now = server_time(connection, here or 0.0)
    known = FORWARDING.c.destination == destination
    if connection.execute(select(FORWARDING.c.position).where(known)).first() is None:
        values = {"destination": destination, "position": 0, "holder": holder}
        connection.execute(insert(FORWARDING).values(values | {"held_until": now + seconds}))
        return True
    change = update(FORWARDING).where(known)
    if here is not None:
        change = change.where((FORWARDING.c.holder == holder) | (FORWARDING.c.held_until < now))
    done = connection.execute(change.values(holder=holder, held_until=now + seconds))
    return done.rowcount == 1


def read_cursor(connection: Connection, destination: str) -> int:
    """The position up to which everything has been taken by the destination; 0 at first."""
    query = select(FORWARDING.c.position).where(FORWARDING.c.destination == destination)
    return int(connection.execute(query).scalar_one_or_none() or 0)


def move_cursor(connection: Connection, destination: str, holder: str, position: int) -> bool:
    """Says that everything up to a position has been taken; False if another process holds it."""
    change = update(FORWARDING).where(
        FORWARDING.c.destination == destination,
        FORWARDING.c.holder == holder,
        FORWARDING.c.position <= position,
    )
    return connection.execute(change.values(position=position)).rowcount == 1
