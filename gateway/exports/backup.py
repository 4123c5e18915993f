"""Backups of a SQLite ledger: one encrypted file, made beside a running gateway.

Inside age's encryption is a tar of three files: `manifest.json`, which a writer's key has signed
and which names the other two by size and hash, the database and the pins. Never in it: keys of any
kind, week keys, the list of erasures, browser sessions.

    {"format": "gwanmun/backup/v1", "origin": …, "made": "2026-11-27T…Z", "schema": "0007",
     "size": 120, "root": "<hex>", "files": [{"name": …, "bytes": …, "sha256": …}],
     "key_id": …, "signature": "<base64>"}

`size` and `root` are of the last checkpoint in it. The signature is over "gwanmun/backup/v1" LF ‖
the canonical JSON of all but the signature.
"""

import base64
import binascii
import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyrage
from cryptography.exceptions import InvalidSignature

from gateway.exports.age_file import encrypt
from gateway.exports.formats import settle
from gateway.ledger.events import iso_time
from gateway.ledger.keys import LedgerKeys
from gateway.proofs.entry import canonical
from gateway.proofs.note import Checkpoint, NoteInvalid
from gateway.proofs.reader import FileReader
from gateway.proofs.tree import EMPTY_ROOT
from gateway.proofs.trust import FILE_NAME as PINS
from gateway.proofs.trust import Trust
from gateway.proofs.verify import DATABASE_NAME
from gateway.store.data_dir import passing_folder
from gateway.store.errors import DataDirectoryBusy
from gateway.store.private_file import create, sync_folder
from gateway.store.snapshot import snapshot

MANIFEST: Final = "manifest.json"
_FORMAT: Final = "gwanmun/backup/v1"
_CONTEXT: Final = b"gwanmun/backup/v1\n"
_MOST_BYTES: Final = 1 << 20  # of a manifest
_PIECE_BYTES: Final = 1 << 20


class BackupInvalid(Exception):
    """What was decrypted is not a whole backup of this log; the message is one English phrase."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One file of a backup; `sha256` in hex."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a manifest says; `root` in hex, `made` in ISO 8601, `hash` the manifest's SHA-256."""

    origin: str
    made: str
    schema: str
    size: int
    root: str
    files: tuple[Packed, ...]
    hash: str


def make_backup(
    database: Path,
    keys: LedgerKeys,
    path: Path,
    to: Sequence[pyrage.x25519.Recipient],
    *,
    at: float,
) -> Backup:
    """Writes a backup to a new file; `at` in Unix seconds.

    The copy of the database stands unencrypted beside the database, for its owner alone, until it
    is packed; what a killed command left of one, or a killed restore, the next one removes. One at
    a time.

    Raises:
        FileExistsError: the file is there already.
        OSError: it cannot be written.
        StoreUnavailable: the database cannot be copied.
        DataDirectoryBusy: another backup is being made.
        LogUnreadable, BackupInvalid: it holds no ledger, or none of these keys.
    """
    if path.exists():
        raise FileExistsError(17, os.strerror(17), str(path))
    draft = path.with_name(f".{path.name}.draft")
    with suppress(DataDirectoryBusy), passing_folder(database.parent, "restore"):
        pass  # none runs: what a killed one left has gone
    with passing_folder(database.parent, "backup") as folder:
        draft.unlink(missing_ok=True)
        schema = snapshot(database, folder / DATABASE_NAME)
        (folder / PINS).write_text(keys.pins.text(), encoding="utf-8")
        files = [_packed(folder / each) for each in (DATABASE_NAME, PINS)]
        head = last_head(folder / DATABASE_NAME, keys.pins)
        raw = _manifest(keys, head, files, schema=schema, made=iso_time(at))
        (folder / MANIFEST).write_bytes(raw)

        def write(target: BinaryIO) -> None:
            with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                for each in (MANIFEST, DATABASE_NAME, PINS):
                    tar.add(folder / each, arcname=each, filter=_anonymous)

        try:
            with create(draft) as file:
                encrypt(write, file, to)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
            sync_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)
    return read_manifest(raw, keys.pins)


def unpack(source: BinaryIO, folder: Path, trust: Trust) -> Backup:
    """Reads a decrypted backup into a folder, whose files then are those that were signed.

    Raises:
        BackupInvalid: it is not what a pinned writer has made.
        OSError: it cannot be read or written.
    """
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            first = tar.next()
            file = tar.extractfile(first) if first and first.name == MANIFEST else None
            if file is None:
                raise BackupInvalid("no manifest at its beginning")
            backup = read_manifest(file.read(_MOST_BYTES), trust)
            for packed in backup.files:
                member = tar.next()
                found = tar.extractfile(member) if member and member.name == packed.name else None
                if found is None or member is None or member.size != packed.size_bytes:
                    raise BackupInvalid(f"{packed.name} is missing")
                with create(folder / packed.name) as target:
                    shutil.copyfileobj(found, target, _PIECE_BYTES)
            if tar.next() is not None:
                raise BackupInvalid("a file more than the manifest names")
    except tarfile.TarError:
        raise BackupInvalid("not a backup of this program") from None
    for packed in backup.files:
        if settle(folder / packed.name) != packed.sha256:
            raise BackupInvalid(f"{packed.name} is not what was signed")
    return backup


def read_manifest(raw: bytes, trust: Trust) -> Backup:
    """A manifest that a pinned writer of this log has signed.

    Raises:
        BackupInvalid: it is none.
    """
    try:
        tree: dict[str, Any] = json.loads(raw)
        unsigned = {name: value for name, value in tree.items() if name != "signature"}
        key = trust.writers.get(tree["key_id"])
        if tree["format"] != _FORMAT or tree["origin"] != trust.origin or key is None:
            raise BackupInvalid("not a backup of this log")
        signature = base64.b64decode(tree["signature"], validate=True)
        key.verify(signature, _CONTEXT + canonical(unsigned))
        files = tuple(
            Packed(str(each["name"]), int(each["bytes"]), str(each["sha256"]))
            for each in tree["files"]
        )
        if [each.name for each in files] != [DATABASE_NAME, PINS]:
            raise BackupInvalid("not the files of a backup")
        return Backup(
            origin=trust.origin,
            made=str(tree["made"]),
            schema=str(tree["schema"]),
            size=int(tree["size"]),
            root=str(tree["root"]),
            files=files,
            hash=hashlib.sha256(raw).hexdigest(),
        )
    except InvalidSignature:
        raise BackupInvalid("the manifest's signature is wrong") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise BackupInvalid("not a backup's manifest") from None


def last_head(database: Path, pins: Trust) -> Checkpoint:
    """The last checkpoint of a SQLite ledger, which these pins must have signed.

    Raises:
        LogUnreadable, BackupInvalid: it holds no ledger, or none of these keys.
    """
    with FileReader(database) as reader:
        row = reader.checkpoint_at(reader.bounds().checkpoint)
    if row is None:
        return Checkpoint(pins.origin, 0, EMPTY_ROOT)
    try:
        return Checkpoint.parse(pins.open(row.note).text)
    except NoteInvalid:
        raise BackupInvalid("the database is not of these keys") from None


def _manifest(
    keys: LedgerKeys, head: Checkpoint, files: Sequence[Packed], *, schema: str, made: str
) -> bytes:
    tree: dict[str, Any] = {
        "format": _FORMAT,
        "origin": keys.origin,
        "made": made,
        "schema": schema,
        "size": head.size,
        "root": head.root.hex(),
        "files": [
            {"name": each.name, "bytes": each.size_bytes, "sha256": each.sha256} for each in files
        ],
        "key_id": keys.writer_id,
    }
    signature = keys.writing_key.sign(_CONTEXT + canonical(tree))
    return canonical(tree | {"signature": base64.b64encode(signature).decode()}) + b"\n"


def _packed(path: Path) -> Packed:
    return Packed(path.name, path.stat().st_size, settle(path))


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Who owned the files is nobody's affair."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member
