"""TLS to a real server: a private authority is verified, and nothing else is ever spoken to."""

from pathlib import Path

import pytest
from parts.authority import server_certificate
from parts.cutting import Proxy
from parts.postgres import READER, PostgresDatabase, PostgresServer
from serve import gwanmun

from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable


@pytest.fixture
def database(postgres_server: PostgresServer) -> PostgresDatabase:
    return postgres_server.database()


async def opened(database: PostgresDatabase, url: str, folder: Path, ca_file: Path) -> Database:
    secret = database.password_file()
    found = Database(folder, url, password_file=secret, ca_file=ca_file)
    async with found:
        with database.superuser() as connection:
            rows = connection.execute(
                "SELECT DISTINCT s.ssl, s.version FROM pg_stat_ssl s JOIN pg_stat_activity a "
                "USING (pid) WHERE a.datname = %s AND a.application_name = 'gwanmun'",
                [database.name],
            ).fetchall()
        assert rows == [(True, "TLSv1.3")]
    return found


async def test_private_authority_is_verified(database: PostgresDatabase, tmp_path: Path) -> None:
    url = database.url(host="localhost")
    await opened(database, url, tmp_path, database.server.ca_file)


async def test_another_authority_another_name_and_no_tls_are_refused(
    database: PostgresDatabase, tmp_path: Path
) -> None:
    ours, (others, _) = database.server.ca_file, server_certificate(tmp_path, "localhost")
    with pytest.raises(StoreUnavailable, match="TLS certificate not trusted"):
        await opened(database, database.url(host="localhost"), tmp_path, others)
    with pytest.raises(StoreUnavailable, match="TLS certificate not trusted"):
        await opened(database, database.url(host="127.0.0.1"), tmp_path, ours)
    async with Proxy.run(database.server.port) as plain:
        url = f"postgresql://gwanmun_writer@localhost:{plain.port}/{database.name}"
        with pytest.raises(StoreUnavailable, match="no TLS"):
            await opened(database, url, tmp_path, ours)


def test_verify_command_speaks_tls_too(database: PostgresDatabase, tmp_path: Path) -> None:
    trust = tmp_path / "keys/trust.json"
    assert gwanmun("keys", "init", tmp_path / "keys").returncode == 0
    url = database.url(READER, "localhost")
    words = ["audit", "verify", url, "--trust", trust]
    words += ["--password-file", database.password_file(READER), "--ca-file"]
    good = gwanmun(*words, database.server.ca_file)
    assert good.returncode == 0, good.stderr
    others, _ = server_certificate(tmp_path, "localhost")
    bad = gwanmun(*words, others)
    assert bad.returncode == 2
    assert "TLS certificate not trusted" in bad.stderr
