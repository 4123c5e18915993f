"""The list of erasures: records whose content was erased before its time, outside the database.

It lies beside the week keys, and like them never in a backup: what a backup brings back, the list
takes away again. One file for each record, named by it, holds the time (Unix seconds) after which
no week key can open the content of any copy, and the entry is needed no more.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.ledger.week_keys import WeekKeyMissing
from gateway.store.private_file import sync_folder, write_whole

FOLDER: Final = "erased"
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

    def add(self, ends: Iterable[tuple[str, float]]) -> None:
        """Lists records until a time each; durable when this returns.

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
                write_whole(self.folder / record_id, f"{end:.0f}\n".encode())
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
        """Takes entries off the list whose time was before this.

        Raises:
            WeekKeyMissing: the folder cannot be read or changed.
        """
        for record_id in self.record_ids():
            path = self.folder / record_id
            try:
                if float(path.read_text(encoding="ascii")) < at:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:  # another gateway was first
                continue
            except (OSError, ValueError):  # an entry that cannot be read stays
                raise WeekKeyMissing from None
