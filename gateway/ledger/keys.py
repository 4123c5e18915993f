"""The ledger's signing keys: the writer's and the sealer's, made at the first start.

They stand in `keys/` of the data directory, readable by the owner alone, and are never made anew
while the pins name them. The public halves are written to `trust.json` beside it.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.proofs.note import NoteKey
from gateway.proofs.trust import FILE_NAME, Trust, TrustUnreadable, key_id

FOLDER = "keys"
_WRITER = "writer.pem"
_SEALER = "sealer.pem"


class KeysUnusable(Exception):
    """The key files are missing, unreadable or not those that the pins name."""

    def __init__(self, path: Path, korean: str, english: str) -> None:
        super().__init__(f"{path}: {korean}\n{path}: {english}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerKeys:
    """Both private keys, and the name of the log."""

    writer: Ed25519PrivateKey = field(repr=False)
    sealer: Ed25519PrivateKey = field(repr=False)
    origin: str

    @property
    def writer_id(self) -> str:
        """The id under which the writer's key is pinned."""
        return key_id(self.writer.public_key())

    def trust(self) -> Trust:
        """What a verifier has to be given."""
        public = self.writer.public_key()
        return Trust(
            origin=self.origin,
            log=(NoteKey(self.origin, self.sealer.public_key()),),
            writers={key_id(public): public},
        )


def open_keys(data_dir: Path) -> LedgerKeys:
    """Reads the keys, or makes them where there are none yet.

    Call it with the data directory's lock held.

    Raises:
        KeysUnusable: a file is unreadable, open to others, or not the one that is pinned.
    """
    folder, pins = data_dir / FOLDER, data_dir / FILE_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pinned = Trust.read(pins) if pins.exists() else None
        writer = _open(folder / _WRITER, may_make=pinned is None)
        sealer = _open(folder / _SEALER, may_make=pinned is None)
        origin = pinned.origin if pinned else _origin(sealer)
        keys = LedgerKeys(writer=writer, sealer=sealer, origin=origin)
        if pinned is None:
            _write(pins, keys.trust().text().encode(), 0o644)
        elif pinned.text() != keys.trust().text():
            raise KeysUnusable(
                pins,
                "키 파일과 고정된 공개 키가 서로 다릅니다. 원래의 키 파일을 되돌려 놓으십시오.",
                "the key files are not those that are pinned here; put the original ones back.",
            )
    except TrustUnreadable:
        raise KeysUnusable(
            pins, "공개 키 파일을 읽을 수 없습니다.", "not a file of pinned keys."
        ) from None
    except OSError as error:
        path = Path(error.filename or folder)
        reason = error.strerror or type(error).__name__
        raise KeysUnusable(
            path, f"키를 읽거나 만들 수 없습니다 ({reason}).", f"cannot be used ({reason})."
        ) from None
    return keys


def _origin(sealer: Ed25519PrivateKey) -> str:
    """The log's name: its own for every installation (`.internal` never resolves publicly)."""
    digest = hashlib.sha256(sealer.public_key().public_bytes_raw()).hexdigest()
    return f"gwanmun.internal/{digest[:16]}"


def _open(path: Path, *, may_make: bool) -> Ed25519PrivateKey:
    if may_make and not path.exists():
        made = Ed25519PrivateKey.generate()
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(path, pem, 0o600)
    if path.stat().st_mode & 0o077:
        raise KeysUnusable(
            path,
            "다른 사용자가 읽을 수 있는 키 파일입니다. chmod 600으로 바꾸십시오.",
            "others can read this key file; chmod it to 600.",
        )
    key: object = None
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeysUnusable(path, "Ed25519 키 파일이 아닙니다.", "not an Ed25519 key file.")
    return key


def _write(path: Path, content: bytes, mode: int) -> None:
    """The whole file or none, and durable: a half-written key would orphan every record."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
