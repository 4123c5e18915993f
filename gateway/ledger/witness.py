"""A witness of other administrations' logs: its key, the logs it follows, and what it signed last.

A folder holds all of it:

    witness.pem     the key, made by `gwanmun witness init`
    witness.vkey    its public half, to be given to the logs' operators
    logs/*.json     the pins (trust.json) of each log that it follows
    state/          the last checkpoint signed of each log, one file each

A checkpoint is on disk before its signature is given away, and one request is examined at a time:
so the witness never signs two trees of one log that do not fit together, whatever happens to it.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gateway.ledger.key_files import KeysUnusable, read_witness_key, write_keys
from gateway.proofs.note import Checkpoint, NoteInvalid, NoteKey, WitnessKey, open_note
from gateway.proofs.trust import Trust, TrustUnreadable
from gateway.proofs.witness import Known, examine, origin_of, read_request, sign
from gateway.store.private_file import write_whole

KEY_FILE: Final = "witness.pem"
VKEY_FILE: Final = "witness.vkey"
LOGS: Final = "logs"
STATE: Final = "state"


class Followed(NamedTuple):
    """One log that a witness follows, and what it signed last; `note` is "" before the first."""

    trust: Trust
    known: Known
    note: str


def make_witness(folder: Path, name: str, *, classic: bool = False) -> NoteKey:
    """Makes a witness's folder and key; `name` is a URL without a scheme, beginning with a host.

    The key is one for ML-DSA-44, as C2SP recommends, or `classic` for Ed25519.

    Raises:
        KeysUnusable: there is one already, the name cannot be a key's, or nothing can be written.
    """
    key = Ed25519PrivateKey.generate() if classic else MLDSA44PrivateKey.generate()
    try:
        public = NoteKey.of_witness(name, key)
    except NoteInvalid:
        raise KeysUnusable(
            folder,
            "확인자의 이름은 `witness.example.go.kr/1`처럼 빈칸과 +가 없어야 합니다.",
            "a witness is named like `witness.example.go.kr/1`, without spaces and +.",
        ) from None
    if (folder / KEY_FILE).exists():
        raise KeysUnusable(folder, "이미 확인자가 있습니다.", "there is a witness already.")
    try:
        for part in (folder, folder / LOGS, folder / STATE):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_keys(folder / KEY_FILE, [key])
        write_whole(folder / VKEY_FILE, f"{public}\n".encode(), 0o644)
    except OSError as error:
        raise _unusable(folder, error) from None
    return public


class Witness:
    """A witness at work. Hold its folder's lock while there is one."""

    def __init__(
        self,
        folder: Path,
        name: str,
        key: WitnessKey,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.key = NoteKey.of_witness(name, key)
        self._folder = folder
        self._private = key
        self._clock = clock

    @classmethod
    def open(cls, folder: Path, *, clock: Callable[[], float] = time.time) -> Self:
        """Reads a witness's folder.

        Raises:
            KeysUnusable: its key, its name, its logs or its state cannot be read.
        """
        try:
            key = read_witness_key(folder / KEY_FILE)
            public = NoteKey.parse((folder / VKEY_FILE).read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable(folder, error) from None
        except NoteInvalid:
            raise _foreign(folder / VKEY_FILE) from None
        witness = cls(folder, public.name, key, clock=clock)
        if str(witness.key) != str(public):
            raise _foreign(folder / VKEY_FILE)
        witness.logs()
        return witness

    def logs(self) -> Mapping[str, Followed]:
        """The logs that are followed, by origin; read anew, so that one may be added at any time.

        Raises:
            KeysUnusable: a file of pins is none, two are of one log, or a state cannot be believed.
        """
        found: dict[str, Followed] = {}
        for path in sorted((self._folder / LOGS).glob("*.json")):
            try:
                trust = Trust.read(path)
            except TrustUnreadable:
                raise _foreign(path) from None
            if trust.origin in found:
                raise _foreign(path)
            found[trust.origin] = self._followed(trust)
        return found

    def _followed(self, trust: Trust) -> Followed:
        path = self._state(trust.origin)
        try:
            note = path.read_text(encoding="utf-8")
            opened = open_note(note, trust.keys)
            last = Checkpoint.parse(opened.text, extended=True)
        except FileNotFoundError:
            return Followed(trust, Known(), "")
        except (OSError, UnicodeDecodeError, NoteInvalid):
            raise _foreign(path) from None
        if last.origin != trust.origin:
            raise _foreign(path)
        generation = trust.generation(signed.key for signed in opened.signatures)
        return Followed(trust, Known(last.size, last.root, generation), note)

    def add_checkpoint(self, body: bytes) -> str:
        """Examines a request and keeps its checkpoint, durably; returns the cosignature's line.

        It never lets go of the thread in between, so that no other request can be examined against
        a state that is about to change. That takes milliseconds, and witnesses are asked seldom.

        Raises:
            Refused: it must not be signed.
            KeysUnusable: the folder cannot be read; OSError: or not be written.
        """
        request = read_request(body)
        origin = origin_of(request.note)
        logs = self.logs()
        known = logs[origin].known if origin in logs else Known()
        examine(request, {name: log.trust for name, log in logs.items()}, known)
        write_whole(self._state(origin), request.note.encode())
        return sign(request, self.key.name, self._private, time=int(self._clock()))

    def pins_file(self, origin: str) -> Path:
        """Where a log's pins are kept once it is followed."""
        return self._folder / LOGS / f"{_file_name(origin)}.json"

    def _state(self, origin: str) -> Path:
        return self._folder / STATE / f"{_file_name(origin)}.note"


def _file_name(origin: str) -> str:
    """No path is ever built from a log's name."""
    return hashlib.sha256(origin.encode()).hexdigest()[:32]


def _unusable(path: Path, error: Exception) -> KeysUnusable:
    word = getattr(error, "strerror", None) or type(error).__name__
    return KeysUnusable(
        Path(getattr(error, "filename", None) or path),
        f"읽거나 쓸 수 없습니다 ({word}).",
        f"cannot be read or written ({word}).",
    )


def _foreign(path: Path) -> KeysUnusable:
    return KeysUnusable(
        path,
        "이 확인자의 것이 아니거나 손상된 파일입니다.",
        "not this witness's file, or damaged.",
    )
