"""JWE to one P-256 key: the RFC's own example, and no bit of a token can change."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
    generate_private_key,
)

from gateway.ledger.jwe import CannotOpen, agreed_key, decrypt, encrypt

KEY, OTHER = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())


def field(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def spelt(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def private(secret: str) -> EllipticCurvePrivateKey:
    return derive_private_key(int.from_bytes(field(secret), "big"), SECP256R1())


def with_header(token: str, **changes: Any) -> str:
    protected, *rest = token.split(".")
    header = {**json.loads(field(protected)), **changes}
    header = {name: value for name, value in header.items() if value is not None}
    return ".".join((spelt(json.dumps(header).encode()), *rest))


def test_example_of_the_standard() -> None:
    """RFC 7518 appendix C."""
    alice = private("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo")
    bob = private("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw")
    parties = (b"Alice", b"Bob")
    for ours, theirs in ((alice, bob), (bob, alice)):
        agreed = agreed_key(ours, theirs.public_key(), "A128GCM", 128, parties)
        assert spelt(agreed) == "VqqN6vgjbSBcIijNcacQGg"


@pytest.mark.parametrize("content", [b"", b"k" * 32, bytes(range(256)) * 16])
def test_only_the_recipient_opens_it(content: bytes) -> None:
    token = encrypt(content, KEY.public_key())
    assert decrypt(token, KEY) == content
    assert token != encrypt(content, KEY.public_key())
    with pytest.raises(CannotOpen):
        decrypt(token, OTHER)


def test_no_bit_can_change() -> None:
    parts = encrypt(b"k" * 32, KEY.public_key()).split(".")
    for number, part in enumerate(parts):
        raw = field(part)
        for bit in range(8 * len(raw)):
            changed = bytearray(raw)
            changed[bit // 8] ^= 1 << bit % 8
            token = ".".join((*parts[:number], spelt(changed), *parts[number + 1 :]))
            with pytest.raises(CannotOpen):
                decrypt(token, KEY)


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "dir"},
        {"alg": "ECDH-ES"},
        {"enc": "A128GCM"},
        {"zip": "DEF"},
        {"crit": ["exp"]},
        {"epk": None},
        {"epk": {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}},
        {"epk": {"kty": "OKP", "crv": "X25519", "x": "AQ"}},
        {"epk": "AQ"},
    ],
    ids=str,
)
def test_no_other_algorithm_or_key_is_taken(changes: dict[str, Any]) -> None:
    with pytest.raises(CannotOpen):
        decrypt(with_header(encrypt(b"k", KEY.public_key()), **changes), KEY)


@pytest.mark.parametrize(
    "token",
    ["", "....", "a.b.c", "e30.e30.e30.e30.e30", "W1tb....", "é....", "e=.e.e.e.e"],
)
def test_what_is_no_token_does_not_open(token: str) -> None:
    with pytest.raises(CannotOpen):
        decrypt(token, KEY)
