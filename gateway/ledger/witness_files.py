"""A witness that no network reaches: a request in a folder, and its answer beside it.

The folder is named in the policy as `file:///path`. The gateway writes `request` (the body of
c2sp.org/tlog-witness's add-checkpoint); somebody carries it to the witness, where `gwanmun witness
sign` makes `answer`, and carries that back into the folder. One request waits at a time.
"""

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from gateway.proofs.note import Checkpoint, NoteInvalid, without_signatures
from gateway.proofs.witness import MOST_BYTES, Refused, read_request
from gateway.store.private_file import write_whole

REQUEST: Final = "request"
ANSWER: Final = "answer"
_REFUSED: Final = "answer.refused"


def is_folder(url: str) -> bool:
    """Whether a witness's URL names a folder."""
    return url.startswith("file:")


def folder_of(url: str) -> Path:
    """The folder that such a URL names."""
    return Path(unquote(urlsplit(url).path))


class WitnessFiles:
    """One folder. Every method raises OSError if it cannot be read or written."""

    def __init__(self, url: str) -> None:
        self._folder = folder_of(url)

    def asked(self) -> int | None:
        """The size of the checkpoint whose request waits; None if none does."""
        try:
            note = read_request(self._read(REQUEST)).note
            return Checkpoint.parse(without_signatures(note)).size
        except (FileNotFoundError, Refused, NoteInvalid):
            return None

    def answer(self) -> str:
        """What the witness has answered; "" if nothing yet."""
        try:
            return self._read(ANSWER).decode(errors="replace")
        except FileNotFoundError:
            return ""

    def ask(self, request: str) -> None:
        """Writes a request, whole or not at all."""
        write_whole(self._folder / REQUEST, request.encode(), 0o644)

    def done(self) -> None:
        """The answer was taken: a new request may be written."""
        (self._folder / REQUEST).unlink(missing_ok=True)
        (self._folder / ANSWER).unlink(missing_ok=True)

    def refuse(self) -> None:
        """The answer is of no use: it is laid aside, and the request waits for another."""
        (self._folder / ANSWER).rename(self._folder / _REFUSED)

    def _read(self, name: str) -> bytes:
        with (self._folder / name).open("rb") as file:
            return file.read(MOST_BYTES)
