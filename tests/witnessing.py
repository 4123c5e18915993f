"""Witnesses for tests: real ones on real sockets, of several administrations."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeping import Kept, keep
from recording import FAST
from rehearsal import serving

from gateway.api.witness import witness_app
from gateway.ledger.witness import Witness, make_witness
from gateway.ledger.witnesses import Witnesses, Witnessing
from gateway.ledger.writer import Ledger, LedgerOptions
from gateway.proofs.policy import Policy
from gateway.proofs.trust import Trust
from gateway.telemetry import make_log


@dataclass
class Running:
    """A witness that answers at a URL, and the folder behind it."""

    name: str
    url: str
    folder: Path
    witness: Witness

    @property
    def policy_line(self) -> str:
        return f"witness {self.name} {self.witness.key} {self.url}\n"

    @property
    def size(self) -> int:
        """What it has signed of the one log that it follows; 0 if nothing yet."""
        return max((log.known.size for log in self.witness.logs().values()), default=0)


def make(folder: Path, name: str, *pins: Trust) -> Witness:
    """A witness's folder that follows some logs."""
    make_witness(folder, f"{name}.example.go.kr/1", classic=name == "beta")  # of both kinds
    witness = Witness.open(folder)
    for trust in pins:
        witness.pins_file(trust.origin).write_text(trust.text())
    return witness


@asynccontextmanager
async def answering(folder: Path, name: str, *pins: Trust) -> AsyncIterator[Running]:
    """A witness at work, made if its folder is not there yet."""
    witness = Witness.open(folder) if folder.exists() else make(folder, name, *pins)
    app = witness_app(witness, make_log("critical"))
    async with serving(app, access_log=False) as url:
        yield Running(name, url, folder, witness)


@asynccontextmanager
async def three(folder: Path, *pins: Trust) -> AsyncIterator[Sequence[Running]]:
    """Witnesses of three administrations."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(answering(folder / name, name, *pins))
            for name in ("alpha", "beta", "gamma")
        ]


def policy_of(running: Sequence[Running], needed: int = 2) -> Policy:
    """So many of these administrations make a quorum."""
    names = " ".join(each.name for each in running)
    lines = "".join(each.policy_line for each in running)
    return Policy.parse(f"{lines}group administrations {needed} {names}\nquorum administrations\n")


@asynccontextmanager
async def witnessed_ledger(
    place: Path | Kept, policy: Policy, *, stale_seconds: float = 3_600.0, **options: Any
) -> AsyncIterator[tuple[Ledger, Witnesses]]:
    """A ledger whose sealer asks the policy's witnesses."""
    kept = keep(place)
    kept.prepare()
    witnessing = Witnessing(policy=policy, round_seconds=0.05, stale_seconds=stale_seconds)
    options.setdefault("sealed_file", kept.data_dir / "sealed")
    async with kept.database() as database, Witnesses(database, witnessing) as witnesses:
        ledger = Ledger(LedgerOptions(**FAST | options), database, kept.keys(), witnesses)
        async with ledger:
            yield ledger, witnesses


async def until(what: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while not await what():
            await asyncio.sleep(0.02)


async def whole(ledger: Ledger) -> bool:
    """Everything sealed is witnessed."""
    state = await ledger.state()
    return 0 < state.size == state.witnessed_size


def pins(kept: Kept) -> Trust:
    return kept.keys().pins
