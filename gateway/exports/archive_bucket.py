"""The daily archive in a bucket with object lock: no day can be changed before its time has ended.

A day's files are put one by one, each locked, and its manifest last: without it the day is not
there. Each object tells up to which position its day goes, so that a day of which some files are
there already is made again to the byte and goes on, on any machine. What counts of an object is its
first version, the locked one; what was put over it later is told and hides nothing.
"""

import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gateway.exports.archive import ArchiveUnusable, Draft, Locks
from gateway.exports.record import KST
from gateway.outward.bucket import (
    MOST_BYTES,
    Bucket,
    BucketFailed,
    BucketServer,
    Held,
    Lock,
    Reading,
)
from gateway.proofs.manifest import FILE_NAME, DayFlaw, DayProblem, day_named

_UPTO: Final = "gwanmun-upto"
_ONE_DAY: Final = timedelta(days=1)
_STRENGTH: Final = {"GOVERNANCE": 1, "COMPLIANCE": 2}
_LOCK_FILE: Final = "lock"


@dataclass(frozen=True, slots=True)
class Keeping:
    """How days are locked: `COMPLIANCE` or `GOVERNANCE`, and for how many days after each ends."""

    mode: str
    days: int

    def until(self, day: date) -> datetime:
        """Until when a day must be locked at least: so many days from its end, in Korean time."""
        return datetime.combine(day + _ONE_DAY, time(), KST) + timedelta(days=self.days)

    def from_now(self) -> Lock:
        """The lock of an object that is put now, in whole seconds: no earlier than `until`."""
        now = datetime.now(UTC).replace(microsecond=0)
        return Lock(self.mode, now + timedelta(days=self.days, seconds=1))

    def enough(self, lock: Lock | None, day: date) -> bool:
        """Whether an object of a day is locked as it must be, or was: time may have ended since."""
        return (
            lock is not None
            and _STRENGTH.get(lock.mode, 0) >= _STRENGTH[self.mode]
            and lock.until >= self.until(day)
        )


class BucketPlace:
    """See Place. A context manager that owns the connections and, with `drafts`, the drafts.

    `drafts` is a folder of this command alone: of two at the same time the second is refused.

    Raises:
        ArchiveUnusable: on entering, the bucket is away, refuses, or does not lock.
        OSError: on entering, the folder of drafts cannot be made.
    """

    def __init__(
        self,
        server: BucketServer,
        where: tuple[str, str],
        keeping: Keeping,
        *,
        drafts: Path | None = None,
    ) -> None:
        self._server = server
        self._name, self._prefix = where
        self._keeping = keeping
        self._drafts = drafts
        self._stack = ExitStack()
        self._seen: tuple[date, dict[str, Held]] | None = None
        self._weak: list[str] = []
        self._least_until: datetime | None = None  # of all objects that were read

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self._drafts is not None:
                stack.enter_context(_alone(self._drafts))
            with _plainly():
                self._bucket = Bucket(self._server, self._name)
                stack.callback(self._bucket.close)
                self._bucket.require_lock()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def days(self) -> list[date]:
        """See Place. Days at either end that have no manifest are not there."""
        with _plainly():
            days = sorted(filter(None, map(day_named, self._bucket.folders(self._prefix))))
        while days and not self._has_manifest(days[-1]):
            days.pop()
        while days and not self._has_manifest(days[0]):
            days.pop(0)
        return days

    def names(self, day: date) -> list[str]:
        """See Place."""
        return sorted(name for name, held in self._held(day).items() if held.first)

    def pieces(self, day: date, name: str) -> Iterator[bytes]:
        """See Place; of the first version."""
        held = self._held(day).get(name)
        if held is None or not held.first:
            raise FileNotFoundError(name)
        with _plainly(), self._bucket.reading(self._key(day, name), held.first) as reading:
            if not self._keeping.enough(reading.lock, day):
                self._weak.append(name)
            until = reading.lock.until if reading.lock else datetime.now(UTC)
            self._least_until = min(until, self._least_until or until)
            yield from reading.pieces()

    def surface(self, day: date) -> list[DayProblem]:
        """See Place."""
        found = [
            DayProblem(day=day, flaw=flaw, file=name)
            for name, held in sorted(self._held(day).items())
            for flaw, is_so in (
                (DayFlaw.OVERWRITTEN, held.versions > 1),
                (DayFlaw.MARKED_DELETED, held.markers > 0),
                (DayFlaw.RETENTION, name in self._weak),
            )
            if is_so
        ]
        self._weak.clear()
        return found

    def begun(self, day: date) -> int | None:
        """See Place."""
        self._seen = None
        name = next(iter(self.names(day)), None)
        if name is None:
            return None
        with _plainly(), self._reading(day, name) as reading:
            said = reading.metadata.get(_UPTO, "")
        if not (said.isascii() and said.isdecimal()):
            raise _other(self._key(day, name))
        return int(said)

    def draft(self, day: date) -> Path:
        """See Place."""
        if self._drafts is None:
            raise ValueError("a place for reading alone")
        draft = self._drafts / f"{day.isoformat()}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        return draft

    def keep(self, draft: Draft) -> None:
        """See Place."""
        names = sorted(each.name for each in draft.folder.iterdir() if each.name != FILE_NAME)
        names.append(FILE_NAME)
        self._require_only(draft, names)
        for name in names:
            self._keep_file(draft, name)
        self._require_only(draft, names)  # a server may not know of conditional writes
        shutil.rmtree(draft.folder)

    def locks(self) -> Locks:
        """See Place."""
        return Locks(self._keeping.mode, self._keeping.days, self._least_until)

    def _keep_file(self, draft: Draft, name: str) -> None:
        day, path, key = draft.day, draft.folder / name, self._key(draft.day, name)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        if path.stat().st_size > MOST_BYTES:
            raise ArchiveUnusable(
                f"{name}: 5GiB를 넘는 파일은 버킷에 담을 수 없습니다. 폴더에 담으십시오.\n"
                f"{name}: files beyond 5 GiB cannot go to a bucket. Archive to a folder."
            )
        if name not in self._held(day):
            lock, note = self._keeping.from_now(), (_UPTO, str(draft.upto))
            with _plainly():
                if self._bucket.add(key, path, digest, lock, note):
                    return
            self._seen = None  # somebody else was faster
        with _plainly(), self._reading(day, name) as reading:
            found = hashlib.sha256()
            for piece in reading.pieces():
                found.update(piece)
        if found.digest() != digest:
            raise _other(key)
        if not self._keeping.enough(reading.lock, day):
            raise ArchiveUnusable(
                f"{key}: 설정의 보존 기간이나 방식보다 약하게 잠겨 있습니다.\n"
                f"{key}: is locked for less time or in a weaker mode than the settings say."
            )

    def _require_only(self, draft: Draft, names: list[str]) -> None:
        """Of the day nothing is there but its files, each in one version."""
        self._seen = None
        for name, held in sorted(self._held(draft.day).items()):
            if name not in names or held.versions != 1 or held.markers:
                raise _other(self._key(draft.day, name))

    def _reading(self, day: date, name: str) -> AbstractContextManager[Reading]:
        held = self._held(day).get(name)
        if held is None or not held.first:
            raise _other(self._key(day, name))
        return self._bucket.reading(self._key(day, name), held.first)

    def _held(self, day: date) -> dict[str, Held]:
        """What is there of a day; asked once as long as it is the same day."""
        if self._seen is None or self._seen[0] != day:
            with _plainly():
                self._seen = day, self._bucket.held(self._key(day, ""))
        return self._seen[1]

    def _has_manifest(self, day: date) -> bool:
        with _plainly():
            held = self._bucket.held(self._key(day, FILE_NAME)).get("")
        return held is not None and bool(held.first)

    def _key(self, day: date, name: str) -> str:
        return f"{self._prefix}{day.isoformat()}/{name}"


def _other(key: str) -> ArchiveUnusable:
    return ArchiveUnusable(
        f"{key}: 버킷에 이미 다른 내용이나 다른 판, 삭제 표시가 있습니다. 그 위에 쓰지 않습니다.\n"
        f"{key}: the bucket holds other content, another version or a delete marker there. Nothing "
        "is written over it."
    )


@contextmanager
def _plainly() -> Iterator[None]:
    """What the bucket said, as what the archive says."""
    try:
        yield
    except BucketFailed as error:
        raise ArchiveUnusable(str(error)) from None


@contextmanager
def _alone(drafts: Path) -> Iterator[None]:
    """The folder of drafts, for one command at a time; what is left in it goes."""
    drafts.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (drafts / _LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel ends it with its holder
        except BlockingIOError:
            raise ArchiveUnusable(
                f"{drafts}: 다른 `gwanmun audit archive`가 실행 중입니다.\n"
                f"{drafts}: another `gwanmun audit archive` is running."
            ) from None
        try:
            yield
        finally:
            for left in drafts.glob("*.draft"):
                shutil.rmtree(left, ignore_errors=True)
