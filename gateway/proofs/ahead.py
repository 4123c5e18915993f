"""Writers' signatures, checked ahead in further processes: nine tenths of a long verification.

Nothing is decided here. Each row comes back in its place with the pinned key that its signature
holds under, or None: not checked, or under none of them. The verification checks by itself what
comes back without the key that it expects, and so names the first wrong event as it would alone.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.proofs.entry import event_hash, promise
from gateway.proofs.reader import EventRow, SealedRow

_CHUNK = 1_000
_IN_FLIGHT = 2  # chunks for each process: one that runs, one that waits

Signed: TypeAlias = tuple[bytes, bytes]  # the message and its signature; both empty if none


class Judged(NamedTuple):
    """A row, and the key that its event's signature holds under, if that is known."""

    row: SealedRow
    key: Ed25519PublicKey | None = None


def judged(
    rows: Iterable[SealedRow], keys: Mapping[str, Ed25519PublicKey], *, processes: int
) -> Iterator[Judged]:
    """All rows in their order; memory is that of a few thousand of them."""
    if processes < 2 or not keys:
        yield from map(Judged, rows)
        return
    # Neither threads nor connections of this process are inherited.
    context = multiprocessing.get_context("spawn")
    raw, pins = [key.public_bytes_raw() for key in keys.values()], [*keys.values()]
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(raw,)) as pool:
        waiting: deque[tuple[list[SealedRow], Future[list[int]] | None]] = deque()
        source = iter(rows)
        while chunk := list(islice(source, _CHUNK)):
            waiting.append((chunk, _asked(pool, chunk)))
            if len(waiting) > processes * _IN_FLIGHT:
                yield from _answered(*waiting.popleft(), pins)
        while waiting:
            yield from _answered(*waiting.popleft(), pins)


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _asked(pool: Executor, chunk: Sequence[SealedRow]) -> "Future[list[int]] | None":
    try:
        return pool.submit(_check, [_signed(row.event) for row in chunk])
    except BrokenProcessPool:  # killed from outside: this process goes on by itself
        return None


def _answered(
    chunk: Sequence[SealedRow],
    asked: "Future[list[int]] | None",
    pins: Sequence[Ed25519PublicKey],
) -> Iterator[Judged]:
    try:
        found = asked.result() if asked else [-1] * len(chunk)
    except BrokenProcessPool:
        found = [-1] * len(chunk)
    for row, number in zip(chunk, found, strict=True):
        yield Judged(row, pins[number] if number >= 0 else None)


def _signed(event: EventRow | None) -> Signed:
    """What was signed, if the columns have their types; what is wrong is the verification's."""
    if event is None or not isinstance(event.body, bytes):
        return b"", b""
    try:
        message = promise(
            event.writer,  # type: ignore[arg-type]
            event.sequence,  # type: ignore[arg-type]
            agency=event.agency,  # type: ignore[arg-type]
            salt=event.salt,  # type: ignore[arg-type]
            body_hash=event_hash(event.body),
        )
    except (TypeError, ValueError, AttributeError, OverflowError):
        return b"", b""
    return message, event.signature if isinstance(event.signature, bytes) else b""


_KEYS: list[Ed25519PublicKey] = []  # of a process of the pool


def _begin(raw: Sequence[bytes]) -> None:
    _KEYS[:] = [Ed25519PublicKey.from_public_bytes(key) for key in raw]


def _check(signed: Sequence[Signed]) -> list[int]:
    """For each the number of the first key under which it holds; -1 for none."""
    return [_holding(*each) for each in signed]


def _holding(message: bytes, signature: bytes) -> int:
    for number, key in enumerate(_KEYS):
        try:
            key.verify(signature, message)
        except InvalidSignature:
            continue
        return number
    return -1
