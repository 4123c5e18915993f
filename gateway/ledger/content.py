"""Sealed content: the redacted texts of a record, encrypted so that no gateway can open them.

Goes in: a text that holds surrogates, or the free text of a person. Comes out: a row for the
database and a salted commitment for the event. Each record has its own random key; each of its
texts is encrypted with AES-256-GCM under a key that HKDF-SHA-256 (RFC 5869) derives from that for
the text's part. The record's key is wrapped to the agency's officers (JWE), the result to its CPO
(JWE), and that lies under the week's key, which is kept outside the database. So whoever opens
needs the week's key and both private keys; neither of these is ever on a gateway.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from gateway.domain import Grade
from gateway.errors import AuditUnavailable
from gateway.ledger.commitment import SALT_BYTES, commit, opens
from gateway.ledger.erasure_list import FOLDER as ERASED
from gateway.ledger.erasure_list import ErasureList
from gateway.ledger.jwe import CannotOpen, decrypt, encrypt
from gateway.ledger.week_keys import WeekKeyMissing, WeekKeys, week_of
from gateway.store.content import ContentRow

PROMPT: Final = "prompt"
ANSWER: Final = "answer"
REASON: Final = "reason"
MOST_BYTES: Final = 1 << 20
_DAY_SECONDS: Final = 86_400.0
_DOMAIN: Final = "gwanmun content v1"
_NONCE_BYTES, _KEY_BYTES = 12, 32
_WHOLE, _TRUNCATED = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whom an agency's content is sealed to."""

    officers: EllipticCurvePublicKey
    cpo: EllipticCurvePublicKey


class Sealed(NamedTuple):
    """A row for the database, and what the event says of the text; `salt` opens that."""

    row: ContentRow
    commitment: str
    salt: bytes


class Opened(NamedTuple):
    """A text as it was sealed; `truncated` says that its end was left out."""

    text: str
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSeal:
    """Seals the texts of one record; nothing in it can fail any more. It cannot open."""

    record_id: str
    agency: str
    week: str
    expires_at: float
    wrapped: bytes = field(repr=False)
    key: bytes = field(repr=False)

    def seal(self, part: str, text: str, *, truncated: bool = False) -> Sealed:
        """Seals a text once; beyond MOST_BYTES of UTF-8 its end is left out, and that is marked."""
        data = text.encode("utf-8", "replace")
        if len(data) > MOST_BYTES:
            data, truncated = data[:MOST_BYTES].decode("utf-8", "ignore").encode(), True
        content = (_TRUNCATED if truncated else _WHOLE) + data
        commitment = commit(content)
        nonce = os.urandom(_NONCE_BYTES)
        about = _about(self.record_id, self.agency, part)
        sealed = AESGCM(_part_key(self.key, about)).encrypt(nonce, commitment.salt + content, about)
        row = ContentRow(
            self.record_id,
            part,
            self.agency,
            self.week,
            self.expires_at,
            self.wrapped,
            nonce + sealed,
        )
        return Sealed(row, commitment.value, commitment.salt)


@dataclass(frozen=True, slots=True)
class ContentSealer:
    """What a gateway needs to seal: public keys by agency, and the week keys.

    `days` is how long content of a grade is kept.
    """

    recipients: Mapping[str, Recipients]
    weeks: WeekKeys
    days: dict[Grade, int]

    @property
    def erasures(self) -> ErasureList:
        """What was erased before its time, and is not opened any more."""
        return ErasureList(self.weeks.folder / ERASED)

    def begin(self, record_id: str, agency: str, grade: Grade, at: float) -> RecordSeal | None:
        """A new record's seal; None for an agency that keeps no content. `at` in Unix seconds.

        Raises:
            AuditUnavailable: it should be kept, and there is no week key.
        """
        recipients = self.recipients.get(agency)
        if recipients is None:
            return None
        week = week_of(at, grade)
        try:
            week_key = self.weeks.current(week)
        except WeekKeyMissing:
            raise AuditUnavailable from None
        key = os.urandom(_KEY_BYTES)
        inner = encrypt(key, recipients.officers)
        outer = encrypt(inner.encode(), recipients.cpo)
        nonce = os.urandom(_NONCE_BYTES)
        lying = AESGCM(week_key).encrypt(nonce, outer.encode(), _about(record_id, agency, week))
        return RecordSeal(
            record_id=record_id,
            agency=agency,
            week=week,
            expires_at=at + self.days[grade] * _DAY_SECONDS,
            wrapped=nonce + lying,
            key=key,
        )

    def outer(self, row: ContentRow) -> str:
        """What the CPO's key opens; takes the week's key off.

        Raises:
            CannotOpen: the week's key is no more, the record was erased, or the row is not as it
                was sealed.
        """
        about = _about(row.record_id, row.agency, row.week)
        try:
            if row.record_id in self.erasures:
                raise CannotOpen
            return _decrypted(self.weeks.read(row.week), row.key, about).decode("ascii")
        except (WeekKeyMissing, UnicodeDecodeError):
            raise CannotOpen from None


def is_meant(commitment: str, salt: bytes, text: str) -> bool:
    """Whether a whole text is what was committed to when it was sealed."""
    return opens(commitment, salt, _WHOLE + text.encode("utf-8", "replace"))


def approve(outer: str, cpo: EllipticCurvePrivateKey) -> str:
    """What the officers' key opens; takes the CPO's layer off.

    Raises:
        CannotOpen: it is not for this key.
    """
    try:
        return decrypt(outer, cpo).decode("ascii")
    except UnicodeDecodeError:
        raise CannotOpen from None


def open_text(
    inner: str, officers: EllipticCurvePrivateKey, row: ContentRow, commitment: str
) -> Opened:
    """The text of a row, which must be the one that the event has committed to.

    Raises:
        CannotOpen: it is not for this key, of another record, was changed, or is another text.
    """
    about = _about(row.record_id, row.agency, row.part)
    plain = _decrypted(_part_key(decrypt(inner, officers), about), row.body, about)
    salt, content = plain[:SALT_BYTES], plain[SALT_BYTES:]
    if not opens(commitment, salt, content) or content[:1] not in (_WHOLE, _TRUNCATED):
        raise CannotOpen
    return Opened(content[1:].decode("utf-8", "replace"), content[:1] == _TRUNCATED)


def _decrypted(key: bytes, sealed: bytes, about: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
    except (InvalidTag, ValueError):
        raise CannotOpen from None


def _part_key(key: bytes, about: bytes) -> bytes:
    # The record's key is uniformly random: no extraction is needed (RFC 5869 section 3.3).
    return HKDFExpand(SHA256(), _KEY_BYTES, about).derive(key)


def _about(record_id: str, agency: str, what: str) -> bytes:
    """Binds a ciphertext to its place; a record id and a part or week hold no zero byte."""
    return "\0".join((_DOMAIN, what, record_id, agency)).encode("utf-8", "replace")
