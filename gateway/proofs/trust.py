"""The pinned public keys: all that a verifier has to be given from elsewhere.

The file is JSON:

    {"format": "gwanmun/trust/v1",
     "origin": "<the log's origin line>",
     "log": ["<verifier key of the sealer, name+id+base64>", …],
     "rotations": ["<note>", …],
     "writers": {"<key id>": "<base64 of the 32-byte Ed25519 key>"}}

`log` holds the keys that were first pinned, `rotations` how others followed them (`rotation`); it
may be missing. A writer key's id is the SHA-256 of its 32 bytes, in hex.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.proofs.note import NoteInvalid, NoteKey, Opened, open_note
from gateway.proofs.rotation import RotationInvalid, follow_rotation

FILE_NAME = "trust.json"
_FORMAT = "gwanmun/trust/v1"


class TrustUnreadable(Exception):
    """The file with the pinned keys is missing or is not one."""


def key_id(key: Ed25519PublicKey) -> str:
    """The id under which a writer's key is pinned."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Pinned keys of one log: its sealer's with those that followed, and its writers' by id.

    `generations` are the sealer's keys by how often they had changed: the first are those that were
    pinned, the last those of today.
    """

    origin: str
    generations: tuple[tuple[NoteKey, ...], ...]
    writers: Mapping[str, Ed25519PublicKey]
    rotations: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[NoteKey, ...]:
        """All of the sealer's keys, of every generation."""
        return tuple(key for generation in self.generations for key in generation)

    @property
    def current(self) -> tuple[NoteKey, ...]:
        """The sealer's keys of today."""
        return self.generations[-1]

    def generation(self, keys: Iterable[NoteKey]) -> int:
        """The newest generation that one of the keys belongs to; -1 for foreign ones."""
        spelt = {str(key) for key in keys}
        found = (
            number
            for number, generation in enumerate(self.generations)
            if spelt & {str(key) for key in generation}
        )
        return max(found, default=-1)

    def open(self, note: object) -> Opened:
        """A note that the log has signed: with every key of one generation, the newest that has.

        So a key that is pinned is always demanded, and a checkpoint with one of its signatures
        taken away or spoilt is none.

        Raises:
            NoteInvalid: it has not.
        """
        opened = open_note(note if isinstance(note, str) else "", self.keys)
        signers = {str(signed.key) for signed in opened.signatures}
        generation = self.generations[self.generation(signed.key for signed in opened.signatures)]
        if not {str(key) for key in generation} <= signers:
            raise NoteInvalid("not signed by all keys of the log")
        return opened

    def followed(self, rotations: Iterable[object]) -> Self:
        """The same pins, with the log's own account of how its keys changed since.

        Raises:
            RotationInvalid: one of the notes does not follow, or contradicts one that is pinned.
        """
        trust = self
        for number, note in enumerate(rotations, 1):
            if number <= len(self.rotations):
                if note != self.rotations[number - 1]:
                    raise RotationInvalid(f"rotation {number} is not the one that is pinned")
                continue
            new = follow_rotation(note, self.origin, number, keys=trust.current)
            trust = replace(
                trust,
                generations=(*trust.generations, new),
                rotations=(*trust.rotations, str(note)),
            )
        return trust

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the file's text.

        Raises:
            TrustUnreadable: it does not have the format.
        """
        try:
            tree = json.loads(text)
            if tree.pop("format") != _FORMAT:
                raise TrustUnreadable("unknown format")
            writers = {
                name: Ed25519PublicKey.from_public_bytes(base64.b64decode(raw, validate=True))
                for name, raw in tree.pop("writers").items()
            }
            log = tuple(NoteKey.parse(key) for key in tree.pop("log"))
            origin, rotations = tree.pop("origin"), tree.pop("rotations", [])
            sound = isinstance(origin, str) and origin and log and not tree
            if not sound or any(key_id(key) != name for name, key in writers.items()):
                raise TrustUnreadable("not a file of pinned keys")
            if any(key.kind.witnesses for key in log) or not isinstance(rotations, list):
                raise TrustUnreadable("not a file of pinned keys")
            return cls(origin=origin, generations=(log,), writers=writers).followed(rotations)
        except (ValueError, KeyError, AttributeError, TypeError, binascii.Error, NoteInvalid):
            raise TrustUnreadable("not a file of pinned keys") from None
        except RotationInvalid as error:
            raise TrustUnreadable(f"a rotation is wrong: {error}") from None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads the file.

        Raises:
            TrustUnreadable: it cannot be read, or does not have the format.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            raise TrustUnreadable("cannot be read") from None

    def text(self) -> str:
        """The file's text."""
        writers = {
            name: base64.b64encode(key.public_bytes_raw()).decode()
            for name, key in self.writers.items()
        }
        tree: dict[str, object] = {
            "format": _FORMAT,
            "origin": self.origin,
            "log": [str(key) for key in self.generations[0]],
            "writers": writers,
        }
        if self.rotations:
            tree["rotations"] = list(self.rotations)
        return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"
