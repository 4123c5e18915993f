"""The store's own exceptions; people read all but the last two: their words are in two languages.

StoreError
├── DataDirectoryBusy      another process serves this data directory
├── DataDirectoryUnusable  it cannot be created, read or locked
├── SchemaMismatch         the tables are not those that this program knows
├── TablesChanged          what keeps records from change was taken away
├── UnsupportedDatabase    a database URL that this program cannot serve
├── RoleTooStrong          the database role could change what must never change
├── RightsMissing          the database role lacks what it needs
├── RolesMissing           a role that rights are to be given to does not exist
├── ServerUnsafe           the server does not keep what it has confirmed
├── StoreUnavailable       the database cannot be read or written now
└── ValkeyAway             Valkey did not answer, not in time or not as it should
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
    """A database URL that this program cannot serve; `setting` is where it stands."""

    def __init__(self, setting: str, *, password: bool = False) -> None:
        if password:
            super().__init__(
                f"{setting}: 주소에 비밀번호를 적지 마십시오. 파일에 두고 그 경로를 설정하십시오.\n"
                f"{setting}: no password in the URL; put it into a file and name that file."
            )
            return
        super().__init__(
            f"{setting}: PostgreSQL(postgresql://역할@호스트:5432/이름)이나 "
            "SQLite(sqlite:////절대/경로)의 주소여야 합니다.\n"
            f"{setting}: must be a URL of PostgreSQL (postgresql://role@host:5432/name) or of "
            "SQLite (sqlite:////absolute/path)."
        )


class RoleTooStrong(StoreError):
    """The role that serves could change records: a misconfiguration. `powers` says by what."""

    def __init__(self, role: str, powers: tuple[str, ...]) -> None:
        found = ", ".join(powers)
        super().__init__(
            f"데이터베이스 역할 {role}의 권한이 지나칩니다 ({found}). 기록을 고치거나 지울 수 있는 "
            "역할로는 시작하지 않습니다. gwanmun_writer 역할로 접속하고 `gwanmun migrate`로 권한을 "
            "맞추십시오 (docs/postgresql.md).\n"
            f"The database role {role} is too strong ({found}): it could change or delete records. "
            "Connect as gwanmun_writer, and let `gwanmun migrate` set the rights "
            "(docs/postgresql.md)."
        )
        self.powers = powers


class RightsMissing(StoreError):
    """The role that serves lacks rights; `gwanmun migrate` gives them to gwanmun_writer."""

    def __init__(self, role: str, rights: tuple[str, ...]) -> None:
        found = ", ".join(rights)
        super().__init__(
            f"데이터베이스 역할 {role}에 권한이 없습니다 ({found}). gwanmun_writer 역할로 접속하고 "
            "`gwanmun migrate`를 실행하십시오.\n"
            f"The database role {role} lacks rights ({found}). Connect as gwanmun_writer and run "
            "`gwanmun migrate`."
        )
        self.rights = rights


class RolesMissing(StoreError):
    """A role that `gwanmun migrate` gives rights to does not exist in the server."""

    def __init__(self, roles: tuple[str, ...]) -> None:
        found = ", ".join(roles)
        super().__init__(
            f"데이터베이스에 역할이 없습니다: {found}. deploy/postgresql/roles.sql로 만드십시오 "
            "(docs/postgresql.md).\n"
            f"These roles do not exist in the database: {found}. Create them with "
            "deploy/postgresql/roles.sql (docs/postgresql.md)."
        )


class ServerUnsafe(StoreError):
    """The server confirms commits that a crash of its machine may undo."""

    def __init__(self, parameter: str) -> None:
        super().__init__(
            f"PostgreSQL 서버의 {parameter} = off입니다. 저장했다고 답한 기록을 잃을 수 있으므로 "
            "시작하지 않습니다.\n"
            f"The PostgreSQL server has {parameter} = off: it may lose records that it has "
            "confirmed. Not started."
        )


class StoreUnavailable(StoreError):
    """The database cannot be read or written now. It carries no words of the driver.

    `korean` and `english` are a reason of our own, for an operator's command; mostly there is none.
    """

    def __init__(self, korean: str = "", english: str = "") -> None:
        words = (
            f"데이터베이스를 읽거나 쓸 수 없습니다: {korean}.\n"
            f"The database cannot be read or written: {english}."
        )
        super().__init__(words if korean else "")


class ValkeyAway(StoreError):
    """Valkey did not answer, not in time, or not as it should; limits are then counted alone."""
