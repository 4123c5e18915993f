"""Whether an archive goes on from a database: the event at which it ended still stands there.

After an older database was accepted its positions are given out again. An archive that went on by
them would miss what was written since, and pruning by it would delete that as archived.
"""

from gateway.proofs.entry import event_hash
from gateway.proofs.manifest import LastEvent, Manifest
from gateway.store.database import Database
from gateway.store.exports import Place, place_at


class OtherHistory(Exception):
    """The archive is not of what stands in the database; the message says what to do."""

    def __init__(self, position: int) -> None:
        super().__init__(
            f"보관의 마지막 기록(위치 {position})이 데이터베이스의 것과 다릅니다. 더 오래된 "
            "데이터베이스를 받아들였다면 이 보관은 그대로 두고 새 폴더에 시작하십시오. 아니면 "
            "`gwanmun audit verify`를 실행하십시오.\n"
            f"The archive's last record (position {position}) is not the database's. If an older "
            "database was accepted, keep this archive as it is and begin a new one in a new "
            "folder; else run `gwanmun audit verify`."
        )


async def require_same_history(database: Database, last: Manifest | None) -> None:
    """Checks an archive's last manifest before anything goes on from it.

    Of a pruned event the writer's number is left, which no other event has. A manifest that names
    no event, of an older version, is only not to be ahead of the database.

    Raises:
        OtherHistory: the event at its end is another, or is not there.
        StoreUnavailable: the database cannot be read.
    """
    if last is None or last.upto == 0:
        return
    async with database.reading() as connection:
        found = await place_at(connection, last.upto)
    if found is None or (last.last and not _is_same(found, last.last)):
        raise OtherHistory(last.upto)


def _is_same(found: Place, told: LastEvent) -> bool:
    digest = told.sha256 if found.body is None else event_hash(found.body).hex()
    return told == LastEvent(found.writer, found.sequence, digest)
