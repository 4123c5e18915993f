"""Rows of browser sessions: one short transaction for each function.

Takes and gives SessionRow as it is; what its tag must be and when a session is over is known to
gateway.identity.sessions only. No secret comes here, only its hash.
"""

from dataclasses import asdict, dataclass, field

from sqlalchemy import Delete, delete, insert, or_, select, update

from gateway.store.database import Database
from gateway.store.tables import SESSION


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session. Hash and tag are hexadecimal, times are Unix seconds."""

    id_hash: str
    principal: str = field(repr=False)
    tag: str
    created_at: float
    last_seen_at: float
    expires_at: float
    issuer_session: str
    subject: str
    renewal: str = field(repr=False)
    confirmed_until: float


class SessionStore:
    """The session table. Every function raises StoreUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, row: SessionRow, *, ended_before: float, idle_since: float) -> None:
        """Keeps a session, and deletes those that ended or were last seen before these times."""
        over = or_(SESSION.c.expires_at <= ended_before, SESSION.c.last_seen_at <= idle_since)
        async with self._database.writing() as connection:
            await connection.execute(delete(SESSION).where(over))
            await connection.execute(insert(SESSION).values(**asdict(row)))

    async def find(self, id_hash: str) -> SessionRow | None:
        """The session of this hash."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(SESSION).where(SESSION.c.id_hash == id_hash))
            row = found.mappings().one_or_none()
        return SessionRow(**row) if row else None

    async def change(self, tag: str, row: SessionRow) -> bool:
        """Writes a row over the one that has this tag, and says whether it still had it.

        An ended session stays ended; of two changes at once the first one counts.
        """
        async with self._database.writing() as connection:
            changed = await connection.execute(
                update(SESSION)
                .where(SESSION.c.id_hash == row.id_hash, SESSION.c.tag == tag)
                .values(**asdict(row))
            )
        return changed.rowcount == 1

    async def delete(self, id_hash: str) -> None:
        """Ends a session; an unknown one is no error."""
        await self._delete(delete(SESSION).where(SESSION.c.id_hash == id_hash))

    async def delete_by_issuer_session(self, issuer_session: str) -> int:
        """Ends every session of one login at the issuer; returns how many."""
        return await self._delete(delete(SESSION).where(SESSION.c.issuer_session == issuer_session))

    async def delete_by_subject(self, subject: str) -> int:
        """Ends every session of one person or system; returns how many."""
        return await self._delete(delete(SESSION).where(SESSION.c.subject == subject))

    async def _delete(self, statement: Delete) -> int:
        async with self._database.writing() as connection:
            return (await connection.execute(statement)).rowcount
