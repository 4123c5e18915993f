"""Signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

Signature types: Ed25519 (0x01), ECDSA P-256 with SHA-256 (0x02), and a witness's timestamped
cosignatures (c2sp.org/tlog-cosignature) with Ed25519 (0x04) and with ML-DSA-44 (0x06, FIPS 204),
which a quantum computer cannot forge. Whatever is not exactly the format is refused.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Self, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from gateway.proofs.tree import HASH_BYTES

PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey | MLDSA44PublicKey
PrivateKey: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey
WitnessKey: TypeAlias = Ed25519PrivateKey | MLDSA44PrivateKey

_KEY_ID_BYTES = 4
_TIME_BYTES = _NUMBER_BYTES = 8
_LONGEST_NAME = 255  # bytes, c2sp.org/tlog-cosignature, "ML-DSA-44 signed message"
_LATEST_TIME = 2**63 - 1  # c2sp.org/tlog-cosignature, "Format"
_MOST_NOTE_CHARACTERS = 100_000  # far above a checkpoint with many witnesses
_SIGNATURE_LINE = re.compile("\N{EM DASH} ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})")
_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")
_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteInvalid(Exception):
    """The note is malformed, or not signed by a key that is trusted."""


class Kind(IntEnum):
    """What a key signs with: the signature type of c2sp.org/signed-note."""

    ED25519 = 1
    ECDSA = 2
    COSIGNATURE = 4
    COSIGNATURE_MLDSA44 = 6

    @property
    def witnesses(self) -> bool:
        """Whether it is a witness's, never a log's."""
        return self in (Kind.COSIGNATURE, Kind.COSIGNATURE_MLDSA44)


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A named public key that verifies notes, of the algorithm that `kind` says."""

    name: str
    public_key: PublicKey
    kind: Kind = Kind.ED25519

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a verifier key: `name+key id+base64(type, key)`.

        Raises:
            NoteInvalid: it is not such a key, or its id does not belong to it.
        """
        found = _KEY.fullmatch(text)
        raw = _decoded(found[3]) if found else b""
        if not found or not raw or raw[0] not in set(Kind):
            raise NoteInvalid("not a note key of a known type")
        kind = Kind(raw[0])
        key = cls(found[1], _public_key(kind, raw[1:]), kind)
        if key.key_id.hex() != found[2] or key.raw != raw[1:]:
            raise NoteInvalid("the key id does not belong to the key")
        return key

    @classmethod
    def of(cls, name: str, private: PrivateKey) -> Self:
        """The public half of a log's key.

        Raises:
            NoteInvalid: the name cannot stand in a note.
        """
        if not _NAME.fullmatch(name):
            raise NoteInvalid("not a key's name")
        kind = Kind.ED25519 if isinstance(private, Ed25519PrivateKey) else Kind.ECDSA
        return cls(name, private.public_key(), kind)

    @classmethod
    def of_witness(cls, name: str, private: WitnessKey) -> Self:
        """The public half of a witness's key.

        Raises:
            NoteInvalid: the name cannot stand in a note, or in what is signed.
        """
        if not _NAME.fullmatch(name) or len(name.encode()) > _LONGEST_NAME:
            raise NoteInvalid("not a key's name")
        classic = isinstance(private, Ed25519PrivateKey)
        kind = Kind.COSIGNATURE if classic else Kind.COSIGNATURE_MLDSA44
        return cls(name, private.public_key(), kind)

    @property
    def raw(self) -> bytes:
        """The key as it is encoded: 32 or 1,312 bytes, or an SPKI in DER for ECDSA."""
        if not isinstance(self.public_key, EllipticCurvePublicKey):
            return self.public_key.public_bytes_raw()
        return self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before this key's signatures."""
        material = self.raw  # of an ECDSA key its SPKI alone, as Rekor began it
        if self.kind is not Kind.ECDSA:
            material = self.name.encode() + b"\n" + bytes([self.kind]) + self.raw
        return hashlib.sha256(material).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.kind]) + self.raw).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


class Signed(NamedTuple):
    """A valid signature of a note; `time` is in Unix seconds, and None but for cosignatures."""

    key: NoteKey
    time: int | None
    line: str


class Opened(NamedTuple):
    """A note's text and the valid signatures of those keys that were asked for."""

    text: str
    signatures: tuple[Signed, ...]


def sign_note(text: str, name: str, *keys: PrivateKey) -> str:
    """The signed note of a text that ends with a newline: one signature line for each key."""
    return f"{text}\n{''.join(_line(NoteKey.of(name, key), _sign(key, text)) for key in keys)}"


def cosign(text: str, name: str, key: WitnessKey, *, time: int) -> str:
    """A witness's signature line over a checkpoint's text (c2sp.org/tlog-cosignature).

    `time` is in whole Unix seconds.

    Raises:
        NoteInvalid: the name, or the text, cannot be signed.
    """
    public = NoteKey.of_witness(name, key)
    signature = time.to_bytes(_TIME_BYTES, "big") + key.sign(_cosigned(public, text, time))
    return _line(public, signature)


def open_note(note: str, keys: Sequence[NoteKey]) -> Opened:
    """The note's text, once at least one of the keys has signed it and none of them wrongly.

    Signatures of other keys are passed over, as the format demands.

    Raises:
        NoteInvalid: anything else.
    """
    opened = read_note(note, keys)
    if not opened.signatures:
        raise NoteInvalid("no trusted signature")
    return opened


def read_note(note: str, keys: Sequence[NoteKey]) -> Opened:
    """As `open_note`, of a note that perhaps none of the keys has signed.

    Raises:
        NoteInvalid: it is no note, or one of the keys' signatures is wrong.
    """
    text, separator, signatures = note.rpartition("\n\n")
    text += "\n"
    if not separator or not signatures.endswith("\n") or len(note) > _MOST_NOTE_CHARACTERS:
        raise NoteInvalid("not a signed note")
    if any(character < " " and character != "\n" for character in note):
        raise NoteInvalid("control characters in a note")
    known = {(key.name, key.key_id): key for key in keys}
    found = []
    for line in signatures.removesuffix("\n").split("\n"):
        name, signature = _parts(line)
        key = known.get((name, signature[:_KEY_ID_BYTES]))
        if key:
            time = _verify(key, signature[_KEY_ID_BYTES:], text)
            found.append(Signed(key, time, line + "\n"))
    return Opened(text, tuple(found))


def without_signatures(note: str) -> str:
    """The text that a note seems to sign; nothing is checked."""
    return note.rpartition("\n\n")[0] + "\n"


def _line(key: NoteKey, signature: bytes) -> str:
    return f"\N{EM DASH} {key.name} {base64.b64encode(key.key_id + signature).decode()}\n"


def _parts(line: str) -> tuple[str, bytes]:
    found = _SIGNATURE_LINE.fullmatch(line)
    if not found:
        raise NoteInvalid("not a signature line")
    return found[1], _decoded(found[2])


def _sign(key: PrivateKey, text: str) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(text.encode())
    return key.sign(text.encode(), ECDSA(SHA256()))


def _cosigned(key: NoteKey, text: str, time: int) -> bytes:
    """What a witness signs: with Ed25519 the whole text, with ML-DSA-44 `cosigned_message`."""
    if key.kind is Kind.COSIGNATURE:
        return f"cosignature/v1\ntime {time}\n{text}".encode()
    checkpoint = Checkpoint.parse(text, extended=True)
    numbers = (time, 0, checkpoint.size)  # of a whole tree: it starts at leaf 0
    when, start, end = (number.to_bytes(_NUMBER_BYTES, "big") for number in numbers)
    names = _opaque(key.name) + when + _opaque(checkpoint.origin)
    return b"subtree/v1\n\0" + names + start + end + checkpoint.root


def _opaque(name: str) -> bytes:
    """A TLS vector of 1 to 255 bytes (RFC 8446 section 3.4)."""
    raw = name.encode()
    if not 0 < len(raw) <= _LONGEST_NAME:
        raise NoteInvalid("a name that cannot be signed")
    return bytes([len(raw)]) + raw


def _verify(key: NoteKey, signature: bytes, text: str) -> int | None:
    """The time of a cosignature; None for a log's signature."""
    try:
        if isinstance(key.public_key, EllipticCurvePublicKey):
            key.public_key.verify(signature, text.encode(), ECDSA(SHA256()))
            return None
        if not key.kind.witnesses:
            key.public_key.verify(signature, text.encode())
            return None
        time = int.from_bytes(signature[:_TIME_BYTES], "big")
        if not 0 < time <= _LATEST_TIME:
            raise NoteInvalid("a cosignature without a time")
        key.public_key.verify(signature[_TIME_BYTES:], _cosigned(key, text, time))
    except (InvalidSignature, UnicodeEncodeError):
        raise NoteInvalid("a wrong signature of a trusted key") from None
    return time


def _public_key(kind: Kind, raw: bytes) -> PublicKey:
    try:
        if kind is Kind.COSIGNATURE_MLDSA44:
            return MLDSA44PublicKey.from_public_bytes(raw)
        if kind is not Kind.ECDSA:
            return Ed25519PublicKey.from_public_bytes(raw)
        key = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise NoteInvalid("not a public key") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise NoteInvalid("not a P-256 key")
    return key


def _decoded(text: str) -> bytes:
    """Base64 in its one spelling: no bits behind the last byte."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise NoteInvalid("not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise NoteInvalid("not base64")
    return raw


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
    def parse(cls, text: str, *, extended: bool = False) -> Self:
        """Reads the text of an opened note.

        Extension lines are passed over if `extended`, and else refused, as we write none.

        Raises:
            NoteInvalid: it is not a checkpoint's text.
        """
        lines = text.split("\n")
        whole = len(lines) >= 4 if extended else len(lines) == 4
        if not whole or lines[-1] or not all(lines[:-1]) or not _SIZE.fullmatch(lines[1]):
            raise NoteInvalid("not a checkpoint")
        root = _decoded(lines[2])
        if len(root) != HASH_BYTES:
            raise NoteInvalid("not a root hash")
        return cls(lines[0], int(lines[1]), root)
