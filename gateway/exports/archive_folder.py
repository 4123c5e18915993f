"""The daily archive in a folder of this machine, or one that is mounted.

A day's folder is made aside and takes its name when all of it is durable. Files are read-only; that
nobody writes over them is for the place where they lie (WORM) to see to.
"""

import shutil
from datetime import date
from pathlib import Path

from gateway.exports.archive import Draft, Locks
from gateway.proofs.manifest import DaysInFolder
from gateway.store.private_file import sync_folder


class FolderPlace(DaysInFolder):
    """See Place; nothing is open between calls."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def begun(self, day: date) -> int | None:
        """See Place; a day is there whole or not at all."""
        return None

    def draft(self, day: date) -> Path:
        """See Place."""
        draft = self._folder / f".{day.isoformat()}.draft"
        shutil.rmtree(draft, ignore_errors=True)  # of a command that was killed
        draft.mkdir(mode=0o750)
        return draft

    def keep(self, draft: Draft) -> None:
        """See Place."""
        draft.folder.rename(self._folder / draft.day.isoformat())
        sync_folder(self._folder)

    def locks(self) -> Locks | None:
        """See Place."""
        return None
