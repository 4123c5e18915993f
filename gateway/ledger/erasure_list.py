"""The list of erasures: records whose content was erased before its time, outside the database.

It lies beside the week keys, and like them never in a backup: what a backup brings back, the list
takes away again. One file for each record, named by it, holds a time (Unix seconds) and the week of
the record's key: behind that time, and once that key is no more (days that were raised since keep
it for longer), nothing opens the content of any copy, and the entry is needed no more.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.ledger.week_keys import WeekKeyMissing
from gateway.store.private_file import sync_folder, write_whole

FOLDER: Final = "erased"
_NO_WEEKS: Final[Mapping[str, str]] = MappingProxyType({})
_RECORD: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ErasureList:
    """The entries in one folder, which all gateways share."""

    folder: Path

    def __contains__(self, record_id: str) -> bool:
        """Raises WeekKeyMissing if it cannot be known."""
        if not _RECORD.fullmatch(record_id):
            return False
        try:
            (self.folder / record_id).stat()
        except FileNotFoundError:
            return False
        except OSError:
            raise WeekKeyMissing from None
        return True

    def add(self, ends: Iterable[tuple[str, float]], weeks: Mapping[str, str] = _NO_WEEKS) -> None:
        """Lists records until a time each, and while the key of their week is there; durable when
        this returns.

        Raises:
            WeekKeyMissing: the folder cannot be written.
            ValueError: not a record's id.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(self.folder.parent)
            for record_id, end in ends:
                if not _RECORD.fullmatch(record_id):
                    raise ValueError("not a record's id")
                entry = f"{end:.0f} {weeks.get(record_id, '')}".strip()
                write_whole(self.folder / record_id, f"{entry}\n".encode())
        except OSError:
            raise WeekKeyMissing from None

    def record_ids(self) -> list[str]:
        """All records that are listed.

        Raises:
            WeekKeyMissing: the folder cannot be read.
        """
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError:
            raise WeekKeyMissing from None
        return sorted(name for name in names if _RECORD.fullmatch(name))

    def forget_before(self, at: float) -> None:
        """Takes entries off the list whose time was before this, and whose key is no more.

        Raises:
            WeekKeyMissing: the folder cannot be read or changed.
        """
        for record_id in self.record_ids():
            path = self.folder / record_id
            try:
                end, *weeks = path.read_text(encoding="ascii").split()
                kept = any((self.folder.parent / f"{week}.key").exists() for week in weeks)
                if float(end) < at and not kept:
                    path.unlink(missing_ok=True)
            except (
                FileNotFoundError,
                ValueError,
            ):  # another gateway was first; or it says nothing,
                continue  # and stays
            except OSError:
                raise WeekKeyMissing from None
