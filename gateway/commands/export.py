"""`gwanmun audit export-tiles` and `export-records`: copies of a ledger for others to verify.

Tiles hold nothing about anyone and may be copied anywhere; an agency's records are the agency's.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from gateway import os_words
from gateway.proofs.agency import header_line, pruned_line, record_line
from gateway.proofs.note import Checkpoint, NoteInvalid, without_signatures
from gateway.proofs.policy import Policy
from gateway.proofs.reader import Bounds, CheckpointRow, LogReader, LogUnreadable
from gateway.proofs.signed import newest_quorum
from gateway.proofs.tiles import CHECKPOINT, ROTATIONS, WIDTH, Tile, Tiling
from gateway.proofs.verify_tiles import rotations_file
from gateway.proofs.witnessed import whole_note
from gateway.store.private_file import create


class ExportRefused(Exception):
    """What is there is not to be exported, or not beside what the folder holds; says why."""

    def __init__(self, korean: str, english: str) -> None:
        super().__init__(f"{korean}\n{english}")


def write_tiles(reader: LogReader, folder: Path, policy: Policy | None) -> Checkpoint:
    """Writes a checkpoint's tiles into a folder, new or of an earlier export.

    It is the newest that a quorum of the policy's witnesses has signed, if there is one, else the
    newest of all.

    Full tiles that are there have to be the same, and stay; the checkpoint is written last, whole
    or not at all. So the folder is at any moment that of one checkpoint, or of its predecessor.

    Raises:
        ExportRefused: nothing is sealed yet, the leaves are not what was signed, or the folder
            holds another history.
        LogUnreadable: the ledger cannot be read.
        OSError: the folder cannot be written.
    """
    row, checkpoint = _newest(reader, policy)
    tiling = Tiling()
    for entry in reader.entries(checkpoint.size):
        if not isinstance(entry, bytes):
            raise LogUnreadable("an entry is of a wrong type")
        for tile, data in tiling.append(entry):
            _write_tile(folder, tile, data)
    if (tiling.tree.size, tiling.tree.root()) != (checkpoint.size, checkpoint.root):
        raise ExportRefused(
            "잎들이 서명된 뿌리와 다릅니다. `gwanmun audit verify`를 실행하십시오.",
            "The leaves are not what was signed. Run `gwanmun audit verify`.",
        )
    for tile, data in tiling.partial():
        _write_tile(folder, tile, data)
    lines = [str(each.line) for each in reader.cosignatures_at(checkpoint.size)]
    _write(folder / ROTATIONS, rotations_file([str(note) for note in reader.rotations()]))
    _write(folder / CHECKPOINT, whole_note(str(row.note), lines).encode())
    return checkpoint


def agency_lines(reader: LogReader, agency: str) -> Iterator[str]:
    """One agency's sealed records as an export, with its newest head.

    Raises:
        ExportRefused: no head was signed for the agency yet, an event is gone, or was pruned so
            lately that the act which tells of it is not sealed yet.
        LogUnreadable: the ledger cannot be read.
    """
    bounds = reader.bounds()
    head = reader.last_head(agency, bounds)
    if head is None or not agency:
        raise ExportRefused(
            f"기관 {agency}에 서명된 기관 머리값이 아직 없습니다.",
            f"No head has been signed for agency {agency} yet.",
        )
    note = str(head.note)
    yield header_line(without_signatures(note).split("\n")[1], agency, note)
    untold = set[object]()
    for leaf, event, pruned in reader.leaves_of(agency, bounds.checkpoint):
        try:
            if event:
                untold.discard(event.record_id)
                yield record_line(leaf, event)
            elif pruned:
                untold.add(pruned.act)
                yield pruned_line(leaf, pruned)
            else:
                raise ExportRefused(
                    f"잎 {leaf.leaf_index}의 기록이 없습니다.",
                    f"The event of leaf {leaf.leaf_index} is missing.",
                )
        except ValueError:
            raise LogUnreadable(f"the event of leaf {leaf.leaf_index} is damaged") from None
    if untold:
        raise ExportRefused(
            "방금 지운 기록이 있어 아직 봉인되지 않았습니다. 잠시 뒤에 다시 하십시오.",
            "Records were pruned just now, and that is not sealed yet: repeat it in a moment.",
        )


def write_lines(lines: Iterator[str], path: Path) -> int:
    """Writes lines to a new file for its owner alone; returns how many.

    Raises:
        OSError: it is there already, or cannot be written.
    """
    count = 0
    file = create(path)
    try:
        with file:
            for line in lines:
                file.write(line.encode())
                count += 1
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return count


def told(error: Exception) -> None:
    """An export's failure in words, on standard error."""
    if isinstance(error, OSError):
        sys.stderr.write(
            f"{error.filename}: 쓸 수 없습니다 ({os_words.korean(error)}).\n"
            f"{error.filename}: cannot be written ({os_words.english(error)}).\n"
        )
    elif isinstance(error, LogUnreadable):
        sys.stderr.write(f"기록을 읽을 수 없습니다. ({error})\n")
    else:
        sys.stderr.write(f"{error}\n")


def _newest(reader: LogReader, policy: Policy | None) -> tuple[CheckpointRow, Checkpoint]:
    bounds = reader.bounds()
    row = policy and _witnessed(reader, bounds, policy)
    row = row or reader.checkpoint_at(bounds.checkpoint)
    if row is None:
        raise ExportRefused("봉인된 기록이 아직 없습니다.", "Nothing is sealed yet.")
    try:
        return row, Checkpoint.parse(without_signatures(str(row.note)))
    except NoteInvalid:
        raise LogUnreadable("the newest checkpoint is damaged") from None


def _witnessed(reader: LogReader, bounds: Bounds, policy: Policy) -> CheckpointRow | None:
    found = newest_quorum(reader, bounds.checkpoint, policy)
    return reader.checkpoint_at(found.size) if found else None


def _write_tile(folder: Path, tile: Tile, data: bytes) -> None:
    path = folder / tile.path
    if tile.width == WIDTH and path.exists():
        if path.read_bytes() != data:
            raise ExportRefused(
                f"{path}: 이전에 내보낸 것과 다릅니다. 기록부가 바뀌었다는 뜻입니다.",
                f"{path}: not what was exported before: the log was changed.",
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, data)


def _write(path: Path, content: bytes) -> None:
    """The whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(content)
    draft.replace(path)
