"""Outside witnesses: asks them to sign the newest checkpoint, and says how far a quorum has.

Each is asked by itself (c2sp.org/tlog-witness), by HTTPS or, where there is no network, through a
folder (`witness_files`). What they sign is kept beside the checkpoint. A witness that knows more
than this database, or another tree, is proof that the database is not the log that it saw: then
nothing is sealed any more until somebody has looked.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from gateway.ledger.log_files import newest_witnessed
from gateway.ledger.paths import path
from gateway.ledger.witness_files import WitnessFiles, is_folder
from gateway.outward.http import Outward, OutwardFailed
from gateway.proofs.note import NoteInvalid, open_note, without_signatures
from gateway.proofs.policy import NONE, Policy, Witness
from gateway.proofs.tree import consistency_ranges
from gateway.proofs.witness import request_text, size_of
from gateway.proofs.witnessed import Witnessed
from gateway.store.cosignatures import (
    CosignatureRow,
    add_cosignatures,
    checkpoint_at,
    first_checkpoint_after,
    last_cosigned_sizes,
)
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from gateway.store.leaves import CheckpointRow, last_checkpoint

_SECONDS: Final = 5.0  # the longest that a witness may take to answer
_MOST_BYTES: Final = 16 * 1024
_SIGNED, _CONFLICT, _DIFFERS = 200, 409, 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessing:
    """Whom to ask and how often; `stale_seconds` is how long growth may wait for a quorum.

    `asks` is False in a process that does not seal: it only looks at what others have collected.
    """

    policy: Policy
    round_seconds: float = 10.0
    stale_seconds: float = 3_600.0
    ca_file: Path | None = None
    asks: bool = True
    clock: Callable[[], float] = time.time


class Differs(Exception):
    """A witness has signed what this database does not hold; `size` is what it knows, if it says.

    The log was put back, cut off, or written anew: or the witness lies, which only people can tell.
    """

    def __init__(self, witness: str, size: int | None) -> None:
        super().__init__(witness)
        self.witness = witness
        self.size = size


class _Asked(NamedTuple):
    """What a witness answered about the checkpoint of one size; nothing of it is checked."""

    witness: Witness
    size: int
    lines: str


class Witnesses:
    """The policy's witnesses; an async context manager that owns its connections.

    `witnessed` is the newest quorum that is known, `waiting_seconds` how long the oldest checkpoint
    beyond it has waited, and `stale` an alarm: that is too long. `differs` is set once a witness
    has signed what the database does not hold.
    """

    def __init__(self, database: Database, witnessing: Witnessing) -> None:
        self.witnessed: Witnessed | None = None
        self.waiting_seconds = 0.0
        self.stale = False
        self.differs: Differs | None = None
        self._database = database
        self._how = witnessing
        self._recalled = False
        self._waiting: tuple[int, float] | None = None  # the size, and when it was first seen
        self._seen: dict[str, int] = {}  # by key: the size that the witness signed last, it seems
        self._signed: dict[str, int] = {}  # by key: the largest size of which its line is kept
        urls = [witness.url for witness in witnessing.policy.witnesses.values()]
        self._outward = Outward(
            [url for url in urls if not is_folder(url)],
            private_ca_file=witnessing.ca_file,
            total_seconds=_SECONDS,
            max_bytes=_MOST_BYTES,
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._outward)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def policy(self) -> Policy:
        """Who has to sign."""
        return self._how.policy

    @property
    def wanted(self) -> bool:
        """Whether the policy wants any witness at all."""
        return self._how.policy.quorum != NONE

    async def run(self) -> None:
        """Asks again and again, until cancelled or a witness differs; failures only wait."""
        while self.differs is None:
            await asyncio.sleep(self._how.round_seconds)
            try:
                await self.ask()
            except StoreUnavailable:
                continue

    async def ask(self) -> None:
        """One round: every witness that has not signed the newest checkpoint is asked.

        Raises:
            StoreUnavailable: the database cannot be read or written.
        """
        if not self._recalled:
            await self._recall()
        async with self._database.reading() as connection:
            newest = await last_checkpoint(connection)
        if newest and self._how.asks:
            asked = await asyncio.gather(
                *(self._ask(witness, newest) for witness in self._how.policy.witnesses.values()),
                return_exceptions=True,
            )
            await self._keep(asked)
        await self._look()

    async def _keep(self, asked: Sequence[_Asked | BaseException | None]) -> None:
        """What one witness fails to answer takes nothing from the others' answers."""
        answers = [answer for answer in asked if isinstance(answer, _Asked)]
        rows = [await self._row(answer) for answer in answers]
        kept = [row for row in rows if row]
        if kept:
            await self._database.transact(lambda connection: add_cosignatures(connection, kept))
        for answer, row in zip(answers, rows, strict=True):
            key = str(answer.witness.key)
            if row:  # only now is it ours: before, it would be lost with a cancelled run
                self._seen[key] = max(answer.size, self._seen.get(key, 0))
                self._signed[key] = max(answer.size, self._signed.get(key, 0))
            if is_folder(answer.witness.url):
                await self._take_up(answer, used=row is not None)
        for failure in asked:
            if isinstance(failure, Differs):
                self.differs = failure
            elif isinstance(failure, BaseException):
                raise failure

    async def _row(self, answer: _Asked) -> CosignatureRow | None:
        """The answer's line, if it is this witness's signature of the checkpoint of that size."""
        key = answer.witness.key
        async with self._database.reading() as connection:
            checkpoint = await checkpoint_at(connection, answer.size)
        if checkpoint is None:
            return None
        text = without_signatures(checkpoint.note)
        try:
            (signed, *_) = open_note(f"{text}\n{answer.lines}", [key]).signatures
        except NoteInvalid:
            return None
        return CosignatureRow(answer.size, _named(answer.witness), signed.time or 0, signed.line)

    async def _look(self) -> None:
        """How far a quorum has signed, and whether the rest has waited for too long."""
        async with self._database.reading() as connection:
            size = self.witnessed.size if self.witnessed else 0
            newest = await newest_witnessed(connection, self._how.policy, above=size)
            self.witnessed = newest.witnessed if newest else self.witnessed
            size = self.witnessed.size if self.witnessed else 0
            waiting = await first_checkpoint_after(connection, size)
        self.waiting_seconds = self._waited(waiting) if waiting and self.wanted else 0.0
        self.stale = self.waiting_seconds > self._how.stale_seconds

    def _waited(self, waiting: CheckpointRow) -> float:
        """For how long a checkpoint waits, in seconds: by its own time, or since it was first seen
        here, whichever is longer. So a clock that goes back puts no alarm off.
        """
        here = asyncio.get_running_loop().time()
        if self._waiting is None or self._waiting[0] != waiting.size:
            self._waiting = waiting.size, here
        return max(self._how.clock() - waiting.sealed_at, here - self._waiting[1])

    async def _recall(self) -> None:
        """What each witness has signed before this process began, as this database says.

        It may be an older one: so each is asked again, though it has signed the newest checkpoint.
        Not those behind a folder, whom that would cost somebody's way.
        """
        async with self._database.reading() as connection:
            known = await last_cosigned_sizes(connection)
        for witness in self._how.policy.witnesses.values():
            size = known.get(_named(witness), 0)
            self._seen[str(witness.key)] = size
            if is_folder(witness.url):
                self._signed[str(witness.key)] = size
        self._recalled = True

    async def _ask(self, witness: Witness, newest: CheckpointRow) -> _Asked | None:
        """Its answer about the newest checkpoint; None where there is none of use.

        Raises:
            Differs: it has signed another tree, or a larger one.
            StoreUnavailable: the proof cannot be read.
        """
        if not witness.url or self._signed.get(str(witness.key)) == newest.size:
            return None
        if is_folder(witness.url):
            return await self._ask_by_file(witness, newest)
        for _ in range(2):  # a second time from the size that it says it knows
            request = await self._request(witness, newest)
            try:
                answer = await self._outward.post(
                    f"{witness.url.rstrip('/')}/add-checkpoint", request.encode()
                )
            except OutwardFailed:
                return None
            if answer.status == _SIGNED:
                return _Asked(witness, newest.size, answer.body.decode(errors="replace"))
            if answer.status == _DIFFERS:
                raise Differs(witness.name, None)
            known = size_of(answer.body.decode(errors="replace"))
            if answer.status != _CONFLICT or known is None:
                return None
            if not await self._knows(witness, known, newest.size):
                return None
        return None

    async def _ask_by_file(self, witness: Witness, newest: CheckpointRow) -> _Asked | None:
        files = WitnessFiles(witness.url)
        try:
            asked = await asyncio.to_thread(files.asked)
            answer = await asyncio.to_thread(files.answer) if asked is not None else ""
            known = size_of(answer)
            if asked is not None and answer and known is None:
                return _Asked(witness, asked, answer)
            if known is not None:
                await self._knows(witness, known, newest.size)
                await asyncio.to_thread(files.done)
            if asked is None or known is not None:
                await asyncio.to_thread(files.ask, await self._request(witness, newest))
        except OSError:
            return None
        return None

    async def _take_up(self, answer: _Asked, *, used: bool) -> None:
        """An answer's file makes room for the next; one of no use is laid aside."""
        files = WitnessFiles(answer.witness.url)
        with suppress(OSError):
            await asyncio.to_thread(files.done if used else files.refuse)

    async def _request(self, witness: Witness, newest: CheckpointRow) -> str:
        old = min(self._seen.get(str(witness.key), 0), newest.size)
        async with self._database.reading() as connection:
            hashes = await path(connection, consistency_ranges(old, newest.size))
        return request_text(old, hashes, newest.note)

    async def _knows(self, witness: Witness, size: int, asked: int) -> bool:
        """Takes up the size that a witness signed last; False if it is above the one asked about.

        Raises:
            Differs: not even the newest checkpoint of this database is as large.
        """
        if size > asked:
            async with self._database.reading() as connection:
                newest = await last_checkpoint(connection)
            if newest is None or size > newest.size:
                raise Differs(witness.name, size)
        self._seen[str(witness.key)] = size
        return size <= asked


def _named(witness: Witness) -> str:
    return f"{witness.key.name}+{witness.key.key_id.hex()}"
