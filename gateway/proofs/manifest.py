"""Manifests of days: what was archived each day, in a chain that misses no day and no event.

An archive has a folder per day (Korean time), named `2026-11-26`. In it stand that day's files and
`manifest.json`, one line of canonical JSON (RFC 8785):

    {"format": "gwanmun/day-manifest/v1", "origin": …, "day": "2026-11-26",
     "after": 120, "upto": 310, "files": [{"name": …, "bytes": …, "sha256": …, "events": …}],
     "last": {"writer": …, "sequence": …, "sha256": …} or null,
     "previous": {"day": "2026-11-25", "sha256": …} or null, "key_id": …, "signature": "<base64>"}

The files hold the events behind the position `after` and up to `upto`. `last` is the event at that
position: its writer, its number of that, and its hash; so it shows whether a database is the one
that was archived. Manifests of older versions lack it. `previous` is the SHA-256 of the file of the
day before; null begins a chain. The signature is a pinned writer's (Ed25519), over
"gwanmun/day-manifest/v1" LF ‖ the canonical JSON of all but the signature. The model is the chain
of AWS CloudTrail's digest files. What it cannot see: a chain that was cut off at its end, unless
the verifier is told up to which day it must go. Where the days lie is the matter of a `Days`: a
folder here, a bucket in `gateway/exports/archive_bucket.py`.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.proofs.entry import canonical
from gateway.proofs.spelling import bytes_of
from gateway.proofs.trust import Trust, key_id

FILE_NAME: Final = "manifest.json"
_FORMAT: Final = "gwanmun/day-manifest/v1"
_CONTEXT: Final = f"{_FORMAT}\n".encode()
_PIECE_BYTES: Final = 1 << 20
_MOST_BYTES: Final = 16 << 20  # of a manifest: tens of thousands of agencies
_KEYS: Final = {
    *("format", "origin", "day", "after", "upto", "files", "previous", "key_id", "signature")
}
_LATER_KEYS: Final = {"last"}  # older manifests lack them
_MOST_SURFACE: Final = 1_000  # findings that a report holds
_ONE_DAY: Final = timedelta(days=1)


class DayFlaw(StrEnum):
    """What is wrong with a day; a closed set of words.

    The last three are of a bucket alone, and of its surface: the first version, which is what was
    locked, is checked all the same.
    """

    MISSING = "missing"
    MALFORMED = "malformed"
    OTHER_LOG = "other_log"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    PREVIOUS = "previous"
    POSITIONS = "positions"
    FILE_MISSING = "file_missing"
    FILE_CHANGED = "file_changed"
    FILE_UNKNOWN = "file_unknown"
    OVERWRITTEN = "overwritten"
    MARKED_DELETED = "marked_deleted"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """One file of a day; `sha256` in hex."""

    name: str
    size_bytes: int
    sha256: str
    events: int


class LastEvent(NamedTuple):
    """The event at which a day ends; `sha256` of its body, in hex."""

    writer: str
    sequence: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One day; `hash` is the SHA-256 of the manifest's file, in hex."""

    origin: str
    day: date
    after: int
    upto: int
    files: tuple[ArchivedFile, ...]
    previous: tuple[date, str] | None
    last: LastEvent | None = None
    hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayProblem:
    """The first day that is wrong or missing, and the file, if it is one."""

    day: date
    flaw: DayFlaw
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What was found: whole days from `first` to `last`; None without any.

    `problem` ends the chain. `surface` does not: it is what lies over files that are whole, or
    protects them too little; the first 1,000 findings.
    """

    first: date | None
    last: date | None
    days: int
    problem: DayProblem | None
    surface: tuple[DayProblem, ...] = ()


class Days(Protocol):
    """Where the days of an archive lie. Nothing of it is believed: all is checked."""

    def days(self) -> list[date]:
        """The days that have a place, oldest first.

        Raises:
            OSError: they cannot be listed.
        """

    def names(self, day: date) -> list[str]:
        """The files of a day, sorted.

        Raises:
            OSError: they cannot be listed.
        """

    def pieces(self, day: date, name: str) -> Iterator[bytes]:
        """A file's bytes, in pieces that fit into memory.

        Raises:
            OSError: on the first piece, it is not there or cannot be read.
        """

    def surface(self, day: date) -> list[DayProblem]:
        """What lies over the files of a day whose pieces were read, or protects them too little."""


class DaysInFolder:
    """Days in a folder of this machine; a file has one version, and nothing lies over it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def days(self) -> list[date]:
        """See Days."""
        return sorted(filter(None, map(day_named, (each.name for each in self._folder.iterdir()))))

    def names(self, day: date) -> list[str]:
        """See Days."""
        return sorted(each.name for each in (self._folder / day.isoformat()).iterdir())

    def pieces(self, day: date, name: str) -> Iterator[bytes]:
        """See Days."""
        with (self._folder / day.isoformat() / name).open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    def surface(self, day: date) -> list[DayProblem]:
        """See Days."""
        return []


class _Wrong(Exception):
    def __init__(self, flaw: DayFlaw, file: str = "") -> None:
        super().__init__(flaw)
        self.flaw = flaw
        self.file = file


def manifest_bytes(manifest: Manifest, key: Ed25519PrivateKey) -> bytes:
    """The file of a manifest, signed."""
    previous = manifest.previous
    tree: dict[str, Any] = {
        "format": _FORMAT,
        "origin": manifest.origin,
        "day": manifest.day.isoformat(),
        "after": manifest.after,
        "upto": manifest.upto,
        "files": [
            {"name": each.name, "bytes": each.size_bytes, "sha256": each.sha256}
            | {"events": each.events}
            for each in manifest.files
        ],
        "last": manifest.last and manifest.last._asdict(),
        "previous": previous and {"day": previous[0].isoformat(), "sha256": previous[1]},
        "key_id": key_id(key.public_key()),
    }
    signature = key.sign(_CONTEXT + canonical(tree))
    return canonical(tree | {"signature": base64.b64encode(signature).decode()}) + b"\n"


def last_manifest(archive: Days, trust: Trust) -> Manifest | None:
    """The newest day of an archive, to go on from; its files are not looked at.

    Raises:
        ValueError: it is not one that a pinned key has signed.
        OSError: it cannot be read.
    """
    days = archive.days()
    try:
        return _read(archive, days[-1], trust) if days else None
    except _Wrong as wrong:
        raise ValueError(wrong.flaw.value) from None


def verify_chain(archive: Days, trust: Trust, *, until: date | None = None) -> ChainReport:
    """Checks every day and file, from the oldest; ends at the first that is wrong.

    Memory does not grow with the files. With `until` the days have to reach it.

    Raises:
        OSError: the archive cannot be read.
    """
    days = archive.days()
    first, last, count = days[0] if days else None, None, 0
    before: Manifest | None = None
    problem: DayProblem | None = None
    surface: list[DayProblem] = []
    wanted = first or until
    while wanted is not None and wanted <= max([*days[-1:], *([until] if until else [])]):
        try:
            before = _checked(archive, wanted, trust, before)
        except _Wrong as wrong:
            problem = DayProblem(day=wanted, flaw=wrong.flaw, file=wrong.file)
            break
        surface = [*surface, *archive.surface(wanted)][:_MOST_SURFACE]
        last, count, wanted = wanted, count + 1, wanted + _ONE_DAY
    return ChainReport(first=first, last=last, days=count, problem=problem, surface=(*surface,))


def day_named(name: str) -> date | None:
    """The day of a folder that has its name, spelt in the one way; None for any other name."""
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None


def _checked(archive: Days, day: date, trust: Trust, before: Manifest | None) -> Manifest:
    """1. It is there and signed. 2. It follows the day before. 3. Its files are those it names."""
    manifest = _read(archive, day, trust)
    if before is None:
        if manifest.previous is not None:
            raise _Wrong(DayFlaw.PREVIOUS)  # the days before the oldest were taken away
    elif manifest.previous != (before.day, before.hash):
        raise _Wrong(DayFlaw.PREVIOUS)
    if manifest.upto < manifest.after or manifest.after != (before.upto if before else 0):
        raise _Wrong(DayFlaw.POSITIONS)
    for each in manifest.files:
        _check_file(archive, day, each)
    named = {each.name for each in manifest.files} | {FILE_NAME}
    for found in archive.names(day):
        if found not in named:
            raise _Wrong(DayFlaw.FILE_UNKNOWN, found)
    return manifest


def _check_file(archive: Days, day: date, said: ArchivedFile) -> None:
    digest, size = hashlib.sha256(), 0
    try:
        for piece in archive.pieces(day, said.name):
            digest.update(piece)
            size += len(piece)
    except OSError:
        raise _Wrong(DayFlaw.FILE_MISSING, said.name) from None
    if (size, digest.hexdigest()) != (said.size_bytes, said.sha256):
        raise _Wrong(DayFlaw.FILE_CHANGED, said.name)


def _read(archive: Days, day: date, trust: Trust) -> Manifest:
    raw = b""
    try:
        for piece in archive.pieces(day, FILE_NAME):
            raw += piece
            if len(raw) > _MOST_BYTES:
                raise _Wrong(DayFlaw.MALFORMED)
    except OSError:
        raise _Wrong(DayFlaw.MISSING) from None
    try:
        tree = json.loads(raw)
        if (
            set(tree) - _LATER_KEYS != _KEYS
            or tree["format"] != _FORMAT
            or canonical(tree) + b"\n" != raw
        ):
            raise _Wrong(DayFlaw.MALFORMED)
        signature = bytes_of(tree["signature"])
        manifest = _parsed(tree, raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _Wrong(DayFlaw.MALFORMED) from None
    if manifest.origin != trust.origin:
        raise _Wrong(DayFlaw.OTHER_LOG)
    key = trust.writers.get(tree["key_id"])
    if key is None:
        raise _Wrong(DayFlaw.UNKNOWN_KEY)
    try:
        unsigned = {name: value for name, value in tree.items() if name != "signature"}
        key.verify(signature, _CONTEXT + canonical(unsigned))
    except InvalidSignature:
        raise _Wrong(DayFlaw.SIGNATURE) from None
    if manifest.day != day:
        raise _Wrong(DayFlaw.MISSING)  # another day's stands in its place
    return manifest


def _parsed(tree: dict[str, Any], raw: bytes) -> Manifest:
    previous, last = tree["previous"], tree.get("last")
    return Manifest(
        origin=tree["origin"],
        day=date.fromisoformat(tree["day"]),
        after=int(tree["after"]),
        upto=int(tree["upto"]),
        files=tuple(_files(tree["files"])),
        previous=previous and (date.fromisoformat(previous["day"]), str(previous["sha256"])),
        last=last and LastEvent(str(last["writer"]), int(last["sequence"]), str(last["sha256"])),
        hash=hashlib.sha256(raw).hexdigest(),
    )


def _files(rows: list[dict[str, Any]]) -> Iterator[ArchivedFile]:
    for row in rows:
        name = row["name"]
        if not isinstance(name, str) or Path(name).name != name or name == FILE_NAME:
            raise ValueError("not a file of the day's folder")
        yield ArchivedFile(name, int(row["bytes"]), str(row["sha256"]), int(row["events"]))
