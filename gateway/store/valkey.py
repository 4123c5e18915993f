"""One connection to Valkey: scripts go out in the order in which they were asked for.

What is asked while an answer is awaited goes out together as the next batch. A batch that does not
come back whole and in time ends the connection, and everything asked until `connect` succeeds
again is refused at once: nobody waits for a server that is away. Cancelling whoever asks leaves the
connection alone, and what was asked is still done. This is the only module that imports Valkey's
client.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from valkey.asyncio import Connection, ConnectionPool, SSLConnection, Valkey
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import ValkeyError

from gateway.store.errors import ValkeyAway
from gateway.store.limit_scripts import Script

CONNECT_SECONDS: Final = 2.0  # in the background: no request waits for it
MOST_AT_ONCE: Final = 256  # scripts in one batch: a batch must not run long in a server of others


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyOptions:
    """Where Valkey is, and how long one answer may take."""

    host: str
    port: int
    database: int
    tls: bool
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    deadline_seconds: float


@dataclass(frozen=True, slots=True)
class _Asked:
    script: Script
    keys: Sequence[str]
    arguments: Sequence[str | int]
    answer: "asyncio.Future[list[int]]"


class ValkeyLine:
    """The connection, as an async context manager; `here` says whether it stands."""

    def __init__(self, options: ValkeyOptions) -> None:
        self._options = options
        self._pool = _pool(options)
        self._asked: list[_Asked] = []
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.here = False
        self.lost = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._send_all())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.here:
            await self._idle.wait()  # each batch has its deadline
        self._lose()
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)
        await self._hang_up()

    async def connect(self, scripts: Sequence[Script]) -> None:
        """Connects anew and loads the scripts; what is asked then comes after them.

        Raises:
            ValkeyAway: not reachable, not who it should be, or not willing.
        """
        await self._hang_up()
        client = Valkey(connection_pool=self._pool)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                for script in scripts:
                    await client.script_load(script.text)
        except (ValkeyError, OSError, TimeoutError):
            await self._hang_up()
            raise ValkeyAway from None
        self._client = client
        self.lost.clear()
        self.here = True

    def ask(
        self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]
    ) -> "asyncio.Future[list[int]]":
        """Queues a script; the future's answer is its reply, or ValkeyAway.

        Raises:
            ValkeyAway: the connection does not stand; nothing was queued.
        """
        if not self.here:
            raise ValkeyAway
        answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._asked.append(_Asked(script, keys, arguments, answer))
        self._idle.clear()
        self._work.set()
        return answer

    async def _send_all(self) -> None:
        while True:
            await self._work.wait()
            batch, self._asked = self._asked[:MOST_AT_ONCE], self._asked[MOST_AT_ONCE:]
            try:
                for asked, reply in zip(batch, await self._answers(batch), strict=True):
                    if not asked.answer.done():
                        asked.answer.set_result(reply)
            except ValkeyAway:
                self._asked = batch + self._asked
                self._lose()
            if not self._asked:
                self._work.clear()
                self._idle.set()

    async def _answers(self, batch: Sequence[_Asked]) -> list[list[int]]:
        """The replies to one batch, all of them as scripts reply; raises ValkeyAway."""
        pipeline = self._client.pipeline(transaction=False)
        for asked in batch:
            pipeline.evalsha(
                asked.script.digest, len(asked.keys), *asked.keys, *map(str, asked.arguments)
            )
        try:
            async with asyncio.timeout(self._options.deadline_seconds):
                replies: list[list[int]] = await pipeline.execute(raise_on_error=False)
        except (ValkeyError, OSError, TimeoutError):
            raise ValkeyAway from None
        if len(replies) != len(batch) or not all(map(_is_reply, batch, replies)):
            raise ValkeyAway
        return replies

    def _lose(self) -> None:
        """Everybody who waits is told; what a caller has given up is not."""
        self.here = False
        self.lost.set()
        asked, self._asked = self._asked, []
        for one in asked:
            if not one.answer.done():
                one.answer.set_exception(ValkeyAway())

    async def _hang_up(self) -> None:
        await self._pool.disconnect()


def _is_reply(asked: _Asked, reply: object) -> bool:
    """Whether it is what the script says; an error, or another hand's answer, is not."""
    return (
        isinstance(reply, list)
        and len(reply) == asked.script.replies
        and all(isinstance(item, int) for item in reply)
    )


def _pool(options: ValkeyOptions) -> ConnectionPool:
    """A pool of one: commands of one connection keep their order."""
    arguments: dict[str, object] = {
        "host": options.host,
        "port": options.port,
        "db": options.database,
        "username": options.username or None,
        "password": options.password or None,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
        "client_name": "gwanmun",
    }
    if options.tls:
        arguments |= {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
            "ssl_ca_certs": str(options.ca_file) if options.ca_file else None,
            "ssl_min_version": ssl.TLSVersion.TLSv1_2,
        }
    kind = SSLConnection if options.tls else Connection
    return ConnectionPool(connection_class=kind, max_connections=1, **arguments)
