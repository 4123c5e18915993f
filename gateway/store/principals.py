"""With which rights each person or system was last seen: one row per subject and client."""

from dataclasses import asdict, dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from gateway.store.database import Database
from gateway.store.tables import PRINCIPAL


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalRow:
    """One row; `rights` is JSON, whose form is the ledger's affair."""

    subject: str
    client: str
    agency: str
    rights: str


async def last_seen(database: Database, subject: str, client: str) -> PrincipalRow | None:
    """The row of a subject and client.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    query = select(PRINCIPAL).where(PRINCIPAL.c.subject == subject, PRINCIPAL.c.client == client)
    async with database.reading() as connection:
        row = (await connection.execute(query)).mappings().one_or_none()
    return PrincipalRow(**row) if row else None


async def keep_seen(database: Database, row: PrincipalRow) -> None:
    """Writes a row over the one of the same subject and client, or as a new one.

    Raises:
        StoreUnavailable: the database cannot be written.
    """
    same = (PRINCIPAL.c.subject == row.subject) & (PRINCIPAL.c.client == row.client)
    change = update(PRINCIPAL).where(same).values(agency=row.agency, rights=row.rights)

    def write(connection: Connection) -> bool:
        if connection.execute(change).rowcount == 0:
            connection.execute(insert(PRINCIPAL).values(**asdict(row)))
        return True

    await database.transact(write)
