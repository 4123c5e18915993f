"""Ledgers for tests: events of synthetic people, a running ledger, and the hand of a superuser.

Where a function takes a place, that is a `Kept`, or the path of a data directory with SQLite.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keeping import Kept, Statement, keep

from gateway.domain import Grade, Outcome, PeerOrigin, Principal, Role
from gateway.ledger.events import RequestClosed, RequestOpened, RequestRefused, new_id
from gateway.ledger.in_force import InForce, KeysInForce, digests
from gateway.ledger.writer import Ledger, LedgerOptions
from gateway.proofs.tree import Frontier, leaf_hash
from gateway.proofs.verify import Report
from inference.task import Tokens, Usage

AGENCY, OTHER_AGENCY = "1741000", "1352000"
SIGNED = ("checkpoint", "cosignature", "agency_head")
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


KEYS = KeysInForce(sealer=("a",), writers=("w",))


def in_force(
    policy: str = "기본-1@sha256:aa",
    keys: KeysInForce = KEYS,
    **groups: object,
) -> InForce:
    return InForce(
        build="1.0",
        detector="kr/1",
        policy=policy,
        packs=("kr",),
        groups=digests(groups),
        keys=keys,
    )


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


def prepare(place: Path | Kept) -> None:
    """Brings the tables up to date."""
    keep(place).prepare()


@asynccontextmanager
async def running(place: Path | Kept, **options: Any) -> AsyncIterator[Ledger]:
    """A ledger, prepared if it is not yet."""
    kept = keep(place)
    kept.prepare()
    async with kept.database() as database:
        keys = kept.keys()
        options.setdefault("sealed_file", kept.data_dir / "sealed")
        async with Ledger(LedgerOptions(**FAST | options), database, keys) as ledger:
            yield ledger


async def record(ledger: Ledger, agency: str = AGENCY) -> str:
    """One whole record; returns its id."""
    opening = ledger.open(opened(agency))
    await opening.durable
    ledger.close(opening, closed(opening.record_id))
    return opening.record_id


def verified(place: Path | Kept) -> Report:
    return keep(place).verified()


def ask(place: Path | Kept, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Reads the database beside the ledger."""
    return keep(place).ask(query, *values)


def tamper(place: Path | Kept, *statements: Statement) -> None:
    """What a superuser can do: takes the guards away, changes rows, and puts the guards back."""
    keep(place).tamper(*statements)


def cut_tail(place: Path | Kept, size: int) -> None:
    """Takes away all behind the first leaves, so that nothing in the database says of it."""
    kept, tree = keep(place), Frontier()
    leaves = "SELECT position, entry FROM leaf WHERE leaf_index < ? ORDER BY leaf_index"
    rows = kept.ask(leaves, size)
    for _, entry in rows:
        tree.append(leaf_hash(bytes(entry)))
    head = (size, tree.root(), tree.hashes(), rows[-1][0])
    kept.tamper(
        ("DELETE FROM event WHERE position > ?", head[3:]),
        ("DELETE FROM leaf WHERE leaf_index >= ?", (size,)),
        ("DELETE FROM subtree WHERE (number + 1) * 256 > ?", (size,)),
        *((f"DELETE FROM {table} WHERE size > ?", (size,)) for table in SIGNED),
        ("UPDATE tree_head SET size = ?, root = ?, frontier = ?, position = ?", head),
        kept.forget_behind(head[3]),
    )
