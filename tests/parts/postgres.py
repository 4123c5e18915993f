"""A real PostgreSQL server for a whole test run, with TLS, the three roles, and a database a test.

The binaries are Debian's; as root the server runs as the user `postgres`. The roles are made by the
project's own deploy/postgresql/roles.sql, and each test's database is a copy of a migrated one.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ports import free_ports
from psycopg import sql

from gateway.store.place import PostgresPlace
from gateway.store.server_schema import migrate_server
from parts.authority import server_certificate

ROLES = Path(__file__).resolve().parents[2] / "deploy/postgresql/roles.sql"
OWNER, WRITER, READER = "gwanmun_owner", "gwanmun_writer", "gwanmun_reader"
PRUNER = "gwanmun_pruner"
_TEMPLATE = "gwanmun"
_ROOM_BYTES = 4 << 30
_HBA = """
local   all  postgres                 trust
local   replication postgres          trust
hostssl all  all       127.0.0.1/32   scram-sha-256
hostnossl all all      127.0.0.1/32   scram-sha-256
"""
_CONF = """
listen_addresses = '127.0.0.1'
ssl = on
max_connections = 200
wal_level = replica
max_wal_senders = 4
checkpoint_timeout = 30min
max_wal_size = 256MB
min_wal_size = 32MB
log_min_messages = warning
"""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator["PostgresServer"]:
    """One server for the run; tests take a database of their own from it."""
    folder = binaries()
    if folder is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    with PostgresServer.run(folder) as server:
        yield server


@dataclass
class PostgresServer:
    """A running server. `secrets` holds the passwords' files, `ca_file` its private authority.

    A start gives it `environ`; without, that of the tests.
    """

    bin: Path
    folder: Path
    port: int
    ca_file: Path
    secrets: Path
    environ: dict[str, str] | None = field(default=None, repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    @contextmanager
    def run(cls, found: Path, place: Path | None = None) -> Iterator["PostgresServer"]:
        """Starts a server in a folder of its own, and removes both.

        Without a place its data is kept in memory: a test's database is then made in a moment.
        """
        folder = Path(tempfile.mkdtemp(prefix="gwanmun-postgres-", dir=place or _in_memory()))
        try:
            ca_file = folder / "authority.pem"
            server = cls(found, folder, free_ports(1), ca_file, folder / "secrets")
            server.make()
            server.start()
            try:
                server.make_template()
                yield server
            finally:
                server.stop("immediate")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def make(self) -> None:
        self.secrets.mkdir()
        for role in ("owner", "writer", "reader", "pruner"):
            (self.secrets / f"postgres-{role}-password").write_text(secrets.token_urlsafe() + "\n")
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        (self.folder / "socket").mkdir()
        self._own()
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        _, certificate = server_certificate(self.folder, "localhost")
        certificate.chmod(0o600)
        (data / "pg_hba.conf").write_text(_HBA)
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(f"{_CONF}port = {self.port}\n")
            conf.write(f"ssl_cert_file = '{certificate}'\nssl_key_file = '{certificate}'\n")
            conf.write(f"unix_socket_directories = '{self.socket}'\n")
        self._own()

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def start(self) -> None:
        log = self.folder / "log"
        self._run("pg_ctl", "start", "-w", "-s", "-D", self.folder / "data", "-l", log)

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "stop", "-w", "-s", "-m", mode, "-D", self.folder / "data")

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def copy(self, name: str) -> Path:
        """A copy of the whole server's data as it is now, taken while it runs."""
        place = self.folder / name
        asks = ["-h", self.socket, "-p", str(self.port), "-U", "postgres"]
        self._run("pg_basebackup", *asks, "-D", place, "-X", "stream", "-c", "fast", "--no-sync")
        return place

    def fail_over(self, copy: Path) -> None:
        """The server dies, and a copy stands in its place: at the same address, with its past."""
        self.stop("immediate")
        shutil.rmtree(self.folder / "data")
        copy.rename(self.folder / "data")
        self.start()

    def make_template(self) -> None:
        environ = {**os.environ, "GWANMUN_SECRETS": str(self.secrets)}
        command = [self.bin / "psql", "-h", self.socket, "-p", str(self.port), "-U", "postgres"]
        made = subprocess.run(
            [*command, "-q", "-v", f"database={_TEMPLATE}", "-f", ROLES],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        migrate_server(PostgresDatabase(self, _TEMPLATE).place(OWNER))

    def database(self, *, migrated: bool = True) -> "PostgresDatabase":
        """A database of one's own, empty or with this version's tables."""
        found = PostgresDatabase(self, f"test_{next(self._numbers)}")
        query = "CREATE DATABASE {} OWNER {} TEMPLATE {}"
        template = _TEMPLATE if migrated else "template0"
        names = [sql.Identifier(name) for name in (found.name, OWNER, template)]
        with self.superuser("postgres") as connection:
            connection.execute(sql.SQL(query).format(*names))
            for right in (  # a copy does not inherit what roles.sql says of the whole database
                "REVOKE ALL ON DATABASE {} FROM PUBLIC",
                "GRANT CONNECT ON DATABASE {} TO gwanmun_writer, gwanmun_reader, gwanmun_pruner",
            ):
                connection.execute(sql.SQL(right).format(names[0]))
        return found

    def superuser(self, database: str) -> psycopg.Connection[Any]:
        """A connection of the superuser, each statement by itself unless told otherwise."""
        return psycopg.connect(
            host=str(self.socket),
            port=self.port,
            user="postgres",
            dbname=database,
            autocommit=True,
        )

    def _own(self) -> None:
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "postgres:", self.folder], check=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [str(self.bin / program), *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


@dataclass
class PostgresDatabase:
    """One database of the server, and the ways to it."""

    server: PostgresServer
    name: str

    def url(self, role: str = WRITER, host: str = "127.0.0.1") -> str:
        return f"postgresql://{role}@{host}:{self.server.port}/{self.name}"

    def password_file(self, role: str = WRITER) -> Path:
        return self.server.secrets / f"postgres-{role.removeprefix('gwanmun_')}-password"

    def place(self, role: str = WRITER) -> PostgresPlace:
        return PostgresPlace(
            host="127.0.0.1",
            port=self.server.port,
            user=role,
            database=self.name,
            password_file=self.password_file(role),
        )

    def settings(self) -> dict[str, str]:
        """The `store` group of a gateway's settings, less its data directory."""
        return {
            "database_url": self.url(),
            "password_file": str(self.password_file()),
            "owner_url": self.url(OWNER),
            "owner_password_file": str(self.password_file(OWNER)),
        }

    def superuser(self) -> psycopg.Connection[Any]:
        return self.server.superuser(self.name)


def _in_memory() -> Path | None:
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM_BYTES
    return memory if roomy else None


def binaries() -> Path | None:
    """The newest server on this machine; None if there is none, or no user to run it as."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).parent] if found else []
    folders += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    if os.geteuid() == 0 and not any(user.pw_name == "postgres" for user in pwd.getpwall()):
        return None
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)
