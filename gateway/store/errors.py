"""The store's own exceptions; people read all but the last, so their words are Korean and English.

StoreError
├── DataDirectoryBusy      another process serves this data directory
├── DataDirectoryUnusable  it cannot be created, read or locked
├── SchemaMismatch         the tables are not those that this program knows
├── TablesChanged          what keeps records from change was taken away
├── UnsupportedDatabase    a database URL that this program cannot serve
└── StoreUnavailable       the database cannot be read or written now
"""

from pathlib import Path

from gateway import os_words


class StoreError(Exception):
    """Base of everything that the store raises on purpose."""


class DataDirectoryBusy(StoreError):
    """Another process serves this data directory; `pid` is what it wrote, or None."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        by = f" (pid {pid})" if pid else ""
        super().__init__(
            f"{directory}: 다른 관문 프로세스가 이미 사용하고 있는 데이터 디렉터리입니다{by}. "
            f"그 프로세스를 끝내거나 다른 디렉터리를 지정하십시오.\n"
            f"{directory}: the data directory is in use by another process{by}. "
            "Stop that process or name another directory."
        )
        self.directory = directory
        self.pid = pid


class DataDirectoryUnusable(StoreError):
    """The data directory cannot be created, read or locked."""

    def __init__(self, directory: Path, error: OSError) -> None:
        super().__init__(
            f"{directory}: 데이터 디렉터리를 사용할 수 없습니다 ({os_words.korean(error)}).\n"
            f"{directory}: the data directory cannot be used ({os_words.english(error)})."
        )


class SchemaMismatch(StoreError):
    """The tables are not those that this program knows; `gwanmun migrate` may mend it."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(
            f"데이터베이스의 구조({found})가 이 프로그램({expected})과 맞지 않습니다. "
            "`gwanmun migrate`를 실행하십시오.\n"
            f"The database's schema ({found}) does not fit this program ({expected}). "
            "Run `gwanmun migrate`."
        )
        self.found = found
        self.expected = expected


class TablesChanged(StoreError):
    """A guard of the insert-only tables is missing; `guard` is its name. No migration mends it."""

    def __init__(self, guard: str) -> None:
        super().__init__(
            f"표가 다른 손에 바뀌었습니다 ({guard} 없음). `gwanmun audit verify`를 실행하고 "
            "보안담당자에게 알리십시오.\n"
            f"The tables were changed by another hand ({guard} is missing). "
            "Run `gwanmun audit verify` and tell the security officer."
        )
        self.guard = guard


class UnsupportedDatabase(StoreError):
    """A database URL that this program cannot serve."""

    def __init__(self) -> None:
        super().__init__(
            "store.database_url: 지금은 SQLite만 지원합니다.\n"
            "store.database_url: only SQLite is supported now."
        )


class StoreUnavailable(StoreError):
    """The database cannot be read or written now. It carries no words of the driver."""
