"""What a witness of logs does with a checkpoint (c2sp.org/tlog-witness, add-checkpoint).

A request is text: `old <size>`, up to 63 lines of a consistency proof in base64, an empty line, and
the log's checkpoint. A witness signs it only if the log has grown out of what it signed last.

| status | when |
|---|---|
| 400 | the request is malformed, or its old size above the checkpoint's |
| 404 | the log is not one that this witness follows |
| 403 | no key of the log's has signed, or one that has been replaced, or wrongly |
| 409 | the old size is not the one that was signed last: the answer says which is |
| 422 | the proof does not hold, or the same size has another root |
| 200 | signed: the answer is a line of a cosignature |
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gateway.proofs.note import (
    Checkpoint,
    NoteInvalid,
    WitnessKey,
    cosign,
    open_note,
    without_signatures,
)
from gateway.proofs.tree import EMPTY_ROOT, HASH_BYTES, consistency_holds
from gateway.proofs.trust import Trust

SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"
MOST_BYTES: Final = 128 * 1024
_MOST_HASHES: Final = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_SIZE_ANSWER = re.compile(r"(0|[1-9][0-9]{0,18})\n")


class Request(NamedTuple):
    """One request as it was read: nothing of it is checked but its form."""

    old: int
    path: tuple[bytes, ...]
    note: str


class Known(NamedTuple):
    """The checkpoint of a log that a witness signed last; none yet is an empty tree."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    generation: int = 0


class Refused(Exception):
    """The witness does not sign; the status and body of its answer."""

    def __init__(self, status: int, body: str, media_type: str = TEXT_TYPE) -> None:
        super().__init__(body)
        self.status = status
        self.body = body
        self.media_type = media_type


def request_text(old: int, path: Sequence[bytes], note: str) -> str:
    """A request's text."""
    lines = "".join(f"{base64.b64encode(hash_).decode()}\n" for hash_ in path)
    return f"old {old}\n{lines}\n{note}"


def read_request(body: bytes) -> Request:
    """Reads a request.

    Raises:
        Refused: 400.
    """
    try:
        head, separator, note = body.decode().partition("\n\n")
        first, *lines = head.split("\n")
        path = tuple(base64.b64decode(line, validate=True) for line in lines)
    except (UnicodeDecodeError, binascii.Error):
        raise Refused(400, "not a request\n") from None
    old = _OLD.fullmatch(first)
    right = len(path) <= _MOST_HASHES and all(len(hash_) == HASH_BYTES for hash_ in path)
    if not old or not separator or not right or len(body) > MOST_BYTES:
        raise Refused(400, "not a request\n")
    return Request(int(old[1]), path, note)


def origin_of(note: str) -> str:
    """The log that a checkpoint says it is of; nothing is checked."""
    return without_signatures(note).partition("\n")[0]


def examine(request: Request, logs: Mapping[str, Trust], known: Known) -> Known:
    """What the witness knows if it signs; `known` is what it signed last of that log.

    Raises:
        Refused: it must not sign.
    """
    origin = origin_of(request.note)
    trust = logs.get(origin)
    if trust is None:
        raise Refused(404, "unknown log\n")
    try:
        opened = open_note(request.note, trust.keys)
    except NoteInvalid:
        raise Refused(403, "not signed by a key of this log\n") from None
    generation = trust.generation(signed.key for signed in opened.signatures)
    if generation < known.generation:
        raise Refused(403, "signed by a key that was replaced\n")
    try:
        checkpoint = Checkpoint.parse(opened.text, extended=True)
    except NoteInvalid:
        raise Refused(400, "not a checkpoint\n") from None
    if request.old > checkpoint.size:
        raise Refused(400, "the old size is above the new one\n")
    if request.old != known.size:
        raise Refused(409, f"{known.size}\n", SIZE_TYPE)
    if not consistency_holds(
        known.size, known.root, checkpoint.size, checkpoint.root, path=request.path
    ):
        raise Refused(422, "the log has not grown out of what was signed\n")
    return Known(checkpoint.size, checkpoint.root, generation)


def sign(request: Request, name: str, key: WitnessKey, *, time: int) -> str:
    """The answer to a request that was examined and whose checkpoint is kept by now."""
    return cosign(without_signatures(request.note), name, key, time=time)


def size_of(body: str) -> int | None:
    """The size that an answer 409 names; None if it names none."""
    found = _SIZE_ANSWER.fullmatch(body)
    return int(found[1]) if found else None
