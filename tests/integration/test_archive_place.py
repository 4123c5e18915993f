"""Where the archive goes, before a real bucket answers: addresses, keys, servers that misbehave.

What a real server does is in tests/cluster/test_archive_bucket.py; here one of the tests' own
stands at the network's edge, which answers what no real one would.
"""

import fcntl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from archiving import CLI, Vault, day_before, write_on
from keeping import KeptInFile
from ports import free_ports

from gateway.commands.audit import app
from gateway.outward.bucket import Bucket, BucketFailed, BucketServer
from gateway.settings import SettingsError, read_kept_settings

Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def server(answer: Callable[[str, str], Answer]) -> Iterator[tuple[str, list[str]]]:
    """Its URL, and the requests that it got; a body shorter than its length ends the connection."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            got.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, headers, body = answer(self.command, self.path)
            self.send_response(status)
            for name, value in ({"content-length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do  # noqa: N815 the library's names

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", got
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    kept = KeptInFile(tmp_path / "data")
    write_on(kept, day_before(1))
    return Vault(kept, tmp_path, "http://127.0.0.1:9", "archive")


def test_server_that_is_away_is_named_and_nothing_is_left(vault: Vault) -> None:
    away = f"http://127.0.0.1:{free_ports(1)}"
    prune = ["prune", "--data", str(vault.kept.data_dir), "--archive", vault.url]
    environ = vault.environ("writer", endpoint_url=away)
    for done in (
        vault.archive(endpoint_url=away),
        vault.verify(endpoint_url=away),
        CLI.invoke(app, prune, env=environ),
    ):
        assert (done.exit_code, done.stdout) == (2, "")
        assert "서버에 닿지 못했습니다" in done.stderr
        assert "cannot be reached (EndpointConnectionError)" in done.stderr
    assert [each.name for each in (vault.kept.data_dir / "archive-drafts").iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"endpoint_url": "http://s3.example.go.kr"}, "archive.endpoint_url: https:// 주소여야"),
        ({"endpoint_url": "http://127.0.0.1.example.kr"}, "http:// is for this machine itself"),
        ({"endpoint_url": "''"}, "archive.endpoint_url: s3://에는"),
        ({"retention_days": 0}, "archive.retention_days: 1 이상이어야"),
        ({"retention_mode": "NONE"}, "archive.retention_mode: 'COMPLIANCE', 'GOVERNANCE' 중"),
        ({"ca_file": "/nonexistent"}, "/nonexistent: cannot be read"),
        ({"access_key_id_file": "/nonexistent"}, "archive.access_key_id_file: /nonexistent"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_sent(
    vault: Vault, changed: dict[str, object], words: str
) -> None:
    for done in (vault.archive(**changed), vault.verify(**changed)):
        assert (done.exit_code, done.stdout) == (2, "")
        assert words in done.stderr


@pytest.mark.parametrize(
    ("mode", "content", "words"),
    [(0o640, "key", "others may read it"), (0o604, "key", "chmod 600"), (0o600, "", "Not an")],
)
def test_key_that_others_may_read_is_not_used(
    vault: Vault, mode: int, content: str, words: str
) -> None:
    key = vault.folder / "key"
    key.write_text(content)
    key.chmod(mode)
    done = vault.archive(secret_access_key_file=key)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"archive.secret_access_key_file: {key}" in done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    "url",
    ["s3://", "s3://a", "s3://Bucket/x", "s3://bucket//x", "s3://bucket/../x", "s3://bucket/한글"],
)
def test_address_that_is_none_is_refused(vault: Vault, url: str) -> None:
    done = vault.archive(url=url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "not s3://BUCKET/PREFIX" in done.stderr


def test_second_archive_beside_a_running_one_is_refused(vault: Vault) -> None:
    drafts = vault.kept.data_dir / "archive-drafts"
    drafts.mkdir()
    with (drafts / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = vault.archive()
    assert done.exit_code == 2
    assert "another `gwanmun audit archive` is running" in done.stderr


def test_redirect_is_not_followed_to_another_server(vault: Vault) -> None:
    with server(lambda *_: (200, {}, b"")) as (elsewhere, got):
        headers = {"location": f"{elsewhere}/worm", "x-amz-bucket-region": "elsewhere-1"}
        with server(lambda *_: (301, headers, b"")) as (url, asked):
            done = vault.archive(endpoint_url=url)
    assert done.exit_code == 2
    assert "S3 server refused the request" in done.stderr
    assert asked
    assert got == []


LOCKED = (
    b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    b"</ObjectLockConfiguration>"
)
VERSIONED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
EMPTY = b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>"


@pytest.mark.parametrize(
    ("versioned", "put", "words"),
    [
        (VERSIONED, (200, {}, b""), "did not confirm the SHA-256"),
        (VERSIONED, (200, {"x-amz-checksum-sha256": "AAAA"}, b""), "did not confirm the SHA-256"),
        (VERSIONED, (412, {}, b""), "the bucket holds other content"),
        (VERSIONED, (501, {}, b""), "S3 server refused the request (501)"),
        (VERSIONED.replace(b"Enabled", b"Suspended"), (200, {}, b""), "versioning off"),
        (b"<VersioningConfiguration/>", (200, {}, b""), "versioning off"),
    ],
)
def test_server_that_keeps_no_promise_is_refused(
    vault: Vault, versioned: bytes, put: Answer, words: str
) -> None:
    def answer(method: str, path: str) -> Answer:
        if method == "PUT":
            return put
        body = LOCKED if "object-lock" in path else EMPTY if "versions" in path else versioned
        return 200, {}, body

    with server(answer) as (url, _):
        done = vault.archive(endpoint_url=url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_answer_that_is_no_xml_is_no_answer(vault: Vault) -> None:
    with server(lambda *_: (200, {}, b"<html>")) as (url, _):
        done = vault.verify(endpoint_url=url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "S3 server refused the request (500)" in done.stderr


def test_object_of_which_not_all_came_is_not_called_changed() -> None:
    with server(lambda *_: (200, {"content-length": "100"}, b"half")) as (url, _):
        asked = BucketServer(
            endpoint_url=url, region="us-east-1", ca_file=None, key_id="id", secret="secret"
        )
        with (
            pytest.raises(BucketFailed, match="cannot be reached"),
            Bucket(asked, "worm").reading("key", "1") as reading,
        ):
            list(reading.pieces())


def test_only_a_bucket_loads_its_client() -> None:
    program = "import sys, gateway.commands.audit; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_settings_of_the_archive_are_read_without_the_others(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("archive: {endpoint_url: https://s3.example.go.kr, retention_days: 1095}\n")
    read = read_kept_settings(file, {"GWANMUN_ARCHIVE__REGION": "kr-1"}).archive
    assert (read.endpoint_url, read.region) == ("https://s3.example.go.kr", "kr-1")
    assert (read.retention_days, read.retention_mode) == (1095, "COMPLIANCE")
    file.write_text("archive: {endpoint: https://s3.example.go.kr}\n")
    with pytest.raises(SettingsError, match="endpoint_url"):
        read_kept_settings(file, {})
