"""JSON Web Encryption to one P-256 key: ECDH-ES+A256KW with A256GCM, compact serialisation.

RFC 7516 (the form), RFC 7518 sections 4.4, 4.6 and 5.3 (the algorithms), RFC 3394 (key wrap). What
is made here opens with any library of JOSE, so that content can be opened without this program. No
other algorithm is accepted, whatever a header says.
"""

import base64
import binascii
import json
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

_ALGORITHM: Final = "ECDH-ES+A256KW"
_ENCRYPTION: Final = "A256GCM"
_KEY_BYTES, _NONCE_BYTES, _TAG_BYTES, _FIELD_BYTES = 32, 12, 16, 32


class CannotOpen(Exception):
    """It is no JWE of ours, was changed, or is for another key; which of these is not told."""


def encrypt(content: bytes, recipient: EllipticCurvePublicKey) -> str:
    """The content for the holder of the recipient's private key alone."""
    ephemeral = generate_private_key(SECP256R1())
    numbers = ephemeral.public_key().public_numbers()
    point = {name: _field(value) for name, value in (("x", numbers.x), ("y", numbers.y))}
    header = {"alg": _ALGORITHM, "enc": _ENCRYPTION, "epk": {"kty": "EC", "crv": "P-256", **point}}
    protected = _base64(json.dumps(header, separators=(",", ":")).encode())
    key, nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)
    wrapped = aes_key_wrap(agreed_key(ephemeral, recipient, _ALGORITHM, 8 * _KEY_BYTES), key)
    sealed = AESGCM(key).encrypt(nonce, content, protected.encode())
    parts = (wrapped, nonce, sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])
    return ".".join((protected, *map(_base64, parts)))


def decrypt(token: str, key: EllipticCurvePrivateKey) -> bytes:
    """What `encrypt` was given.

    Raises:
        CannotOpen: whatever is wrong.
    """
    try:
        protected, *parts = token.split(".")
        wrapped, nonce, sealed, tag = map(_bytes, parts)
        ephemeral = _ephemeral(json.loads(_bytes(protected)))
        unwrapped = aes_key_unwrap(agreed_key(key, ephemeral, _ALGORITHM, 8 * _KEY_BYTES), wrapped)
        if len(tag) != _TAG_BYTES:
            raise CannotOpen
        return AESGCM(unwrapped).decrypt(nonce, sealed + tag, protected.encode())
    except (ValueError, KeyError, TypeError, RecursionError, InvalidTag, InvalidUnwrap):
        raise CannotOpen from None


def agreed_key(
    ours: EllipticCurvePrivateKey,
    theirs: EllipticCurvePublicKey,
    algorithm: str,
    bits: int,
    parties: tuple[bytes, bytes] = (b"", b""),
) -> bytes:
    """The key that two parties agree on (RFC 7518 section 4.6.2), of `bits` bits."""
    info = b"".join(map(_counted, (algorithm.encode(), *parties))) + bits.to_bytes(4, "big")
    return ConcatKDFHash(SHA256(), bits // 8, info).derive(ours.exchange(ECDH(), theirs))


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _ephemeral(header: dict[str, object]) -> EllipticCurvePublicKey:
    """The sender's key; a point that is not on the curve is refused when it is made."""
    if header.keys() != {"alg", "enc", "epk"} or (header["alg"], header["enc"]) != (
        _ALGORITHM,
        _ENCRYPTION,
    ):
        raise CannotOpen
    point = header["epk"]
    if not isinstance(point, dict) or (point["kty"], point["crv"]) != ("EC", "P-256"):
        raise CannotOpen
    x, y = (int.from_bytes(_bytes(point[name]), "big") for name in ("x", "y"))
    return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()


def _field(value: int) -> str:
    return _base64(value.to_bytes(_FIELD_BYTES, "big"))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise CannotOpen from None
