"""An installation whose ledger is backed up and restored by the commands."""

import asyncio
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyrage
import typer
from click.testing import Result
from keeping import KeptInFile
from recording import record, running
from typer.testing import CliRunner

from gateway.commands.backup import app as backup_app
from gateway.commands.restore import restore
from gateway.exports.age_file import new_identity
from gateway.store.database import database_path

RESTORE = typer.Typer()
RESTORE.command()(restore)


class Vault:
    """An installation's data directory, and the backup's keys in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = KeptInFile(folder / "data")
        self.file = folder / "ledger.age"
        self.identity, self.recipients = folder / "private", folder / "public"
        text, recipient = new_identity()
        self.identity.write_text(text)
        self.recipients.write_text(f"# ours\n{recipient}\n")

    def write(self, records: int = 2) -> None:
        async def written() -> None:
            async with running(self.kept) as ledger:
                for _ in range(records):
                    await record(ledger)

        asyncio.run(written())

    @property
    def data(self) -> tuple[str, str]:
        return ("--data", str(self.kept.data_dir))

    def backup(self, *words: str) -> Result:
        to = ("--to", str(self.recipients))
        return CliRunner().invoke(backup_app, ["make", str(self.file), *to, *(words or self.data)])

    def restore(self, *words: str) -> Result:
        key = ("--identity", str(self.identity))
        return CliRunner().invoke(RESTORE, [str(self.file), *key, *self.data, *words])

    def repack(self, change: Callable[[dict[str, bytes]], None]) -> None:
        """What somebody who has the public key can make of the files of a backup."""
        identities = [pyrage.x25519.Identity.from_str(self.identity.read_text().splitlines()[-1])]
        with tarfile.open(fileobj=io.BytesIO(self.opened(identities))) as tar:
            files = {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]
        change(files)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        to = [each.to_public() for each in identities]
        self.file.write_bytes(pyrage.encrypt(packed.getvalue(), to))

    def opened(self, identities: Any) -> bytes:
        return bytes(pyrage.decrypt(self.file.read_bytes(), identities))

    def events(self, action: str) -> list[dict[str, Any]]:
        found = self.kept.ask("SELECT body FROM event WHERE action = ?", action)
        return [json.loads(body) for (body,) in found]

    def image(self) -> bytes:
        """What stands in the database now."""
        with closing(sqlite3.connect(database_path(self.kept.data_dir))) as connection:
            return "\n".join(connection.iterdump()).encode()
