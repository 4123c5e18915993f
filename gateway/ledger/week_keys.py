"""Week keys: secrets outside the database and its backups, whose end is the content's end.

Each file holds 32 random bytes under which the wrapped content keys of one week and grade lie once
more. Deleting it destroys that week's content in the database and in every copy of it. Several
gateways share the folder: the first one's key counts.
"""

import os
import re
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gateway.domain import Grade
from gateway.store.private_file import create, is_private, sync_folder

KEY_BYTES: Final = 32
_NAME: Final = re.compile(r"([0-9]{4})-W([0-9]{2})\.([OSC])\.key")


class WeekKeyMissing(Exception):
    """The key cannot be read, made, or is no more."""


def week_of(at: float, grade: Grade) -> str:
    """The name of a week (ISO 8601, UTC) and grade: `2026-W48.S`; `at` in Unix seconds."""
    year, week, _ = datetime.fromtimestamp(at, UTC).isocalendar()
    return f"{year}-W{week:02}.{grade.name}"


@dataclass(frozen=True, slots=True)
class WeekKeys:
    """The keys in one folder. `made` are the weeks whose keys this process has made, to be told."""

    folder: Path
    made: deque[str] = field(default_factory=deque, compare=False)

    def current(self, week: str) -> bytes:
        """The key of the present week, made if there is none.

        Raises:
            WeekKeyMissing: it can be neither read nor made.
        """
        path = self._path(week)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists() and _create(path):
                self.made.append(week)
        except OSError:
            raise WeekKeyMissing from None
        return self.read(week)

    def read(self, week: str) -> bytes:
        """The key of a week that has one.

        Raises:
            WeekKeyMissing: it was destroyed, or others may read it.
        """
        path = self._path(week)
        try:
            key = path.read_bytes() if is_private(path) else b""
        except OSError:
            raise WeekKeyMissing from None
        if len(key) != KEY_BYTES:
            raise WeekKeyMissing
        return key

    def due(self, at: float, days: dict[Grade, int]) -> list[str]:
        """The weeks with a key whose last record is older than its grade's days.

        Raises:
            WeekKeyMissing: the folder cannot be read.
        """
        try:
            names = sorted(self.folder.glob("*.key")) if self.folder.is_dir() else []
            found = [match for path in names if (match := _NAME.fullmatch(path.name))]
            return [
                match[0].removesuffix(".key")
                for match in found
                if _end(match).timestamp() + days[Grade[match[3]]] * 86_400 <= at
            ]
        except (OSError, ValueError):
            raise WeekKeyMissing from None

    def destroy(self, weeks: Sequence[str]) -> None:
        """Deletes keys, durably; one that is no more is no error.

        Raises:
            WeekKeyMissing: the folder cannot be changed.
        """
        try:
            for week in weeks:
                self._path(week).unlink(missing_ok=True)
            sync_folder(self.folder)
        except OSError:
            raise WeekKeyMissing from None

    def _path(self, week: str) -> Path:
        if not _NAME.fullmatch(f"{week}.key"):
            raise WeekKeyMissing
        return self.folder / f"{week}.key"


def _end(name: re.Match[str]) -> datetime:
    """The moment after the week's last."""
    monday = datetime.fromisocalendar(int(name[1]), int(name[2]), 1).replace(tzinfo=UTC)
    return monday + timedelta(days=7)


def _create(path: Path) -> bool:
    """Writes beside the place and links into it: whole or not at all, and never over another's.

    Says whether it is ours.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = create(draft)
    try:
        with file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True
