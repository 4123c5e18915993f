"""The daily archive in a bucket, for tests: events of days gone by, and the commands on it."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from exporting import beside
from keeping import Kept, KeptInFile
from parts.seaweedfs import WORM
from recording import AGENCY, OTHER_AGENCY, record, running
from typer.testing import CliRunner, Result

from gateway.commands.audit import app
from gateway.exports.archive import archive_days
from gateway.exports.archive_bucket import BucketPlace, Keeping
from gateway.exports.record import KST
from gateway.outward.bucket import BucketServer

CLI = CliRunner()
NOON = 12 * 3_600


def day_before(number: int) -> date:
    """The Korean day so many days ago."""
    return datetime.now(KST).date() - timedelta(number)


def write_on(kept: Kept, day: date, *agencies: str) -> None:
    """Records of agencies (two without any named) at noon of a day; for a test without a loop."""
    asyncio.run(_write(kept, day, agencies or (AGENCY, OTHER_AGENCY)))


async def _write(kept: Kept, day: date, agencies: Sequence[str]) -> None:
    noon = datetime.combine(day, datetime.min.time(), KST).timestamp() + NOON
    begun = time.monotonic()
    async with running(kept, clock=lambda: noon + time.monotonic() - begun) as ledger:
        for agency in agencies:
            await record(ledger, agency)


@dataclass
class Vault:
    """An installation, its keys for the bucket, and where the archive goes there."""

    kept: KeptInFile
    folder: Path
    endpoint_url: str
    prefix: str
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"s3://{WORM}/{self.prefix}"

    def environ(self, account: str, **changed: object) -> dict[str, str]:
        """The variables of an account; those that boto3 would read say what is wrong."""
        for name in ("id", "secret"):
            path = self.folder / f"{account}-{name}"
            path.touch(mode=0o600)
            path.write_text(f"{account}-{name}\n")
        given = {
            "endpoint_url": self.endpoint_url,
            "access_key_id_file": self.folder / f"{account}-id",
            "secret_access_key_file": self.folder / f"{account}-secret",
            "retention_days": 2,
            **self.settings,
            **changed,
        }
        return {
            **{f"GWANMUN_ARCHIVE__{name.upper()}": str(value) for name, value in given.items()},
            "AWS_PROFILE": "nobody",
            "AWS_ACCESS_KEY_ID": "stranger",
            "AWS_SECRET_ACCESS_KEY": "stranger",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_CA_BUNDLE": "/nonexistent",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "",
        }

    def archive_words(self, url: str = "") -> list[str]:
        return ["archive", url or self.url, "--data", str(self.kept.data_dir)]

    def archive(self, account: str = "writer", url: str = "", **changed: object) -> Result:
        return CLI.invoke(app, self.archive_words(url), env=self.environ(account, **changed))

    def archive_before(self, today: date) -> int:
        """As the command would have done on that day; the number of days that were archived."""
        server = BucketServer(
            endpoint_url=self.endpoint_url,
            region="us-east-1",
            ca_file=None,
            key_id="writer-id",
            secret="writer-secret",
        )
        keeping, drafts = Keeping("COMPLIANCE", 2), self.folder / "drafts"

        async def made() -> int:
            async with beside(self.kept) as database:
                return len(await archive_days(database, self.kept.keys(), place, today=today))

        with BucketPlace(server, (WORM, f"{self.prefix}/"), keeping, drafts=drafts) as place:
            return asyncio.run(made())

    def verify(self, *words: str, account: str = "auditor", **changed: object) -> Result:
        line = ["verify-manifests", self.url, "--trust", str(self.kept.trust_file), *words]
        return CLI.invoke(app, line, env=self.environ(account, **changed))

    def found(self, account: str = "auditor", **changed: object) -> dict[str, Any]:
        """What `verify-manifests --json` says; its status must agree."""
        done = self.verify("--json", account=account, **changed)
        tree: dict[str, Any] = json.loads(done.stdout)
        assert done.exit_code == (0 if tree["verified"] else 1), done.output
        return tree


def whole_environ(
    environ: dict[str, str], names: Sequence[str] = ("PATH", "HOME")
) -> dict[str, str]:
    """For a process of its own."""
    return {name: os.environ[name] for name in names if name in os.environ} | environ
