"""The ledger's signing keys: the writers' and the sealer's, and the pins with their public halves.

One installation has one set, whatever its number of gateways. For a single process it is made at
the first start, in `keys/` of the data directory, with the pins in `trust.json` beside that folder.
Several processes share a folder that `gwanmun keys init` has made, pins included: it is mounted
read-only, and nothing is ever made there at a start. Keys are never made anew while pins name them.

The sealer's keys are a file, `sealer.pem`, or stay where they are, in a module or a server, and
`sealer.held` names them (held_keys). Which of the two counts, where a rotation was cut off, the
pins say.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.ledger.held_keys import HeldEd25519, HeldP256, read_held
from gateway.ledger.in_force import KeysInForce
from gateway.ledger.key_files import KeysUnusable, read_key, read_keys, write_keys
from gateway.proofs.note import NoteKey, PrivateKey
from gateway.proofs.rotation import sign_rotation
from gateway.proofs.trust import FILE_NAME, Trust, TrustUnreadable, key_id
from gateway.store.private_file import sync_folder, write_whole

__all__ = ["KeysUnusable"]

FOLDER = "keys"
WRITER_FILE = "writer.pem"
SEALER_FILE = "sealer.pem"
HELD_FILE = "sealer.held"
_NEXT = "sealer.next"  # with the file's own ending, there only while a rotation is being made


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerKeys:
    """The private keys that this process holds, and the pins: all public ones, and the log's name.

    A gateway that does not seal needs none of the sealer's keys, and a sealer no writer's. The
    sealer signs with all that it has: Ed25519, and P-256 for verifiers that know no other.
    """

    writer: Ed25519PrivateKey | None = field(repr=False)
    sealer: tuple[PrivateKey, ...] = field(repr=False)
    pins: Trust

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self.pins.origin

    @property
    def writing_key(self) -> Ed25519PrivateKey:
        """The writer's key, for a process that writes."""
        if self.writer is None:
            raise RuntimeError("this process was not given that key")
        return self.writer

    @property
    def sealing_keys(self) -> tuple[PrivateKey, ...]:
        """The sealer's keys, for a process that seals."""
        if not self.sealer:
            raise RuntimeError("this process was not given those keys")
        return self.sealer

    @property
    def writer_id(self) -> str:
        """The id under which the writer's key is pinned."""
        return key_id(self.writing_key.public_key())

    def trust(self) -> Trust:
        """What a verifier has to be given."""
        return self.pins

    def in_force(self) -> KeysInForce:
        """What is told of them.

        Whether the sealer's are held elsewhere only its process knows. Others tell that they may
        be, so that no key is called destroyed that perhaps still signs.
        """
        sealer = tuple(map(str, self.pins.current))
        held = not self.sealer or any(
            isinstance(key, HeldEd25519 | HeldP256) for key in self.sealer
        )
        return KeysInForce(sealer=sealer, writers=tuple(sorted(self.pins.writers)), held=held)


def open_keys(data_dir: Path) -> LedgerKeys:
    """Reads the keys of a data directory, or makes them where there are none yet.

    Call it with the data directory's lock held.

    Raises:
        KeysUnusable: a file is unreadable, open to others, or not the one that is pinned.
    """
    folder, pins = data_dir / FOLDER, data_dir / FILE_NAME

    def read() -> LedgerKeys:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pinned = Trust.read(pins) if pins.exists() else None
        if pinned is None:
            _make(folder)
        writer, sealer = read_key(folder / WRITER_FILE), _read_sealer(folder, pinned)
        if pinned is None:
            pinned = _pins(writer, sealer)
            write_whole(pins, pinned.text().encode(), 0o644)
        return LedgerKeys(writer=writer, sealer=sealer, pins=pinned)

    return _checked(read, pins, folder)


def mounted_keys(folder: Path, *, writes: bool, seals: bool) -> LedgerKeys:
    """Reads the keys that a process needs from a folder that it shares; makes nothing.

    Raises:
        KeysUnusable: a file is missing, unreadable, open to others, or not the one that is pinned.
    """
    pins = folder / FILE_NAME

    def read() -> LedgerKeys:
        if not pins.exists():
            raise KeysUnusable(
                pins,
                f"키가 없습니다. `gwanmun keys init {folder}`로 한 번 만들어 모든 관문에 "
                "같은 것을 주십시오.",
                f"no keys here. Make them once with `gwanmun keys init {folder}`, and give the "
                "same to every gateway.",
            )
        pinned = Trust.read(pins)
        return LedgerKeys(
            writer=read_key(folder / WRITER_FILE) if writes else None,
            sealer=_read_sealer(folder, pinned) if seals else (),
            pins=pinned,
        )

    return _checked(read, pins, folder)


def make_keys(folder: Path, held: Path | None = None) -> Trust:
    """Makes a set of keys and its pins in a folder that has none.

    `held` is a file that names the sealer's keys where they are; none is made for it then.

    Raises:
        KeysUnusable: it has some, or cannot be written.
    """
    pins = folder / FILE_NAME

    def make() -> LedgerKeys:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = (FILE_NAME, WRITER_FILE, SEALER_FILE, HELD_FILE)
        if any((folder / name).exists() for name in names):
            raise KeysUnusable(
                folder,
                "이미 키가 있습니다. 키를 바꾸면 앞선 기록을 더 쓸 수 없으므로 만들지 않았습니다.",
                "there are keys already; nothing was made, since others could not go on with the "
                "log of these.",
            )
        if held is not None:
            read_held(held)
            write_whole(folder / HELD_FILE, held.read_bytes())
        _make(folder)
        writer, sealer = read_key(folder / WRITER_FILE), _read_sealer(folder, None)
        write_whole(pins, _pins(writer, sealer).text().encode(), 0o644)
        return LedgerKeys(writer=writer, sealer=sealer, pins=Trust.read(pins))

    return _checked(make, pins, folder).pins


def rotate_sealer(folder: Path, pins: Path, held: Path | None = None) -> Trust:
    """Gives the sealer new keys, named and signed by the old ones.

    The new ones are made as a file, or are those that `held` names where they are. Old ones of a
    file are then no more; others stay where they are. Call it while no process of this folder
    runs; each has to be started with the new pins. The new keys are durable before the pins name
    them, so that a crash in between only needs another call.

    Raises:
        KeysUnusable: the keys are not those that are pinned, or cannot be written.
    """

    def rotate() -> LedgerKeys:
        trust = Trust.read(pins)
        for following in _of_either(folder, _NEXT):
            if _public(trust, _read(following)) == _spelt(trust.current):
                return LedgerKeys(writer=None, sealer=_take_over(folder, following), pins=trust)
        old = _read_sealer(folder, trust)
        if _public(trust, old) != _spelt(trust.current):
            return LedgerKeys(writer=None, sealer=old, pins=trust)  # refused below
        following = _write_next(folder, held)
        note = sign_rotation(trust.origin, len(trust.rotations) + 1, old=old, new=_read(following))
        trust = trust.followed([*trust.rotations, note])
        write_whole(pins, trust.text().encode(), 0o644)
        return LedgerKeys(writer=None, sealer=_take_over(folder, following), pins=trust)

    return _checked(rotate, pins, folder).pins


def _write_next(folder: Path, held: Path | None) -> Path:
    for left in _of_either(folder, _NEXT):  # of a rotation that never came to the pins
        left.unlink()
    if held is None:
        path = folder / f"{_NEXT}.pem"
        write_keys(path, _new_sealer())
    else:
        read_held(held)
        path = folder / f"{_NEXT}.held"
        write_whole(path, held.read_bytes())
    return path


def _take_over(folder: Path, following: Path) -> tuple[PrivateKey, ...]:
    """Puts the next keys in the place of the present ones, of whichever kind these are."""
    present = folder / (SEALER_FILE if following.suffix == ".pem" else HELD_FILE)
    following.rename(present)
    for old in _of_either(folder, "sealer"):
        if old != present:
            old.unlink()
    sync_folder(folder)
    return _read(present)


def _read_sealer(folder: Path, pinned: Trust | None) -> tuple[PrivateKey, ...]:
    """The sealer's keys: where files of both kinds lie, those that the pins name."""
    found = [_read(path) for path in _of_either(folder, "sealer")]
    for keys in found:
        if pinned is not None and _public(pinned, keys) == _spelt(pinned.current):
            return keys
    return found[0] if found else read_keys(folder / SEALER_FILE)


def _of_either(folder: Path, name: str) -> list[Path]:
    """The files of a name that are there, as keys or naming them."""
    paths = (folder / f"{name}.pem", folder / f"{name}.held")
    return [path for path in paths if path.exists()]


def _read(path: Path) -> tuple[PrivateKey, ...]:
    return read_held(path) if path.suffix == ".held" else read_keys(path)


def _checked(read: Callable[[], LedgerKeys], pins: Path, folder: Path) -> LedgerKeys:
    try:
        keys = read()
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
    if not _fit(keys):
        raise KeysUnusable(
            pins,
            "키 파일과 고정된 공개 키가 서로 다릅니다. 원래의 키 파일을 되돌려 놓으십시오. 키를 "
            "바꾸다가 멈추었다면 `gwanmun keys rotate`를 다시 실행하십시오.",
            "the key files are not those that are pinned here; put the original ones back. If a "
            "rotation was interrupted, run `gwanmun keys rotate` again.",
        )
    return keys


def _fit(keys: LedgerKeys) -> bool:
    """The writer's key is pinned, and the sealer's are those that are pinned last."""
    pins = keys.pins
    sealer = _public(pins, keys.sealer)
    writer = keys.writer and key_id(keys.writer.public_key())
    return (not sealer or sealer == _spelt(pins.current)) and (
        writer is None or writer in pins.writers
    )


def _public(pins: Trust, keys: tuple[PrivateKey, ...]) -> set[str]:
    return _spelt(tuple(NoteKey.of(pins.origin, key) for key in keys))


def _spelt(keys: tuple[NoteKey, ...]) -> set[str]:
    return {str(key) for key in keys}


def _pins(writer: Ed25519PrivateKey, sealer: tuple[PrivateKey, ...]) -> Trust:
    origin, public = _origin(sealer[0]), writer.public_key()
    return Trust(
        origin=origin,
        generations=(tuple(NoteKey.of(origin, key) for key in sealer),),
        writers={key_id(public): public},
    )


def _make(folder: Path) -> None:
    """Makes the files that are not there yet."""
    if not (folder / WRITER_FILE).exists():
        write_keys(folder / WRITER_FILE, [Ed25519PrivateKey.generate()])
    if not _of_either(folder, "sealer"):
        write_keys(folder / SEALER_FILE, _new_sealer())


def _new_sealer() -> tuple[PrivateKey, ...]:
    return Ed25519PrivateKey.generate(), generate_private_key(SECP256R1())


def _origin(first: PrivateKey) -> str:
    """The log's name: its own for every installation (`.internal` never resolves publicly).

    It stays when the keys change.
    """
    digest = hashlib.sha256(NoteKey.of("-", first).raw).hexdigest()
    return f"gwanmun.internal/{digest[:16]}"
