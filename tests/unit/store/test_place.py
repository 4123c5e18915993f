"""Where the database is, and how it is spoken to."""

from pathlib import Path

import pytest

from gateway.store.errors import UnsupportedDatabase
from gateway.store.place import PostgresPlace, SqlitePlace, find_place


def place(url: str, **files: Path) -> PostgresPlace:
    found = find_place(Path("data"), url, **files)
    assert isinstance(found, PostgresPlace)
    return found


def test_without_a_url_it_is_a_file_in_the_data_directory(tmp_path: Path) -> None:
    assert find_place(tmp_path) == SqlitePlace(tmp_path / "gwanmun.db")
    assert find_place(tmp_path, "sqlite:////var/x.db") == SqlitePlace(Path("/var/x.db"))


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://w@db.internal/gwanmun", "db.internal", 5432),
        ("postgresql+psycopg://w@db:6432/gwanmun", "db", 6432),
        ("postgresql://w@[::1]:5433/gwanmun", "::1", 5433),
        ("postgresql://w@/gwanmun?host=/run/postgresql", "/run/postgresql", 5432),
    ],
)
def test_a_servers_url_is_read(url: str, host: str, port: int) -> None:
    found = place(url)
    assert (found.host, found.port, found.user, found.database) == (host, port, "w", "gwanmun")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/gwanmun",
        "postgresql://w@/gwanmun",
        "postgresql://w@db",
        "postgresql://w@db/gwanmun?sslmode=disable",
        "postgresql://w@db/gwanmun?options=-c%20synchronous_commit=off",
        "postgresql://w@db/gwanmun?host=/run/postgresql",
        "postgresql://w@/gwanmun?host=elsewhere",
        "postgresql://w@one,two/gwanmun",
        "postgresql+asyncpg://w@db/gwanmun",
        "postgresql://w@db:port/gwanmun",
        "mysql://w@db/gwanmun",
        "sqlite://",
    ],
)
def test_any_other_url_is_refused_by_the_name_of_its_setting(url: str) -> None:
    with pytest.raises(UnsupportedDatabase, match=r"^store\.owner_url: "):
        find_place(Path("data"), url, setting="store.owner_url")


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(UnsupportedDatabase, match="no password in the URL") as refused:
        place("postgresql://w:made-up@db/gwanmun")
    assert "made-up" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "with_authority", "mode"),
    [
        ("db.internal", False, "verify-full"),
        ("192.0.2.7", False, "verify-full"),
        ("127.0.0.1.example", False, "verify-full"),
        ("127.0.0.1", False, "prefer"),
        ("localhost", False, "prefer"),
        ("[::1]", False, "prefer"),
        ("127.0.0.1", True, "verify-full"),
    ],
)
def test_tls_is_verified_wherever_the_server_is_not_this_machine(
    tmp_path: Path, host: str, with_authority: bool, mode: str
) -> None:
    files = {"ca_file": tmp_path / "ca.pem"} if with_authority else {}
    arguments = place(f"postgresql://w@{host}/gwanmun", **files).arguments()
    assert arguments["sslmode"] == mode
    if mode == "verify-full":
        assert arguments["sslrootcert"]
    assert "password" not in arguments


def test_a_password_is_read_anew_each_time(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    found = place("postgresql://w@db/gwanmun", password_file=secret)
    for word in ("first", "second"):
        secret.write_text(f"{word}\n")
        assert found.password() == word
