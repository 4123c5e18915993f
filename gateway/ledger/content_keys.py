"""The public keys that content is sealed to: a folder for each agency, with two files in PEM.

`officers.pem` and `cpo.pem`, of curve P-256 (RFC 5480; SubjectPublicKeyInfo). A private key found
there is refused: it must never come near a gateway.
"""

from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from gateway import os_words
from gateway.ledger.content import Recipients

OFFICERS_FILE: Final = "officers.pem"
CPO_FILE: Final = "cpo.pem"


class ContentKeysUnusable(Exception):
    """A key's file cannot be used. The message names it and the mend."""

    def __init__(self, path: Path, korean: str, english: str) -> None:
        super().__init__(f"{path}: {korean}.\n{path}: {english}.")


def read_recipients(folder: Path) -> dict[str, Recipients]:
    """Agency code → its two keys.

    Raises:
        ContentKeysUnusable: the folder or a file in it cannot be used.
    """
    try:
        agencies = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise _unreadable(folder, error) from None
    found = {}
    for path in agencies:
        # An orchestrator's mount has folders of its own beside ours (`..data`).
        if not path.name.startswith("."):
            found[path.name] = _recipients(path)
    if not found:
        raise ContentKeysUnusable(
            folder, "기관의 폴더가 하나도 없습니다", "holds no agency's folder"
        )
    return found


def _recipients(folder: Path) -> Recipients:
    officers, cpo = _public(folder / OFFICERS_FILE), _public(folder / CPO_FILE)
    if _spelt(officers) == _spelt(cpo):
        raise ContentKeysUnusable(
            folder,
            "보안담당자와 개인정보 보호책임자의 키가 같습니다. 서로 다른 두 사람의 키여야 합니다",
            "the officers' key and the CPO's are the same; they must be two people's",
        )
    return Recipients(officers, cpo)


def _public(path: Path) -> EllipticCurvePublicKey:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None
    if b"PRIVATE KEY" in data:
        raise ContentKeysUnusable(
            path,
            "비밀 키입니다. 관문에 두면 안 됩니다. 공개 키만 두고 비밀 키는 옮기십시오",
            "is a private key, which must never be on a gateway; leave the public one here",
        )
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ContentKeysUnusable(
            path, "P-256 공개 키(PEM)가 아닙니다", "is no public key of P-256 in PEM"
        )
    return key


def _spelt(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _unreadable(path: Path, error: OSError) -> ContentKeysUnusable:
    return ContentKeysUnusable(
        path,
        f"읽을 수 없습니다 ({os_words.korean(error)})",
        f"cannot be read ({os_words.english(error)})",
    )
