"""Browser sessions in a real database: idle and absolute expiry, tampering, ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from keeping import Kept, keep
from people import principal
from sqlalchemy import text

from gateway.domain import Grade, Role
from gateway.errors import IdentityUnavailable, Unauthenticated
from gateway.identity.sessions import Sessions
from gateway.settings import IdentitySettings
from gateway.store.database import Database, database_path
from gateway.store.sessions import SessionStore

IDLE, WHOLE = 1_800.0, 28_800.0


@dataclass
class House:
    kept: Kept
    database: Database
    sessions: Sessions
    seconds: float = 1_000_000.0

    async def reason(self, secret: str) -> str:
        with pytest.raises(Unauthenticated) as refused:
            await self.sessions.find(secret)
        return refused.value.reason

    async def sql(self, statement: str) -> None:
        self.kept.strictly(statement)

    async def rows(self) -> list[str]:
        async with self.database.reading() as connection:
            return [
                str(tuple(row)) for row in await connection.execute(text("SELECT * FROM session"))
            ]


@asynccontextmanager
async def opened(place: Path | Kept) -> AsyncIterator[House]:
    kept = keep(place)
    kept.prepare()
    settings = IdentitySettings(
        issuer="https://issuer.example", session_idle_seconds=IDLE, session_seconds=WHOLE
    )
    async with kept.database() as database:
        house = House(kept, database, None)  # type: ignore[arg-type]
        house.sessions = Sessions(
            SessionStore(database), b"k" * 32, settings, now=lambda: house.seconds
        )
        yield house


async def test_session_gives_its_principal_back_until_its_end(kept: Kept) -> None:
    who = principal(Role.STAFF, Role.DEVELOPER, ceiling=Grade.C)
    async with opened(kept) as house:
        secret = await house.sessions.begin(who, "sid-1")
        found = (await house.sessions.find(secret)).principal
        assert (found.subject, found.name, found.roles) == (who.subject, who.name, who.roles)
        assert (found.ceiling, found.client, found.agency) == (who.ceiling, who.client, who.agency)
        assert found.expires_at == house.seconds + WHOLE
        await house.sessions.end(secret)
        assert await house.reason(secret) == "session_unknown"
        await house.sessions.end(secret)


async def test_secret_is_nowhere_in_the_database(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        secret = await house.sessions.begin(principal(), "")
        assert len(secret) == 43
        for path in tmp_path.iterdir():
            assert secret.encode() not in path.read_bytes()


async def test_idle_session_ends_and_a_used_one_goes_on(kept: Kept) -> None:
    async with opened(kept) as house:
        used = await house.sessions.begin(principal(), "")
        idle = await house.sessions.begin(principal(), "")
        for _ in range(4):
            house.seconds += IDLE * 0.6
            await house.sessions.find(used)
        assert await house.reason(idle) == "session_expired"
        assert await house.reason(idle) == "session_unknown"
        house.seconds += IDLE
        assert await house.reason(used) == "session_expired"


async def test_used_session_ends_at_its_absolute_time(kept: Kept) -> None:
    async with opened(kept) as house:
        secret = await house.sessions.begin(principal(), "")
        ends = house.seconds + WHOLE
        while house.seconds + 900 < ends:
            house.seconds += 900
            await house.sessions.find(secret)
        house.seconds = ends
        assert await house.reason(secret) == "session_expired"


async def test_expired_rows_are_deleted_when_a_session_begins(kept: Kept) -> None:
    async with opened(kept) as house:
        for _ in range(3):
            await house.sessions.begin(principal(), "")
        house.seconds += IDLE
        await house.sessions.begin(principal(), "")
        assert len(await house.rows()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "principal = replace(principal, '\"S\"', '\"C\"')",
        "principal = replace(principal, 'demo-a', 'demo-b')",
        "expires_at = expires_at + 1",
        "last_seen_at = last_seen_at + 1",
        "created_at = created_at - 1",
        "issuer_session = 'x'",
        "subject = 'x'",
        "renewal = 'x'",
        "confirmed_until = confirmed_until + 1",
        "tag = ''",
        "tag = upper(tag)",
        "tag = '가'",
    ],
)
async def test_row_changed_by_another_hand_is_refused(kept: Kept, change: str) -> None:
    async with opened(kept) as house:
        secret = await house.sessions.begin(principal(), "sid")
        await house.sql(f"UPDATE session SET {change}")
        assert await house.reason(secret) == "session_tampered"


async def test_row_moved_to_another_secret_is_refused(kept: Kept) -> None:
    async with opened(kept) as house:
        mine = await house.sessions.begin(principal(subject="me"), "")
        before = (await house.rows())[0]
        theirs = await house.sessions.begin(principal(subject="officer"), "")
        mine_hash = before.split("'")[1]
        await house.sql(f"DELETE FROM session WHERE id_hash = '{mine_hash}'")
        await house.sql(f"UPDATE session SET id_hash = '{mine_hash}'")
        assert await house.reason(mine) == "session_tampered"
        assert await house.reason(theirs) == "session_unknown"


async def test_logout_at_the_issuer_ends_all_its_sessions_and_no_other(kept: Kept) -> None:
    async with opened(kept) as house:
        first = await house.sessions.begin(principal(), "sid-1")
        second = await house.sessions.begin(principal(), "sid-1")
        other = await house.sessions.begin(principal(), "")
        assert await house.sessions.end_issuer_session("") == 0
        assert await house.sessions.end_issuer_session("sid-1") == 2
        assert await house.reason(first) == "session_unknown"
        assert await house.reason(second) == "session_unknown"
        await house.sessions.find(other)


@pytest.mark.parametrize("secret", ["", "x", "가" * 43, "a" * 43, "a" * 5_000, "\ud800" * 43])
async def test_invented_secret_is_unknown(kept: Kept, secret: str) -> None:
    async with opened(kept) as house:
        assert await house.reason(secret) == "session_unknown"


async def test_database_that_is_gone_refuses_with_503(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        secret = await house.sessions.begin(principal(), "")
        database_path(tmp_path).rename(tmp_path / "elsewhere")
        with pytest.raises(IdentityUnavailable):
            await house.sessions.find(secret)
        with pytest.raises(IdentityUnavailable):
            await house.sessions.begin(principal(), "")
