"""Files of private keys: PEM, PKCS #8, unencrypted, for their owner alone; one or two in a file."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.proofs.note import PrivateKey, WitnessKey
from gateway.store.private_file import is_private, write_whole

_BLOCK: Final = re.compile(rb"-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----\s*")
_MOST_KEYS: Final = 2


class KeysUnusable(Exception):
    """The key files are missing, unreadable or not those that the pins name."""

    def __init__(self, path: Path, korean: str, english: str) -> None:
        super().__init__(f"{path}: {korean}\n{path}: {english}")


class KeyStoreAway(Exception):
    """What holds a private key does not answer, or refuses to sign; the next try may do better."""


def read_keys(path: Path) -> tuple[PrivateKey, ...]:
    """The keys of a file: an Ed25519 key, and perhaps a P-256 key behind it.

    Raises:
        KeysUnusable: it is open to others, or holds anything else.
        OSError: it cannot be read.
    """
    _require_private(path)
    content = path.read_bytes()
    blocks = _BLOCK.findall(content)
    keys = [_key(block) for block in blocks] if b"".join(blocks) == content else []
    first, rest = keys[:1], keys[1:_MOST_KEYS]
    right = first and isinstance(first[0], Ed25519PrivateKey) and len(keys) <= _MOST_KEYS
    if not right or not all(isinstance(key, EllipticCurvePrivateKey) for key in rest):
        raise KeysUnusable(path, "Ed25519 키 파일이 아닙니다.", "not an Ed25519 key file.")
    return tuple(key for key in keys if key is not None)


def read_key(path: Path) -> Ed25519PrivateKey:
    """The one Ed25519 key of a file.

    Raises:
        KeysUnusable: it is open to others, or holds anything else.
        OSError: it cannot be read.
    """
    found = read_keys(path)
    if len(found) != 1 or not isinstance(found[0], Ed25519PrivateKey):
        raise KeysUnusable(path, "Ed25519 키 하나의 파일이 아닙니다.", "not a file of one key.")
    return found[0]


def read_witness_key(path: Path) -> WitnessKey:
    """The one key of a witness's file: for Ed25519 or ML-DSA-44.

    Raises:
        KeysUnusable: it is open to others, or holds anything else.
        OSError: it cannot be read.
    """
    _require_private(path)
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(path.read_bytes(), password=None)
        if isinstance(key, Ed25519PrivateKey | MLDSA44PrivateKey):
            return key
    raise KeysUnusable(path, "확인자의 키 파일이 아닙니다.", "not a witness's key file.")


def write_keys(path: Path, keys: Sequence[PrivateKey | WitnessKey]) -> None:
    """Writes keys into a file, durably: a half-written key would orphan every record.

    Raises:
        OSError: it cannot be written.
    """
    pems = (key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in keys)
    write_whole(path, b"".join(pems))


def _require_private(path: Path) -> None:
    if not is_private(path):
        raise KeysUnusable(
            path,
            "다른 사용자가 읽을 수 있는 키 파일입니다. chmod 600으로 바꾸십시오.",
            "others can read this key file; chmod it to 600.",
        )


def _key(block: bytes) -> PrivateKey | None:
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(block, password=None)
        if isinstance(key, Ed25519PrivateKey):
            return key
        if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
            return key
    return None
