"""How a log's keys are followed by new ones: a note that the old and the new keys have all signed.

    gwanmun/rotation/v1
    <the log's origin line>
    <1 for the first change, 2 for the next …>
    <verifier key>
    …

The format is ours; the note is C2SP's (c2sp.org/signed-note). Whoever has pinned the first keys
follows the chain to those of today without asking anybody.
"""

from collections.abc import Sequence

from gateway.proofs.note import NoteInvalid, NoteKey, PrivateKey, open_note, sign_note

_FORMAT = "gwanmun/rotation/v1"
_MOST_KEYS = 4


class RotationInvalid(Exception):
    """The note does not lead from these keys to others."""


def sign_rotation(
    origin: str, number: int, *, old: Sequence[PrivateKey], new: Sequence[PrivateKey]
) -> str:
    """The note by which the old keys name the new ones, who sign it as well."""
    keys = "".join(f"{NoteKey.of(origin, key)}\n" for key in new)
    return sign_note(f"{_FORMAT}\n{origin}\n{number}\n{keys}", origin, *old, *new)


def follow_rotation(
    note: object, origin: str, number: int, *, keys: Sequence[NoteKey]
) -> tuple[NoteKey, ...]:
    """The keys that follow `keys` by this note.

    Raises:
        RotationInvalid: it is another log's or another number's, or one of the keys, old or new,
            has not signed it.
    """
    if not isinstance(note, str):
        raise RotationInvalid("not a note")
    try:
        lines = open_note(note, keys).text.split("\n")
        new = tuple(NoteKey.parse(line) for line in lines[3:-1])
        if lines[:3] != [_FORMAT, origin, str(number)] or not 0 < len(new) <= _MOST_KEYS:
            raise RotationInvalid("another log's, or out of turn")
        signers = {str(signed.key) for signed in open_note(note, (*keys, *new)).signatures}
    except NoteInvalid as error:
        raise RotationInvalid(str(error)) from None
    if any(key.name != origin or key.kind.witnesses for key in new):
        raise RotationInvalid("not keys of this log")
    if signers != {str(key) for key in (*keys, *new)}:
        raise RotationInvalid("not signed by all old and new keys")
    if {str(key) for key in keys} & {str(key) for key in new}:
        raise RotationInvalid("a key follows itself")
    return new
