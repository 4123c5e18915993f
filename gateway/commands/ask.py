"""`gwanmun audit verify --ask`: what the witnesses themselves know of a log, beside what is there.

A copy of a log, however sound, may lack its end. A witness tells whoever shows it a checkpoint
whether it has signed a larger tree (c2sp.org/tlog-witness): so a cut tail is found without trusting
anybody who holds the log.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.outward.http import Outward, OutwardFailed, TrustUnusable, origin_of
from gateway.proofs.note import Checkpoint, NoteInvalid, without_signatures
from gateway.proofs.policy import Policy, Witness
from gateway.proofs.reader import LogUnreadable
from gateway.proofs.records import Flaw, Problem
from gateway.proofs.witness import request_text, size_of

_MOST_BYTES = 16 * 1024
_SIGNED, _CONFLICT, _DIFFERS = 200, 409, 422


class Heard(NamedTuple):
    """One witness's word: its problem with the log if it has one, and whether it answered."""

    witness: str
    answered: bool
    problem: Problem | None


def ask_witnesses(note: str, policy: Policy, *, ca_file: Path | None) -> Sequence[Heard]:
    """Shows a checkpoint to every witness that has an https URL.

    Raises:
        LogUnreadable: it is no checkpoint, or the file of authorities no such file.
    """
    try:
        size = Checkpoint.parse(without_signatures(note)).size
    except NoteInvalid:
        raise LogUnreadable("no checkpoint") from None
    return asyncio.run(_ask(note, size, policy, ca_file))


async def _ask(note: str, size: int, policy: Policy, ca_file: Path | None) -> Sequence[Heard]:
    asked = [witness for witness in policy.witnesses.values() if origin_of(witness.url)]
    urls = [witness.url for witness in asked]
    try:
        async with Outward(urls, private_ca_file=ca_file, max_bytes=_MOST_BYTES) as outward:
            answers = (_heard(witness, note, size, outward) for witness in asked)
            return await asyncio.gather(*answers)
    except TrustUnusable as error:
        raise LogUnreadable(str(error)) from None


async def _heard(witness: Witness, note: str, size: int, outward: Outward) -> Heard:
    """The same size twice needs no proof: what it says to that tells where it stands."""
    request = request_text(size, [], note).encode()
    try:
        answer = await outward.post(f"{witness.url.rstrip('/')}/add-checkpoint", request)
    except OutwardFailed:
        return Heard(witness.name, False, None)
    known = size_of(answer.body.decode(errors="replace")) if answer.status == _CONFLICT else None
    if known is not None and known > size:
        detail = f"{witness.name} has signed {known} leaves: the end is missing, or newer than this"
        return Heard(witness.name, True, Problem(flaw=Flaw.TAIL_MISSING, detail=detail))
    if answer.status == _DIFFERS:
        detail = f"{witness.name} has signed another tree of {size} leaves"
        return Heard(witness.name, True, Problem(flaw=Flaw.ROOT, detail=detail))
    return Heard(witness.name, known is not None or answer.status == _SIGNED, None)
