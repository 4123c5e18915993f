"""Logs for tests that exist as tiles alone: files in memory, made of any entries."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.proofs.note import Checkpoint, NoteKey, PrivateKey, WitnessKey, cosign, sign_note
from gateway.proofs.tiles import Tiling
from gateway.proofs.trust import Trust

ORIGIN = "log.example.go.kr/1"


@dataclass
class Files:
    """A TileSource of files that a test may change."""

    files: dict[str, bytes]

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def write(self, folder: Path) -> Path:
        for path, data in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return folder


@dataclass
class Log:
    """A log's keys, and its files at any size of its entries."""

    entries: Sequence[bytes]
    keys: tuple[PrivateKey, ...] = field(
        default_factory=lambda: (
            Ed25519PrivateKey.generate(),
            ec.generate_private_key(ec.SECP256R1()),
        )
    )

    @property
    def trust(self) -> Trust:
        generation = tuple(NoteKey.of(ORIGIN, key) for key in self.keys)
        return Trust(origin=ORIGIN, generations=(generation,), writers={})

    def checkpoint(self, size: int | None = None) -> str:
        entries = self.entries if size is None else self.entries[:size]
        tiling = Tiling()
        for entry in entries:
            tiling.append(entry)
        text = Checkpoint(ORIGIN, len(entries), tiling.tree.root()).text()
        return sign_note(text, ORIGIN, *self.keys)

    def files(self, size: int | None = None) -> Files:
        entries = self.entries if size is None else self.entries[:size]
        tiling = Tiling()
        found = [each for entry in entries for each in tiling.append(entry)]
        found += tiling.partial()
        files = {tile.path: data for tile, data in found}
        return Files({**files, "checkpoint": self.checkpoint(size).encode()})


@dataclass
class Cosigner:
    """A witness's key, for tests that need no witness around it."""

    name: str
    private: WitnessKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def key(self) -> NoteKey:
        return NoteKey.of_witness(self.name, self.private)

    def line(self, note: str, time: int = 1_800_000_000) -> str:
        text = note.rpartition("\n\n")[0] + "\n"
        return cosign(text, self.name, self.private, time=time)


def entry(number: int) -> bytes:
    """An entry of our form, of no event."""
    return b"\x01" + number.to_bytes(32, "big")


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def root_of(note: str) -> bytes:
    return base64.b64decode(note.split("\n")[2])
