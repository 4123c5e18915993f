"""A program that records while its disk fails at one write after the other.

It runs below parts/faults.py. For each try it says one JSON object a line: the number of the write
that failed, and what came of it; the last try meets no failing write any more. Arguments: a
migrated data directory; the folders for its copies, one a try, and for their copies at the moment
of the failure; the secrets' folder; the errno; how many writes fail in a row (0: all, until the
disk is well again); and how far the tries are apart (1: every write fails in one of them).
"""

import asyncio
import json
import shutil
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from keeping import KeptInFile
from parts.faults import FOREVER, Faults
from recording import FAST
from whole_records import Handling, sealer_of

from gateway.errors import AuditUnavailable
from gateway.ledger.content import ContentSealer
from gateway.ledger.writer import Ledger, LedgerOptions
from gateway.store.errors import StoreError

RECORDS = 2
PATIENCE_SECONDS = 20


class Try:
    """One run of the flow on its own copy, with the disk failing from one of its writes on."""

    def __init__(self, data_dir: Path, aside: Path, sealer: ContentSealer, faults: Faults) -> None:
        self.kept = KeptInFile(data_dir)
        self.aside = aside
        self.faults = faults
        self.sealer = sealer
        self.acknowledged: list[str] = []
        self.said: dict[str, Any] = {"acknowledged": self.acknowledged, "refused": 0}

    async def run(self, number: int, error: int, calls: int) -> dict[str, Any]:
        self.faults.fail(number, error, calls or FOREVER)
        try:
            async with AsyncExitStack() as stack:
                ledger = await self.started(stack)
                await self.use(ledger)
                if self.faults.failed:
                    await self.meanwhile(ledger, calls)
        except StoreError as error_at_start:
            self.said["not_started"] = type(error_at_start).__name__
        self.said["failed"] = self.faults.failed
        self.faults.heal()
        async with AsyncExitStack() as stack:
            await self.record(await self.started(stack))
        return self.said

    async def started(self, stack: AsyncExitStack) -> Ledger:
        options = LedgerOptions(
            **FAST | {"seal_seconds": 0.01},
            heartbeat_seconds=0.05,
            sealed_file=self.kept.data_dir / "sealed",
        )
        database = await stack.enter_async_context(self.kept.database())
        return await stack.enter_async_context(Ledger(options, database, self.kept.keys()))

    async def record(self, ledger: Ledger) -> None:
        handling = Handling(ledger, self.sealer)
        try:
            self.acknowledged.append(await handling.begin())
        finally:
            handling.end()

    async def use(self, ledger: Ledger) -> None:
        """Records, and waits until it is sealed; or until the disk has failed."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(RECORDS):
                try:
                    await self.record(ledger)
                except AuditUnavailable:
                    self.said["refused"] += 1
            while (await ledger.state()).unsealed and not self.faults.failed:
                await asyncio.sleep(0.002)

    async def meanwhile(self, ledger: Ledger, calls: int) -> None:
        """The disk fails; then it is well, and the ledger goes on by itself."""
        try:
            await self.record(ledger)
        except AuditUnavailable:
            self.said["refused"] += 1
            self.said["trouble"] = str((await ledger.state()).trouble)
        if not calls:  # as if it were killed here, where it can write nothing
            self.said["acknowledged_aside"] = len(self.acknowledged)
            shutil.copytree(self.kept.data_dir, self.aside, copy_function=_copied)
        self.faults.heal()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await ledger.state()).healthy:
                await asyncio.sleep(0.005)
            await self.record(ledger)
        self.said["went_on"] = True


def _copied(source: str, copy: str) -> None:
    with suppress(FileNotFoundError):  # a draft that was thrown away meanwhile
        shutil.copy2(source, copy)


async def main() -> None:
    source, folder, copies, home = map(Path, sys.argv[1:5])
    error, calls, stride = map(int, sys.argv[5:8])
    faults, sealer = Faults(home / "plan"), sealer_of(home)
    number, failed = 1, 1
    while failed:
        shutil.copytree(source, folder / str(number))
        tried = Try(folder / str(number), copies / str(number), sealer, faults)
        said = await tried.run(number, error, calls)
        failed = said["failed"]
        print(json.dumps({"number": number, **said}), flush=True)
        number += stride


if __name__ == "__main__":
    asyncio.run(main())
