"""Signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

Only Ed25519 (signature type 0x01). Whatever is not exactly the format is refused.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.proofs.tree import HASH_BYTES

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_MOST_NOTE_CHARACTERS = 100_000  # far above a checkpoint with many witnesses
_SIGNATURE_LINE = re.compile("\N{EM DASH} ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})")
_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteInvalid(Exception):
    """The note is malformed, or not signed by a key that is trusted."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A named public key that verifies notes."""

    name: str
    public_key: Ed25519PublicKey

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `name+key id+base64(type, key)`.

        Raises:
            NoteInvalid: it is not such a key, or its id does not belong to it.
        """
        found = _KEY.fullmatch(text)
        raw = _decoded(found[3]) if found else b""
        if not found or raw[:1] != _ED25519 or len(raw) != 1 + HASH_BYTES:
            raise NoteInvalid("not an Ed25519 note key")
        key = cls(found[1], Ed25519PublicKey.from_public_bytes(raw[1:]))
        if key.key_id.hex() != found[2]:
            raise NoteInvalid("the key id does not belong to the key")
        return key

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before this key's signatures."""
        name = self.name.encode()
        material = name + b"\n" + _ED25519 + self.public_key.public_bytes_raw()
        return hashlib.sha256(material).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        raw = _ED25519 + self.public_key.public_bytes_raw()
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(raw).decode()}"


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """The signed note of a text that ends with a newline."""
    signature = NoteKey(name, key.public_key()).key_id + key.sign(text.encode())
    return f"{text}\n\N{EM DASH} {name} {base64.b64encode(signature).decode()}\n"


def open_note(note: str, keys: Sequence[NoteKey]) -> str:
    """The note's text, once at least one trusted key has signed it and none of them wrongly.

    Signatures of other keys are passed over, as the format demands.

    Raises:
        NoteInvalid: anything else.
    """
    text, separator, signatures = note.rpartition("\n\n")
    text += "\n"
    if not separator or not signatures.endswith("\n") or len(note) > _MOST_NOTE_CHARACTERS:
        raise NoteInvalid("not a signed note")
    if any(character < " " and character != "\n" for character in note):
        raise NoteInvalid("control characters in a note")
    known = {(key.name, key.key_id): key for key in keys}
    verified = False
    for line in signatures.removesuffix("\n").split("\n"):
        found = _SIGNATURE_LINE.fullmatch(line)
        if not found:
            raise NoteInvalid("not a signature line")
        signature = _decoded(found[2])
        key = known.get((found[1], signature[:_KEY_ID_BYTES]))
        if key:
            _verify(key, signature[_KEY_ID_BYTES:], text)
            verified = True
    if not verified:
        raise NoteInvalid("no trusted signature")
    return text


def _verify(key: NoteKey, signature: bytes, text: str) -> None:
    try:
        key.public_key.verify(signature, text.encode())
    except (InvalidSignature, UnicodeEncodeError):
        raise NoteInvalid("a wrong signature of a trusted key") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise NoteInvalid("not base64") from None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log's tree at one size."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the text of an opened note; extension lines are refused, as we write none.

        Raises:
            NoteInvalid: it is not a checkpoint's text.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0] or not _SIZE.fullmatch(lines[1]):
            raise NoteInvalid("not a checkpoint")
        root = _decoded(lines[2])
        if len(root) != HASH_BYTES:
            raise NoteInvalid("not a root hash")
        return cls(lines[0], int(lines[1]), root)
