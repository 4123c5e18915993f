"""Ledgers for tests: a data directory, events of synthetic people, and the hand of a superuser."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.domain import Grade, Outcome, PeerOrigin, Principal, Role
from gateway.ledger.events import RequestClosed, RequestOpened, RequestRefused, new_id
from gateway.ledger.keys import open_keys
from gateway.ledger.writer import Ledger, LedgerOptions
from gateway.proofs.trust import Trust
from gateway.proofs.verify import Report, verify_log
from gateway.store.database import Database, database_path
from gateway.store.dialect import guards
from gateway.store.schema import migrate
from inference.task import Tokens, Usage

AGENCY, OTHER_AGENCY = "1741000", "1352000"
FAST: dict[str, Any] = {"seal_seconds": 0.05, "durable_seconds": 2.0, "disk_reserve_bytes": 0}


def person(agency: str = AGENCY, **changes: Any) -> Principal:
    facts: dict[str, Any] = {
        "subject": "clerk-1",
        "name": "가나다",
        "agency": agency,
        "department": "주민과",
        "roles": frozenset({Role.STAFF, Role.DEVELOPER}),
        "ceiling": Grade.S,
        "client": "chat-app",
        "acr": "1",
        "expires_at": 0.0,
    }
    return Principal(**facts | changes)


ORIGIN = PeerOrigin(
    address="192.0.2.17",
    surface="openai.chat",
    caller_request_id="0193d2a4-7e70-7bd4-8d55-0d9e5f0a1c11",
)


def opened(agency: str = AGENCY, **changes: Any) -> RequestOpened:
    facts: dict[str, Any] = {
        "record_id": new_id(),
        "principal": person(agency),
        "origin": ORIGIN,
        "model": "rehearsal",
        "claimed_grade": None,
        "input_grade": Grade.S,
        "engine_grade": Grade.S,
        "policy_version": "default/1",
        "detector_version": "kr/1",
        "counts": {"KR_RRN": 1, "PERSON": 3},
        "values": {"KR_RRN": 1, "PERSON": 2},
        "texts": 2,
        "characters": 120,
        "stream": True,
    }
    return RequestOpened(**facts | changes)


def closed(record_id: str, **changes: Any) -> RequestClosed:
    facts: dict[str, Any] = {
        "record_id": record_id,
        "outcome": Outcome.COMPLETE,
        "code": "",
        "usage": Usage(attempts=["one"], parts=3, tokens=Tokens(10, 20), engine_model="served"),
        "first_part_seconds": 0.25,
        "whole_seconds": 1.5,
        "restored": {"restored": 3},
        "blanked": {},
    }
    return RequestClosed(**facts | changes)


def refused(principal: Principal | None = None, **changes: Any) -> RequestRefused:
    facts: dict[str, Any] = {
        "record_id": new_id(),
        "principal": principal,
        "origin": ORIGIN,
        "model": "",
        "code": "invalid_token",
        "reason": "expired",
    }
    return RequestRefused(**facts | changes)


@dataclass
class Clock:
    """Unix seconds that a test moves by hand."""

    now: float = 1_800_000_000.0
    ticks: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now


def prepare(data_dir: Path) -> Path:
    """A migrated data directory."""
    migrate(data_dir, database_path(data_dir))
    return data_dir


@asynccontextmanager
async def running(data_dir: Path, **options: Any) -> AsyncIterator[Ledger]:
    """A ledger on a data directory, which is prepared if it is not yet."""
    prepare(data_dir)
    async with Database(data_dir) as database:
        keys = open_keys(data_dir)
        async with Ledger(LedgerOptions(**FAST | options), database, keys) as ledger:
            yield ledger


async def record(ledger: Ledger, agency: str = AGENCY) -> str:
    """One whole record; returns its id."""
    opening = ledger.open(opened(agency))
    await opening.durable
    ledger.close(opening, closed(opening.record_id))
    return opening.record_id


def verified(data_dir: Path) -> Report:
    return verify_log(data_dir, Trust.read(data_dir / "trust.json"))


def ask(data_dir: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Reads the database beside the ledger."""
    uri = f"file:{database_path(data_dir)}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return connection.execute(query, values).fetchall()


def tamper(data_dir: Path, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    """What a superuser can do: takes the guards away, changes rows, and puts the guards back."""
    with closing(sqlite3.connect(database_path(data_dir))) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        for name in guards():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            if isinstance(statement, str):
                connection.execute(statement)
            else:
                connection.execute(*statement)
        for statement in guards().values():
            connection.execute(statement)
