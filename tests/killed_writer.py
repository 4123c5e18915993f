"""A program that writes whole records until it is killed, again and again.

Reads a line from its input for every round, and then says `pid N`, `opened ID` for each record that
is durable, and `gone` once that round's process is no more. The rounds' processes are forks, so
that a round costs no start of an interpreter. Arguments: the ledger's spec, the secrets' folder,
and the seconds after which a silent writer counts as dead.
"""

import asyncio
import os
import sys
from pathlib import Path

from keeping import kept_by
from recording import FAST
from whole_records import Handling, sealer_of

from gateway.ledger.writer import Ledger, LedgerOptions

WORKERS = 8


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # in one piece, or not at all


async def work(ledger: Ledger, home: Path, number: int) -> None:
    sealer = sealer_of(home)
    while True:
        handling = Handling(ledger, sealer)
        say("opened", await handling.begin())
        await asyncio.sleep(0.002 * number)
        handling.end()


async def write(spec: str, home: Path, silence_seconds: float) -> None:
    kept = kept_by(spec)
    options = LedgerOptions(
        **FAST | {"seal_seconds": 0.02},
        silence_seconds=silence_seconds,
        heartbeat_seconds=silence_seconds / 6,
        sealed_file=kept.data_dir / "sealed",
    )
    async with kept.database() as database, Ledger(options, database, kept.keys()) as ledger:
        await asyncio.gather(*(work(ledger, home, number) for number in range(WORKERS)))


def main() -> None:
    spec, home, silence_seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    while sys.stdin.readline():
        child = os.fork()
        if child == 0:
            say("pid", os.getpid())
            asyncio.run(write(spec, home, silence_seconds))
        _, status = os.waitpid(child, 0)
        say("gone", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
