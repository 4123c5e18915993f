"""Whether outside witnesses have signed a checkpoint: cosignatures against a policy."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.proofs.note import NoteKey, Signed, read_note, without_signatures
from gateway.proofs.policy import Policy, administration_of


class Witnessed(NamedTuple):
    """A quorum: the checkpoint's size, who signed, and since when a quorum had (Unix seconds)."""

    size: int
    administrations: tuple[str, ...]
    signed_at: int


def cosigned(note: str, lines: str, policy: Policy) -> tuple[Signed, ...]:
    """The policy's witnesses that have signed a checkpoint, in the note itself or in `lines`.

    Raises:
        NoteInvalid: one of their signatures is wrong.
    """
    found = read_note(note + lines, policy.keys).signatures if note else ()
    return tuple({str(signed.key): signed for signed in found}.values())


def quorum(size: int, signatures: Sequence[Signed], policy: Policy) -> Witnessed | None:
    """The quorum that these signatures make, if they do."""
    signed: list[NoteKey] = []
    for signature in sorted(signatures, key=_time):
        signed.append(signature.key)
        if policy.holds(signed):
            every = {administration_of(each.key) for each in signatures}
            return Witnessed(size, tuple(sorted(every)), _time(signature))
    return None


def whole_note(note: str, lines: Sequence[str]) -> str:
    """A checkpoint's note with further signature lines, none of them twice."""
    text = without_signatures(note)
    known = note.removeprefix(text + "\n").splitlines(keepends=True)
    return f"{text}\n{''.join(dict.fromkeys([*known, *lines]))}"


def _time(signature: Signed) -> int:
    return signature.time or 0
