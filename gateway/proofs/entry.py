"""The bytes that are hashed and signed for one event; writer, sealer and verifier share them.

All of it is final: a changed byte here would be a new version beside this one.

- event hash: SHA-256 of the event's canonical JSON (RFC 8785).
- promise: what a writer signs with Ed25519, so that an event, its salt, its agency and its place
  in the writer's gap-free sequence cannot be told otherwise later.
- leaf entry: 33 bytes that say nothing about anyone without the salt.
"""

import hashlib
import json

ENTRY_VERSION = b"\x01"
SALT_BYTES = 32
WRITER_BYTES = 16
_PROMISE_CONTEXT = b"gwanmun/promise/v1\n"
_LARGEST_NUMBER = 2**64 - 1
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def event_hash(body: bytes) -> bytes:
    """SHA-256 of an event's canonical bytes."""
    return hashlib.sha256(body).digest()


def promise(writer: str, sequence: int, *, agency: str, salt: bytes, body_hash: bytes) -> bytes:
    """The message that the writer signs.

    "gwanmun/promise/v1" LF ‖ writer id (16 bytes) ‖ sequence (8 bytes, big endian) ‖ length of the
    agency label (2 bytes, big endian) ‖ label (UTF-8) ‖ salt (32 bytes) ‖ event hash (32 bytes).

    Raises:
        ValueError: a part does not have its length.
    """
    raw = bytes.fromhex(writer)
    if len(raw) != WRITER_BYTES or len(salt) != SALT_BYTES or not 0 <= sequence <= _LARGEST_NUMBER:
        raise ValueError("a part of the promise has a wrong length")
    number = sequence.to_bytes(8, "big")
    return b"".join((_PROMISE_CONTEXT, raw, number, _label(agency), salt, body_hash))


def leaf_entry(*, salt: bytes, agency: str, agency_number: int, body_hash: bytes) -> bytes:
    """The tree's entry: 0x01 ‖ SHA-256(salt ‖ label length ‖ label ‖ agency number ‖ event hash).

    The label's length takes 2 bytes and the agency's number 8, both big endian.

    Raises:
        ValueError: a part does not have its length.
    """
    if len(salt) != SALT_BYTES or not 0 <= agency_number <= _LARGEST_NUMBER:
        raise ValueError("a part of the entry has a wrong length")
    number = agency_number.to_bytes(8, "big")
    hidden = hashlib.sha256(b"".join((salt, _label(agency), number, body_hash)))
    return ENTRY_VERSION + hidden.digest()


def is_entry(entry: bytes) -> bool:
    """Whether an entry has the one form that says nothing about anyone."""
    return len(entry) == 1 + hashlib.sha256().digest_size and entry[:1] == ENTRY_VERSION


def is_canonical(value: object, body: bytes) -> bool:
    """Whether `body` is the canonical form of the JSON value that was read from it."""
    try:
        return canonical(value) == body
    except (TypeError, ValueError):
        return False


def canonical(value: object) -> bytes:
    """The canonical form of a JSON value as an event's.

    Events hold no floats and their keys are ASCII, and there RFC 8785 is what the standard
    library writes with sorted keys.

    Raises:
        TypeError, ValueError: it is no JSON value, or holds half a surrogate pair.
    """
    return _CANONICAL.encode(value).encode()


def _label(agency: str) -> bytes:
    raw = agency.encode()
    return len(raw).to_bytes(2, "big") + raw
