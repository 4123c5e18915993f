"""The pinned public keys: all that a verifier has to be given from elsewhere.

The file is JSON:

    {"format": "gwanmun/trust/v1",
     "origin": "<the log's origin line>",
     "log": ["<note key of the sealer, name+id+base64>"],
     "writers": {"<key id>": "<base64 of the 32-byte Ed25519 key>"}}

A writer key's id is the SHA-256 of its 32 bytes, in hex.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.proofs.note import NoteInvalid, NoteKey

FILE_NAME = "trust.json"
_FORMAT = "gwanmun/trust/v1"


class TrustUnreadable(Exception):
    """The file with the pinned keys is missing or is not one."""


def key_id(key: Ed25519PublicKey) -> str:
    """The id under which a writer's key is pinned."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Pinned keys of one log: its sealer's, and its writers' by id."""

    origin: str
    log: tuple[NoteKey, ...]
    writers: Mapping[str, Ed25519PublicKey]

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
            origin = tree.pop("origin")
        except (ValueError, KeyError, AttributeError, TypeError, binascii.Error, NoteInvalid):
            raise TrustUnreadable("not a file of pinned keys") from None
        sound = isinstance(origin, str) and origin and log and not tree
        if not sound or any(key_id(key) != name for name, key in writers.items()):
            raise TrustUnreadable("not a file of pinned keys")
        return cls(origin=origin, log=log, writers=writers)

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
        tree = {
            "format": _FORMAT,
            "origin": self.origin,
            "log": [str(key) for key in self.log],
            "writers": writers,
        }
        return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"
