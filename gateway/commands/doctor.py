"""`gwanmun doctor`: can this machine run the gateway? Looks, changes nothing, says what to do."""

import asyncio
import os
import shutil
import socket
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import typer

from gateway.app_ledger import database_of
from gateway.commands.config import ConfigOption, pointed_at
from gateway.ledger.witnesses import Witnesses, Witnessing
from gateway.outward.http import Outward, OutwardFailed, origin_of
from gateway.proofs.policy import Policy
from gateway.settings import Settings, SettingsError, is_configured, read_settings
from gateway.store.data_dir import is_held
from gateway.store.database import Database
from gateway.store.errors import StoreError
from gateway.store.place import is_postgres
from redaction.errors import RedactionError
from redaction.pool import Detector, DetectorOptions

LEAST_FREE_BYTES = 1 << 30


class Check(NamedTuple):
    """One look at the machine; `mend` says what to do where it failed."""

    name: str
    passed: bool
    mend: str = ""


def doctor(config: ConfigOption = None) -> None:
    """이 기계에서 관문을 실행할 수 있는지 살핍니다. 끝값: 0 이상 없음, 1 고칠 것 있음."""
    failed = 0
    for check in _checks(config):
        sys.stdout.write(f"{'정상' if check.passed else '문제'}  {check.name}\n")
        if not check.passed:
            failed += 1
            sys.stdout.write(f"      → {check.mend}\n")
    sys.stdout.write(f"{failed}가지를 고쳐야 합니다.\n" if failed else "이상 없습니다.\n")
    if failed:
        raise typer.Exit(1)


def _checks(config: Path | None) -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Check(
        f"Python {version}", sys.version_info >= (3, 11), "Python 3.11 이상을 설치하십시오."
    )
    yield Check(f"암호 모듈 ({ssl.OPENSSL_VERSION})", ssl.HAS_TLSv1_3, "TLS 1.3이 필요합니다.")
    yield Check(
        "자료를 쓸 임시 공간", _writable(), "TMPDIR이 가리키는 곳의 권한과 빈 공간을 보십시오."
    )
    yield Check("개인정보 검출기", asyncio.run(_detects()), "./run --setup 으로 다시 설치하십시오.")
    try:
        settings = read_settings(config)
    except SettingsError as error:
        if is_configured(config):
            yield Check("설정", False, _indented(str(error)))
        else:
            sys.stdout.write("생략  설정과 포트 (주지 않았습니다: --config FILE)\n")
        return
    problems = "\n".join(pointed_at(settings))
    yield Check("설정", not problems, _indented(problems))
    if not problems and is_postgres(settings.store.database_url):
        refused = asyncio.run(_refused(settings))
        yield Check("PostgreSQL: 접속, 구조, 역할의 권한", not refused, _indented(refused))
    if not problems and settings.witnesses.policy_file:
        yield from _witnesses(settings, settings.witnesses.policy_file)
    yield from _settled(settings)


def _witnesses(settings: Settings, path: Path) -> Iterator[Check]:
    """Whether each outside witness answers, and how far a quorum of them has signed."""
    policy = Policy.read(path)
    for name, answers in asyncio.run(_answering(policy, settings.witnesses.ca_file)):
        mend = "망과 TLS, 확인자의 주소를 보십시오. 그 기관에 알리십시오."
        yield Check(f"외부 확인자 {name}", answers, mend)
    late = asyncio.run(_late(settings, policy))
    if late is not None:
        hours = settings.witnesses.stale_seconds / 3_600
        yield Check(
            f"외부 확인자의 정족수 (기다림 {late / 3_600:.1f}시간)",
            late <= settings.witnesses.stale_seconds,
            f"기록부가 {hours:.1f}시간 넘게 외부의 서명을 받지 못했습니다.",
        )


async def _answering(policy: Policy, ca_file: Path | None) -> list[tuple[str, bool]]:
    """Any answer at all will do: what it says is for the gateway."""
    asked = [witness for witness in policy.witnesses.values() if origin_of(witness.url)]
    found = []
    async with Outward([witness.url for witness in asked], private_ca_file=ca_file) as outward:
        for witness in asked:
            try:
                await outward.get(witness.url)
                found.append((witness.name, True))
            except OutwardFailed:
                found.append((witness.name, False))
    return found


async def _late(settings: Settings, policy: Policy) -> float | None:
    """How long the oldest checkpoint without a quorum has waited, in seconds; None if unknown."""
    try:
        async with database_of(settings, lock=False) as database:
            witnesses = Witnesses(database, Witnessing(policy=policy, asks=False))
            await witnesses.ask()
            return witnesses.waiting_seconds
    except StoreError:
        return None


def _indented(lines: str) -> str:
    return lines.replace("\n", "\n        ")


def _settled(settings: Settings) -> Iterator[Check]:
    data_dir = settings.store.data_dir.absolute()
    directory = data_dir
    while not directory.exists():
        directory = directory.parent
    yield Check(
        f"데이터 디렉터리 {data_dir}",
        directory.is_dir() and os.access(directory, os.W_OK | os.X_OK),
        f"{directory}에 쓸 수 없습니다. 권한을 보거나 store.data_dir을 바꾸십시오.",
    )
    free = shutil.disk_usage(directory).free
    yield Check(
        f"빈 디스크 {free >> 20:,} MiB", free >= LEAST_FREE_BYTES, "1 GiB 이상 비워 두십시오."
    )
    running = is_held(data_dir)
    for name, host, port in (
        ("공개", settings.server.host, settings.server.port),
        ("내부", settings.server.internal_host, settings.server.internal_port),
    ):
        free_port = _free(host, port)
        ours = " (이 데이터 디렉터리의 관문이 실행 중입니다)" if running and not free_port else ""
        mend = "다른 프로그램이 쓰고 있습니다. 설정의 server 포트를 바꾸십시오."
        yield Check(f"{name} 포트 {host}:{port}{ours}", free_port or running, mend)


async def _refused(settings: Settings) -> str:
    """Why the gateway would not start on its PostgreSQL database; empty if it would."""
    store = settings.store
    database = Database(
        store.data_dir,
        store.database_url,
        password_file=store.password_file,
        ca_file=store.ca_file,
        lock=False,
    )
    try:
        async with database:
            return ""
    except StoreError as error:
        return str(error) or "데이터베이스를 읽을 수 없습니다. (The database cannot be read.)"


def _writable() -> bool:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"\0" * 4096)
    except OSError:
        return False
    return True


async def _detects() -> bool:
    """Starts a real detector process; it answers only once its canary sentences are found."""
    try:
        async with Detector(DetectorOptions()) as detector:
            return detector.ready
    except (RedactionError, OSError):
        return False


def _free(host: str, port: int) -> bool:
    with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
