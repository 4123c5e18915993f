"""`gwanmun secrets`: made once, for each reader alone, all different; certificates that verify."""

import os
import shutil
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.commands import secrets

HOST, LOGIN = "gwanmun.test", "login.gwanmun.test"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    secrets.make(tmp_path / "secrets", HOST, LOGIN)
    return tmp_path / "secrets"


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_secrets_are_readable_by_their_owner_alone(made: Path) -> None:
    for path in (made, *made.rglob("*")):
        rights = stat.S_IMODE(path.stat().st_mode)
        assert rights == (0o700 if path.is_dir() else 0o600), path


def test_passwords_are_long_and_shared_only_by_those_who_share_them(made: Path) -> None:
    seen: dict[str, tuple[str, ...]] = {}
    for places in secrets.PASSWORDS:
        words = {(made / place).read_text() for place in places}
        assert len(words) == 1
        word = words.pop().strip()
        assert len(word) >= 43
        assert word not in seen
        seen[word] = places


def test_two_installations_share_nothing(made: Path, tmp_path: Path) -> None:
    secrets.make(tmp_path / "other", HOST, LOGIN)
    other = {path.read_bytes() for path in files(tmp_path / "other")}
    assert other.isdisjoint(path.read_bytes() for path in files(made))


def test_nothing_is_made_over_what_is_there(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in files(made)}
    with pytest.raises(SystemExit) as ended:
        main(["secrets", "init", str(made), "--host", HOST, "--login-host", LOGIN])
    assert ended.value.code == 2
    assert "이미 비밀이 있습니다" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in files(made)} == before


def test_one_folder_that_is_left_is_enough_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "proxy").mkdir()
    with pytest.raises(secrets.SecretsRefused):
        secrets.make(tmp_path, HOST, LOGIN)
    assert [path.name for path in tmp_path.iterdir()] == ["proxy"]


@pytest.mark.parametrize("host", ["", "Gwanmun.test", "a b", "a\nb", "a/b", "-", "x" * 254])
def test_host_that_is_none_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(secrets.SecretsRefused):
        secrets.make(tmp_path / "secrets", host, LOGIN)
    assert not (tmp_path / "secrets").exists()


def test_nothing_secret_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["secrets", "init", str(tmp_path / "s"), "--host", HOST, "--login-host", LOGIN])
    assert ended.value.code == 0
    told = "".join(capsys.readouterr())
    for places in secrets.PASSWORDS:
        assert (tmp_path / "s" / places[0]).read_text().strip() not in told


@pytest.mark.parametrize(
    ("service", "name"),
    [("proxy", HOST), ("proxy", LOGIN), ("postgres", "postgres"), ("valkey", "127.0.0.1")],
)
def test_certificate_is_trusted_for_its_names_and_no_other(
    made: Path, service: str, name: str
) -> None:
    assert shake(made, service, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(made, service, "elsewhere.test")


def test_renewed_certificate_is_another_that_the_same_authority_vouches_for(made: Path) -> None:
    before = {path: path.read_bytes() for path in files(made)}
    with pytest.raises(SystemExit) as ended:
        main(["secrets", "renew", str(made), "--host", "new.test", "--login-host", LOGIN])
    assert ended.value.code == 0
    changed = {
        str(path.relative_to(made)) for path in files(made) if path.read_bytes() != before[path]
    }
    assert changed == {
        "proxy/server.pem",
        *(f"{part}/server.{kind}" for part in ("postgres", "valkey") for kind in ("crt", "key")),
    }
    assert shake(made, "proxy", "new.test")


def test_renewing_serves_an_installation_older_than_some_service(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(made / "archive")
    given: dict[str, int] = {}

    def note(path: Path, user: int, group: int, *, follow_symlinks: bool) -> None:
        path.lstat()  # as chown does, it fails where nothing is
        given[str(path.relative_to(made))] = user

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", note)
    with pytest.raises(SystemExit) as ended:
        main(["secrets", "renew", str(made), "--host", HOST, "--login-host", LOGIN])
    assert ended.value.code == 0
    assert not (made / "archive").exists()
    expected = {"postgres/server.key": 999, "valkey/server.key": 999, "proxy/server.pem": 99}
    assert {name: given.get(name) for name in expected} == expected


def test_renewing_without_the_authority_says_which_file_is_missing(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (made / "authority/authority.key").unlink()
    with pytest.raises(SystemExit) as ended:
        main(["secrets", "renew", str(made), "--host", HOST, "--login-host", LOGIN])
    assert ended.value.code == 2
    assert "authority.key" in capsys.readouterr().err


def shake(made: Path, service: str, name: str) -> bool:
    """A real TLS handshake over a pair of sockets."""
    folder = made / service
    files = ("server.pem",) if service == "proxy" else ("server.crt", "server.key")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*(str(folder / file) for file in files))
    client = ssl.create_default_context(cafile=str(made / "gateway/ca.pem"))
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as wrapped:
                wrapped.recv(1)
        except OSError:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=name) as wrapped:
            return wrapped.version() == "TLSv1.3"
    finally:
        ours.close()
        thread.join()
        theirs.close()
