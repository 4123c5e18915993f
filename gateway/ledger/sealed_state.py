"""What a process remembers of the log outside its database: the last checkpoint that it knows.

So a database that was put back to an earlier state, or exchanged, is noticed also where no witness
is asked. The file holds the signed checkpoint itself; nobody without the log's key can write
another.
"""

import asyncio
from pathlib import Path

from gateway.proofs.note import Checkpoint, NoteInvalid
from gateway.proofs.trust import Trust
from gateway.store.errors import StoreUnavailable
from gateway.store.private_file import write_whole

FILE_NAME = "sealed"
_MOST_BYTES = 100_000


class StateUnusable(Exception):
    """The file is there and is not a checkpoint of this log; says what to do."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: 마지막으로 봉인한 것을 적어 둔 파일을 믿을 수 없습니다. `gwanmun audit "
            "verify`로 기록부를 검증하고 보안담당자가 확인한 뒤에만 지우십시오.\n"
            f"{path}: the file that remembers what was last sealed cannot be trusted. Remove it "
            "only after `gwanmun audit verify` and the security officer have looked at the ledger."
        )


class SealedState:
    """One file; without a path nothing is remembered beyond this process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._written = ""

    def read(self, pins: Trust) -> Checkpoint | None:
        """The checkpoint that is remembered; None if there is no file.

        Raises:
            StateUnusable: the file is no checkpoint that this log has signed.
        """
        if self._path is None:
            return None
        try:
            with self._path.open("rb") as file:
                found = Checkpoint.parse(pins.open(file.read(_MOST_BYTES).decode()).text)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, NoteInvalid):
            raise StateUnusable(self._path) from None
        if found.origin != pins.origin:
            raise StateUnusable(self._path)
        return found

    async def write(self, note: str) -> None:
        """Remembers a signed checkpoint, if there is one; durable when this returns.

        Raises:
            StoreUnavailable: it cannot be written.
        """
        if self._path is None or note in ("", self._written):
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            await asyncio.to_thread(write_whole, self._path, note.encode())
        except OSError:
            raise StoreUnavailable from None
        self._written = note
