"""Salted commitments: an event says what a text was without saying it.

commitment = SHA-256("gwanmun commitment v1" || 0x00 || salt || text in UTF-8). The salt has 32
random bytes, so that nobody finds the text by trying (a commitment is hiding while its salt is
secret); who has text and salt proves that this text was meant. Where the salt is destroyed, the
event says nothing any more and every proof of it still verifies.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import Final

SALT_BYTES: Final = 32
_DOMAIN: Final = b"gwanmun commitment v1\0"


@dataclass(frozen=True, slots=True)
class Commitment:
    """A commitment in hexadecimal, as events hold it, and the secret salt that opens it."""

    value: str
    salt: bytes = field(repr=False)


def commit(content: bytes) -> Commitment:
    """Commits to some bytes, with a new salt."""
    salt = os.urandom(SALT_BYTES)
    return Commitment(_digest(salt, content), salt)


def opens(value: str, salt: bytes, content: bytes) -> bool:
    """Whether these bytes, with this salt, are what was committed to."""
    return len(salt) == SALT_BYTES and hmac.compare_digest(value, _digest(salt, content))


def _digest(salt: bytes, content: bytes) -> str:
    return hashlib.sha256(_DOMAIN + salt + content).hexdigest()
