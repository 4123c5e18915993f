"""Where the database is: one file, or a database of a PostgreSQL server; read from a URL.

A URL never holds a password: it would stand in files, process lists and logs. The password's file
is read anew for each connection, so that a changed password needs no restart.
"""

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from gateway.store.errors import StoreUnavailable, UnsupportedDatabase

FILE_NAME: Final = "gwanmun.db"
SETTING: Final = "store.database_url"
_PORT: Final = 5432
_DEBIAN_AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"


class SqlitePlace(NamedTuple):
    """A database file."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresPlace:
    """A database of a server; `host` is a name, an address, or the directory of a Unix socket."""

    host: str
    port: int
    user: str
    database: str
    password_file: Path | None = None
    ca_file: Path | None = None

    @property
    def is_here(self) -> bool:
        """Whether the way to the server never leaves this machine."""
        if self.host.startswith("/") or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def password(self) -> str | None:
        """What the password's file holds now; None without a file.

        Raises:
            StoreUnavailable: the file cannot be read.
        """
        if self.password_file is None:
            return None
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise StoreUnavailable from None

    def arguments(self) -> dict[str, str | int]:
        """libpq's connection parameters, without the password; TLS is verified but on this machine.

        Nothing is left to the environment (PGSSLMODE and its like): what is not named here keeps
        libpq's own default, and of those none weakens the connection.
        """
        verified = self.ca_file is not None or not self.is_here
        arguments: dict[str, str | int] = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "dbname": self.database,
            "application_name": "gwanmun",
            "client_encoding": "utf8",
            "connect_timeout": 5,
            "sslmode": "verify-full" if verified else "prefer",
            "ssl_min_protocol_version": "TLSv1.2",
            "gssencmode": "disable",
            "target_session_attrs": "any",
            # A server that has vanished is noticed while we wait for it, and while we do not.
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
        }
        if verified:
            arguments["sslrootcert"] = str(self.ca_file or _system_authorities())
        return arguments


Place = SqlitePlace | PostgresPlace


def find_place(
    data_dir: Path,
    url: str = "",
    *,
    password_file: Path | None = None,
    ca_file: Path | None = None,
    setting: str = SETTING,
) -> Place:
    """Where the database is; without a URL in the data directory. `setting` names the URL.

    Raises:
        UnsupportedDatabase: the URL names another database, none that lasts, or a password.
    """
    if not url:
        return SqlitePlace(data_dir / FILE_NAME)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise UnsupportedDatabase(setting) from None
    if parsed.password is not None:
        raise UnsupportedDatabase(setting, password=True)
    if parsed.drivername == "sqlite" and parsed.database and not parsed.query:
        return SqlitePlace(Path(parsed.database))
    host = _host(parsed)
    if not (host and parsed.username and parsed.database):
        raise UnsupportedDatabase(setting)
    return PostgresPlace(
        host=host,
        port=parsed.port or _PORT,
        user=parsed.username,
        database=parsed.database,
        password_file=password_file,
        ca_file=ca_file,
    )


def is_postgres(url: str) -> bool:
    """Whether a text is meant as the URL of a PostgreSQL database."""
    return url.startswith(("postgresql:", "postgresql+", "postgres:"))


def database_path(data_dir: Path, url: str = "") -> Path:
    """Where the SQLite file stands.

    Raises:
        UnsupportedDatabase: the URL names another database, or none that lasts.
    """
    place = find_place(data_dir, url)
    if isinstance(place, PostgresPlace):
        raise UnsupportedDatabase(SETTING)
    return place.path


def _host(parsed: URL) -> str:
    """The host of a PostgreSQL URL, or the socket's directory in `?host=`; empty if neither."""
    if parsed.drivername not in ("postgresql", "postgresql+psycopg"):
        return ""
    query = dict(parsed.query)
    socket = query.pop("host", "")
    if query or not isinstance(socket, str) or bool(parsed.host) == bool(socket):
        return ""
    if socket:
        return socket if socket.startswith("/") else ""
    host = str(parsed.host)
    return "" if "," in host or host.startswith("/") else host


def _system_authorities() -> str:
    """A file with the system's authorities; libpq's own word `system` where none is known."""
    for path in (ssl.get_default_verify_paths().cafile, _DEBIAN_AUTHORITIES):
        if path and Path(path).is_file():
            return path
    return "system"
