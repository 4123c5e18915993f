"""A gateway's limit store in a process of its own: begins calls, says so, and waits to be killed.

python limit_holder.py URL KEY-IN-HEX LEASE-SECONDS CALLS
"""

import asyncio
import sys

from limiting import Sharing
from people import LIMITS, principal


async def main(url: str, key: str, lease_seconds: str, calls: str) -> None:
    sharing = Sharing(url, lease_seconds=float(lease_seconds))
    sharing.key = bytes.fromhex(key)
    async with sharing.gateway() as store:
        for _ in range(int(calls)):
            await store.begin(principal(), LIMITS)
        print("begun", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
